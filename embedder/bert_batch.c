/* Jobs and what becomes of their results.
 *
 * A call with one text has its vector written where the caller wants it, because a job of one
 * sequence writes it only on success. Results of larger calls gather in rows that are kept for the
 * next call, and are copied when all are there. */
#include "bert_batch.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "vector.h"

#define MAX_IDLE_ROWS 8

struct cof_bert_rows {
    struct cof_bert_rows *next;
    size_t value_capacity;
    size_t count_capacity;
    float *values;
    size_t *token_counts;
};

/* ---- Rows ---- */

static void destroy_rows(struct cof_bert_rows *rows)
{
    if (rows == NULL)
        return;
    cof_free(rows->values);
    cof_free(rows->token_counts);
    cof_free(rows);
}

static struct cof_bert_rows *create_rows(size_t value_count, size_t count)
{
    struct cof_bert_rows *rows = cof_calloc(1, sizeof(*rows));
    if (rows == NULL)
        return NULL;
    rows->value_capacity = value_count;
    rows->count_capacity = count;
    rows->values = cof_calloc(value_count, sizeof(*rows->values));
    rows->token_counts = cof_calloc(count, sizeof(*rows->token_counts));
    if (rows->values == NULL || rows->token_counts == NULL) {
        destroy_rows(rows);
        return NULL;
    }
    return rows;
}

/* Idle ones that are large enough first; NULL when out of memory. */
static struct cof_bert_rows *borrow_rows(struct cof_bert_batcher *batcher, size_t count)
{
    size_t value_count = count * batcher->hidden_size;
    pthread_mutex_lock(&batcher->shared.lock);
    struct cof_bert_rows **link = &batcher->shared.idle;
    while (*link != NULL &&
           ((*link)->value_capacity < value_count || (*link)->count_capacity < count))
        link = &(*link)->next;
    struct cof_bert_rows *rows = *link;
    if (rows != NULL) {
        *link = rows->next;
        batcher->shared.idle_count--;
    }
    pthread_mutex_unlock(&batcher->shared.lock);
    return rows != NULL ? rows : create_rows(value_count, count);
}

/* Keeps the newest: sizes that are asked for now. */
static void return_rows(struct cof_bert_batcher *batcher, struct cof_bert_rows *rows)
{
    struct cof_bert_rows *surplus = NULL;
    pthread_mutex_lock(&batcher->shared.lock);
    rows->next = batcher->shared.idle;
    batcher->shared.idle = rows;
    if (++batcher->shared.idle_count > MAX_IDLE_ROWS) {
        struct cof_bert_rows **link = &batcher->shared.idle;
        while ((*link)->next != NULL)
            link = &(*link)->next;
        surplus = *link;
        *link = NULL;
        batcher->shared.idle_count--;
    }
    pthread_mutex_unlock(&batcher->shared.lock);
    destroy_rows(surplus);
}

/* ---- Jobs ---- */

struct call {
    struct cof_bert_batcher *batcher;
    const struct cof_bert_batch *batch;
    const struct cof_text *texts;
    const struct cof_token_ids *ids;
    float *values; /* a row per text */
    size_t *token_counts;
    size_t one_token_count;           /* where a single text needs no rows */
    struct cof_arena *arena;          /* of token vectors */
    struct cof_token_vectors *tokens; /* the same */
};

static size_t most_of_text(void *context, size_t index)
{
    const struct call *call = context;
    return cof_tokenizer_most_ids(call->batcher->tokenizer,
                                  call->batch->prefix.size + call->texts[index].size);
}

static enum cof_status encode_text(void *context, size_t index, uint32_t *out_ids, size_t max_count,
                                   struct cof_bert_sequence *sequence, struct cof_error *err)
{
    const struct call *call = context;
    return cof_tokenizer_encode(call->batcher->tokenizer, call->batch->prefix, call->texts[index],
                                out_ids, max_count, &sequence->count, err);
}

static size_t most_of_ids(void *context, size_t index)
{
    const struct call *call = context;
    size_t count = call->ids[index].count;
    return count < SIZE_MAX - 2 ? count + 2 : SIZE_MAX;
}

static enum cof_status encode_ids(void *context, size_t index, uint32_t *out_ids, size_t max_count,
                                  struct cof_bert_sequence *sequence, struct cof_error *err)
{
    const struct call *call = context;
    (void)err; /* the ids were checked */
    sequence->count = cof_tokenizer_frame(call->batcher->tokenizer, call->ids[index].ids,
                                          call->ids[index].count, out_ids, max_count);
    return COF_OK;
}

static float *place_row(void *context, size_t index, size_t token_count)
{
    struct call *call = context;
    call->token_counts[index] = token_count;
    return call->values + index * call->batcher->hidden_size;
}

static float *place_tokens(void *context, size_t index, size_t token_count)
{
    struct call *call = context;
    float *vectors =
        cof_arena_array(call->arena, token_count, call->batcher->hidden_size * sizeof(*vectors));
    call->tokens[index] = (struct cof_token_vectors){.vectors = vectors, .count = token_count};
    return vectors;
}

static enum cof_status run(struct call *call, struct cof_bert_job *job, struct cof_error *err)
{
    job->is_question = call->batch->is_question;
    job->cancel = call->batch->cancel;
    job->context = call;
    if (call->ids != NULL) {
        job->most_tokens = most_of_ids;
        job->encode = encode_ids;
    } else {
        job->most_tokens = most_of_text;
        job->encode = encode_text;
    }
    return cof_bert_scheduler_run(call->batcher->scheduler, job, err);
}

