/* Text of any bytes through every function of unicode.h: offsets inside, no gaps, valid output. */
#include <stdlib.h>

#include <cof/base/unicode.h>

#include "fuzzing.h"

struct walk {
    struct cof_text text;
    size_t end;
};

typedef enum cof_status (*form_fn)(struct cof_text text, struct cof_buffer *out,
                                   struct cof_error *err);

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

static bool check_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct walk *walk = context;
    (void)is_cjk;
    require(word.size > 0 && offset >= walk->end && word.data == walk->text.data + offset);
    walk->end = offset + word.size;
    require(walk->end <= walk->text.size && cof_utf8_is_valid(word, NULL));
    return true;
}

static bool check_sentence(void *context, struct cof_text sentence, size_t offset)
{
    struct walk *walk = context;
    require(offset == walk->end);
    return check_word(context, sentence, offset, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const form_fn forms[] = {cof_unicode_nfc, cof_unicode_nfd, cof_unicode_nfkc_casefold,
                                    cof_unicode_lower};
    struct cof_text text = {.data = (const char *)data, .size = size};
    struct walk words = {.text = text};
    struct walk sentences = {.text = text};
    enum cof_status expected = cof_utf8_is_valid(text, NULL) ? COF_OK : COF_INVALID;
    require(cof_unicode_each_word(text, check_word, &words, NULL) == expected);
    require(cof_unicode_each_sentence(text, check_sentence, &sentences, NULL) == expected);
    require(expected != COF_OK || sentences.end == size);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer once = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer twice = {0};
        require(forms[i](text, &once, NULL) == expected);
        require(cof_utf8_is_valid(cof_buffer_text(&once), NULL));
        /* every one of them is idempotent */
        require(forms[i](cof_buffer_text(&once), &twice, NULL) == COF_OK);
        require(cof_text_equal(cof_buffer_text(&once), cof_buffer_text(&twice)));
    }
    return 0;
}
