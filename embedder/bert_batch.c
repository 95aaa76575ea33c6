/* Slices, groups and workspaces.
 *
 * A call goes through in slices of at most max_tokens_in_flight tokens. Of a slice, first every
 * text is tokenised, then its sequences are joined into groups of about GROUP_TOKENS, and each
 * group runs through the whole encoder on one thread: large enough that matrix products run at full
 * speed, small enough that activations stay in that core's cache and that groups outnumber threads.
 */
#include "bert_batch.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "bert_encoder.h"
#include "linear.h"

#define GROUP_TOKENS 512
#define LEAST_GROUP_TOKENS 64
#define TOKENIZE_GRAIN 8

struct cof_bert_idle_workspace {
    struct cof_bert_idle_workspace *next;
    struct cof_bert_workspace *space;
};

/* A slice of a call: its sequences' ids lie in `ids`, text i's from places[i] on. */
struct slice {
    struct cof_bert_batcher *batcher;
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

static size_t group_limit(const struct cof_bert_batcher *batcher)
{
    return batcher->max_tokens_in_flight < GROUP_TOKENS ? batcher->max_tokens_in_flight
                                                        : GROUP_TOKENS;
}

static size_t most_ids(const struct cof_bert_batcher *batcher, struct cof_text prefix,
                       struct cof_text text)
{
    size_t most = cof_tokenizer_most_ids(batcher->tokenizer, prefix.size + text.size);
    return most < batcher->config->max_tokens ? most : batcher->config->max_tokens;
}

static enum cof_status borrow_workspace(struct cof_bert_batcher *batcher,
                                        struct cof_bert_idle_workspace **out_workspace,
                                        struct cof_error *err)
{
    pthread_mutex_lock(&batcher->shared.lock);
    struct cof_bert_idle_workspace *workspace = batcher->shared.idle;
    if (workspace != NULL)
        batcher->shared.idle = workspace->next;
    pthread_mutex_unlock(&batcher->shared.lock);
    if (workspace == NULL) {
        workspace = cof_calloc(1, sizeof(*workspace));
        if (workspace == NULL)
            return COF_FAIL_MEMORY(err);
        size_t longest = batcher->config->max_tokens;
        size_t most = group_limit(batcher) > longest ? group_limit(batcher) : longest;
        enum cof_status status =
            cof_bert_workspace_create(batcher->weights, most, longest, &workspace->space, err);
        if (status != COF_OK) {
            cof_free(workspace);
            return status;
        }
    }
    *out_workspace = workspace;
    return COF_OK;
}

static void return_workspace(struct cof_bert_batcher *batcher,
                             struct cof_bert_idle_workspace *workspace)
{
    pthread_mutex_lock(&batcher->shared.lock);
    workspace->next = batcher->shared.idle;
    batcher->shared.idle = workspace;
    pthread_mutex_unlock(&batcher->shared.lock);
}

static void run_for(struct cof_bert_batcher *batcher, size_t count, size_t grain, cof_range_fn run,
                    void *context)
{
    if (batcher->pool != NULL)
        cof_pool_for(batcher->pool, count, grain, run, context);
    else
        run(context, 0, count);
}

static bool has_failed(struct slice *slice)
{
    pthread_mutex_lock(&slice->lock);
    bool is_failed = slice->status != COF_OK;
    pthread_mutex_unlock(&slice->lock);
    return is_failed;
}

static void keep_failure(struct slice *slice, const struct cof_error *error)
{
    pthread_mutex_lock(&slice->lock);
    if (slice->status == COF_OK)
        slice->error = *error;
    slice->status = slice->error.status;
    pthread_mutex_unlock(&slice->lock);
}

static void tokenize_range(void *context, size_t begin, size_t end)
{
    struct slice *slice = context;
    for (size_t i = begin; i < end && !has_failed(slice); i++) {
        uint32_t *ids = slice->ids + slice->places[i];
        size_t most = most_ids(slice->batcher, slice->prefix, slice->texts[i]);
        size_t count = 0;
        struct cof_error error = {0};
        if (cof_tokenizer_encode(slice->batcher->tokenizer, slice->prefix, slice->texts[i], ids,
                                 most, &count, &error) != COF_OK)
            keep_failure(slice, &error);
        slice->sequences[i] = (struct cof_bert_sequence){.ids = ids, .count = count};
    }
}

/* Sequences in their order; a group ends before the one that would overfill it. With few tokens for
 * many threads the groups become smaller. */
static void form_groups(struct slice *slice)
{
    const struct cof_bert_batcher *batcher = slice->batcher;
    size_t total = 0;
    for (size_t i = 0; i < slice->count; i++)
        total += slice->sequences[i].count;
    size_t thread_count = 1 + (batcher->pool != NULL ? cof_pool_thread_count(batcher->pool) : 0);
    size_t target = (total + thread_count - 1) / thread_count;
    if (target < LEAST_GROUP_TOKENS)
        target = LEAST_GROUP_TOKENS;
    if (target > group_limit(batcher))
        target = group_limit(batcher);

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
    struct cof_bert_batcher *batcher = slice->batcher;
    size_t begin = group == 0 ? 0 : slice->group_ends[group - 1];
    struct cof_bert_idle_workspace *workspace = NULL;
    COF_TRY(borrow_workspace(batcher, &workspace, err));
    struct cof_bert_pass pass = {
        .sequences = slice->sequences + begin,
        .sequence_count = slice->group_ends[group] - begin,
        .output = COF_BERT_POOLED,
        .pooling = batcher->config->pooling,
        .cancel = slice->cancel,
        .out_rows = slice->vectors + begin * batcher->config->hidden_size,
    };
    enum cof_status status = cof_bert_encode(batcher->weights, workspace->space, &pass, err);
    return_workspace(batcher, workspace);
    return status;
}

static void run_groups(void *context, size_t begin, size_t end)
{
    struct slice *slice = context;
    int before = cof_openmp_enter();
    for (size_t group = begin; group < end && !has_failed(slice); group++) {
        struct cof_error error = {0};
        enum cof_status status = run_group(slice, group, &error);
        if (status != COF_OK)
            keep_failure(slice, &error);
    }
    cof_openmp_leave(before);
}

static enum cof_status run_slice(struct slice *slice, struct cof_error *err)
{
    run_for(slice->batcher, slice->count, TOKENIZE_GRAIN, tokenize_range, slice);
    if (slice->status == COF_OK) {
        form_groups(slice);
        run_for(slice->batcher, slice->group_count, 1, run_groups, slice);
    }
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
        size_t most = most_ids(slice->batcher, slice->prefix, slice->texts[count]);
        if (count > 0 && place + most > slice->batcher->max_tokens_in_flight)
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
        slice->vectors += slice->count * slice->batcher->config->hidden_size;
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

void cof_bert_batcher_init(struct cof_bert_batcher *batcher, const struct cof_model_config *config,
                           const struct cof_tokenizer *tokenizer,
                           const struct cof_bert_weights *weights, struct cof_pool *pool,
                           size_t max_tokens_in_flight)
{
    *batcher = (struct cof_bert_batcher){
        .config = config,
        .tokenizer = tokenizer,
        .weights = weights,
        .pool = pool,
        .max_tokens_in_flight = max_tokens_in_flight,
    };
    pthread_mutex_init(&batcher->shared.lock, NULL);
}

void cof_bert_batcher_deinit(struct cof_bert_batcher *batcher)
{
    while (batcher->shared.idle != NULL) {
        struct cof_bert_idle_workspace *workspace = batcher->shared.idle;
        batcher->shared.idle = workspace->next;
        cof_bert_workspace_destroy(workspace->space);
        cof_free(workspace);
    }
    pthread_mutex_destroy(&batcher->shared.lock);
}

enum cof_status cof_bert_batcher_embed(struct cof_bert_batcher *batcher, struct cof_text prefix,
                                       const struct cof_text *texts, size_t count,
                                       const struct cof_cancel *cancel, float *out_vectors,
                                       size_t *out_token_counts, struct cof_error *err)
{
    size_t id_count = batcher->max_tokens_in_flight > batcher->config->max_tokens
                          ? batcher->max_tokens_in_flight
                          : batcher->config->max_tokens;
    size_t value_count = count * batcher->config->hidden_size;
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

    struct slice slice = {
        .batcher = batcher,
        .prefix = prefix,
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