/* Moves the rows' first floats together, each scaled to unit length again. */
static enum cof_status cut_rows(const struct cof_bert_batcher *batcher, float *rows, size_t count,
                                struct cof_error *err)
{
    size_t size = batcher->dimension;
    if (size == batcher->hidden_size)
        return COF_OK;
    for (size_t i = 0; i < count; i++) {
        float *row = rows + i * size;
        memmove(row, rows + i * batcher->hidden_size, size * sizeof(*row));
        if (!cof_vector_normalize(row, size))
            return COF_FAIL(err, COF_CORRUPT,
                            "the first %zu numbers of a vector are all zero, so that it cannot be "
                            "cut to them",
                            size);
    }
    return COF_OK;
}

/* A vector per text; `call` says of what. */
static enum cof_status embed(struct call *call, size_t count, float *out_vectors,
                             size_t *out_token_counts, struct cof_error *err)
{
    struct cof_bert_batcher *batcher = call->batcher;
    struct cof_bert_job job = {.count = count, .output = COF_BERT_POOLED, .place = place_row};
    if (count == 1 && batcher->dimension == batcher->hidden_size) {
        call->values = out_vectors;
        call->token_counts = &call->one_token_count;
        COF_TRY(run(call, &job, err));
        if (out_token_counts != NULL)
            *out_token_counts = call->one_token_count;
        return COF_OK;
    }
    struct cof_bert_rows *rows = borrow_rows(batcher, count);
    if (rows == NULL)
        return COF_FAIL_MEMORY(err);
    call->values = rows->values;
    call->token_counts = rows->token_counts;
    enum cof_status status = run(call, &job, err);
    if (status == COF_OK)
        status = cut_rows(batcher, rows->values, count, err);
    if (status == COF_OK) {
        memcpy(out_vectors, rows->values, count * batcher->dimension * sizeof(*out_vectors));
        if (out_token_counts != NULL)
            memcpy(out_token_counts, rows->token_counts, count * sizeof(*out_token_counts));
    }
    return_rows(batcher, rows);
    return status;
}

enum cof_status cof_bert_batcher_embed(struct cof_bert_batcher *batcher,
                                       const struct cof_bert_batch *batch,
                                       const struct cof_text *texts, size_t count,
                                       float *out_vectors, size_t *out_token_counts,
                                       struct cof_error *err)
{
    struct call call = {.batcher = batcher, .batch = batch, .texts = texts};
    return embed(&call, count, out_vectors, out_token_counts, err);
}

enum cof_status cof_bert_batcher_embed_ids(struct cof_bert_batcher *batcher,
                                           const struct cof_bert_batch *batch,
                                           const struct cof_token_ids *texts, size_t count,
                                           float *out_vectors, size_t *out_token_counts,
                                           struct cof_error *err)
{
    struct call call = {.batcher = batcher, .batch = batch, .ids = texts};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < texts[i].count; j++) {
            if (texts[i].ids[j] >= batcher->vocabulary_size)
                return COF_FAIL(err, COF_INVALID,
                                "token %zu of text %zu is %lu, but the model's ids end at %zu", j,
                                i, (unsigned long)texts[i].ids[j], batcher->vocabulary_size - 1);
        }
    }
    return embed(&call, count, out_vectors, out_token_counts, err);
}

enum cof_status cof_bert_batcher_embed_tokens(struct cof_bert_batcher *batcher,
                                              const struct cof_bert_batch *batch,
                                              const struct cof_text *texts, size_t count,
                                              struct cof_arena *arena,
                                              struct cof_token_vectors *out_texts,
                                              struct cof_error *err)
{
    struct call call = {.batcher = batcher, .batch = batch, .texts = texts, .arena = arena};
    struct cof_bert_job job = {.count = count, .output = COF_BERT_TOKENS, .place = place_tokens};
    call.tokens = cof_arena_array(arena, count, sizeof(*call.tokens));
    if (call.tokens == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(run(&call, &job, err));
    for (size_t i = 0; i < count; i++)
        COF_TRY(cut_rows(batcher, call.tokens[i].vectors, call.tokens[i].count, err));
    memcpy(out_texts, call.tokens, count * sizeof(*out_texts));
    return COF_OK;
}

/* ---- Making and ending ---- */

enum cof_status cof_bert_batcher_init(struct cof_bert_batcher *batcher,
                                      const struct cof_tokenizer *tokenizer, size_t dimension,
                                      const struct cof_bert_scheduler_options *options,
                                      struct cof_error *err)
{
    size_t hidden_size = options->weights->hidden_size;
    *batcher = (struct cof_bert_batcher){
        .tokenizer = tokenizer,
        .hidden_size = hidden_size,
        .dimension = dimension != 0 ? dimension : hidden_size,
        .vocabulary_size = options->weights->vocabulary_size,
    };
    COF_TRY(cof_bert_scheduler_create(options, &batcher->scheduler, err));
    pthread_mutex_init(&batcher->shared.lock, NULL);
    return COF_OK;
}

void cof_bert_batcher_deinit(struct cof_bert_batcher *batcher)
{
    if (batcher->scheduler == NULL)
        return;
    while (batcher->shared.idle != NULL) {
        struct cof_bert_rows *rows = batcher->shared.idle;
        batcher->shared.idle = rows->next;
        destroy_rows(rows);
    }
    cof_bert_scheduler_destroy(batcher->scheduler);
    batcher->scheduler = NULL;
    pthread_mutex_destroy(&batcher->shared.lock);
}
