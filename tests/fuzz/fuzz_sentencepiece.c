/* Any text through a unigram and a BPE model: places stay in order and inside it, ids inside the
 * vocabulary, special tokens never come out. Bytes that are no UTF-8 are cut where they stop being
 * text. */
#include "sentencepiece.h"

#include <stdlib.h>

#include "fuzzing.h"

#define SMALL COF_SOURCE_DIR "/tests/unit/embedder/sentencepiece"

struct check {
    const struct cof_tokenizer *tokenizer;
    struct cof_text text;
    size_t last_end;
    size_t count;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool check_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct check *check = context;
    require(id < check->tokenizer->token_count);
    require(id != check->tokenizer->begin_id && id != check->tokenizer->end_id);
    require(begin >= check->last_end && begin <= end && end <= check->text.size);
    require(cof_utf8_floor(check->text, begin) == begin);
    require(cof_utf8_floor(check->text, end) == end);
    check->last_end = end;
    check->count++;
    return true;
}

static void tokenize(struct cof_tokenizer *tokenizer, struct cof_text text)
{
    struct check check = {.tokenizer = tokenizer, .text = text};
    uint32_t ids[64];
    size_t count = 0;
    size_t second_begin = 0;
    struct cof_text half = cof_text_slice(text, 0, cof_utf8_floor(text, text.size / 2));
    require(cof_tokenizer_each(tokenizer, text, check_token, &check, NULL) == COF_OK);
    require(cof_tokenizer_encode(tokenizer, COF_TEXT(""), text, ids, 64, &count, NULL) == COF_OK);
    require(count == (check.count + 2 < 64 ? check.count + 2 : 64));
    require(cof_tokenizer_encode_pair(tokenizer, half, text, ids, 64, &count, &second_begin,
                                      NULL) == COF_OK);
    require(count <= 64 && second_begin >= 2 && second_begin < count);
}

static struct cof_tokenizer *open_model(const char *name, enum cof_sentencepiece_ids ids)
{
    struct cof_tokenizer *tokenizer = NULL;
    require(cof_sentencepiece_open(SMALL, name, ids, &tokenizer, NULL) == COF_OK);
    return tokenizer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cof_tokenizer *unigram;
    static struct cof_tokenizer *bpe;
    struct cof_text text = {.data = (const char *)data, .size = size};
    size_t bad = 0;
    if (unigram == NULL) {
        unigram = open_model("unigram.model", COF_SENTENCEPIECE_XLM_R);
        bpe = open_model("bpe.model", COF_SENTENCEPIECE_OWN);
    }
    if (!cof_utf8_is_valid(text, &bad))
        text.size = bad;
    tokenize(unigram, text);
    tokenize(bpe, text);
    return 0;
}
