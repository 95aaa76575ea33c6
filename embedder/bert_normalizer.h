/* What the published BERT tokenizers make of one code point before words are formed.
 *
 * Their steps, in their order: clean (drop controls, white space becomes a space), set Chinese
 * characters apart, decompose and drop accents, lower case; then white space ends a word and each
 * punctuation sign is a word. All of it works code point by code point, so it is done once, at
 * open, into a table. Read-only afterwards, from any thread. */
#ifndef COF_EMBEDDER_BERT_NORMALIZER_H
#define COF_EMBEDDER_BERT_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

struct cof_bert_normalizer_options {
    bool clean_text;
    bool handle_chinese_chars;
    bool strip_accents;
    bool lowercase;
};

enum cof_bert_char_kind {
    COF_BERT_CHAR_LETTER, /* belongs to the word around it */
    COF_BERT_CHAR_SPACE,  /* ends a word */
    COF_BERT_CHAR_ALONE,  /* is a word */
};

struct cof_bert_char {
    uint32_t code_point;
    enum cof_bert_char_kind kind;
};

/* No code point becomes more than this many. */
#define COF_BERT_MAX_EXPANSION 8

struct cof_bert_normalizer;

/* COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_bert_normalizer_create(
    const struct cof_bert_normalizer_options *options, struct cof_bert_normalizer **out_normalizer,
    struct cof_error *err);
void cof_bert_normalizer_destroy(struct cof_bert_normalizer *normalizer);

/* Writes what the code point becomes and returns how many there are; 0 = it vanishes. */
size_t cof_bert_normalizer_map(const struct cof_bert_normalizer *normalizer, uint32_t code_point,
                               struct cof_bert_char out_chars[COF_BERT_MAX_EXPANSION]);

#endif
