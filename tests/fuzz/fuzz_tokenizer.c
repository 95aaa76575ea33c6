/* Any bytes as tokenizer.json, vocab.txt and tokenizer_config.json: refused, or a tokenizer that
 * can be used. */
#include "wordpiece.h"

#include <stdlib.h>

#include "fuzzing.h"

static void use(struct cof_tokenizer *tokenizer)
{
    uint32_t ids[8];
    size_t count = 0;
    if (cof_tokenizer_encode(tokenizer, COF_TEXT(""), COF_TEXT("a file"), ids, 8, &count, NULL) !=
        COF_OK)
        abort();
    cof_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cof_text text = {.data = (const char *)data, .size = size};
    const struct cof_text vocabulary = COF_TEXT("[UNK]\n[CLS]\n[SEP]\na\n");
    struct cof_tokenizer *tokenizer = NULL;
    if (cof_wordpiece_parse_json(text, &tokenizer, NULL) == COF_OK)
        use(tokenizer);
    else if (cof_wordpiece_parse_vocabulary(text, COF_TEXT(""), &tokenizer, NULL) == COF_OK)
        use(tokenizer);
    else if (size > 0 &&
             cof_wordpiece_parse_vocabulary(vocabulary, text, &tokenizer, NULL) == COF_OK)
        use(tokenizer);
    return 0;
}
