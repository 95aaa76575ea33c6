/* WordPiece as the published BERT tokenizers do it (Wu et al. 2016, section 4.1): a word is cut
 * greedily into the longest tokens, or becomes the unknown token as a whole.
 *
 * Behind the tokenizer's contract. Of a token's place: what was dropped inside or behind a token
 * (accents, controls) belongs to it; where one character gives several tokens (Hangul), the first
 * has the place. No text gives more tokens than bytes. */
#ifndef COF_EMBEDDER_WORDPIECE_H
#define COF_EMBEDDER_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "bert_normalizer.h"
#include "tokenizer.h"

struct cof_wordpiece_options {
    struct cof_bert_normalizer_options normalizer;
    const struct cof_text *tokens; /* by id; borrowed during the call */
    size_t token_count;
    struct cof_text unknown_token;
    struct cof_text begin_token;       /* "[CLS]" */
    struct cof_text end_token;         /* "[SEP]" */
    struct cof_text continuing_prefix; /* "##" */
    size_t max_word_chars;
};

/* Words longer than this are not accepted as `max_word_chars`. */
#define COF_WORDPIECE_MAX_WORD_CHARS 256

/* COF_INVALID when a special token is not among the tokens, two ids share a token, or
 * max_word_chars is not in 1 … COF_WORDPIECE_MAX_WORD_CHARS. */
COF_MUST_USE enum cof_status cof_wordpiece_create(const struct cof_wordpiece_options *options,
                                                  struct cof_tokenizer **out_tokenizer,
                                                  struct cof_error *err);

/* From a model folder: tokenizer.json, or else vocab.txt with tokenizer_config.json. COF_NOT_FOUND
 * when there is neither; COF_INVALID naming file and field. */
COF_MUST_USE enum cof_status cof_wordpiece_open(const char *folder,
                                                struct cof_tokenizer **out_tokenizer,
                                                struct cof_error *err);
/* The two of them over text in memory. `config` is tokenizer_config.json or empty. */
COF_MUST_USE enum cof_status cof_wordpiece_parse_json(struct cof_text tokenizer_json,
                                                      struct cof_tokenizer **out_tokenizer,
                                                      struct cof_error *err);
COF_MUST_USE enum cof_status cof_wordpiece_parse_vocabulary(struct cof_text vocabulary,
                                                            struct cof_text config,
                                                            struct cof_tokenizer **out_tokenizer,
                                                            struct cof_error *err);

#endif
