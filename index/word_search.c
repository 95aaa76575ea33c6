/* BM25 over one segment: term at a time, the rare words first.
 *
 * Once the words still to come cannot lift a chunk that holds nothing else into the best k
 * (MaxScore, Turtle & Flood 1995), only the chunks that are near are scored to the end; so "the"
 * and "of" cost little however long their lists are. What leaves here was scored by
 * cof_word_query_score() alone: sums in one order, the same in every segment. */
#include <math.h>

#include <cof/base/alloc.h>

#include "word_query.h"

/* Sums of floats in another order differ by less than this share. */
static const float ROUNDING = 1e-4F;

static const float LOOK_AGAIN = 0.8F;

enum { POSTINGS_PER_LOOKUP = 16 }; /* a binary search, in postings gone through */

struct word_search {
    const struct cof_word_query *query;
    const struct cof_word_view *view;
    const struct cof_bitmap *permitted;
    const uint32_t *lengths;
    size_t ordinal_count;
    float *sums; /* by ordinal */
    float greatest_sum;
};

/* What a word adds to the score of a chunk that holds it `count` times. */
static float word_score(const struct cof_word_query *query, float greatest, uint32_t count,
                        uint32_t length)
{
    float norm =
        length < COF_NORM_COUNT ? query->norms[length] : cof_word_query_norm(query, length);

    return greatest * (float)count / ((float)count + norm);
}

/* The word's count in the chunk, 0 when it is not there. */
static uint32_t count_in_chunk(const struct cof_word_view *view, const struct cof_query_word *word,
                               uint32_t ordinal)
{
    for (size_t i = 0; i < word->term_count; i++) {
        const struct cof_lexical_term *term = view->terms[word->first_term + i];
        if (term == NULL)
            continue;
        size_t count = 0;
        const uint32_t *postings = cof_lexical_term_postings(term, &count);
        size_t low = 0;
        while (count > 0) {
            size_t half = count / 2;
            if (cof_posting_ordinal(postings[low + half]) < ordinal) {
                low += half + 1;
                count -= half + 1;
            } else {
                count = half;
            }
        }
        (void)cof_lexical_term_postings(term, &count);
        if (low < count && cof_posting_ordinal(postings[low]) == ordinal)
            return cof_posting_count(postings[low]);
    }
    return 0;
}

void cof_word_query_score(const struct cof_word_query *query, const struct cof_word_view *view,
                          uint32_t ordinal, float *out_score, float *out_coverage)
{
    uint32_t length = cof_lexical_index_lengths(view->index)[ordinal];
    float score = 0;
    float covered = 0;

    for (size_t i = 0; i < query->word_count; i++) {
        const struct cof_query_word *word = &query->words[i];
        uint32_t count = count_in_chunk(view, word, ordinal);
        if (count == 0)
            continue;
        score += word_score(query, cof_query_word_greatest_score(word), count, length);
        if (word->is_covered)
            covered += word->idf;
    }
    *out_score = score;
    *out_coverage = query->covered_idf > 0 ? covered / query->covered_idf : 0;
}

static void add_postings(struct word_search *search, float greatest, const uint32_t *postings,
                         size_t count)
{
    const struct cof_word_query *query = search->query;
    const uint32_t *lengths = search->lengths;
    float *sums = search->sums;
    float greatest_sum = search->greatest_sum;

    for (size_t i = 0; i < count; i++) {
        uint32_t ordinal = cof_posting_ordinal(postings[i]);
        float sum = sums[ordinal] +
                    word_score(query, greatest, cof_posting_count(postings[i]), lengths[ordinal]);
        sums[ordinal] = sum;
        greatest_sum = sum > greatest_sum ? sum : greatest_sum;
    }
    search->greatest_sum = greatest_sum;
}

static void add_word(struct word_search *search, const struct cof_query_word *word)
{
    for (size_t i = 0; i < word->term_count; i++) {
        const struct cof_lexical_term *term = search->view->terms[word->first_term + i];
        if (term == NULL)
            continue;
        size_t count = 0;
        const uint32_t *postings = cof_lexical_term_postings(term, &count);
        add_postings(search, cof_query_word_greatest_score(word), postings, count);
    }
}

static size_t posting_count(const struct word_search *search, const struct cof_query_word *word)
{
    size_t sum = 0;

    for (size_t i = 0; i < word->term_count; i++) {
        const struct cof_lexical_term *term = search->view->terms[word->first_term + i];
        size_t count = 0;
        if (term != NULL)
            (void)cof_lexical_term_postings(term, &count);
        sum += count;
    }
    return sum;
}

