/* Checking a request before anything is searched. */
#include "search_query.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cof/base/unicode.h>

#include "fusion.h"

enum { MAX_COLLECTIONS = 16 };

static bool wants_vector(const struct cof_search_request *request)
{
    return request->mode != COF_SEARCH_LEXICAL &&
           (request->query_vector != NULL || request->query.size > 0);
}

static bool is_share(float value)
{
    return value >= 0 && value <= 1; /* false for NAN */
}

static enum cof_status check_numbers(const struct cof_search_request *request,
                                     struct cof_error *err)
{
    if (request->collection_count == 0 || request->collection_count > MAX_COLLECTIONS)
        return COF_FAIL(err, COF_INVALID, "a search takes 1 to %d collections", MAX_COLLECTIONS);
    if (request->k == 0 || request->k > COF_SEARCH_MAX_K)
        return COF_FAIL(err, COF_INVALID, "k must be between 1 and %d", COF_SEARCH_MAX_K);
    if (!is_share(request->min_score))
        return COF_FAIL(err, COF_INVALID, "the lowest score must be between 0 and 1");
    if (!(request->vector_weight < 0) && !is_share(request->vector_weight))
        return COF_FAIL(err, COF_INVALID, "the vector weight must be between 0 and 1");
    if (request->principal == NULL)
        return COF_FAIL(err, COF_INVALID, "a search needs somebody who asks");
    return COF_OK;
}

static enum cof_status check_text(const struct cof_search_request *request, struct cof_text words,
                                  struct cof_error *err)
{
    if (request->query.size > COF_SEARCH_MAX_QUERY_BYTES)
        return COF_FAIL(err, COF_TOO_LARGE, "a query of %zu bytes is over the limit of %d",
                        request->query.size, COF_SEARCH_MAX_QUERY_BYTES);
    if (!cof_utf8_is_valid(request->query, NULL))
        return COF_FAIL(err, COF_INVALID, "the query is not valid UTF-8");
    if (words.size == 0 && request->query_vector == NULL)
        return COF_FAIL(err, COF_INVALID, "the query is empty");
    if (words.size == 0 && request->mode == COF_SEARCH_LEXICAL)
        return COF_FAIL(err, COF_INVALID, "a lexical search needs a query text");
    return COF_OK;
}

static enum cof_status check_rerank(const struct cof_search_options *options, struct cof_text words,
                                    struct cof_error *err)
{
    if (options->reranker == NULL)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "there is no reranker: it needs a local embedding model or reranker.model");
    if (words.size == 0)
        return COF_FAIL(err, COF_INVALID, "hits are reranked by the query's text; give one");
    return COF_OK;
}

static enum cof_status get_collections(const struct cof_search_options *options,
                                       const struct cof_search_request *request,
                                       struct cof_arena *arena, struct cof_search_query *query,
                                       struct cof_error *err)
{
    query->collections =
        cof_arena_array(arena, request->collection_count, sizeof(query->collections[0]));
    if (query->collections == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < request->collection_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (request->collections[i] == request->collections[j])
                return COF_FAIL(err, COF_INVALID, "collection %" PRIu64 " is named twice",
                                request->collections[i]);
        }
        COF_TRY(cof_store_get_collection(options->store, request->collections[i], arena,
                                         &query->collections[i], err));
    }
    return COF_OK;
}

/* ---- The vector ---- */

static enum cof_status take_vector(const struct cof_search_query *query, struct cof_arena *arena,
                                   float **out_vector, struct cof_error *err)
{
    const struct cof_search_request *request = query->request;
    size_t count = request->query_vector_count;
    double sum = 0;

    for (size_t i = 0; i < request->collection_count; i++) {
        if (query->collections[i].dimension != count)
            return COF_FAIL(err, COF_INVALID,
                            "the query vector has %zu numbers, the collection's have %" PRIu32,
                            count, query->collections[i].dimension);
    }
    for (size_t i = 0; i < count; i++)
        sum += (double)request->query_vector[i] * (double)request->query_vector[i];
    if (!isfinite(sum) || sum <= 0)
        return COF_FAIL(err, COF_INVALID,
                        "the query vector holds a NaN or an infinity, or is zero");
    float *vector = cof_arena_array(arena, count, sizeof(*vector));
    if (vector == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++)
        vector[i] = (float)((double)request->query_vector[i] / sqrt(sum));
    *out_vector = vector;
    return COF_OK;
}

