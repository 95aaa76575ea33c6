/* coffer.json: what is written is read; what is not right is refused by name. */
#include <cof/embedder/manifest.h>

#include <string.h>

#include <cof/base/file.h>

#include "temp_dir.h"
#include "testing.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void manifest__is_read_as_it_was_written(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_manifest written = {.text_count = 75};
    struct cof_manifest read = {0};
    temp_dir_create(folder);
    assert_int_equal(cof_manifest_read(folder, &read, NULL), COF_NOT_FOUND);
    for (size_t i = 0; i < sizeof(written.weights_sha256); i++)
        written.weights_sha256[i] = (uint8_t)(i * 37 + 5);
    written.fidelity[COF_PRECISION_INT8] =
        (struct cof_fidelity){.is_measured = true, .mean = 0.99712345, .least = 0.99312345};
    assert_int_equal(cof_manifest_write(folder, &written, NULL), COF_OK);
    assert_int_equal(cof_manifest_read(folder, &read, NULL), COF_OK);
    assert_memory_equal(read.weights_sha256, written.weights_sha256, 32);
    assert_int_equal(read.text_count, 75);
    assert_false(read.fidelity[COF_PRECISION_BF16].is_measured);
    assert_true(read.fidelity[COF_PRECISION_INT8].is_measured);
    assert_true(read.fidelity[COF_PRECISION_INT8].mean == 0.99712345);
    assert_true(read.fidelity[COF_PRECISION_INT8].least == 0.99312345);
    temp_dir_remove(folder);
}

static void refuse(const char *folder, const char *text, const char *word)
{
    char path[COF_MAX_PATH];
    struct cof_manifest manifest = {.text_count = 3};
    struct cof_error err = {0};
    assert_int_equal(cof_path_join(path, folder, COF_MANIFEST_NAME, NULL), COF_OK);
    const struct cof_bytes bytes = {.data = (const uint8_t *)text, .size = strlen(text)};
    assert_int_equal(cof_file_write_atomic(path, bytes, 0600, NULL), COF_OK);
    assert_int_equal(cof_manifest_read(folder, &manifest, &err), COF_INVALID);
    if (strstr(err.message, COF_MANIFEST_NAME) == NULL || strstr(err.message, word) == NULL)
        fail_msg("\"%s\" does not name %s", err.message, word);
    assert_int_equal(manifest.text_count, 3);
}

static void manifest__that_is_wrong_is_refused_by_name(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    temp_dir_create(folder);
    refuse(folder, "", "");
    refuse(folder, "[]", "object");
    refuse(folder, "{\"format\":2,\"weights_sha256\":\"" DIGEST "\"}", "format");
    refuse(folder, "{\"format\":1}", "weights_sha256");
    refuse(folder, "{\"format\":1,\"weights_sha256\":\"0123\"}", "weights_sha256");
    refuse(folder, "{\"format\":1,\"weights_sha256\":\"X" DIGEST "\"}", "weights_sha256");
    refuse(folder, "{\"format\":1,\"texts\":-1,\"weights_sha256\":\"" DIGEST "\"}", "texts");
    refuse(folder, "{\"format\":1,\"speed\":1,\"weights_sha256\":\"" DIGEST "\"}", "speed");
    refuse(folder,
           "{\"format\":1,\"weights_sha256\":\"" DIGEST "\",\"fidelity\":{\"int8\":{\"mean\":7}}}",
           "mean");
    temp_dir_remove(folder);
}

static void fidelity__needs_mean_and_least(void **state)
{
    assert_true(cof_fidelity_is_enough(&(struct cof_fidelity){true, 0.996, 0.991}));
    assert_false(cof_fidelity_is_enough(&(struct cof_fidelity){false, 0.996, 0.991}));
    assert_false(cof_fidelity_is_enough(&(struct cof_fidelity){true, 0.996, 0.98}));
    assert_false(cof_fidelity_is_enough(&(struct cof_fidelity){true, 0.994, 0.991}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest__is_read_as_it_was_written),
        cmocka_unit_test(manifest__that_is_wrong_is_refused_by_name),
        cmocka_unit_test(fidelity__needs_mean_and_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
