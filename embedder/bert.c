/* Backend `bert`: a model folder behind the embedder's contract.
 *
 * A call goes through in slices of at most max_tokens_in_flight tokens. Of a slice, first every
 * text is tokenised, then its sequences are joined into groups of about GROUP_TOKENS, and each
 * group runs through the whole encoder on one thread: large enough that matrix products run at full
 * speed, small enough that activations stay in that core's cache and that groups outnumber threads.
 *
 * Threads: weights and tokenizer are read-only. Workspaces are lent from `shared.idle`; there are
 * never more of them than threads that computed at the same moment. */
#include <cof/embedder/bert.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "bert_encoder.h"
#include "bert_weights.h"
#include "fingerprint.h"
#include "model_config.h"
#include "safetensors.h"
#include "wordpiece.h"

#define DEFAULT_BATCH_COUNT 2048
#define DEFAULT_TOKENS_IN_FLIGHT 16384
#define GROUP_TOKENS 512
#define LEAST_GROUP_TOKENS 64
#define TOKENIZE_GRAIN 8
#define MAX_NAME_BYTES 128
#define FINGERPRINT_VERSION 1
#define SAMPLES_PER_TENSOR 64
#define SAMPLE_BYTES 64

struct workspace {
    struct workspace *next;
    struct cof_bert_workspace *space;
};

struct bert {
    struct cof_embedder base;
    char name[MAX_NAME_BYTES];
    struct cof_pool *pool;
    struct cof_model_config config;
    struct cof_wordpiece *tokenizer;
    struct cof_bert_weights *weights;
    size_t max_tokens_in_flight;
    size_t group_tokens;
    struct {
        pthread_mutex_t lock;
        struct workspace *idle;
    } shared;
};

/* A slice of a call: its sequences' ids lie in `ids`, text i's from places[i] on. */
struct slice {
    struct bert *bert;
    struct cof_text prefix;
    const struct cof_text *texts;
    size_t count;
    const struct cof_cancel *cancel;
    uint32_t *ids;
    size_t *places;
    struct cof_bert_sequence *sequences;
    size_t *group_ends; /* of group g: one past its last sequence */
    size_t group_count;
    float *vectors;
    pthread_mutex_t lock; /* of the two below */
    enum cof_status status;
    struct cof_error error;
};

/* No text gives more ids than bytes, beside the two special ones. */
static size_t most_ids(const struct bert *bert, struct cof_text prefix, struct cof_text text)
{
    size_t most = prefix.size + text.size + 2;
    return most < bert->config.max_tokens ? most : bert->config.max_tokens;
}

static enum cof_status borrow_workspace(struct bert *bert, struct workspace **out_workspace,
                                        struct cof_error *err)
{
    pthread_mutex_lock(&bert->shared.lock);
    struct workspace *workspace = bert->shared.idle;
    if (workspace != NULL)
        bert->shared.idle = workspace->next;
    pthread_mutex_unlock(&bert->shared.lock);
    if (workspace == NULL) {
        workspace = cof_calloc(1, sizeof(*workspace));
        if (workspace == NULL)
            return COF_FAIL_MEMORY(err);
        size_t longest = bert->config.max_tokens;
        size_t most = bert->group_tokens > longest ? bert->group_tokens : longest;
        enum cof_status status =
            cof_bert_workspace_create(bert->weights, most, longest, &workspace->space, err);
        if (status != COF_OK) {
            cof_free(workspace);
            return status;
        }
    }
    *out_workspace = workspace;
    return COF_OK;
}

static void return_workspace(struct bert *bert, struct workspace *workspace)
{
    pthread_mutex_lock(&bert->shared.lock);
    workspace->next = bert->shared.idle;
    bert->shared.idle = workspace;
    pthread_mutex_unlock(&bert->shared.lock);
}

static void run_for(struct bert *bert, size_t count, size_t grain, cof_range_fn run, void *context)
{
    if (bert->pool != NULL)
        cof_pool_for(bert->pool, count, grain, run, context);
    else
        run(context, 0, count);
}

static void tokenize_range(void *context, size_t begin, size_t end)
{
    struct slice *slice = context;
    for (size_t i = begin; i < end; i++) {
        uint32_t *ids = slice->ids + slice->places[i];
        size_t count =
            cof_wordpiece_encode(slice->bert->tokenizer, slice->prefix, slice->texts[i], ids,
                                 most_ids(slice->bert, slice->prefix, slice->texts[i]));
        slice->sequences[i] = (struct cof_bert_sequence){.ids = ids, .count = count};
    }
}

