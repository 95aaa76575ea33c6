/* Texts are taken some at a time, because their token vectors are hundreds of times as large as
 * they are. */
#include <cof/embedder/late_interaction.h>

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/arena.h>

#define TEXTS_AT_ONCE 32
#define LANES 16

struct late_interaction {
    struct cof_reranker base;
    struct cof_embedder *embedder;
};

/* In lanes that are summed at the end, which a compiler may keep in vector registers. */
static float dot(const float *a, const float *b, size_t size)
{
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= size; i += LANES) {
        for (size_t j = 0; j < LANES; j++)
            lanes[j] += a[i + j] * b[i + j];
    }
    float sum = 0;
    for (size_t j = 0; j < LANES; j++)
        sum += lanes[j];
    for (; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

static float max_sim(const struct cof_token_vectors *query, const struct cof_token_vectors *text,
                     size_t dimension)
{
    float sum = 0;
    for (size_t i = 0; i < query->count; i++) {
        float best = -1;
        for (size_t j = 0; j < text->count; j++) {
            float cosine =
                dot(query->vectors + i * dimension, text->vectors + j * dimension, dimension);
            best = cosine > best ? cosine : best;
        }
        sum += best;
    }
    float mean = sum / (float)query->count;
    if (!(mean > 0))
        return 0;
    return mean < 1 ? mean : 1;
}

static enum cof_status rank_some(const struct late_interaction *late,
                                 const struct cof_token_vectors *query,
                                 const struct cof_text *texts, size_t count,
                                 const struct cof_cancel *cancel, float *scores,
                                 size_t *token_count, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_token_vectors tokens[TEXTS_AT_ONCE];
    COF_TRY(cof_embedder_embed_tokens(late->embedder, COF_EMBED_PASSAGE, texts, count, cancel,
                                      &arena, tokens, err));
    for (size_t i = 0; i < count; i++) {
        COF_TRY(cof_cancel_check(cancel, err));
        scores[i] = max_sim(query, &tokens[i], late->embedder->info.dimension);
        *token_count += tokens[i].count;
    }
    return COF_OK;
}

static enum cof_status rank_all(const struct late_interaction *late, struct cof_text query,
                                const struct cof_text *texts, size_t count,
                                const struct cof_cancel *cancel, float *scores, size_t *token_count,
                                struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_token_vectors query_tokens = {0};
    size_t most = late->embedder->info.max_batch_count;
    size_t step = most < TEXTS_AT_ONCE ? most : TEXTS_AT_ONCE;
    COF_TRY(cof_embedder_embed_tokens(late->embedder, COF_EMBED_QUERY, &query, 1, cancel, &arena,
                                      &query_tokens, err));
    *token_count = query_tokens.count;
    for (size_t done = 0; done < count; done += step) {
        size_t left = count - done;
        COF_TRY(rank_some(late, &query_tokens, texts + done, left < step ? left : step, cancel,
                          scores + done, token_count, err));
    }
    return COF_OK;
}

static enum cof_status late_rank(struct cof_reranker *reranker, struct cof_text query,
                                 const struct cof_text *texts, size_t count,
                                 const struct cof_cancel *cancel, float *out_scores,
                                 size_t *out_token_count, struct cof_error *err)
{
    const struct late_interaction *late = (const struct late_interaction *)reranker;
    size_t token_count = 0;
    float *scores = cof_calloc(count, sizeof(*scores));
    if (scores == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = rank_all(late, query, texts, count, cancel, scores, &token_count, err);
    if (status == COF_OK) {
        memcpy(out_scores, scores, count * sizeof(*out_scores));
        if (out_token_count != NULL)
            *out_token_count = token_count;
    }
    cof_free(scores);
    return status;
}

static void late_close(struct cof_reranker *reranker)
{
    cof_free(reranker);
}

static const struct cof_reranker_ops LATE_OPS = {
    .name = "late_interaction",
    .rank = late_rank,
    .close = late_close,
};

enum cof_status cof_late_interaction_open(struct cof_embedder *embedder,
                                          struct cof_reranker **out_reranker, struct cof_error *err)
{
    if (embedder->ops->embed_tokens == NULL)
        return COF_FAIL(err, COF_UNAVAILABLE, "the embedder %.60s gives no vectors of tokens",
                        embedder->info.name);
    struct late_interaction *late = cof_calloc(1, sizeof(*late));
    if (late == NULL)
        return COF_FAIL_MEMORY(err);
    late->base.ops = &LATE_OPS;
    late->base.info = (struct cof_reranker_info){
        .name = embedder->info.name,
        .backend = LATE_OPS.name,
        .precision = embedder->info.precision,
        .max_tokens = embedder->info.max_tokens,
    };
    late->embedder = embedder;
    *out_reranker = &late->base;
    return COF_OK;
}