static bool may_return(const struct word_search *search, uint32_t ordinal)
{
    return search->lengths[ordinal] != 0 &&
           (search->permitted == NULL || cof_bitmap_has(search->permitted, ordinal));
}

/* Fills top with the best sums so far; not yet sorted. */
static void collect(const struct word_search *search, struct cof_top *top)
{
    float least = 0;

    top->count = 0;
    for (size_t ordinal = 0; ordinal < search->ordinal_count; ordinal++) {
        float sum = search->sums[ordinal];
        if (sum <= least || !may_return(search, (uint32_t)ordinal))
            continue;
        cof_top_offer(top, (uint32_t)ordinal, sum);
        if (top->count == top->capacity)
            least = top->items[0].score;
    }
}

/* Scores to the end every chunk whose sum can still reach the best k. */
static void finish_near(const struct word_search *search, float least, struct cof_top *top)
{
    top->count = 0;
    for (size_t ordinal = 0; ordinal < search->ordinal_count; ordinal++) {
        float score = 0;
        float coverage = 0;
        if (search->sums[ordinal] <= 0 || search->sums[ordinal] < least ||
            !may_return(search, (uint32_t)ordinal))
            continue;
        cof_word_query_score(search->query, search->view, (uint32_t)ordinal, &score, &coverage);
        cof_top_offer(top, (uint32_t)ordinal, score);
    }
}

static size_t count_near(const struct word_search *search, float least)
{
    size_t count = 0;

    for (size_t ordinal = 0; ordinal < search->ordinal_count; ordinal++)
        count += search->sums[ordinal] >= least;
    return count;
}

/* The words that are left can give `rest` together. Completes top and returns true where they
 * cannot bring in a chunk that holds nothing else, and looking up the chunks that are near costs
 * less than going through the postings. */
static bool finish_early(const struct word_search *search, float rest, size_t rest_postings,
                         struct cof_top *top)
{
    collect(search, top);
    float least = top->count == top->capacity ? top->items[0].score : 0;
    if (least <= rest * (1 + ROUNDING))
        return false;
    float near = (least - rest) * (1 - ROUNDING);
    size_t lookups = count_near(search, near) * search->query->word_count;
    if (lookups * POSTINGS_PER_LOOKUP > rest_postings)
        return false;
    finish_near(search, near, top);
    return true;
}

/* Adds word after word; returns true when the rest was found not to matter and top is complete. */
static bool add_words(struct word_search *search, struct cof_top *top)
{
    const struct cof_word_query *query = search->query;
    float rest = 0;
    float look_below = INFINITY;
    size_t rest_postings = 0;

    for (size_t i = 0; i < query->word_count; i++) {
        rest += cof_query_word_greatest_score(&query->words[i]);
        rest_postings += posting_count(search, &query->words[i]);
    }
    for (size_t i = 0; i < query->word_count; i++) {
        /* Looking costs a pass over the sums: not for less, and not again before the rest has
         * become a good deal less. */
        if (search->greatest_sum > rest && rest < look_below &&
            rest_postings > search->ordinal_count) {
            look_below = rest * LOOK_AGAIN;
            if (finish_early(search, rest, rest_postings, top))
                return true;
        }
        add_word(search, &query->words[i]);
        rest -= cof_query_word_greatest_score(&query->words[i]);
        rest_postings -= posting_count(search, &query->words[i]);
    }
    return false;
}

enum cof_status cof_word_query_search(const struct cof_word_query *query,
                                      const struct cof_word_view *view,
                                      const struct cof_bitmap *permitted, struct cof_top *top,
                                      struct cof_error *err)
{
    struct word_search search = {
        .query = query,
        .view = view,
        .permitted = permitted,
        .lengths = cof_lexical_index_lengths(view->index),
        .ordinal_count = cof_lexical_index_ordinal_count(view->index),
    };

    search.sums = cof_calloc(search.ordinal_count, sizeof(search.sums[0]));
    if (search.sums == NULL)
        return COF_FAIL_MEMORY(err);
    if (!add_words(&search, top)) {
        collect(&search, top);
        for (size_t i = 0; i < top->count; i++) {
            float coverage = 0;
            cof_word_query_score(query, view, top->items[i].ordinal, &top->items[i].score,
                                 &coverage);
        }
    }
    cof_free(search.sums);
    /* The scores may have changed in their last bits: offer them again. */
    struct cof_top sorted = {.items = top->items, .capacity = top->capacity};
    for (size_t i = 0; i < top->count; i++)
        cof_top_offer(&sorted, top->items[i].ordinal, top->items[i].score);
    cof_top_sort(&sorted);
    return COF_OK;
}
