/* The flow of a search: check, find candidates, read them, check again, rerank, return.
 *
 * What the index says may be older than what the store says by the moment between two locks, so the
 * store has the last word: a chunk of a version that is gone, or of a document whose access list or
 * attributes no longer fit, is dropped and the next one takes its place. When that leaves fewer
 * than k, the whole search is repeated deeper. */
#include <cof/search/search.h>

#include <math.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "candidates.h"
#include "rerank.h"
#include "search_query.h"

enum { MIN_DEPTH = 50, DEPTH_PER_HIT = 4, MAX_ROUNDS = 3 };

struct reading {
    const struct cof_search_query *query;
    const struct cof_candidates *candidates;
    struct cof_arena *arena;
    struct cof_search_hit *hits; /* room for read_count */
    size_t hit_count;
    size_t dropped_count;
};

/* ---- Reading ---- */

static enum cof_status is_still_permitted(const struct reading *reading,
                                          const struct cof_chunk_read *read, bool *out_is_permitted,
                                          struct cof_error *err)
{
    const struct cof_attributes *attributes = NULL;

    if (reading->query->request->filter != NULL)
        COF_TRY(cof_attributes_parse(read->document.attributes, reading->arena, &attributes, err));
    *out_is_permitted = cof_search_permits(reading->query, &read->document.acl, attributes);
    return COF_OK;
}

static enum cof_status take_hit(struct reading *reading, const struct cof_fusable *item,
                                const struct cof_chunk_read *read, struct cof_error *err)
{
    const struct cof_candidate *detail = &reading->candidates->details[item->tag];
    bool is_permitted = false;

    if (read->is_found)
        COF_TRY(is_still_permitted(reading, read, &is_permitted, err));
    if (!is_permitted) {
        reading->dropped_count++;
        return COF_OK;
    }
    reading->hits[reading->hit_count++] = (struct cof_search_hit){
        .collection = item->collection,
        .document = read->document,
        .chunk = read->chunk,
        .score = item->score,
        .vector_score = detail->vector_score,
        .lexical_score = detail->word_score,
        .coverage = detail->coverage,
        .rerank_score = NAN,
    };
    return COF_OK;
}

/* Reads the items [begin, end) of one collection into reads, which stand as the items do. */
static enum cof_status read_collection(const struct reading *reading, uint64_t collection,
                                       size_t begin, size_t end, struct cof_chunk_read *reads,
                                       struct cof_error *err)
{
    struct cof_chunk_ref *refs = cof_arena_array(reading->arena, end - begin, sizeof(*refs));
    struct cof_chunk_read *found = cof_arena_array(reading->arena, end - begin, sizeof(*found));
    size_t count = 0;

    if (refs == NULL || found == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = begin; i < end; i++) {
        const struct cof_fusable *item = &reading->candidates->items[i];
        const struct cof_candidate *detail = &reading->candidates->details[item->tag];
        if (item->collection == collection)
            refs[count++] = (struct cof_chunk_ref){.document_number = detail->document_number,
                                                   .version = detail->version,
                                                   .chunk_index = detail->chunk_index};
    }
    if (count == 0)
        return COF_OK;
    COF_TRY(cof_store_read_chunks(reading->query->options->store, collection, refs, count,
                                  reading->arena, found, err));
    count = 0;
    for (size_t i = begin; i < end; i++) {
        if (reading->candidates->items[i].collection == collection)
            reads[i - begin] = found[count++];
    }
    return COF_OK;
}

/* Reads the items [begin, end) and keeps what may be kept. */
static enum cof_status read_items(struct reading *reading, size_t begin, size_t end,
                                  struct cof_error *err)
{
    const struct cof_search_request *request = reading->query->request;
    struct cof_chunk_read *reads = cof_arena_array(reading->arena, end - begin, sizeof(*reads));

    if (reads == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < request->collection_count; i++)
        COF_TRY(read_collection(reading, request->collections[i], begin, end, reads, err));
    for (size_t i = begin; i < end; i++)
        COF_TRY(take_hit(reading, &reading->candidates->items[i], &reads[i - begin], err));
    return COF_OK;
}

/* In order of rank, as many at a time as hits are missing. */
static enum cof_status read_hits(struct reading *reading, struct cof_error *err)
{
    const struct cof_search_request *request = reading->query->request;
    size_t wanted = reading->query->read_count;
    size_t count = reading->candidates->count;
    size_t begin = 0;

    while (count > 0 && reading->candidates->items[count - 1].score < request->min_score)
        count--;
    reading->hits = cof_arena_array(reading->arena, wanted, sizeof(reading->hits[0]));
    if (reading->hits == NULL)
        return COF_FAIL_MEMORY(err);
    while (begin < count && reading->hit_count < wanted) {
        size_t missing = wanted - reading->hit_count;
        size_t end = count - begin > missing ? begin + missing : count;
        COF_TRY(cof_cancel_check(request->cancel, err));
        COF_TRY(read_items(reading, begin, end, err));
        begin = end;
    }
    return COF_OK;
}

