/* POST /v1/vector_stores/{id}/search: OpenAI's shape, with Coffer's own members beside it.
 *
 * Several queries are searched one by one and their hits joined, each chunk once with its best
 * score. */
#include <cof/base/base64.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "handlers.h"
#include "hits.h"

#define MAX_QUERIES 8
#define MAX_DIMENSION 16384

struct search {
    struct cof_service_search wanted;
    const struct cof_text *queries;
    size_t query_count;
    bool must_explain;
};

struct found {
    struct cof_search_hit *hits;
    size_t count;
    struct cof_search_trace traces[MAX_QUERIES];
    size_t trace_count;
};

static enum cof_status parse_query(const struct cof_fields *fields, struct search *search,
                                   struct cof_error *err)
{
    const struct cof_json *query = cof_json_find(fields->object, "query");
    if (query == NULL || cof_json_type_of(query) == COF_JSON_NULL) {
        return COF_OK;
    }
    if (cof_json_type_of(query) == COF_JSON_ARRAY) {
        return cof_fields_texts(fields, "query", MAX_QUERIES, &search->queries,
                                &search->query_count, err);
    }
    struct cof_text *text = cof_arena_array(&fields->request->call.arena, 1, sizeof(*text));
    if (text == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    if (cof_json_type_of(query) != COF_JSON_STRING) {
        return cof_fields_refuse(fields, "query", err,
                                 "'query' must be a string or an array of strings");
    }
    *text = cof_json_text(query);
    search->queries = text;
    search->query_count = 1;
    return COF_OK;
}

static enum cof_status decode_vector(const struct cof_fields *fields, struct cof_text text,
                                     struct search *search, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bytes = {0};
    if (!cof_base64_decode(text, &bytes) || bytes.size == 0 || bytes.size % 4 != 0) {
        return cof_fields_refuse(fields, "query_vector", err,
                                 "'query_vector' must be an array of numbers, or base64 of "
                                 "little-endian 32-bit floats");
    }
    size_t count = bytes.size / 4;
    float *vector = cof_arena_array(&fields->request->call.arena, count, sizeof(*vector));
    if (vector == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        memcpy(&bits, bytes.data + 4 * i, sizeof(bits));
        bits = le32toh(bits);
        memcpy(&vector[i], &bits, sizeof(bits));
    }
    search->wanted.query_vector = vector;
    search->wanted.query_vector_count = count;
    return COF_OK;
}

static enum cof_status parse_vector(const struct cof_fields *fields, struct search *search,
                                    struct cof_error *err)
{
    const struct cof_json *value = cof_json_find(fields->object, "query_vector");
    enum cof_json_type type = value != NULL ? cof_json_type_of(value) : COF_JSON_NULL;
    if (type == COF_JSON_NULL) {
        return COF_OK;
    }
    if (type != COF_JSON_ARRAY) {
        /* text of any other type is empty, and refused as such */
        return decode_vector(fields, cof_json_text(value), search, err);
    }
    size_t count = cof_json_count(value);
    if (count == 0 || count > MAX_DIMENSION) {
        return cof_fields_refuse(fields, "query_vector", err,
                                 "'query_vector' must have between 1 and %d numbers",
                                 MAX_DIMENSION);
    }
    float *vector = cof_arena_array(&fields->request->call.arena, count, sizeof(*vector));
    if (vector == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t i = 0;
    for (const struct cof_json *item = cof_json_first(value); item != NULL;
         item = cof_json_next(item)) {
        double number = cof_json_number(item);
        if (cof_json_type_of(item) != COF_JSON_NUMBER || fabs(number) > 3e38) {
            return cof_fields_refuse(fields, "query_vector", err,
                                     "item %zu of 'query_vector' is not a 32-bit number", i);
        }
        vector[i++] = (float)number;
    }
    search->wanted.query_vector = vector;
    search->wanted.query_vector_count = count;
    return COF_OK;
}

/* Coffer's own `rerank`, and the one ranker of OpenAI's that says something. */
static enum cof_status parse_rerank(const struct cof_fields *fields, struct search *search,
                                    struct cof_error *err)
{
    bool must_rerank = false;
    const struct cof_json *value = cof_json_find(fields->object, "rerank");
    COF_TRY(cof_fields_bool(fields, "rerank", &must_rerank, err));
    if (value != NULL && cof_json_type_of(value) == COF_JSON_BOOL) {
        search->wanted.rerank = must_rerank ? COF_RERANK_YES : COF_RERANK_NO;
    }
    return COF_OK;
}

static enum cof_status parse_ranking(const struct cof_fields *fields, struct search *search,
                                     struct cof_error *err)
{
    const struct cof_json *options = NULL;
    COF_TRY(cof_fields_object(fields, "ranking_options", &options, err));
    if (options == NULL) {
        return COF_OK;
    }
    const struct cof_fields inside = cof_fields_in(fields, options, "ranking_options.");
    struct cof_text ranker = {0}; /* OpenAI's rankers are not ours: any name is fine */
    double threshold = 0;
    COF_TRY(cof_fields_text(&inside, "ranker", &ranker, err));
    if (cof_text_equal(ranker, COF_TEXT("none"))) {
        search->wanted.rerank = COF_RERANK_NO;
    }
    COF_TRY(cof_fields_number(&inside, "score_threshold", 0, 1, &threshold, err));
    search->wanted.min_score = (float)threshold;
    return COF_OK;
}

static enum cof_status parse(struct cof_request *request, struct search *search,
                             struct cof_error *err)
{
    static const char *const modes[] = {"hybrid", "vector", "lexical"};
    static const char *const fusions[] = {"weighted", "rrf"};
    const struct cof_fields fields = cof_fields_of(request);
    size_t mode = 0;
    size_t fusion = 0;
    bool must_rewrite = false; /* accepted, without effect */
    search->wanted.k = 10;
    COF_TRY(parse_query(&fields, search, err));
    COF_TRY(parse_vector(&fields, search, err));
    if (search->query_count == 0 && search->wanted.query_vector == NULL) {
        return cof_fields_refuse(&fields, "query", err, "'query' or 'query_vector' is required");
    }
    if (search->query_count > 1 && search->wanted.query_vector != NULL) {
        return cof_fields_refuse(&fields, "query_vector", err,
                                 "'query_vector' goes with one query at most");
    }
    COF_TRY(
        cof_fields_size(&fields, "max_num_results", 1, COF_SEARCH_MAX_K, &search->wanted.k, err));
    COF_TRY(cof_fields_choice(&fields, "mode", modes, 3, &mode, err));
    COF_TRY(cof_fields_choice(&fields, "fusion", fusions, 2, &fusion, err));
    COF_TRY(cof_fields_bool(&fields, "exact", &search->wanted.must_be_exact, err));
    COF_TRY(cof_fields_bool(&fields, "explain", &search->must_explain, err));
    COF_TRY(cof_fields_bool(&fields, "rewrite_query", &must_rewrite, err));
    COF_TRY(cof_fields_object(&fields, "filters", &search->wanted.filter, err));
    COF_TRY(parse_ranking(&fields, search, err));
    COF_TRY(parse_rerank(&fields, search, err));
    search->wanted.mode = (enum cof_search_mode)mode;
    search->wanted.fusion = (enum cof_fusion)fusion;
    search->wanted.collections = &request->parameters[0];
    search->wanted.collection_count = 1;
    return COF_OK;
}

static int compare_hits(const void *a, const void *b)
{
    const struct cof_search_hit *left = a;
    const struct cof_search_hit *right = b;
    if (left->score > right->score) {
        return -1;
    }
    if (left->score < right->score) {
        return 1;
    }
    return left->chunk.chunk_id < right->chunk.chunk_id
               ? -1
               : left->chunk.chunk_id > right->chunk.chunk_id;
}

/* Adds the hits of one query: a chunk that is there already keeps its better score. */
static void join(struct found *found, const struct cof_search_result *result)
{
    for (size_t i = 0; i < result->hit_count; i++) {
        const struct cof_search_hit *hit = &result->hits[i];
        size_t j = 0;
        while (j < found->count && found->hits[j].chunk.chunk_id != hit->chunk.chunk_id) {
            j++;
        }
        if (j == found->count) {
            found->hits[found->count++] = *hit;
        } else if (hit->score > found->hits[j].score) {
            found->hits[j] = *hit;
        }
    }
}

static enum cof_status run(struct cof_request *request, struct search *search, struct found *found,
                           struct cof_error *err)
{
    size_t run_count = search->query_count > 0 ? search->query_count : 1;
    found->hits =
        cof_arena_array(&request->call.arena, run_count * search->wanted.k, sizeof(*found->hits));
    if (found->hits == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < run_count; i++) {
        struct cof_search_result result = {0};
        if (search->query_count > 0) {
            search->wanted.query = search->queries[i];
        }
        enum cof_status status = cof_service_search(request->api->service, &request->call,
                                                    &search->wanted, &result, err);
        COF_TRY(status);
        join(found, &result);
        found->traces[found->trace_count++] = result.trace;
    }
    if (run_count > 1) {
        qsort(found->hits, found->count, sizeof(*found->hits), compare_hits);
    }
    if (found->count > search->wanted.k) {
        found->count = search->wanted.k;
    }
    return COF_OK;
}

static void put_score(struct cof_json_writer *writer, const char *key, float score)
{
    cof_json_put_key(writer, key);
    cof_json_put_float(writer, score); /* NAN, not seen by that half, is null */
}

static void put_hit(struct cof_json_writer *writer, const struct cof_search_hit *hit,
                    bool must_explain)
{
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "file_id", hit->document.external_id);
    cof_json_member_text(writer, "filename", hit->document.filename);
    put_score(writer, "score", hit->score);
    cof_json_put_key(writer, "attributes");
    cof_request_put_json(writer, hit->document.attributes);
    cof_json_put_key(writer, "content");
    cof_json_begin_array(writer);
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "type", "text");
    cof_json_member_text(writer, "text", hit->chunk.text);
    cof_json_end_object(writer);
    cof_json_end_array(writer);
    cof_put_chunk_id(writer, hit->chunk.chunk_id);
    cof_json_member_unsigned(writer, "version", hit->document.version);
    cof_put_byte_range(writer, hit->chunk.byte_begin, hit->chunk.byte_end);
    cof_json_member_text(writer, "title", hit->document.title);
    cof_json_member_text(writer, "heading", hit->chunk.heading);
    if (must_explain) {
        put_score(writer, "vector_score", hit->vector_score);
        put_score(writer, "lexical_score", hit->lexical_score);
        put_score(writer, "coverage", hit->coverage);
        put_score(writer, "rerank_score", hit->rerank_score);
    }
    cof_json_end_object(writer);
}