/* Sequences in their order; a group ends before the one that would overfill it. With few tokens for
 * many threads the groups become smaller. */
static void form_groups(struct slice *slice)
{
    const struct bert *bert = slice->bert;
    size_t total = 0;
    for (size_t i = 0; i < slice->count; i++)
        total += slice->sequences[i].count;
    size_t thread_count = 1 + (bert->pool != NULL ? cof_pool_thread_count(bert->pool) : 0);
    size_t target = (total + thread_count - 1) / thread_count;
    if (target < LEAST_GROUP_TOKENS)
        target = LEAST_GROUP_TOKENS;
    if (target > bert->group_tokens)
        target = bert->group_tokens;

    size_t token_count = 0;
    slice->group_count = 0;
    for (size_t i = 0; i < slice->count; i++) {
        if (token_count > 0 && token_count + slice->sequences[i].count > target) {
            slice->group_ends[slice->group_count++] = i;
            token_count = 0;
        }
        token_count += slice->sequences[i].count;
    }
    slice->group_ends[slice->group_count++] = slice->count;
}

static enum cof_status run_group(struct slice *slice, size_t group, struct cof_error *err)
{
    struct bert *bert = slice->bert;
    size_t begin = group == 0 ? 0 : slice->group_ends[group - 1];
    struct workspace *workspace = NULL;
    COF_TRY(borrow_workspace(bert, &workspace, err));
    enum cof_status status =
        cof_bert_encode(bert->weights, workspace->space, slice->sequences + begin,
                        slice->group_ends[group] - begin, bert->config.pooling, slice->cancel,
                        slice->vectors + begin * bert->config.hidden_size, err);
    return_workspace(bert, workspace);
    return status;
}

static bool has_failed(struct slice *slice)
{
    pthread_mutex_lock(&slice->lock);
    bool is_failed = slice->status != COF_OK;
    pthread_mutex_unlock(&slice->lock);
    return is_failed;
}

static void run_groups(void *context, size_t begin, size_t end)
{
    struct slice *slice = context;
    int before = cof_openmp_enter();
    for (size_t group = begin; group < end && !has_failed(slice); group++) {
        struct cof_error error = {0};
        enum cof_status status = run_group(slice, group, &error);
        if (status != COF_OK) {
            pthread_mutex_lock(&slice->lock);
            if (slice->status == COF_OK)
                slice->error = error;
            slice->status = slice->error.status;
            pthread_mutex_unlock(&slice->lock);
        }
    }
    cof_openmp_leave(before);
}

static enum cof_status run_slice(struct slice *slice, struct cof_error *err)
{
    run_for(slice->bert, slice->count, TOKENIZE_GRAIN, tokenize_range, slice);
    form_groups(slice);
    run_for(slice->bert, slice->group_count, 1, run_groups, slice);
    if (slice->status != COF_OK && err != NULL)
        *err = slice->error;
    return slice->status;
}

/* Takes as many texts as fit in flight, at least one, and sets their places. */
static size_t fill_slice(const struct slice *slice, size_t text_count)
{
    size_t place = 0;
    size_t count = 0;
    while (count < text_count) {
        size_t most = most_ids(slice->bert, slice->prefix, slice->texts[count]);
        if (count > 0 && place + most > slice->bert->max_tokens_in_flight)
            break;
        slice->places[count++] = place;
        place += most;
    }
    return count;
}

static enum cof_status embed_slices(struct slice *slice, size_t count, size_t *token_counts,
                                    struct cof_error *err)
{
    for (size_t done = 0; done < count; done += slice->count) {
        slice->count = fill_slice(slice, count - done);
        COF_TRY(run_slice(slice, err));
        for (size_t i = 0; i < slice->count; i++)
            token_counts[done + i] = slice->sequences[i].count;
        slice->texts += slice->count;
        slice->vectors += slice->count * slice->bert->config.hidden_size;
    }
    return COF_OK;
}

/* What a call needs besides the workspaces, in one place so that it is freed in one place. */
struct call {
    float *vectors;
    size_t *token_counts;
    uint32_t *ids;
    size_t *places;
    size_t *group_ends;
    struct cof_bert_sequence *sequences;
};

static void call_deinit(struct call *call)
{
    cof_free(call->vectors);
    cof_free(call->token_counts);
    cof_free(call->ids);
    cof_free(call->places);
    cof_free(call->group_ends);
    cof_free(call->sequences);
}

