/* coffer.json, both ways. */
#include <cof/embedder/manifest.h>

#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>
#include <cof/base/json.h>

#define FORMAT 1
#define MAX_FILE_BYTES 65536
#define MAX_TEXT_COUNT 1000000000

bool cof_fidelity_is_enough(const struct cof_fidelity *fidelity)
{
    return fidelity->is_measured && fidelity->mean >= COF_FIDELITY_LEAST_MEAN &&
           fidelity->least >= COF_FIDELITY_LEAST;
}

static enum cof_status parse_digest(const struct cof_json *root, uint8_t out[32],
                                    struct cof_error *err)
{
    struct cof_text hex = {0};
    COF_TRY(cof_json_need_text(root, "weights_sha256", &hex, err));
    if (hex.size != 64)
        return COF_FAIL(err, COF_INVALID, "'weights_sha256' is not 64 hexadecimal digits");
    for (size_t i = 0; i < 32; i++) {
        unsigned value = 0;
        for (size_t j = 2 * i; j < 2 * i + 2; j++) {
            char c = hex.data[j];
            unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                             : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                    : 16U;
            if (digit == 16)
                return COF_FAIL(err, COF_INVALID, "'weights_sha256' is not 64 hexadecimal digits");
            value = value * 16 + digit;
        }
        out[i] = (uint8_t)value;
    }
    return COF_OK;
}

static enum cof_status parse_fidelity(const struct cof_json *root, struct cof_manifest *manifest,
                                      struct cof_error *err)
{
    const struct cof_json *all = NULL;
    COF_TRY(cof_json_get_object(root, "fidelity", &all, err));
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
        const struct cof_json *one = NULL;
        struct cof_fidelity fidelity = {.is_measured = true, .mean = -1, .least = -1};
        if (all != NULL)
            COF_TRY(cof_json_get_object(all, cof_precision_name((enum cof_precision)i), &one, err));
        if (one == NULL)
            continue;
        COF_TRY(cof_json_get_number(one, "mean", -1.001, 1.001, &fidelity.mean, err));
        COF_TRY(cof_json_get_number(one, "least", -1.001, 1.001, &fidelity.least, err));
        manifest->fidelity[i] = fidelity;
    }
    return COF_OK;
}

static enum cof_status parse(struct cof_text text, struct cof_manifest *manifest,
                             struct cof_error *err)
{
    static const char *const keys[] = {"format", "weights_sha256", "texts", "fidelity", NULL};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_json_parse(text, NULL, &tree, err));
    const struct cof_json *root = cof_json_root(tree);
    if (cof_json_type_of(root) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_INVALID, "it is not a JSON object");
    COF_TRY(cof_json_only_keys(root, keys, err));
    int64_t format = 0;
    int64_t text_count = 0;
    COF_TRY(cof_json_get_integer(root, "format", 1, 1000, &format, err));
    if (format != FORMAT)
        return COF_FAIL(err, COF_INVALID, "'format' is not %d", FORMAT);
    COF_TRY(cof_json_get_integer(root, "texts", 0, MAX_TEXT_COUNT, &text_count, err));
    manifest->text_count = (size_t)text_count;
    COF_TRY(parse_digest(root, manifest->weights_sha256, err));
    return parse_fidelity(root, manifest, err);
}

enum cof_status cof_manifest_read(const char *folder, struct cof_manifest *out_manifest,
                                  struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    struct cof_manifest manifest = {0};
    struct cof_error cause = {0};
    COF_TRY(cof_path_join(path, folder, COF_MANIFEST_NAME, err));
    COF_TRY(cof_file_read(path, MAX_FILE_BYTES, &file, err));
    enum cof_status status = parse(cof_buffer_text(&file), &manifest, &cause);
    if (status == COF_NO_MEMORY)
        return COF_FAIL_MEMORY(err);
    if (status != COF_OK)
        return COF_FAIL(err, COF_INVALID, COF_MANIFEST_NAME ": %.120s", cause.message);
    *out_manifest = manifest;
    return COF_OK;
}

static void write_fidelity(struct cof_json_writer *writer, const struct cof_manifest *manifest)
{
    cof_json_put_key(writer, "fidelity");
    cof_json_begin_object(writer);
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
        const struct cof_fidelity *fidelity = &manifest->fidelity[i];
        if (!fidelity->is_measured)
            continue;
        cof_json_put_key(writer, cof_precision_name((enum cof_precision)i));
        cof_json_begin_object(writer);
        cof_json_member_number(writer, "mean", fidelity->mean);
        cof_json_member_number(writer, "least", fidelity->least);
        cof_json_end_object(writer);
    }
    cof_json_end_object(writer);
}

enum cof_status cof_manifest_write(const char *folder, const struct cof_manifest *manifest,
                                   struct cof_error *err)
{
    static const char digits[] = "0123456789abcdef";
    char path[COF_MAX_PATH];
    char hex[65] = {0};
    COF_TRY(cof_path_join(path, folder, COF_MANIFEST_NAME, err));
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[manifest->weights_sha256[i] >> 4];
        hex[2 * i + 1] = digits[manifest->weights_sha256[i] & 15];
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_integer(&writer, "format", FORMAT);
    cof_json_member_string(&writer, "weights_sha256", hex);
    cof_json_member_unsigned(&writer, "texts", manifest->text_count);
    write_fidelity(&writer, manifest);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    COF_TRY(cof_buffer_status(&out, err));
    return cof_file_write_atomic(path, cof_buffer_bytes(&out), 0644, err);
}
