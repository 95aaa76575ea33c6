/* Contract: texts in, token ids and their places out.
 *
 * Every model family has its own way of cutting text into tokens; what stands around the tokens (a
 * begin and an end, separators between two texts) is put there by this file for all of them.
 *
 * A text is data: a special token that is spelled out in it ("[SEP]", "</s>") is so many letters
 * and signs, never the special token. Text must be valid UTF-8. Opened once and then only read: any
 * number of threads at the same time. */
#ifndef COF_EMBEDDER_TOKENIZER_H
#define COF_EMBEDDER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "fingerprint.h"

/* The special tokens around a text and around a pair: fewer ids have no room for them. */
#define COF_TOKENIZER_MIN_IDS 2
#define COF_TOKENIZER_MIN_PAIR_IDS 4

struct cof_tokenizer;

/* Called for every token, special ones not added. [begin, end) is its place in the text: ascending,
 * disjoint, on character boundaries. What was dropped between tokens (spaces, controls) may belong
 * to a token or to none. Where one character gives several tokens, one of them has its place and
 * the others are empty there. Returning false stops, which is no error. */
typedef bool (*cof_token_fn)(void *context, uint32_t id, size_t begin, size_t end);

struct cof_tokenizer_ops {
    const char *name; /* "wordpiece", "sentencepiece" */
    enum cof_status (*each)(const struct cof_tokenizer *tokenizer, struct cof_text text,
                            cof_token_fn each, void *context, struct cof_error *err);
    /* Writes the first max_count ids of prefix and text read as one, without special ones. */
    enum cof_status (*write)(const struct cof_tokenizer *tokenizer, struct cof_text prefix,
                             struct cof_text text, uint32_t *out_ids, size_t max_count,
                             size_t *out_count, struct cof_error *err);
    /* No text of that many bytes gives more ids. (optional) Defaults to SIZE_MAX. */
    size_t (*most_ids)(const struct cof_tokenizer *tokenizer, size_t byte_count);
    void (*close)(struct cof_tokenizer *tokenizer);
};

struct cof_tokenizer {
    const struct cof_tokenizer_ops *ops;
    size_t token_count; /* one more than the highest id */
    uint32_t begin_id;
    uint32_t end_id;
    size_t separator_count; /* end tokens between the two texts of a pair: 1 (BERT), 2 (XLM-R) */
    /* Over tokens and rules: equal digests give equal tokens for every text. */
    uint8_t digest[COF_FINGERPRINT_SIZE];
};

COF_MUST_USE enum cof_status cof_tokenizer_each(const struct cof_tokenizer *tokenizer,
                                                struct cof_text text, cof_token_fn each,
                                                void *context, struct cof_error *err);
COF_MUST_USE enum cof_status cof_tokenizer_count(const struct cof_tokenizer *tokenizer,
                                                 struct cof_text text, size_t *out_count,
                                                 struct cof_error *err);

/* No text of byte_count bytes (prefix and text together) is encoded into more ids, special ones
 * included; SIZE_MAX where no such bound is known. */
size_t cof_tokenizer_most_ids(const struct cof_tokenizer *tokenizer, size_t byte_count);

/* Writes the begin token, the tokens of prefix and text read as one, and the end token: at most
 * max_count ids (>= COF_TOKENIZER_MIN_IDS), the text being cut where they end. out_ids beyond
 * *out_count is scratch. */
COF_MUST_USE enum cof_status cof_tokenizer_encode(const struct cof_tokenizer *tokenizer,
                                                  struct cof_text prefix, struct cof_text text,
                                                  uint32_t *out_ids, size_t max_count,
                                                  size_t *out_count, struct cof_error *err);

/* The same of a text that is already tokens; count may be 0. Returns how many ids were written. */
size_t cof_tokenizer_frame(const struct cof_tokenizer *tokenizer, const uint32_t *ids, size_t count,
                           uint32_t *out_ids, size_t max_count);

/* Writes begin, first, separators, second, end: at most max_count (>= COF_TOKENIZER_MIN_PAIR_IDS)
 * ids. Where both do not fit the longer text is cut, down to half of the room. The second text's
 * part, its end included, begins at out_ids[*out_second_begin]. */
COF_MUST_USE enum cof_status cof_tokenizer_encode_pair(const struct cof_tokenizer *tokenizer,
                                                       struct cof_text first,
                                                       struct cof_text second, uint32_t *out_ids,
                                                       size_t max_count, size_t *out_count,
                                                       size_t *out_second_begin,
                                                       struct cof_error *err);

void cof_tokenizer_close(struct cof_tokenizer *tokenizer);

#endif