static enum cof_status bert_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                  const struct cof_text *texts, size_t count,
                                  const struct cof_cancel *cancel, float *out_vectors,
                                  size_t *out_token_counts, struct cof_error *err)
{
    struct bert *bert = (struct bert *)embedder;
    size_t id_count = bert->max_tokens_in_flight > bert->config.max_tokens
                          ? bert->max_tokens_in_flight
                          : bert->config.max_tokens;
    size_t value_count = count * bert->config.hidden_size;
    COF_CLEANUP(call_deinit)
    struct call call = {
        .vectors = cof_calloc(value_count, sizeof(*call.vectors)),
        .token_counts = cof_calloc(count, sizeof(*call.token_counts)),
        .ids = cof_calloc(id_count, sizeof(*call.ids)),
        .places = cof_calloc(count, sizeof(*call.places)),
        .group_ends = cof_calloc(count, sizeof(*call.group_ends)),
        .sequences = cof_calloc(count, sizeof(*call.sequences)),
    };
    if (call.vectors == NULL || call.token_counts == NULL || call.ids == NULL ||
        call.places == NULL || call.group_ends == NULL || call.sequences == NULL)
        return COF_FAIL_MEMORY(err);

    const char *prefix =
        role == COF_EMBED_QUERY ? bert->config.query_prefix : bert->config.passage_prefix;
    struct slice slice = {
        .bert = bert,
        .prefix = cof_text_from(prefix),
        .texts = texts,
        .cancel = cancel,
        .ids = call.ids,
        .places = call.places,
        .sequences = call.sequences,
        .group_ends = call.group_ends,
        .vectors = call.vectors,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .status = COF_OK,
    };
    COF_TRY(embed_slices(&slice, count, call.token_counts, err));
    memcpy(out_vectors, call.vectors, value_count * sizeof(*out_vectors));
    if (out_token_counts != NULL)
        memcpy(out_token_counts, call.token_counts, count * sizeof(*out_token_counts));
    return COF_OK;
}

static bool count_token(void *context, uint32_t id, size_t begin, size_t end)
{
    (void)id;
    (void)begin;
    (void)end;
    (*(size_t *)context)++;
    return true;
}

static enum cof_status bert_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                         size_t *out_count, struct cof_error *err)
{
    const struct bert *bert = (const struct bert *)embedder;
    size_t count = 0;
    (void)err;
    cof_wordpiece_each(bert->tokenizer, text, count_token, &count);
    *out_count = count;
    return COF_OK;
}

struct each_run {
    void (*each)(void *context, size_t begin, size_t end);
    void *context;
};

static bool give_token(void *context, uint32_t id, size_t begin, size_t end)
{
    const struct each_run *run = context;
    (void)id;
    run->each(run->context, begin, end);
    return true;
}

static enum cof_status bert_each_token(struct cof_embedder *embedder, struct cof_text text,
                                       void (*each)(void *context, size_t begin, size_t end),
                                       void *context, struct cof_error *err)
{
    const struct bert *bert = (const struct bert *)embedder;
    struct each_run run = {.each = each, .context = context};
    (void)err;
    cof_wordpiece_each(bert->tokenizer, text, give_token, &run);
    return COF_OK;
}

static void bert_close(struct cof_embedder *embedder)
{
    struct bert *bert = (struct bert *)embedder;
    while (bert->shared.idle != NULL) {
        struct workspace *workspace = bert->shared.idle;
        bert->shared.idle = workspace->next;
        cof_bert_workspace_destroy(workspace->space);
        cof_free(workspace);
    }
    cof_bert_weights_destroy(bert->weights);
    cof_wordpiece_close(bert->tokenizer);
    pthread_mutex_destroy(&bert->shared.lock);
    cof_free(bert);
}

