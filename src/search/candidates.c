/* Asking each index, joining the halves, fusing. */
#include "candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Both halves of all collections, before they are joined. */
struct joining {
    const struct cof_search_query *query;
    struct cof_candidates joined;
    struct cof_index_result *results; /* by collection of the request */
};

static bool permit(void *context, const struct cof_indexed_document *document)
{
    return cof_search_permits(context, document->acl, document->attributes);
}

static enum cof_status search_collection(const struct cof_search_query *query, size_t place,
                                         size_t depth, struct cof_arena *arena,
                                         struct cof_index_result *out_result, struct cof_error *err)
{
    struct cof_index_set *indexes = query->options->indexes;
    struct cof_collection_index *index = NULL;
    struct cof_search_query context = *query;
    struct cof_index_query index_query = {
        .vector = query->vector,
        .words = query->words,
        .k = depth,
        .permit = cof_search_permits_all(query) ? NULL : permit,
        .permit_context = &context,
        .must_be_exact = query->request->must_be_exact,
        .cancel = query->request->cancel,
    };

    COF_TRY(cof_index_set_acquire(indexes, query->request->collections[place], &index, err));
    enum cof_status status =
        cof_collection_index_search(index, &index_query, arena, out_result, err);
    cof_index_set_release(indexes, index);
    return status;
}

static void add_to_trace(struct cof_search_trace *trace, const struct cof_index_result *result)
{
    if (trace->plan == NULL)
        trace->plan = result->plan;
    else if (strcmp(trace->plan, result->plan) != 0)
        trace->plan = "by collection";
    trace->chunk_count += result->chunk_count;
    trace->permitted_count += result->permitted_count;
    trace->permit_ns += result->permit_ns;
    trace->vector_ns += result->vector_ns;
    trace->word_ns += result->word_ns;
}

static float share_of_greatest(const struct cof_index_result *result,
                               const struct cof_candidate *candidate)
{
    if (isnan(candidate->word_score))
        return NAN;
    return result->greatest_word_score > 0 ? candidate->word_score / result->greatest_word_score
                                           : 0;
}

/* Adds one half of one collection; rank 0 marks it as to be ranked. */
static void append_half(struct joining *joining, size_t place,
                        const struct cof_candidate *candidates, size_t count, bool is_vector)
{
    const struct cof_index_result *result = &joining->results[place];

    for (size_t i = 0; i < count; i++) {
        size_t tag = joining->joined.count++;
        joining->joined.details[tag] = candidates[i];
        joining->joined.items[tag] = (struct cof_fusable){
            .collection = joining->query->request->collections[place],
            .chunk_id = candidates[i].chunk_id,
            .cosine = candidates[i].vector_score,
            .word_share = share_of_greatest(result, &candidates[i]),
            .vector_rank = is_vector ? 1 : 0,
            .word_rank = is_vector ? 0 : 1,
            .tag = tag,
        };
    }
}

static int compare_chunks(const void *a, const void *b)
{
    const struct cof_fusable *left = a;
    const struct cof_fusable *right = b;

    if (left->collection != right->collection)
        return left->collection < right->collection ? -1 : 1;
    return (left->chunk_id > right->chunk_id) - (left->chunk_id < right->chunk_id);
}

/* A chunk that both halves found becomes one. */
static void join_halves(struct cof_candidates *joined)
{
    struct cof_fusable *items = joined->items;
    size_t kept = 0;

    if (joined->count == 0)
        return;
    qsort(items, joined->count, sizeof(items[0]), compare_chunks);
    for (size_t i = 1; i < joined->count; i++) {
        if (compare_chunks(&items[i], &items[kept]) == 0) {
            items[kept].vector_rank |= items[i].vector_rank;
            items[kept].word_rank |= items[i].word_rank;
        } else {
            items[++kept] = items[i];
        }
    }
    joined->count = kept + 1;
}

/* Ranks over all collections: by cosine, then by share of the words. */
static void rank_halves(struct cof_candidates *joined)
{
    size_t rank = 0;

    for (size_t i = 0; i < joined->count; i++)
        joined->items[i].score = joined->items[i].cosine;
    if (joined->count > 0 && !isnan(joined->items[0].cosine))
        cof_fuse_sort(joined->items, joined->count);
    for (size_t i = 0; i < joined->count; i++) {
        if (joined->items[i].vector_rank > 0)
            joined->items[i].vector_rank = ++rank;
        joined->items[i].score = joined->items[i].word_share;
    }
    if (joined->count > 0 && !isnan(joined->items[0].word_share))
        cof_fuse_sort(joined->items, joined->count);
    rank = 0;
    for (size_t i = 0; i < joined->count; i++) {
        if (joined->items[i].word_rank > 0)
            joined->items[i].word_rank = ++rank;
    }
}

static void fuse(const struct cof_search_query *query, struct cof_candidates *joined)
{
    rank_halves(joined);
    if (query->request->fusion == COF_FUSION_RRF && query->vector != NULL && query->words.size > 0)
        cof_fuse_by_rank(joined->items, joined->count);
    else
        cof_fuse_weighted(joined->items, joined->count, query->vector_weight);
    cof_fuse_sort(joined->items, joined->count);
}

static enum cof_status join_results(struct joining *joining, struct cof_arena *arena,
                                    struct cof_error *err)
{
    size_t collection_count = joining->query->request->collection_count;
    size_t sum = 0;

    for (size_t i = 0; i < collection_count; i++)
        sum += joining->results[i].vector_count + joining->results[i].word_count;
    joining->joined.items = cof_arena_array(arena, sum, sizeof(joining->joined.items[0]));
    joining->joined.details = cof_arena_array(arena, sum, sizeof(joining->joined.details[0]));
    if (joining->joined.items == NULL || joining->joined.details == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < collection_count; i++) {
        const struct cof_index_result *result = &joining->results[i];
        append_half(joining, i, result->vector_candidates, result->vector_count, true);
        append_half(joining, i, result->word_candidates, result->word_count, false);
    }
    join_halves(&joining->joined);
    return COF_OK;
}

enum cof_status cof_candidates_find(const struct cof_search_query *query, size_t depth,
                                    struct cof_arena *arena, struct cof_candidates *out_candidates,
                                    struct cof_search_trace *trace, struct cof_error *err)
{
    const struct cof_clock *clock = query->options->clock;
    size_t collection_count = query->request->collection_count;
    struct joining joining = {
        .query = query,
        .results = cof_arena_array(arena, collection_count, sizeof(joining.results[0])),
    };

    if (joining.results == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < collection_count; i++) {
        struct cof_index_result *result = &joining.results[i];
        COF_TRY(search_collection(query, i, depth, arena, result, err));
        add_to_trace(trace, result);
        if (result->vector_count == depth || result->word_count == depth)
            joining.joined.may_have_more = true;
    }
    int64_t begin = cof_clock_steady_ns(clock);
    COF_TRY(join_results(&joining, arena, err));
    fuse(query, &joining.joined);
    trace->fuse_ns += cof_clock_steady_ns(clock) - begin;
    *out_candidates = joining.joined;
    return COF_OK;
}
