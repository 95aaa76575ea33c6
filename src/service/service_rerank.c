/* Texts by how well they answer a query: authorise, limit, rank, record what was asked. */
#include "service_private.h"

#include <stdlib.h>

const struct cof_reranker_info *cof_service_reranker_info(const struct cof_service *service)
{
    return service->options.reranker == NULL ? NULL : &service->options.reranker->info;
}

static enum cof_status check(const struct cof_service *service,
                             const struct cof_service_rerank *rerank, struct cof_error *err)
{
    const struct cof_reranker_info *info = cof_service_reranker_info(service);
    if (info == NULL) {
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "there is no reranker: it needs a local embedding model or reranker.model");
    }
    if (rerank->model.size > 0 && !cof_text_equal(rerank->model, cof_text_from(info->name))) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "reranker \"%.*s\" is not loaded; this server has \"%s\"",
                        COF_TEXT_ARG(cof_text_slice(rerank->model, 0, 64)), info->name);
    }
    size_t most = service->options.max_rerank_count;
    if (most != 0 && rerank->count > most) {
        return COF_FAIL(err, COF_INVALID, "%zu documents are more than the %zu that are allowed",
                        rerank->count, most);
    }
    if (rerank->query.size > COF_SEARCH_MAX_QUERY_BYTES) {
        return COF_FAIL(err, COF_TOO_LARGE, "a query of %zu bytes is over the limit of %d",
                        rerank->query.size, COF_SEARCH_MAX_QUERY_BYTES);
    }
    return COF_OK;
}

static int compare_ranks(const void *a, const void *b)
{
    const struct cof_service_rank *left = a;
    const struct cof_service_rank *right = b;
    if (left->score > right->score) {
        return -1;
    }
    if (left->score < right->score) {
        return 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

static void sort_ranks(const float *scores, size_t count, struct cof_service_rank *ranks)
{
    for (size_t i = 0; i < count; i++) {
        ranks[i] = (struct cof_service_rank){.index = i, .score = scores[i]};
    }
    qsort(ranks, count, sizeof(*ranks), compare_ranks);
}

enum cof_status cof_service_rerank(struct cof_service *service, struct cof_call *call,
                                   const struct cof_service_rerank *rerank,
                                   struct cof_service_rank **out_ranks, size_t *out_token_count,
                                   struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_EMBED, err));
    COF_TRY(check(service, rerank, err));
    float *scores = cof_arena_array(&call->arena, rerank->count, sizeof(*scores));
    struct cof_service_rank *ranks = cof_arena_array(&call->arena, rerank->count, sizeof(*ranks));
    if (scores == NULL || ranks == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t token_count = 0;
    enum cof_status status =
        cof_reranker_rank(service->options.reranker, rerank->query, rerank->texts, rerank->count,
                          &call->cancel, scores, &token_count, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_RERANK, status);
    record.query = rerank->query;
    record.details = cof_arena_format(&call->arena, "{\"documents\":%zu,\"tokens\":%zu}",
                                      rerank->count, token_count);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    sort_ranks(scores, rerank->count, ranks);
    *out_ranks = ranks;
    *out_token_count = token_count;
    return COF_OK;
}
