/* Unicode as search and tokenizers need it, by ICU: normalisation, properties, words, sentences.
 *
 * All functions are safe from any thread (break iterators are kept per thread). Input must be valid
 * UTF-8; check with cof_utf8_is_valid first. Offsets are byte offsets into the input. */
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
COF_MUST_USE enum cof_status cof_unicode_nfkc_casefold(struct cof_text text,
                                                       struct cof_buffer *out,
                                                       struct cof_error *err);
/* Full, locale-independent lower case, by code point as Rust's and Python's str.lower do. */
COF_MUST_USE enum cof_status cof_unicode_lower(struct cof_text text, struct cof_buffer *out,
                                               struct cof_error *err);

/* Property questions about one code point. */
bool cof_unicode_is_whitespace(uint32_t code_point);   /* White_Space */
bool cof_unicode_is_control(uint32_t code_point);      /* Cc */
bool cof_unicode_is_format(uint32_t code_point);       /* Cf */
bool cof_unicode_is_unassigned(uint32_t code_point);   /* Cn */
bool cof_unicode_is_private(uint32_t code_point);      /* Co */
bool cof_unicode_is_nonspacing_mark(uint32_t code_point); /* Mn */
bool cof_unicode_is_punctuation(uint32_t code_point);  /* P* */
bool cof_unicode_is_alphanumeric(uint32_t code_point); /* L*, N* and marks */
bool cof_unicode_is_digit(uint32_t code_point);        /* Nd */
/* Han, Hiragana, Katakana, Hangul: scripts written without spaces or best matched by bigrams. */
bool cof_unicode_is_cjk(uint32_t code_point);

/* Calls `each` for every word of `text` (UAX #29 word boundaries, segments without a letter or digit
 * left out). Runs of CJK characters come as one segment per run with is_cjk true; the caller makes
 * unigrams and bigrams of it. `each` returning false stops (COF_OK). */
typedef bool (*cof_word_fn)(void *context, struct cof_text word, size_t offset, bool is_cjk);
COF_MUST_USE enum cof_status cof_unicode_each_word(struct cof_text text, cof_word_fn each,
                                                   void *context, struct cof_error *err);

/* Calls `each` for every sentence of `text` (UAX #29, with 。！？ and line breaks also ending one;
 * a full stop after a digit, an initial or a usual abbreviation does not). Together the sentences
 * cover the text without gaps; trailing white space belongs to the sentence before it. */
typedef bool (*cof_sentence_fn)(void *context, struct cof_text sentence, size_t offset);
COF_MUST_USE enum cof_status cof_unicode_each_sentence(struct cof_text text, cof_sentence_fn each,
                                                       void *context, struct cof_error *err);

#endif