static void put_milliseconds(struct cof_json_writer *writer, const char *key, int64_t ns)
{
    cof_json_member_number(writer, key, (double)ns / 1e6);
}

static void put_trace(struct cof_json_writer *writer, const struct cof_search_trace *trace)
{
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "plan", trace->plan);
    cof_json_member_unsigned(writer, "chunk_count", trace->chunk_count);
    cof_json_member_unsigned(writer, "permitted_count", trace->permitted_count);
    cof_json_member_unsigned(writer, "query_tokens", trace->query_tokens);
    put_milliseconds(writer, "embed_ms", trace->embed_ns);
    put_milliseconds(writer, "permit_ms", trace->permit_ns);
    put_milliseconds(writer, "vector_ms", trace->vector_ns);
    put_milliseconds(writer, "word_ms", trace->word_ns);
    put_milliseconds(writer, "fuse_ms", trace->fuse_ns);
    put_milliseconds(writer, "read_ms", trace->read_ns);
    cof_json_member_string(writer, "rerank", trace->rerank);
    cof_json_member_unsigned(writer, "rerank_count", trace->rerank_count);
    put_milliseconds(writer, "rerank_ms", trace->rerank_ns);
    put_milliseconds(writer, "total_ms", trace->total_ns);
    cof_json_end_object(writer);
}

