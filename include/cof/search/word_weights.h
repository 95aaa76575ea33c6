/* How much each word of a question says about what is in some collections.
 *
 * A word's weight is its inverse document frequency, log(1 + (N - n + 0.5) / (n + 0.5)) over the
 * chunks of all the collections together (Robertson and Zaragoza 2009): the weight that a search
 * gives it. Frequencies count chunks that the caller may not read too, as the scores of a search
 * do, so a weight is for judging, not for showing. Any thread. */
#ifndef COF_SEARCH_WORD_WEIGHTS_H
#define COF_SEARCH_WORD_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/search/search.h>

struct cof_word_weight {
    float weight;
    bool occurs; /* in any chunk */
};

/* Of a text with several words (a pair of CJK characters has three) the rarest counts.
 * COF_NOT_FOUND (a collection). */
COF_MUST_USE enum cof_status cof_search_weigh_words(
    struct cof_searcher *searcher, const uint64_t *collections, size_t collection_count,
    const struct cof_text *words, size_t word_count, struct cof_arena *arena,
    struct cof_word_weight *out_weights, struct cof_error *err);

#endif
