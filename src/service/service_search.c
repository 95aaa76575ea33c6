/* Search: resolve, filter, run, record what was shown, return. */
#include "service_private.h"

#include <cof/base/json.h>

/* What an auditor wants to read of a search, sealed in the payload. */
static enum cof_status describe_search(struct cof_call *call,
                                       const struct cof_service_search *search,
                                       const struct cof_search_result *result,
                                       struct cof_text *out_details, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer details = {0};
    struct cof_json_writer writer = cof_json_writer_to(&details);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "mode", cof_search_mode_name(search->mode));
    cof_json_member_unsigned(&writer, "k", search->k);
    cof_json_member_bool(&writer, "by_vector", search->query_vector != NULL);
    if (search->filter != NULL) {
        cof_json_put_key(&writer, "filter");
        cof_json_put_value(&writer, search->filter);
    }
    cof_json_member_string(&writer, "plan", result->trace.plan);
    cof_json_member_unsigned(&writer, "chunks", result->trace.chunk_count);
    cof_json_member_unsigned(&writer, "permitted", result->trace.permitted_count);
    if (result->trace.rerank != NULL) {
        cof_json_member_string(&writer, "rerank", result->trace.rerank);
    }
    cof_json_end_object(&writer);
    COF_TRY(cof_buffer_status(&details, err));
    *out_details = cof_arena_copy_text(&call->arena, cof_buffer_text(&details));
    if (out_details->data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

/* What nobody asked for is done where it can be: not without a reranker, nor for a vector alone. */
static bool must_rerank(const struct cof_service *service, const struct cof_service_search *search)
{
    if (search->rerank != COF_RERANK_AS_CONFIGURED) {
        return search->rerank == COF_RERANK_YES;
    }
    return service->options.must_rerank && service->options.reranker != NULL &&
           search->query.size > 0 && search->mode == COF_SEARCH_HYBRID;
}

/* Turns names and JSON into what src/search understands. */
static enum cof_status prepare(struct cof_service *service, struct cof_call *call,
                               const struct cof_service_search *search,
                               struct cof_search_request *out_request, struct cof_error *err)
{
    if (search->collection_count == 0) {
        return COF_FAIL(err, COF_INVALID, "name at least one vector store to search in");
    }
    uint64_t *numbers = NULL;
    COF_TRY(cof_service_resolve_all(service, call, search->collections, search->collection_count,
                                    &numbers, err));
    const struct cof_filter *filter = NULL;
    if (search->filter != NULL && cof_json_type_of(search->filter) != COF_JSON_NULL) {
        COF_TRY(cof_filter_parse(search->filter, &call->arena, &filter, err));
    }
    *out_request = (struct cof_search_request){
        .collections = numbers,
        .collection_count = search->collection_count,
        .query = search->query,
        .query_vector = search->query_vector,
        .query_vector_count = search->query_vector_count,
        .k = search->k == 0 ? 10 : search->k,
        .mode = search->mode,
        .fusion = search->fusion,
        .vector_weight = -1.0f,
        .min_score = search->min_score,
        .must_be_exact = search->must_be_exact,
        .must_rerank = must_rerank(service, search),
        .filter = filter,
        .principal = &call->principal,
        .cancel = &call->cancel,
    };
    return COF_OK;
}

enum cof_status cof_service_search(struct cof_service *service, struct cof_call *call,
                                   const struct cof_service_search *search,
                                   struct cof_search_result *out_result, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_SEARCH, err));
    struct cof_search_request request;
    COF_TRY(prepare(service, call, search, &request, err));
    struct cof_search_result result = {0};
    enum cof_status status =
        cof_search(service->options.searcher, &request, &call->arena, &result, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_SEARCH, status);
    record.collection = request.collections[0];
    record.query = search->query;
    if (status == COF_OK) {
        COF_TRY(cof_service_record_hits(call, &record, result.hits, result.hit_count, err));
        COF_TRY(describe_search(call, search, &result, &record.details, err));
    }
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_result = result;
    return COF_OK;
}
