/* Any text through the tokenizer: token places stay in order and inside it, and no more ids come
 * out than bytes went in. Bytes that are no UTF-8 are first read as a vocabulary and as
 * tokenizer.json, then cut where they stop being text. */
#include "wordpiece.h"

#include <stdlib.h>

#include "fuzzing.h"

static const char VOCABULARY[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nthe\nfile\n##a\n##ing\n##e\n.\n"
                                 "\xe6\x96\x87\n\xe1\x84\x92\n##\xe1\x85\xa1\n##\xe1\x86\xab\n";

struct check {
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
    require(id < 16 && begin >= check->last_end && begin <= end && end <= check->text.size);
    require(cof_utf8_floor(check->text, begin) == begin);
    require(cof_utf8_floor(check->text, end) == end);
    check->last_end = end;
    check->count++;
    return true;
}

static void tokenize(struct cof_text text)
{
    /* Made once: filling its table costs more than a thousand inputs. */
    static struct cof_tokenizer *tokenizer;
    const struct cof_text vocabulary = {.data = VOCABULARY, .size = sizeof(VOCABULARY) - 1};
    uint32_t ids[64];
    if (tokenizer == NULL)
        require(cof_wordpiece_parse_vocabulary(vocabulary, COF_TEXT(""), &tokenizer, NULL) ==
                COF_OK);
    struct check check = {.text = text};
    require(cof_tokenizer_each(tokenizer, text, check_token, &check, NULL) == COF_OK);
    require(check.count <= text.size);
    size_t count = 0;
    require(cof_tokenizer_encode(tokenizer, COF_TEXT(""), text, ids, 64, &count, NULL) == COF_OK);
    require(count == (check.count + 2 < 64 ? check.count + 2 : 64));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cof_text text = {.data = (const char *)data, .size = size};
    size_t bad = 0;
    if (!cof_utf8_is_valid(text, &bad))
        text.size = bad;
    tokenize(text);
    return 0;
}
