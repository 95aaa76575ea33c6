/* Which language a text is written in, as far as stemming needs to know, and the stems.
 *
 * Only languages of the Latin script are guessed, from the little words every text is full of. The
 * other scripts say themselves which stemmer serves them. Wrong guesses cost inflected forms, never
 * the word itself. */
#ifndef COF_INDEX_LANGUAGE_H
#define COF_INDEX_LANGUAGE_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

/* Part of the terms in memory, not of any file. */
enum cof_language {
    COF_LANGUAGE_NONE = 0, /* unknown: words stay as they are */
    COF_LANGUAGE_ENGLISH,
    COF_LANGUAGE_GERMAN,
    COF_LANGUAGE_FRENCH,
    COF_LANGUAGE_ITALIAN,
    COF_LANGUAGE_SPANISH,
    COF_LANGUAGE_PORTUGUESE,
    COF_LANGUAGE_DUTCH,
    COF_LANGUAGE_SWEDISH,
    COF_LANGUAGE_DANISH,
    COF_LANGUAGE_NORWEGIAN,
    COF_LANGUAGE_FINNISH,
    COF_LANGUAGE_HUNGARIAN,
    COF_LANGUAGE_ROMANIAN,
    COF_LANGUAGE_TURKISH,
    COF_LANGUAGE_LATIN_COUNT, /* those above are guessed; those below follow from the script */
    COF_LANGUAGE_RUSSIAN = COF_LANGUAGE_LATIN_COUNT,
    COF_LANGUAGE_GREEK,
    COF_LANGUAGE_ARABIC,
    COF_LANGUAGE_COUNT,
};

/* Little words seen, by language. */
struct cof_language_votes {
    uint32_t counts[COF_LANGUAGE_LATIN_COUNT];
};
/* `word` is case-folded. */
void cof_language_vote(struct cof_language_votes *votes, struct cof_text word);
enum cof_language cof_language_guess(const struct cof_language_votes *votes);

/* Stemmers of one thread, made when first needed. Zero-initialised is valid. */
struct sb_stemmer;
struct cof_stemmers {
    struct sb_stemmer *by_language[COF_LANGUAGE_COUNT];
};
void cof_stemmers_deinit(struct cof_stemmers *stemmers);
/* The stem of a case-folded word, borrowed until the next call for that language; the word itself
 * where the language has no stemmer. */
COF_MUST_USE enum cof_status cof_stem(struct cof_stemmers *stemmers, enum cof_language language,
                                      struct cof_text word, struct cof_text *out_stem,
                                      struct cof_error *err);

#endif
