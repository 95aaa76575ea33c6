/* The words of a text as they are compared: folded, without accents, CJK as unigrams and bigrams.
 *
 * Inflection is met when two terms are compared, not by a stemmer: a common beginning or one word
 * inside the other counts partly. That needs no language and serves German compounds, Romance and
 * Slavic endings and English plurals alike. */
#ifndef COF_GENERATE_EXTRACT_TERMS_H
#define COF_GENERATE_EXTRACT_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_term {
    struct cof_text text; /* folded, in the arena */
    uint16_t length;      /* in characters; 65,535 for more */
    bool is_cjk;
    bool is_number; /* holds a digit: equal or not, never alike */
    bool is_name;   /* capital letter inside a sentence, or several */
};

/* All terms of a text, in order. */
COF_MUST_USE enum cof_status cof_terms_of(struct cof_text text, struct cof_arena *arena,
                                          struct cof_term **out_terms, size_t *out_count,
                                          struct cof_error *err);

/* 1 for the same word, less for words that share most of their beginning or contain each other,
 * else 0. */
float cof_term_likeness(const struct cof_term *a, const struct cof_term *b);

/* Words that say nothing about the subject, question words among them (English, German, French,
 * Spanish, Russian, Arabic, Chinese). */
bool cof_term_is_stop_word(const struct cof_term *term);

/* Whether `word` is one of `words`, which are separated by single spaces. */
bool cof_words_have(const char *words, struct cof_text word);

#endif
