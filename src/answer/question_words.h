/* The words of a question and what each of them weighs.
 *
 * Case-folded words without function words, CJK runs as bigrams, each once. A word's weight is what
 * a search gives it (cof/search/word_weights.h): rare words say what a question is about. Lives in
 * an arena. */
#ifndef COF_ANSWER_QUESTION_WORDS_H
#define COF_ANSWER_QUESTION_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/search/word_weights.h>

#include "terms.h"

#define COF_MAX_QUESTION_WORDS 64 /* what follows is not looked at */

struct cof_question_words {
    struct cof_arena *arena;
    struct cof_text words[COF_MAX_QUESTION_WORDS];
    uint64_t hashes[COF_MAX_QUESTION_WORDS]; /* as cof_terms_make() makes them */
    struct cof_word_weight weights[COF_MAX_QUESTION_WORDS];
    bool is_cjk[COF_MAX_QUESTION_WORDS];
    size_t count;
    float total_weight;
};

/* Of search->query, weighed in search->collections. */
COF_MUST_USE enum cof_status cof_question_words_make(const struct cof_search_request *search,
                                                     struct cof_searcher *searcher,
                                                     struct cof_arena *arena,
                                                     struct cof_question_words *out_words,
                                                     struct cof_error *err);
/* Share of the question's weight that stands among the terms, 0 … 1. */
float cof_question_words_coverage(const struct cof_question_words *words,
                                  const struct cof_terms *terms);

#endif