static enum cof_status check_model(const struct cof_search_query *query, struct cof_error *err)
{
    const struct cof_embedder_info *info = &query->options->embedder->info;

    assert(query->collections != NULL);
    for (size_t i = 0; i < query->request->collection_count; i++) {
        const struct cof_collection *collection = &query->collections[i];
        if (memcmp(collection->model_fingerprint, info->fingerprint, sizeof(info->fingerprint)) !=
                0 ||
            collection->dimension != info->dimension)
            return COF_FAIL(err, COF_CONFLICT,
                            "collection '%.*s' was embedded by '%.*s', but '%s' is loaded: load "
                            "that model, or search by words",
                            COF_TEXT_ARG(collection->name), COF_TEXT_ARG(collection->model_name),
                            info->name);
    }
    return COF_OK;
}

static enum cof_status embed_text(struct cof_search_query *query, float *vector,
                                  struct cof_error *err)
{
    const struct cof_search_request *request = query->request;

    if (query->options->query_cache != NULL)
        return cof_query_cache_embed(query->options->query_cache, request->principal->credential_id,
                                     &request->query, 1, request->cancel, vector,
                                     &query->token_count, err);
    return cof_embedder_embed(query->options->embedder, COF_EMBED_QUERY, &request->query, 1,
                              request->cancel, vector, &query->token_count, err);
}

static enum cof_status embed_words(struct cof_search_query *query, struct cof_arena *arena,
                                   float **out_vector, struct cof_error *err)
{
    struct cof_embedder *embedder = query->options->embedder;

    if (embedder == NULL)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "no embedding model is loaded: give a query vector, or search by words");
    COF_TRY(check_model(query, err));
    float *vector = cof_arena_array(arena, embedder->info.dimension, sizeof(*vector));
    if (vector == NULL)
        return COF_FAIL_MEMORY(err);
    int64_t begin = cof_clock_steady_ns(query->options->clock);
    COF_TRY(embed_text(query, vector, err));
    query->embed_ns = cof_clock_steady_ns(query->options->clock) - begin;
    *out_vector = vector;
    return COF_OK;
}

static enum cof_status make_vector(struct cof_search_query *query, struct cof_arena *arena,
                                   struct cof_error *err)
{
    float *vector = NULL;

    if (!wants_vector(query->request))
        return COF_OK;
    if (query->request->query_vector != NULL)
        COF_TRY(take_vector(query, arena, &vector, err));
    else
        COF_TRY(embed_words(query, arena, &vector, err));
    query->vector = vector;
    return COF_OK;
}

/* True where the text has anything but white space. */
static bool has_text(struct cof_text text)
{
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(text, i, &code_point);
        if (!cof_unicode_is_whitespace(code_point))
            return true;
    }
    return false;
}

enum cof_status cof_search_query_make(const struct cof_search_options *options,
                                      const struct cof_search_request *request,
                                      struct cof_arena *arena, struct cof_search_query *out_query,
                                      struct cof_error *err)
{
    struct cof_search_query query = {.request = request, .options = options};
    struct cof_text words = {0};

    COF_TRY(check_numbers(request, err));
    if (cof_utf8_is_valid(request->query, NULL) && has_text(request->query))
        words = request->query;
    COF_TRY(check_text(request, words, err));
    if (request->must_rerank)
        COF_TRY(check_rerank(options, words, err));
    COF_TRY(get_collections(options, request, arena, &query, err));
    COF_TRY(make_vector(&query, arena, err));
    if (request->mode != COF_SEARCH_VECTOR)
        query.words = words;
    query.vector_weight = request->vector_weight;
    if (query.vector_weight < 0)
        query.vector_weight = options->default_vector_weight;
    if (query.vector_weight <= 0 && request->vector_weight < 0)
        query.vector_weight = COF_DEFAULT_VECTOR_WEIGHT;
    query.read_count = request->k;
    if (request->must_rerank && options->rerank_count > request->k)
        query.read_count = options->rerank_count;
    *out_query = query;
    return COF_OK;
}

bool cof_search_permits(const struct cof_search_query *query, const struct cof_acl *acl,
                        const struct cof_attributes *attributes)
{
    return cof_auth_can_read(query->request->principal, acl) &&
           cof_filter_matches(query->request->filter, attributes);
}

bool cof_search_permits_all(const struct cof_search_query *query)
{
    return query->request->filter == NULL &&
           (query->request->principal->roles & (uint32_t)COF_ROLE_ADMIN) != 0;
}
