/* Backend `bert`: a model folder behind the embedder's contract. */
#include <cof/embedder/bert.h>

#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "bert_batch.h"
#include "bert_device.h"
#include "bert_model.h"
#include "fingerprint.h"
#include "precision_choice.h"

#define DEFAULT_BATCH_COUNT 2048
#define FINGERPRINT_VERSION 1
#define SAMPLES_PER_TENSOR 64
#define SAMPLE_BYTES 64
#define MAX_REASON_BYTES 256

struct bert {
    struct cof_embedder base;
    char name[COF_BERT_MAX_NAME_BYTES];
    struct cof_bert_model model;
    struct cof_precision_choice choice;
    struct cof_bert_device *device; /* NULL: the processor alone */
    char device_reason[MAX_REASON_BYTES];
    struct cof_bert_batcher batcher;
};

static struct cof_bert_batch batch_of(const struct bert *bert, enum cof_embed_role role,
                                      const struct cof_cancel *cancel)
{
    bool is_question = role == COF_EMBED_QUERY;
    return (struct cof_bert_batch){
        .prefix = cof_text_from(is_question ? bert->model.config.query_prefix
                                            : bert->model.config.passage_prefix),
        .is_question = is_question,
        .cancel = cancel,
    };
}

static enum cof_status bert_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                  const struct cof_text *texts, size_t count,
                                  const struct cof_cancel *cancel, float *out_vectors,
                                  size_t *out_token_counts, struct cof_error *err)
{
    struct bert *bert = (struct bert *)embedder;
    const struct cof_bert_batch batch = batch_of(bert, role, cancel);
    return cof_bert_batcher_embed(&bert->batcher, &batch, texts, count, out_vectors,
                                  out_token_counts, err);
}

static enum cof_status bert_embed_ids(struct cof_embedder *embedder,
                                      const struct cof_token_ids *texts, size_t count,
                                      const struct cof_cancel *cancel, float *out_vectors,
                                      size_t *out_token_counts, struct cof_error *err)
{
    struct bert *bert = (struct bert *)embedder;
    const struct cof_bert_batch batch = {.cancel = cancel};
    return cof_bert_batcher_embed_ids(&bert->batcher, &batch, texts, count, out_vectors,
                                      out_token_counts, err);
}

static enum cof_status bert_embed_tokens(struct cof_embedder *embedder, enum cof_embed_role role,
                                         const struct cof_text *texts, size_t count,
                                         const struct cof_cancel *cancel, struct cof_arena *arena,
                                         struct cof_token_vectors *out_texts, struct cof_error *err)
{
    struct bert *bert = (struct bert *)embedder;
    const struct cof_bert_batch batch = batch_of(bert, role, cancel);
    return cof_bert_batcher_embed_tokens(&bert->batcher, &batch, texts, count, arena, out_texts,
                                         err);
}

static enum cof_status bert_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                         size_t *out_count, struct cof_error *err)
{
    const struct bert *bert = (const struct bert *)embedder;
    return cof_tokenizer_count(bert->model.tokenizer, text, out_count, err);
}

struct each_run {
    cof_embedder_token_fn each;
    void *context;
};

static bool give_token(void *context, uint32_t id, size_t begin, size_t end)
{
    const struct each_run *run = context;
    run->each(run->context, id, begin, end);
    return true;
}

static enum cof_status bert_each_token(struct cof_embedder *embedder, struct cof_text text,
                                       cof_embedder_token_fn each, void *context,
                                       struct cof_error *err)
{
    const struct bert *bert = (const struct bert *)embedder;
    struct each_run run = {.each = each, .context = context};
    return cof_tokenizer_each(bert->model.tokenizer, text, give_token, &run, err);
}

/* What load() brought, whole or in part. */
static void unload(struct bert *bert)
{
    cof_bert_batcher_deinit(&bert->batcher);
    cof_bert_device_close(bert->device);
    cof_bert_model_deinit(&bert->model);
    cof_free(bert);
}

static void bert_close(struct cof_embedder *embedder)
{
    struct bert *bert = (struct bert *)embedder;
    unload(bert);
}

