/* Extracts are whole characters inside their passage, best first, whatever question and text say.
 * The input is a question, a line feed, and up to three passages between form feeds. */
#include "fuzzing.h"

#include <stdlib.h>

#include <cof/generate/extractive.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cof_text rest = {.data = (const char *)data, .size = size};
    struct cof_arena arena = {0};
    struct cof_passage passages[3];
    struct cof_extract *extracts = NULL;
    struct cof_text question;
    size_t passage_count = 0;
    size_t count = 0;

    if (size > 20000 || !cof_utf8_is_valid(rest, NULL))
        return 0;
    (void)cof_text_split(rest, '\n', &question, &rest);
    while (passage_count < 3 && rest.size > 0) {
        passages[passage_count] = (struct cof_passage){.title = question};
        (void)cof_text_split(rest, '\f', &passages[passage_count++].text, &rest);
    }
    if (cof_extract_sentences(question, passages, passage_count, 4, &arena, &extracts, &count,
                              NULL) != COF_OK ||
        count > 4)
        abort();
    for (size_t i = 0; i < count; i++) {
        const struct cof_extract *extract = &extracts[i];

        if (extract->passage >= passage_count || extract->begin >= extract->end ||
            extract->end > passages[extract->passage].text.size || !(extract->score > 0) ||
            extract->score > 1)
            abort();

        struct cof_text text =
            cof_text_slice(passages[extract->passage].text, extract->begin, extract->end);

        if (!cof_utf8_is_valid(text, NULL))
            abort();
    }
    cof_arena_deinit(&arena);
    return 0;
}
