/* Any bytes as a sentencepiece model: refused, or a tokenizer that cuts awkward texts within its
 * own promises. The library trusts a model's bytes, so this is where a lie that the checks let pass
 * would show. */
#include "sentencepiece.h"

#include <stdlib.h>

#include "fuzzing.h"

static const char *const TEXTS[] = {
    "",
    " ",
    "the bank keeps a file",
    "<s> </s><unk> <0x41>",
    "e\xcc\x81 \xef\xac\x81\xe3\x8c\x94 \xef\xbc\xa1\xe2\x80\xa6 \xe9\x93\xb6\xe8\xa1\x8c",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xe2\x96\x81\xe2\x96\x81 \t\n\x7f",
};

struct check {
    const struct cof_tokenizer *tokenizer;
    struct cof_text text;
    size_t last_end;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool check_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct check *check = context;
    require(id < check->tokenizer->token_count || id == 3); /* 3: XLM-R's unknown token */
    require(begin >= check->last_end && begin <= end && end <= check->text.size);
    require(cof_utf8_floor(check->text, begin) == begin);
    require(cof_utf8_floor(check->text, end) == end);
    check->last_end = end;
    return true;
}

/* The library may still say no to a text; it may not lie about one. */
static void use(struct cof_tokenizer *tokenizer)
{
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct check check = {.tokenizer = tokenizer, .text = cof_text_from(TEXTS[i])};
        uint32_t ids[16];
        size_t count = 0;
        if (cof_tokenizer_each(tokenizer, check.text, check_token, &check, NULL) == COF_OK &&
            cof_tokenizer_encode(tokenizer, COF_TEXT("a "), check.text, ids, 16, &count, NULL) ==
                COF_OK)
            require(count >= 2 && count <= 16);
    }
    cof_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cof_bytes bytes = {.data = data, .size = size};
    struct cof_tokenizer *tokenizer = NULL;
    if (cof_sentencepiece_parse(bytes, COF_SENTENCEPIECE_OWN, &tokenizer, NULL) == COF_OK)
        use(tokenizer);
    if (cof_sentencepiece_parse(bytes, COF_SENTENCEPIECE_XLM_R, &tokenizer, NULL) == COF_OK)
        use(tokenizer);
    return 0;
}