/* ---- Searching ---- */

/* One round; *out_is_done false asks for a deeper one. */
static enum cof_status search_round(const struct cof_search_query *query, size_t depth,
                                    struct cof_arena *arena, struct cof_search_result *result,
                                    bool *out_is_done, struct cof_error *err)
{
    const struct cof_clock *clock = query->options->clock;
    struct cof_candidates candidates = {0};
    struct reading reading = {.query = query, .candidates = &candidates, .arena = arena};

    result->trace.plan = NULL;
    result->trace.chunk_count = 0;
    result->trace.permitted_count = 0;
    COF_TRY(cof_candidates_find(query, depth, arena, &candidates, &result->trace, err));
    int64_t begin = cof_clock_steady_ns(clock);
    COF_TRY(read_hits(&reading, err));
    result->trace.read_ns += cof_clock_steady_ns(clock) - begin;
    result->hits = reading.hits;
    result->hit_count = reading.hit_count;
    *out_is_done = reading.hit_count == query->read_count || reading.dropped_count == 0 ||
                   !candidates.may_have_more;
    return COF_OK;
}

enum cof_status cof_search(struct cof_searcher *searcher, const struct cof_search_request *request,
                           struct cof_arena *arena, struct cof_search_result *out_result,
                           struct cof_error *err)
{
    struct cof_search_query query = {0};
    struct cof_search_result result = {0};
    int64_t begin = cof_clock_steady_ns(searcher->options.clock);
    bool is_done = false;

    COF_TRY(cof_cancel_check(request->cancel, err));
    COF_TRY(cof_search_query_make(&searcher->options, request, arena, &query, err));
    size_t depth = DEPTH_PER_HIT * query.read_count;
    if (depth < MIN_DEPTH)
        depth = MIN_DEPTH;
    for (int round = 0; round < MAX_ROUNDS && !is_done; round++) {
        COF_TRY(cof_cancel_check(request->cancel, err));
        COF_TRY(search_round(&query, depth, arena, &result, &is_done, err));
        depth *= DEPTH_PER_HIT;
    }
    if (request->must_rerank)
        COF_TRY(
            cof_search_rerank(&query, result.hits, result.hit_count, arena, &result.trace, err));
    if (result.hit_count > request->k)
        result.hit_count = request->k;
    result.trace.query_tokens = query.token_count;
    result.trace.embed_ns = query.embed_ns;
    result.trace.total_ns = cof_clock_steady_ns(searcher->options.clock) - begin;
    *out_result = result;
    return COF_OK;
}

enum cof_status cof_searcher_create(const struct cof_search_options *options,
                                    struct cof_searcher **out_searcher, struct cof_error *err)
{
    if (!(options->default_vector_weight >= 0 && options->default_vector_weight <= 1))
        return COF_FAIL(err, COF_INVALID, "the vector weight must be between 0 and 1");
    if (!(options->rerank_weight >= 0 && options->rerank_weight <= 1))
        return COF_FAIL(err, COF_INVALID, "the reranker's weight must be between 0 and 1");
    if (options->rerank_count > COF_SEARCH_MAX_K)
        return COF_FAIL(err, COF_INVALID, "at most %d hits are reranked", COF_SEARCH_MAX_K);
    struct cof_searcher *searcher = cof_calloc(1, sizeof(*searcher));
    if (searcher == NULL)
        return COF_FAIL_MEMORY(err);
    searcher->options = *options;
    *out_searcher = searcher;
    return COF_OK;
}

void cof_searcher_destroy(struct cof_searcher *searcher)
{
    cof_free(searcher);
}

/* ---- Names ---- */

static const char *const mode_names[] = {
    [COF_SEARCH_HYBRID] = "hybrid",
    [COF_SEARCH_VECTOR] = "vector",
    [COF_SEARCH_LEXICAL] = "lexical",
};

const char *cof_search_mode_name(enum cof_search_mode mode)
{
    return mode_names[mode];
}

enum cof_status cof_search_mode_parse(struct cof_text name, enum cof_search_mode *out_mode,
                                      struct cof_error *err)
{
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
        if (cof_text_equal(name, cof_text_from(mode_names[i]))) {
            *out_mode = (enum cof_search_mode)i;
            return COF_OK;
        }
    }
    return COF_FAIL(err, COF_INVALID,
                    "search mode '%.*s' is not known: use hybrid, vector, lexical",
                    (int)(name.size < 32 ? name.size : 32), name.data != NULL ? name.data : "");
}
