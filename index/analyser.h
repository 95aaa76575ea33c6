/* Text to words, the same way for documents and queries.
 *
 * The text is NFKC case-folded, then cut by UAX #29. Runs of CJK give every character and every
 * pair of neighbours. A token with punctuation inside (`A-113/b`, `ISO-27001`, `foo_bar`, `c++`) is
 * also kept whole, beside its parts, so that what people type exactly is found exactly. */
#ifndef COF_INDEX_ANALYSER_H
#define COF_INDEX_ANALYSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#include "language.h"

enum cof_word_kind {
    COF_WORD_LATIN, /* stemmed in the language of its text */
    COF_WORD_PLAIN, /* another script, or with digits */
    COF_WORD_CJK,   /* one character */
    COF_WORD_PAIR,  /* two neighbouring CJK characters */
    COF_WORD_CODE,  /* a whole token; its parts are words of their own */
};

struct cof_word {
    struct cof_text text; /* case-folded, in the arena, at most COF_MAX_WORD_BYTES */
    enum cof_word_kind kind;
    enum cof_language language; /* of the script; COF_LANGUAGE_NONE for Latin */
};

#define COF_MAX_WORD_BYTES 128 /* longer ones are cut: nobody types them */

struct cof_word_list {
    struct cof_word *items;
    size_t count;
    size_t capacity;
};

/* Appends the words of `text` (valid UTF-8, else COF_INVALID); release with deinit, also after a
 * failure. */
COF_MUST_USE enum cof_status cof_words_append(struct cof_word_list *words, struct cof_text text,
                                              struct cof_arena *arena, struct cof_error *err);
void cof_words_deinit(struct cof_word_list *words);

/* Whether a word adds to the length of its text. */
bool cof_word_is_counted(const struct cof_word *word);

#define COF_MAX_TERM_BYTES 512

/* The term under which a word of a text in `language` is kept: stems of different languages are
 * different terms, for the same letters mean different things in them. Writes to `buffer`; the
 * result is a view of it or of the word. */
COF_MUST_USE enum cof_status cof_word_term(const struct cof_word *word, enum cof_language language,
                                           struct cof_stemmers *stemmers,
                                           char buffer[COF_MAX_TERM_BYTES],
                                           struct cof_text *out_term, struct cof_error *err);

#endif
