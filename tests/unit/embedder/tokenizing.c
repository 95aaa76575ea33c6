/* Calls of a tokenizer that a test expects to succeed. */
#include "tokenizing.h"

#include "testing.h"

void tokenize_each(const struct cof_tokenizer *tokenizer, struct cof_text text, cof_token_fn each,
                   void *context)
{
    assert_int_equal(cof_tokenizer_each(tokenizer, text, each, context, NULL), COF_OK);
}

size_t tokenize_encode(const struct cof_tokenizer *tokenizer, struct cof_text prefix,
                       struct cof_text text, uint32_t *out_ids, size_t max_count)
{
    size_t count = 0;
    assert_int_equal(
        cof_tokenizer_encode(tokenizer, prefix, text, out_ids, max_count, &count, NULL), COF_OK);
    return count;
}
