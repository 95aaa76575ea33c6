/* The contract's wrappers: arguments are checked here once, so that backends need not. */
#include <cof/embedder/embedder.h>

#include <string.h>

#include <cof/base/alloc.h>

#include "words.h"

static enum cof_status check_text(struct cof_text text, size_t index, struct cof_error *err)
{
    size_t offset = 0;
    if (!cof_utf8_is_valid(text, &offset))
        return COF_FAIL(err, COF_INVALID, "text %zu is not valid UTF-8 at byte %zu", index, offset);
    return COF_OK;
}

/* Several calls of the backend into memory of their own, so that a late failure leaves the caller's
 * untouched. */
static enum cof_status embed_parts(struct cof_embedder *embedder, enum cof_embed_role role,
                                   const struct cof_text *texts, size_t count,
                                   const struct cof_cancel *cancel, float *vectors,
                                   size_t *token_counts, struct cof_error *err)
{
    size_t part = embedder->info.max_batch_count;
    for (size_t done = 0; done < count; done += part) {
        size_t part_count = count - done < part ? count - done : part;
        COF_TRY(embedder->ops->embed(embedder, role, texts + done, part_count, cancel,
                                     vectors + done * embedder->info.dimension, token_counts + done,
                                     err));
    }
    return COF_OK;
}

static enum cof_status embed_many(struct cof_embedder *embedder, enum cof_embed_role role,
                                  const struct cof_text *texts, size_t count,
                                  const struct cof_cancel *cancel, float *out_vectors,
                                  size_t *out_token_counts, struct cof_error *err)
{
    size_t value_count = 0;
    enum cof_status status = COF_NO_MEMORY;
    float *vectors = NULL;
    if (!__builtin_mul_overflow(count, embedder->info.dimension, &value_count))
        vectors = cof_calloc(value_count, sizeof(*vectors));
    size_t *token_counts = cof_calloc(count, sizeof(*token_counts));
    if (vectors == NULL || token_counts == NULL)
        status = COF_FAIL_MEMORY(err);
    else
        status = embed_parts(embedder, role, texts, count, cancel, vectors, token_counts, err);
    if (status == COF_OK) {
        memcpy(out_vectors, vectors, value_count * sizeof(*vectors));
        if (out_token_counts != NULL)
            memcpy(out_token_counts, token_counts, count * sizeof(*token_counts));
    }
    cof_free(vectors);
    cof_free(token_counts);
    return status;
}

enum cof_status cof_embedder_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                   const struct cof_text *texts, size_t count,
                                   const struct cof_cancel *cancel, float *out_vectors,
                                   size_t *out_token_counts, struct cof_error *err)
{
    if (count == 0)
        return COF_FAIL(err, COF_INVALID, "there is no text to embed");
    for (size_t i = 0; i < count; i++)
        COF_TRY(check_text(texts[i], i, err));
    COF_TRY(cof_cancel_check(cancel, err));
    if (count > embedder->info.max_batch_count)
        return embed_many(embedder, role, texts, count, cancel, out_vectors, out_token_counts, err);
    return embedder->ops->embed(embedder, role, texts, count, cancel, out_vectors, out_token_counts,
                                err);
}

enum cof_status cof_embedder_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                          size_t *out_count, struct cof_error *err)
{
    COF_TRY(check_text(text, 0, err));
    return embedder->ops->count_tokens(embedder, text, out_count, err);
}

struct each_run {
    cof_embedder_token_fn each;
    void *context;
};

static bool give_word(void *context, size_t begin, size_t end)
{
    const struct each_run *run = context;
    run->each(run->context, COF_TOKEN_WITHOUT_ID, begin, end);
    return true;
}

enum cof_status cof_embedder_each_token(struct cof_embedder *embedder, struct cof_text text,
                                        cof_embedder_token_fn each, void *context,
                                        struct cof_error *err)
{
    COF_TRY(check_text(text, 0, err));
    if (embedder->ops->each_token != NULL)
        return embedder->ops->each_token(embedder, text, each, context, err);
    struct each_run run = {.each = each, .context = context};
    return cof_words_each(text, give_word, &run, err);
}

/* Of what is optional and has no default. */
static enum cof_status check_extra(const struct cof_embedder *embedder, bool is_there, size_t count,
                                   const char *what, struct cof_error *err)
{
    if (!is_there)
        return COF_FAIL(err, COF_UNAVAILABLE, "the embedder %.60s cannot %s", embedder->info.name,
                        what);
    if (count == 0)
        return COF_FAIL(err, COF_INVALID, "there is no text to embed");
    if (count > embedder->info.max_batch_count)
        return COF_FAIL(err, COF_INVALID, "%zu texts are more than %zu in one call", count,
                        embedder->info.max_batch_count);
    return COF_OK;
}

enum cof_status cof_embedder_embed_ids(struct cof_embedder *embedder,
                                       const struct cof_token_ids *texts, size_t count,
                                       const struct cof_cancel *cancel, float *out_vectors,
                                       size_t *out_token_counts, struct cof_error *err)
{
    COF_TRY(check_extra(embedder, embedder->ops->embed_ids != NULL, count, "embed token ids", err));
    COF_TRY(cof_cancel_check(cancel, err));
    return embedder->ops->embed_ids(embedder, texts, count, cancel, out_vectors, out_token_counts,
                                    err);
}

enum cof_status cof_embedder_embed_tokens(struct cof_embedder *embedder, enum cof_embed_role role,
                                          const struct cof_text *texts, size_t count,
                                          const struct cof_cancel *cancel, struct cof_arena *arena,
                                          struct cof_token_vectors *out_texts,
                                          struct cof_error *err)
{
    COF_TRY(check_extra(embedder, embedder->ops->embed_tokens != NULL, count,
                        "give a vector for every token", err));
    for (size_t i = 0; i < count; i++)
        COF_TRY(check_text(texts[i], i, err));
    COF_TRY(cof_cancel_check(cancel, err));
    return embedder->ops->embed_tokens(embedder, role, texts, count, cancel, arena, out_texts, err);
}

void cof_embedder_close(struct cof_embedder *embedder)
{
    if (embedder != NULL)
        embedder->ops->close(embedder);
}
