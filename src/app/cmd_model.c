/* coffer model add: is this folder a model, and in which precisions does it stay true to itself?
 *
 * Opens the folder once in each precision, embeds the same texts, and writes how close the vectors
 * are to those of f32 into the folder's manifest. Nothing else is changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/file.h>
#include <cof/base/json.h>
#include <cof/base/pool.h>
#include <cof/embedder/bert.h>
#include <cof/embedder/manifest.h>
#include <cof/keys/hash.h>

#include "backends.h"
#include "cli.h"
#include "fidelity_texts.h"

#define SLICE_COUNT 8 /* texts between two steps of the progress bar */

struct model {
    struct cof_cli cli;
    char folder[COF_MAX_PATH];
    struct cof_pool *pool;
    struct cof_manifest manifest;
    size_t dimension;
    float *reference; /* f32: a row per text */
    float *vectors;
    double seconds[COF_PRECISION_COUNT];
    size_t token_count;
};

static enum cof_status embed_texts(struct model *model, struct cof_embedder *embedder,
                                   float *vectors, struct cof_progress *progress,
                                   struct cof_error *err)
{
    size_t counts[SLICE_COUNT];
    model->token_count = 0;
    for (size_t i = 0; i < COF_FIDELITY_TEXT_COUNT; i += SLICE_COUNT) {
        struct cof_text texts[SLICE_COUNT];
        size_t left = COF_FIDELITY_TEXT_COUNT - i;
        size_t count = left < SLICE_COUNT ? left : SLICE_COUNT;
        for (size_t j = 0; j < count; j++) {
            texts[j] = cof_text_from(COF_FIDELITY_TEXTS[i + j]);
        }
        COF_TRY(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, count, NULL,
                                   vectors + i * model->dimension, counts, err));
        for (size_t j = 0; j < count; j++) {
            model->token_count += counts[j];
        }
        cof_progress_set(progress, progress->done + count);
    }
    return COF_OK;
}

static enum cof_status reserve(struct model *model, size_t dimension, struct cof_error *err)
{
    model->dimension = dimension;
    model->reference = calloc(COF_FIDELITY_TEXT_COUNT * dimension, sizeof(float));
    model->vectors = calloc(COF_FIDELITY_TEXT_COUNT * dimension, sizeof(float));
    if (model->reference == NULL || model->vectors == NULL) {
        return COF_FAIL(err, COF_NO_MEMORY, "no memory for %zu vectors", COF_FIDELITY_TEXT_COUNT);
    }
    return COF_OK;
}

/* Both are of unit length. */
static struct cof_fidelity compare(const struct model *model)
{
    struct cof_fidelity fidelity = {.is_measured = true, .least = 1};
    for (size_t i = 0; i < COF_FIDELITY_TEXT_COUNT; i++) {
        double cosine = 0;
        for (size_t j = 0; j < model->dimension; j++) {
            size_t place = i * model->dimension + j;
            cosine += (double)model->reference[place] * (double)model->vectors[place];
        }
        fidelity.mean += cosine / (double)COF_FIDELITY_TEXT_COUNT;
        fidelity.least = fmin(fidelity.least, cosine);
    }
    return fidelity;
}

/* f32 comes first and is what the others are compared with. */
static enum cof_status measure(struct model *model, enum cof_precision precision,
                               struct cof_progress *progress, struct cof_error *err)
{
    const struct cof_bert_options options = {
        .folder = model->folder, .pool = model->pool, .precision = precision};
    struct cof_embedder *embedder = NULL;
    bool is_reference = precision == COF_PRECISION_F32;
    COF_TRY(cof_bert_open(&options, &embedder, err));
    enum cof_status status = is_reference ? reserve(model, embedder->info.dimension, err) : COF_OK;
    int64_t begin = cof_clock_steady_ns(cof_clock_system());
    if (status == COF_OK) {
        status = embed_texts(model, embedder, is_reference ? model->reference : model->vectors,
                             progress, err);
    }
    int64_t end = cof_clock_steady_ns(cof_clock_system());
    cof_embedder_close(embedder);
    if (status == COF_OK && !is_reference) {
        model->manifest.fidelity[precision] = compare(model);
    }
    model->seconds[precision] = (double)(end - begin) * 1e-9;
    return status;
}