static const struct cof_embedder_ops BERT_OPS = {
    .name = "bert",
    .embed = bert_embed,
    .count_tokens = bert_count_tokens,
    .each_token = bert_each_token,
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

static void compute_fingerprint(struct bert *bert, const struct cof_safetensors *file,
                                const uint8_t *weights_sha256)
{
    struct cof_fingerprint fingerprint;
    const struct cof_model_config *config = &bert->config;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("bert"));
    cof_fingerprint_add_number(&fingerprint, FINGERPRINT_VERSION);
    if (weights_sha256 != NULL)
        cof_fingerprint_add(&fingerprint, (struct cof_bytes){.data = weights_sha256, .size = 32});
    else
        add_weights(&fingerprint, file);
    cof_fingerprint_add(&fingerprint,
                        (struct cof_bytes){.data = cof_wordpiece_digest(bert->tokenizer),
                                           .size = COF_FINGERPRINT_SIZE});
    uint32_t epsilon_bits = 0;
    memcpy(&epsilon_bits, &config->layer_norm_epsilon, sizeof(epsilon_bits));
    cof_fingerprint_add_number(&fingerprint, config->head_count);
    cof_fingerprint_add_number(&fingerprint, epsilon_bits);
    cof_fingerprint_add_text(&fingerprint, cof_text_from(cof_pooling_name(config->pooling)));
    cof_fingerprint_add_number(&fingerprint, config->max_tokens);
    cof_fingerprint_add_text(&fingerprint, cof_text_from(config->query_prefix));
    cof_fingerprint_add_text(&fingerprint, cof_text_from(config->passage_prefix));
    cof_fingerprint_finish(&fingerprint, bert->base.info.fingerprint);
}

static void copy_name(struct bert *bert, const struct cof_bert_options *options)
{
    struct cof_text name = cof_text_from(options->name);
    if (options->name == NULL) {
        name = cof_text_from(options->folder);
        while (name.size > 1 && name.data[name.size - 1] == '/')
            name.size--;
        size_t begin = name.size;
        while (begin > 0 && name.data[begin - 1] != '/')
            begin--;
        name = cof_text_slice(name, begin, name.size);
    }
    (void)snprintf(bert->name, sizeof(bert->name), "%.*s", COF_TEXT_ARG(name));
}

static enum cof_status load_weights(struct bert *bert, const struct cof_bert_options *options,
                                    struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct cof_safetensors *file = NULL;
    COF_TRY(cof_path_join(path, options->folder, "model.safetensors", err));
    COF_TRY(cof_safetensors_open(path, &file, err));
    enum cof_status status = cof_bert_weights_create(file, &bert->config, &bert->weights, err);
    if (status == COF_OK)
        compute_fingerprint(bert, file, options->weights_sha256);
    cof_safetensors_close(file);
    return status;
}

static enum cof_status load(struct bert *bert, const struct cof_bert_options *options,
                            struct cof_error *err)
{
    if (!cof_path_is_folder(options->folder))
        return COF_FAIL(err, COF_NOT_FOUND, "there is no model folder %.180s", options->folder);
    COF_TRY(cof_model_config_read(options->folder, &bert->config, err));
    COF_TRY(cof_wordpiece_open(options->folder, &bert->tokenizer, err));
    size_t token_count = cof_wordpiece_token_count(bert->tokenizer);
    if (token_count > bert->config.vocabulary_size)
        return COF_FAIL(err, COF_INVALID,
                        "the tokenizer has ids up to %zu, but config.json's 'vocab_size' is %zu",
                        token_count - 1, bert->config.vocabulary_size);
    return load_weights(bert, options, err);
}

static size_t or_default(size_t value, size_t otherwise)
{
    return value != 0 ? value : otherwise;
}

enum cof_status cof_bert_open(const struct cof_bert_options *options,
                              struct cof_embedder **out_embedder, struct cof_error *err)
{
    struct bert *bert = cof_calloc(1, sizeof(*bert));
    if (bert == NULL)
        return COF_FAIL_MEMORY(err);
    pthread_mutex_init(&bert->shared.lock, NULL);
    bert->base.ops = &BERT_OPS;
    bert->pool = options->pool;
    enum cof_status status = load(bert, options, err);
    if (status != COF_OK) {
        bert_close(&bert->base);
        return status;
    }
    copy_name(bert, options);
    bert->max_tokens_in_flight =
        or_default(options->max_tokens_in_flight, DEFAULT_TOKENS_IN_FLIGHT);
    bert->group_tokens =
        bert->max_tokens_in_flight < GROUP_TOKENS ? bert->max_tokens_in_flight : GROUP_TOKENS;
    struct cof_embedder_info *info = &bert->base.info;
    info->name = bert->name;
    info->backend = BERT_OPS.name;
    info->precision = "f32";
    info->pooling = cof_pooling_name(bert->config.pooling);
    info->dimension = bert->config.hidden_size;
    info->max_tokens = bert->config.max_tokens;
    info->max_batch_count = or_default(options->max_batch_count, DEFAULT_BATCH_COUNT);
    *out_embedder = &bert->base;
    return COF_OK;
}