static const struct cof_embedder_ops BERT_OPS = {
    .name = "bert",
    .embed = bert_embed,
    .count_tokens = bert_count_tokens,
    .each_token = bert_each_token,
    .embed_ids = bert_embed_ids,
    .embed_tokens = bert_embed_tokens,
    .close = bert_close,
};

/* Names, types and shapes whole; of each tensor's values evenly spread samples, because reading
 * them all would cost more than the rest of opening. */
static void add_weights(struct cof_fingerprint *fingerprint, const struct cof_safetensors *file)
{
    for (size_t i = 0; i < cof_safetensors_count(file); i++) {
        const struct cof_tensor *tensor = cof_safetensors_at(file, i);
        struct cof_bytes data = tensor->data;
        cof_fingerprint_add_text(fingerprint, tensor->name);
        cof_fingerprint_add_text(fingerprint, tensor->type_name);
        cof_fingerprint_add_number(fingerprint, tensor->rank);
        for (size_t j = 0; j < tensor->rank; j++)
            cof_fingerprint_add_number(fingerprint, tensor->shape[j]);
        size_t step = data.size / SAMPLES_PER_TENSOR;
        if (step < SAMPLE_BYTES)
            step = SAMPLE_BYTES;
        for (size_t at = 0; at < data.size; at += step) {
            size_t size = data.size - at < SAMPLE_BYTES ? data.size - at : SAMPLE_BYTES;
            cof_fingerprint_add(fingerprint,
                                (struct cof_bytes){.data = data.data + at, .size = size});
        }
    }
}

static void compute_fingerprint(struct bert *bert, const uint8_t *weights_sha256)
{
    struct cof_fingerprint fingerprint;
    const struct cof_model_config *config = &bert->model.config;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("bert"));
    cof_fingerprint_add_number(&fingerprint, FINGERPRINT_VERSION);
    if (weights_sha256 != NULL)
        cof_fingerprint_add(&fingerprint, (struct cof_bytes){.data = weights_sha256, .size = 32});
    else
        add_weights(&fingerprint, bert->model.file);
    cof_fingerprint_add(&fingerprint, (struct cof_bytes){.data = bert->model.tokenizer->digest,
                                                         .size = COF_FINGERPRINT_SIZE});
    uint32_t epsilon_bits = 0;
    memcpy(&epsilon_bits, &config->layer_norm_epsilon, sizeof(epsilon_bits));
    if (config->family != COF_MODEL_BERT)
        cof_fingerprint_add_number(&fingerprint, config->first_position);
    cof_fingerprint_add_number(&fingerprint, config->head_count);
    cof_fingerprint_add_number(&fingerprint, epsilon_bits);
    cof_fingerprint_add_text(&fingerprint, cof_text_from(cof_pooling_name(config->pooling)));
    cof_fingerprint_add_number(&fingerprint, config->max_tokens);
    cof_fingerprint_add_text(&fingerprint, cof_text_from(config->query_prefix));
    cof_fingerprint_add_text(&fingerprint, cof_text_from(config->passage_prefix));
    if (bert->base.info.dimension != config->hidden_size)
        cof_fingerprint_add_number(&fingerprint, bert->base.info.dimension);
    cof_fingerprint_finish(&fingerprint, bert->base.info.fingerprint);
}

/* A GPU where one is wanted and there; what it computes in is its own affair. */
static enum cof_status open_device(struct bert *bert, const struct cof_bert_options *options,
                                   struct cof_error *err)
{
    struct cof_error why = {0};
    bool must_be = options->device == COF_EMBED_ON_CUDA;
    bool may_be = options->device == COF_EMBED_ON_ANY && options->precision == COF_PRECISION_AUTO &&
                  cof_bert_device_is_built();
    if (!must_be && !may_be)
        return COF_OK;
    const struct cof_bert_device_options device = {
        .file = bert->model.file,
        .config = &bert->model.config,
        .thread_count = 1 + (options->pool != NULL ? cof_pool_thread_count(options->pool) : 0),
        .max_memory_bytes = options->device_memory_bytes,
        .notice = options->notice,
        .notice_context = options->notice_context,
    };
    enum cof_status status = cof_bert_device_open(&device, &bert->device, &why);
    if (status == COF_OK) {
        (void)snprintf(bert->device_reason, sizeof(bert->device_reason),
                       "computed on %.100s; the processor has %s for what that does not take",
                       cof_bert_device_name(bert->device),
                       cof_precision_name(bert->choice.precision));
        return COF_OK;
    }
    if (must_be)
        return COF_FAIL(err, status, "%s", why.message);
    if (options->notice != NULL) {
        char message[sizeof(why.message) + 64];
        (void)snprintf(message, sizeof(message), "the processor embeds: %s", why.message);
        options->notice(options->notice_context, message);
    }
    return COF_OK;
}

