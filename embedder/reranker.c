/* The contract's wrappers: arguments are checked here once, so that backends need not. */
#include <cof/embedder/reranker.h>

static enum cof_status check_arguments(struct cof_text query, const struct cof_text *texts,
                                       size_t count, struct cof_error *err)
{
    size_t offset = 0;
    if (count == 0)
        return COF_FAIL(err, COF_INVALID, "there is no text to rank");
    if (query.size == 0)
        return COF_FAIL(err, COF_INVALID, "the query is empty");
    if (!cof_utf8_is_valid(query, &offset))
        return COF_FAIL(err, COF_INVALID, "the query is not valid UTF-8 at byte %zu", offset);
    for (size_t i = 0; i < count; i++) {
        if (!cof_utf8_is_valid(texts[i], &offset))
            return COF_FAIL(err, COF_INVALID, "text %zu is not valid UTF-8 at byte %zu", i, offset);
    }
    return COF_OK;
}

enum cof_status cof_reranker_rank(struct cof_reranker *reranker, struct cof_text query,
                                  const struct cof_text *texts, size_t count,
                                  const struct cof_cancel *cancel, float *out_scores,
                                  size_t *out_token_count, struct cof_error *err)
{
    COF_TRY(check_arguments(query, texts, count, err));
    COF_TRY(cof_cancel_check(cancel, err));
    return reranker->ops->rank(reranker, query, texts, count, cancel, out_scores, out_token_count,
                               err);
}

void cof_reranker_close(struct cof_reranker *reranker)
{
    if (reranker != NULL)
        reranker->ops->close(reranker);
}