static void put_traces(struct cof_json_writer *writer, const struct cof_request *request,
                       const struct found *found)
{
    cof_json_put_key(writer, "trace");
    cof_json_begin_object(writer);
    put_milliseconds(writer, "audit_ms", request->call.audit_wait_ns);
    cof_json_put_key(writer, "searches");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < found->trace_count; i++) {
        put_trace(writer, &found->traces[i]);
    }
    cof_json_end_array(writer);
    cof_json_end_object(writer);
}

enum cof_status cof_handle_search(struct cof_request *request, struct cof_error *err)
{
    struct search search = {0};
    struct found found = {0};
    COF_TRY(parse(request, &search, err));
    COF_TRY(run(request, &search, &found, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "vector_store.search_results.page");
    cof_json_put_key(&writer, "search_query");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < search.query_count; i++) {
        cof_json_put_text(&writer, search.queries[i]);
    }
    cof_json_end_array(&writer);
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < found.count; i++) {
        put_hit(&writer, &found.hits[i], search.must_explain);
    }
    cof_json_end_array(&writer);
    cof_json_member_bool(&writer, "has_more", false);
    cof_json_member_null(&writer, "next_page");
    if (search.must_explain) {
        put_traces(&writer, request, &found);
    }
    cof_json_end_object(&writer);
    return COF_OK;
}
