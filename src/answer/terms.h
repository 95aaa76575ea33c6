/* A text as the words that carry its meaning, for comparing a sentence with a passage.
 *
 * NFKC case-folded words (UAX #29). Words longer than five characters are cut to their first five,
 * a light stemming that holds across languages (McNamee & Mayfield, 2004); CJK runs become bigrams.
 * A word with a digit is kept whole: numbers and codes must match exactly. */
#ifndef COF_ANSWER_TERMS_H
#define COF_ANSWER_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_term {
    uint64_t hash;     /* of the folded, cut word */
    uint32_t position; /* of its first occurrence among the terms of the text */
    float weight;      /* 1 for a content word, less for short words and function words */
    bool is_number;    /* has a digit */
    bool is_negation;
};

struct cof_terms {
    struct cof_term *items; /* distinct, by hash */
    size_t count;
    bool has_negation;
};

COF_MUST_USE enum cof_status cof_terms_make(struct cof_text text, struct cof_arena *arena,
                                            struct cof_terms *out_terms, struct cof_error *err);
/* Whether a case-folded word is one that says little: an article, a preposition, a question word.
 */
bool cof_term_is_function_word(struct cof_text word);
/* NULL when it is not there. */
const struct cof_term *cof_terms_find(const struct cof_terms *terms, uint64_t hash);
bool cof_terms_has(const struct cof_terms *terms, uint64_t hash);

#endif