static enum cof_status measure_all(struct model *model, struct cof_error *err)
{
    struct cof_progress progress = cof_progress_begin(
        "texts", COF_FIDELITY_TEXT_COUNT * (COF_PRECISION_COUNT - 1), model->cli.is_json);
    enum cof_status status = COF_OK;
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT && status == COF_OK; i++) {
        status = measure(model, (enum cof_precision)i, &progress, err);
    }
    cof_progress_end(&progress);
    return status;
}

static void show_json(const struct model *model)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "folder", model->folder);
    cof_json_member_unsigned(&writer, "texts", COF_FIDELITY_TEXT_COUNT);
    cof_json_put_key(&writer, "precisions");
    cof_json_begin_object(&writer);
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
        const struct cof_fidelity *fidelity = &model->manifest.fidelity[i];
        cof_json_put_key(&writer, cof_precision_name((enum cof_precision)i));
        cof_json_begin_object(&writer);
        if (fidelity->is_measured) {
            cof_json_member_number(&writer, "mean", fidelity->mean);
            cof_json_member_number(&writer, "least", fidelity->least);
        }
        cof_json_member_bool(&writer, "is_faithful",
                             i == COF_PRECISION_F32 || cof_fidelity_is_enough(fidelity));
        cof_json_member_number(&writer, "tokens_per_second",
                               (double)model->token_count / model->seconds[i]);
        cof_json_end_object(&writer);
    }
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static void show(const struct model *model)
{
    if (model->cli.is_json) {
        show_json(model);
        return;
    }
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
        const struct cof_fidelity *fidelity = &model->manifest.fidelity[i];
        const char *name = cof_precision_name((enum cof_precision)i);
        double rate = (double)model->token_count / model->seconds[i];
        if (!fidelity->is_measured) {
            cof_out("%-5s %8.0f tokens/s\n", name, rate);
            continue;
        }
        cof_out("%-5s %8.0f tokens/s   cosine to f32: mean %.5f, least %.5f%s\n", name, rate,
                fidelity->mean, fidelity->least,
                cof_fidelity_is_enough(fidelity) ? "" : " (too low: not used by itself)");
    }
    size_t size = strlen(model->folder);
    cof_out("written to %s%s%s\n", model->folder,
            size > 0 && model->folder[size - 1] == '/' ? "" : "/", COF_MANIFEST_NAME);
}

static enum cof_status add(struct model *model, const char *name, struct cof_error *err)
{
    char weights[COF_MAX_PATH];
    COF_TRY(cof_backend_model_path(name, model->folder, err));
    COF_TRY(cof_path_join(weights, model->folder, "model.safetensors", err));
    COF_TRY(cof_sha256_file(weights, model->manifest.weights_sha256, err));
    long core_count = sysconf(_SC_NPROCESSORS_ONLN);
    const struct cof_pool_options pool = {
        .name = "cof-model",
        .thread_count = core_count > 1 ? (size_t)core_count - 1 : 0, /* the caller takes part */
        .max_queue_count = 256,
    };
    COF_TRY(cof_pool_create(&pool, &model->pool, err));
    COF_TRY(measure_all(model, err));
    model->manifest.text_count = COF_FIDELITY_TEXT_COUNT;
    COF_TRY(cof_manifest_write(model->folder, &model->manifest, err));
    show(model);
    return COF_OK;
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct model model = {0};
    struct cof_text_list positional;
    struct cof_error error = {0};
    int code = cof_cli_parse(&model.cli, command, NULL, argc, argv, &positional);
    if (code < 0 && (positional.count != 2 || strcmp(positional.items[0], "add") != 0)) {
        code = cof_misuse(command, "say which model: model add NAME");
    } else if (code < 0) {
        code = add(&model, positional.items[1], &error) == COF_OK ? COF_EXIT_OK
                                                                  : cof_fail_exit(&error);
    }
    cof_pool_destroy(model.pool);
    free(model.reference);
    free(model.vectors);
    cof_cli_deinit(&model.cli);
    return code;
}

const struct cof_command cof_command_model = {
    .name = "model",
    .usage = "model add NAME [--json]",
    .summary = "check a model and measure its precisions",
    .details =
        "NAME is a folder under the models folder, or a path. Each precision (f32, bf16, int8)\n"
        "embeds the same texts; how close its vectors are to those of f32 is kept in the\n"
        "folder's coffer.json. With embedder.precision = auto, the fastest on the processor of\n"
        "those that are close enough (mean 0.995, least 0.99) is used.\n",
    .run = run,
};