static enum cof_status load(struct bert *bert, const struct cof_bert_options *options,
                            struct cof_error *err)
{
    COF_TRY(cof_bert_model_init(&bert->model, options->folder, bert->choice.precision, err));
    size_t dimension = bert->model.config.hidden_size;
    if (options->dimension > dimension)
        return COF_FAIL(err, COF_INVALID,
                        "vectors of %zu numbers were asked for, but the model gives %zu",
                        options->dimension, dimension);
    bert->base.info.dimension = options->dimension != 0 ? options->dimension : dimension;
    compute_fingerprint(bert, options->weights_sha256);
    COF_TRY(open_device(bert, options, err));
    cof_bert_model_release_file(&bert->model);
    return COF_OK;
}

static size_t or_default(size_t value, size_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static enum cof_status start_batcher(struct bert *bert, const struct cof_bert_options *options,
                                     struct cof_error *err)
{
    const struct cof_bert_scheduler_options scheduler = {
        .weights = bert->model.weights,
        .pooling = bert->model.config.pooling,
        .max_tokens = bert->model.config.max_tokens,
        .device = bert->device,
        .pool = options->pool,
        .max_tokens_in_flight = options->max_tokens_in_flight,
        .max_job_count = options->max_call_count,
        .window_ms = options->batch_window_ms,
    };
    return cof_bert_batcher_init(&bert->batcher, bert->model.tokenizer, options->dimension,
                                 &scheduler, err);
}

/* A folder that is not there is left to cof_bert_model_init(), which names what is missing. */
static enum cof_status choose_precision(struct bert *bert, const struct cof_bert_options *options,
                                        struct cof_error *err)
{
    struct cof_model_config config = {0};
    bool is_asked = options->precision == COF_PRECISION_AUTO && cof_path_is_folder(options->folder);
    if (is_asked)
        COF_TRY(cof_model_config_read(options->folder, &config, err));
    return cof_precision_choose(options->folder, &config, cof_kernels_pick(), options->precision,
                                options->weights_sha256, &bert->choice, err);
}

enum cof_status cof_bert_open(const struct cof_bert_options *options,
                              struct cof_embedder **out_embedder, struct cof_error *err)
{
    struct bert *bert = cof_calloc(1, sizeof(*bert));
    if (bert == NULL)
        return COF_FAIL_MEMORY(err);
    bert->base.ops = &BERT_OPS;
    enum cof_status status = choose_precision(bert, options, err);
    if (status == COF_OK)
        status = load(bert, options, err);
    if (status == COF_OK)
        status = start_batcher(bert, options, err);
    if (status != COF_OK) {
        unload(bert);
        return status;
    }
    cof_bert_model_name(options->folder, options->name, bert->name);
    struct cof_embedder_info *info = &bert->base.info;
    info->name = bert->name;
    info->backend = BERT_OPS.name;
    info->precision = cof_precision_name(bert->choice.precision);
    info->precision_reason = bert->choice.reason;
    if (bert->device != NULL) {
        info->precision = "f16";
        info->precision_reason = bert->device_reason;
    }
    info->pooling = cof_pooling_name(bert->model.config.pooling);
    info->max_tokens = bert->model.config.max_tokens;
    info->max_batch_count = or_default(options->max_batch_count, DEFAULT_BATCH_COUNT);
    *out_embedder = &bert->base;
    return COF_OK;
}
