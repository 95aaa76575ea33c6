/* WordPiece as the published BERT tokenizers do it (Wu et al. 2016, section 4.1): a word is cut
 * greedily into the longest tokens, or becomes the unknown token as a whole.
 *
 * A text is data: "[SEP]" written in it is a bracket, three letters and a bracket, never the
 * special token. Read-only after it was opened; any thread. Text must be valid UTF-8. */
#ifndef COF_EMBEDDER_WORDPIECE_H
#define COF_EMBEDDER_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "bert_normalizer.h"
#include "fingerprint.h"

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

struct cof_wordpiece;

/* COF_INVALID when a special token is not among the tokens, two ids share a token, or
 * max_word_chars is not in 1 … COF_WORDPIECE_MAX_WORD_CHARS. */
COF_MUST_USE enum cof_status cof_wordpiece_create(const struct cof_wordpiece_options *options,
                                                  struct cof_wordpiece **out_tokenizer,
                                                  struct cof_error *err);

/* From a model folder: tokenizer.json, or else vocab.txt with tokenizer_config.json. COF_NOT_FOUND
 * when there is neither; COF_INVALID naming file and field. */
COF_MUST_USE enum cof_status cof_wordpiece_open(const char *folder,
                                                struct cof_wordpiece **out_tokenizer,
                                                struct cof_error *err);
/* The two of them over text in memory. `config` is tokenizer_config.json or empty. */
COF_MUST_USE enum cof_status cof_wordpiece_parse_json(struct cof_text tokenizer_json,
                                                      struct cof_wordpiece **out_tokenizer,
                                                      struct cof_error *err);
COF_MUST_USE enum cof_status cof_wordpiece_parse_vocabulary(struct cof_text vocabulary,
                                                            struct cof_text config,
                                                            struct cof_wordpiece **out_tokenizer,
                                                            struct cof_error *err);
void cof_wordpiece_close(struct cof_wordpiece *tokenizer);

/* One more than the highest id. */
size_t cof_wordpiece_token_count(const struct cof_wordpiece *tokenizer);
/* Over tokens and rules: equal digests give equal tokens for every text. */
const uint8_t *cof_wordpiece_digest(const struct cof_wordpiece *tokenizer);

/* Called for every token, special ones not added. [begin, end) is its place in the text: ascending,
 * disjoint, on character boundaries; what was dropped inside or behind a token (accents, controls)
 * belongs to it. Where one character gives several tokens (Hangul), the first has the place and the
 * others are empty at its end. Returning false stops. */
typedef bool (*cof_token_fn)(void *context, uint32_t id, size_t begin, size_t end);
void cof_wordpiece_each(const struct cof_wordpiece *tokenizer, struct cof_text text,
                        cof_token_fn each, void *context);

/* Writes the begin token, the tokens of prefix and text read as one, and the end token: at most
 * max_count ids (>= 2), the text being cut where they end. Returns how many. No text gives more
 * ids than prefix.size + text.size + 2. */
size_t cof_wordpiece_encode(const struct cof_wordpiece *tokenizer, struct cof_text prefix,
                            struct cof_text text, uint32_t *out_ids, size_t max_count);

#endif
