/* Searching a collection index: permissions to bitmaps, then both halves over every segment.
 *
 * What is permitted is decided once per document and becomes one bitmap per segment; both halves
 * look at it inside their scans. A segment in which every living chunk is permitted is searched as
 * if nothing had been asked. Chunks of equal score are ordered by chunk id, also where k cuts
 * through them: a segment is asked for more until the tie is whole. */
#include <math.h>
#include <stdlib.h>

#include <cof/base/clock.h>

#include "collection_private.h"
#include "inner_product.h"
#include "vector_scan.h"
#include "word_query.h"

enum {
    TIE_MARGIN = 16, /* asked for beyond k, to see whether a tie is whole */
    CANCEL_PERIOD = 1024
};

/* A segment in the eyes of one search. */
struct segment_view {
    const struct cof_segment *segment;
    struct cof_bitmap *permitted; /* owned; NULL = every living chunk */
    uint32_t permitted_count;
    struct cof_word_view words;
};

/* A candidate and where it lies. */
struct found {
    struct cof_candidate candidate; /* first, so that its order is that of the found */
    struct segment_view *view;
    uint32_t ordinal;
};

struct half {
    struct found *items;
    size_t count;
};

struct search {
    const struct cof_index_query *query;
    struct cof_arena *arena;
    struct cof_collection_index *index;
    struct segment_view *views;
    size_t view_count;
    uint64_t chunk_count;
    uint64_t permitted_count;
    bool has_words;
    bool is_walked; /* some segment was not scanned */
    struct cof_word_query words;
};

/* ---- What is permitted ---- */

/* Asks about every document; what follows each other goes into the bitmap as one range. */
static enum cof_status permit_segment(struct search *search, struct segment_view *view,
                                      struct cof_error *err)
{
    const struct cof_segment *segment = view->segment;
    const struct cof_index_query *query = search->query;
    uint32_t begin = 0; /* of the range */
    uint32_t end = 0;

    COF_TRY(cof_bitmap_create(&view->permitted, err));
    for (size_t i = 0; i < segment->document_count; i++) {
        const struct cof_index_document *document = segment->documents[i];
        if (i % CANCEL_PERIOD == 0)
            COF_TRY(cof_cancel_check(query->cancel, err));
        if (document == NULL || !query->permit(query->permit_context, &document->seen))
            continue;
        if (segment->first_ordinals[i] != end) {
            cof_bitmap_add_range(view->permitted, begin, end);
            begin = segment->first_ordinals[i];
        }
        end = segment->first_ordinals[i] + document->chunk_count;
        view->permitted_count += document->chunk_count;
    }
    cof_bitmap_add_range(view->permitted, begin, end);
    if (view->permitted_count == segment->living_count) {
        cof_bitmap_destroy(view->permitted);
        view->permitted = NULL;
    }
    return COF_OK;
}

static enum cof_status take_segments(struct search *search, struct cof_error *err)
{
    search->view_count = search->index->segments.count;
    search->views = cof_arena_array(search->arena, search->view_count, sizeof(search->views[0]));
    if (search->views == NULL) {
        search->view_count = 0;
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < search->view_count; i++) {
        struct segment_view *view = &search->views[i];
        view->segment = search->index->segments.items[i];
        view->permitted_count = view->segment->living_count;
        search->chunk_count += view->segment->living_count;
        if (search->query->permit != NULL) {
            view->permitted_count = 0;
            COF_TRY(permit_segment(search, view, err));
        }
        search->permitted_count += view->permitted_count;
    }
    return COF_OK;
}

/* ---- Candidates of one half ---- */

typedef enum cof_status (*segment_search_fn)(struct search *search, struct segment_view *view,
                                             struct cof_top *top, struct cof_error *err);

static enum cof_status search_vectors(struct search *search, struct segment_view *view,
                                      struct cof_top *top, struct cof_error *err)
{
    const struct cof_segment *segment = view->segment;
    struct cof_vector_query query = {
        .vector = search->query->vector,
        .k = top->capacity,
        .permitted = view->permitted,
        .must_be_exact = search->query->must_be_exact || view->permitted != NULL,
    };

    if (query.permitted == NULL && segment->living_count < segment->ordinal_count)
        query.permitted = segment->living;
    if (segment->sealed == NULL) {
        top->count = cof_vector_scan(segment->vectors, segment->dimension, segment->ordinal_count,
                                     &query, top->items);
        return COF_OK;
    }
    if (!query.must_be_exact)
        search->is_walked = true;
    return cof_vector_index_search(segment->sealed, &query, top->items, &top->count, err);
}

static enum cof_status search_words(struct search *search, struct segment_view *view,
                                    struct cof_top *top, struct cof_error *err)
{
    return cof_word_query_search(&search->words, &view->words, view->permitted, top, err);
}

