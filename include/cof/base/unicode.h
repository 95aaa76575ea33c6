/* Unicode as search and tokenizers need it, by ICU: normalisation, properties, words, sentences.
 *
 * All functions are safe from any thread (break iterators are kept per thread), and a callback may
 * call any of them again. Input must be valid UTF-8; check with cof_utf8_is_valid first (the
 * functions with a status say COF_INVALID otherwise, or COF_TOO_LARGE over 1 GiB, COF_NO_MEMORY).
 * Offsets are byte offsets into the input. */
#ifndef COF_BASE_UNICODE_H
#define COF_BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* Appends the normal form to `out` (UAX #15). */
COF_MUST_USE enum cof_status cof_unicode_nfc(struct cof_text text, struct cof_buffer *out,
                                             struct cof_error *err);
COF_MUST_USE enum cof_status cof_unicode_nfd(struct cof_text text, struct cof_buffer *out,
                                             struct cof_error *err);
/* NFKC with case folding and default ignorables removed (NFKC_Casefold). */
COF_MUST_USE enum cof_status cof_unicode_nfkc_casefold(struct cof_text text, struct cof_buffer *out,
                                                       struct cof_error *err);
/* Full, locale-independent lower case, one code point at a time, as tokenizers' normalisers do:
 * Python's str.lower and Rust's to_lowercase except their rule for a final sigma, so capital sigma
 * always becomes U+03C3. */
COF_MUST_USE enum cof_status cof_unicode_lower(struct cof_text text, struct cof_buffer *out,
                                               struct cof_error *err);

/* Property questions about one code point. */
bool cof_unicode_is_whitespace(uint32_t code_point);      /* White_Space */
bool cof_unicode_is_control(uint32_t code_point);         /* Cc */
bool cof_unicode_is_format(uint32_t code_point);          /* Cf */
bool cof_unicode_is_unassigned(uint32_t code_point);      /* Cn */
bool cof_unicode_is_private(uint32_t code_point);         /* Co */
bool cof_unicode_is_nonspacing_mark(uint32_t code_point); /* Mn */
bool cof_unicode_is_punctuation(uint32_t code_point);     /* P* */
bool cof_unicode_is_alphanumeric(uint32_t code_point);    /* L*, N* and marks */
bool cof_unicode_is_digit(uint32_t code_point);           /* Nd */
/* Han, Hiragana, Katakana, Hangul: scripts written without spaces or best matched by bigrams. */
bool cof_unicode_is_cjk(uint32_t code_point);

/* Calls `each` for every word of `text` (UAX #29 word boundaries, segments without a letter or
 * digit left out). Runs of CJK characters, with the marks on them, come as one segment per run with
 * is_cjk true, whatever stands beside them; the caller makes unigrams and bigrams of it. `each`
 * returning false stops (COF_OK). */
typedef bool (*cof_word_fn)(void *context, struct cof_text word, size_t offset, bool is_cjk);
COF_MUST_USE enum cof_status cof_unicode_each_word(struct cof_text text, cof_word_fn each,
                                                   void *context, struct cof_error *err);

/* Calls `each` for every sentence of `text`: UAX #29, which ends one at line breaks and at . ! ?
 * and their kin in other scripts (。！？؟), with these exceptions. No sentence ends after a full
 * stop that follows a number of one or two digits (an ordinal: "1. Januar"), a single letter ("J.
 * Smith", "z. B.") or a usual abbreviation of English, German, French, Spanish, Italian or Dutch,
 * nor after ! or ? before a lower-case letter. When in doubt two sentences stay one. Together the
 * sentences cover the text without gaps; trailing white space belongs to the sentence before it,
 * leading white space to the first. `each` returning false stops (COF_OK). */
typedef bool (*cof_sentence_fn)(void *context, struct cof_text sentence, size_t offset);
COF_MUST_USE enum cof_status cof_unicode_each_sentence(struct cof_text text, cof_sentence_fn each,
                                                       void *context, struct cof_error *err);

#endif
