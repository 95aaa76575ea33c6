/* Calls of a tokenizer that a test expects to succeed. */
#ifndef COF_TESTS_UNIT_EMBEDDER_TOKENIZING_H
#define COF_TESTS_UNIT_EMBEDDER_TOKENIZING_H

#include "tokenizer.h"

void tokenize_each(const struct cof_tokenizer *tokenizer, struct cof_text text, cof_token_fn each,
                   void *context);
/* Returns how many ids were written. */
size_t tokenize_encode(const struct cof_tokenizer *tokenizer, struct cof_text prefix,
                       struct cof_text text, uint32_t *out_ids, size_t max_count);

#endif