/* The best k of a segment, and all that tie with the last of them. */
static enum cof_status search_segment(struct search *search, struct segment_view *view,
                                      segment_search_fn run, struct cof_top *out_top,
                                      struct cof_error *err)
{
    size_t k = search->query->k;

    for (size_t margin = TIE_MARGIN;; margin *= 8) {
        size_t wanted = view->permitted_count;
        if (wanted > k && wanted - k > margin)
            wanted = k + margin;
        struct cof_top top = {
            .items = cof_arena_array(search->arena, wanted, sizeof(top.items[0])),
            .capacity = wanted,
        };
        if (top.items == NULL)
            return COF_FAIL_MEMORY(err);
        COF_TRY(run(search, view, &top, err));
        *out_top = top;
        if (top.count < wanted || wanted == view->permitted_count ||
            top.items[top.count - 1].score < top.items[k - 1].score)
            return COF_OK;
    }
}

static struct found locate(struct segment_view *view, struct cof_neighbor neighbor)
{
    const struct cof_index_document *document =
        cof_segment_document_at(view->segment, neighbor.ordinal);
    uint32_t chunk_index = neighbor.ordinal - document->first_ordinal;

    return (struct found){
        .candidate =
            {
                .chunk_id = document->first_chunk_id + chunk_index,
                .document_number = document->seen.number,
                .version = document->seen.version,
                .chunk_index = chunk_index,
                .score = neighbor.score,
                .vector_score = NAN,
                .word_score = NAN,
            },
        .view = view,
        .ordinal = neighbor.ordinal,
    };
}

static int compare_found(const void *a, const void *b)
{
    const struct cof_candidate *left = &((const struct found *)a)->candidate;
    const struct cof_candidate *right = &((const struct found *)b)->candidate;

    if (left->score > right->score)
        return -1;
    if (left->score < right->score)
        return 1;
    return (left->chunk_id > right->chunk_id) - (left->chunk_id < right->chunk_id);
}

static enum cof_status search_half(struct search *search, segment_search_fn run,
                                   struct half *out_half, struct cof_error *err)
{
    struct cof_top *tops = cof_arena_array(search->arena, search->view_count, sizeof(*tops));
    size_t sum = 0;

    if (tops == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < search->view_count; i++) {
        COF_TRY(cof_cancel_check(search->query->cancel, err));
        if (search->views[i].permitted_count == 0)
            continue;
        COF_TRY(search_segment(search, &search->views[i], run, &tops[i], err));
        sum += tops[i].count;
    }
    struct half half = {.items = cof_arena_array(search->arena, sum, sizeof(half.items[0]))};
    if (half.items == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < search->view_count; i++) {
        for (size_t j = 0; j < tops[i].count; j++)
            half.items[half.count++] = locate(&search->views[i], tops[i].items[j]);
    }
    qsort(half.items, half.count, sizeof(half.items[0]), compare_found);
    if (half.count > search->query->k)
        half.count = search->query->k;
    *out_half = half;
    return COF_OK;
}

/* ---- The lexical half ---- */

/* The words of a text and how many chunks of the segments taken hold each. */
static enum cof_status count_words(struct search *search, struct cof_text text,
                                   struct cof_word_query *out_words, struct cof_error *err)
{
    uint32_t languages = 0;

    for (size_t i = 0; i < search->view_count; i++)
        languages |= cof_lexical_index_languages(search->views[i].segment->words);
    COF_TRY(
        cof_word_query_make(text, languages, search->index->seed, search->arena, out_words, err));
    for (size_t i = 0; i < search->view_count; i++)
        COF_TRY(
            cof_word_query_count(out_words, search->views[i].segment->words, search->arena, err));
    return COF_OK;
}

static enum cof_status make_words(struct search *search, struct cof_error *err)
{
    uint64_t total_length = 0;

    COF_TRY(count_words(search, search->query->words, &search->words, err));
    search->has_words = search->words.word_count > 0;
    for (size_t i = 0; i < search->view_count; i++)
        total_length += cof_lexical_index_total_length(search->views[i].segment->words);
    cof_word_query_weigh(&search->words, search->chunk_count, total_length);
    for (size_t i = 0; i < search->view_count; i++)
        COF_TRY(cof_word_view_make(&search->words, search->views[i].segment->words, search->arena,
                                   &search->views[i].words, err));
    return COF_OK;
}

/* ---- Both ---- */

/* Gives each candidate the scores of both halves, whichever found it. */
static void complete(const struct search *search, const struct half *half)
{
    for (size_t i = 0; i < half->count; i++) {
        struct found *found = &half->items[i];
        const struct cof_segment *segment = found->view->segment;
        if (search->query->vector != NULL) {
            const float *row =
                cof_segment_vectors(segment) + (size_t)found->ordinal * segment->dimension;
            found->candidate.vector_score =
                cof_inner_product(search->query->vector, row, segment->dimension);
        }
        if (search->has_words)
            cof_word_query_score(&search->words, &found->view->words, found->ordinal,
                                 &found->candidate.word_score, &found->candidate.coverage);
    }
}

static enum cof_status take_candidates(struct search *search, const struct half *half,
                                       struct cof_candidate **out_candidates, struct cof_error *err)
{
    struct cof_candidate *candidates =
        cof_arena_array(search->arena, half->count, sizeof(*candidates));

    if (candidates == NULL)
        return COF_FAIL_MEMORY(err);
    complete(search, half);
    for (size_t i = 0; i < half->count; i++)
        candidates[i] = half->items[i].candidate;
    *out_candidates = candidates;
    return COF_OK;
}

static const char *name_plan(const struct search *search)
{
    if (search->query->vector == NULL)
        return search->permitted_count < search->chunk_count ? "words over permitted" : "words";
    if (search->is_walked)
        return search->index->options.sealed_ops->name;
    return search->permitted_count < search->chunk_count ? "exact over permitted" : "exact";
}

/* The state lock is held. */
static enum cof_status run_search(struct search *search, struct cof_index_result *result,
                                  struct cof_error *err)
{
    const struct cof_clock *clock = cof_clock_system();
    const struct cof_index_query *query = search->query;
    struct half vectors = {0};
    struct half words = {0};
    int64_t begin = cof_clock_steady_ns(clock);

    COF_TRY(take_segments(search, err));
    int64_t permitted = cof_clock_steady_ns(clock);
    if (query->words.size > 0) {
        COF_TRY(make_words(search, err));
        COF_TRY(search_half(search, search_words, &words, err));
    }
    int64_t worded = cof_clock_steady_ns(clock);
    if (query->vector != NULL)
        COF_TRY(search_half(search, search_vectors, &vectors, err));
    COF_TRY(take_candidates(search, &vectors, &result->vector_candidates, err));
    COF_TRY(take_candidates(search, &words, &result->word_candidates, err));
    result->vector_count = vectors.count;
    result->word_count = words.count;
    result->greatest_word_score = search->words.greatest_score;
    result->chunk_count = search->chunk_count;
    result->permitted_count = search->permitted_count;
    result->plan = name_plan(search);
    result->permit_ns = permitted - begin;
    result->word_ns = worded - permitted;
    result->vector_ns = cof_clock_steady_ns(clock) - worded;
    return COF_OK;
}

enum cof_status cof_collection_index_search(struct cof_collection_index *index,
                                            const struct cof_index_query *query,
                                            struct cof_arena *arena,
                                            struct cof_index_result *out_result,
                                            struct cof_error *err)
{
    struct search search = {.query = query, .arena = arena, .index = index};
    struct cof_index_result result = {0};

    if (query->k == 0)
        return COF_FAIL(err, COF_INVALID, "a search needs a k of at least 1");
    if (query->vector != NULL && !cof_floats_are_finite(query->vector, index->options.dimension))
        return COF_FAIL(err, COF_INVALID, "the query vector holds a NaN or an infinity");
    (void)pthread_rwlock_rdlock(&index->state);
    enum cof_status status = run_search(&search, &result, err);
    (void)pthread_rwlock_unlock(&index->state);
    for (size_t i = 0; i < search.view_count; i++)
        cof_bitmap_destroy(search.views[i].permitted);
    if (status == COF_OK)
        *out_result = result;
    return status;
}

/* The state lock is held. */
static enum cof_status add_frequencies(struct search *search, const struct cof_text *words,
                                       size_t word_count, uint64_t *frequencies,
                                       struct cof_error *err)
{
    COF_TRY(take_segments(search, err));
    for (size_t i = 0; i < word_count; i++) {
        struct cof_word_query query = {0};
        COF_TRY(count_words(search, words[i], &query, err));
        uint64_t least = query.word_count > 0 ? query.words[0].frequency : 0;
        for (size_t j = 1; j < query.word_count; j++)
            least = query.words[j].frequency < least ? query.words[j].frequency : least;
        frequencies[i] += least;
    }
    return COF_OK;
}

enum cof_status cof_collection_index_count_words(struct cof_collection_index *index,
                                                 const struct cof_text *words, size_t word_count,
                                                 struct cof_arena *arena, uint64_t *frequencies,
                                                 struct cof_error *err)
{
    const struct cof_index_query everything = {0};
    struct search search = {.query = &everything, .arena = arena, .index = index};

    (void)pthread_rwlock_rdlock(&index->state);
    enum cof_status status = add_frequencies(&search, words, word_count, frequencies, err);
    (void)pthread_rwlock_unlock(&index->state);
    return status;
}
