/* The words of a question and what each of them weighs. */
#include "question_words.h"

#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

/* Remembers a word that is not known yet; false when there is no room for another. */
static bool ask_word(struct cof_question_words *asked, struct cof_text word, bool is_cjk)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (cof_text_equal(asked->words[i], word)) {
            return true;
        }
    }
    if (asked->count == COF_MAX_QUESTION_WORDS) {
        return false;
    }
    asked->is_cjk[asked->count] = is_cjk;
    asked->words[asked->count++] = cof_arena_copy_text(asked->arena, word);
    return true;
}

static bool ask_run(struct cof_question_words *asked, struct cof_text run)
{
    size_t previous = 0;
    size_t count = 0;
    for (size_t at = 0; at < run.size; count++) {
        uint32_t code_point = 0;
        size_t end = at + cof_utf8_decode(run, at, &code_point);
        if (count > 0 && !ask_word(asked, cof_text_slice(run, previous, end), true)) {
            return false;
        }
        previous = at;
        at = end;
    }
    return count != 1 || ask_word(asked, run, true);
}

static bool take_asked(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    if (is_cjk) {
        return ask_run(context, word);
    }
    return word.size < 2 || cof_term_is_function_word(word) || ask_word(context, word, false);
}

enum cof_status cof_question_words_make(const struct cof_search_request *search,
                                        struct cof_searcher *searcher, struct cof_arena *arena,
                                        struct cof_question_words *asked, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer folded = {0};
    *asked = (struct cof_question_words){.arena = arena};
    COF_TRY(cof_unicode_nfkc_casefold(search->query, &folded, err));
    COF_TRY(cof_unicode_each_word(cof_buffer_text(&folded), take_asked, asked, err));
    for (size_t i = 0; i < asked->count; i++) {
        struct cof_terms terms = {0};
        COF_TRY(cof_terms_make(asked->words[i], arena, &terms, err));
        asked->hashes[i] = terms.count > 0 ? terms.items[0].hash : 0;
    }
    COF_TRY(cof_search_weigh_words(searcher, search->collections, search->collection_count,
                                   asked->words, asked->count, arena, asked->weights, err));
    for (size_t i = 0; i < asked->count; i++) {
        asked->total_weight += asked->weights[i].weight;
    }
    return COF_OK;
}

float cof_question_words_coverage(const struct cof_question_words *asked,
                                  const struct cof_terms *terms)
{
    float found = 0;
    for (size_t i = 0; i < asked->count; i++) {
        if (cof_terms_has(terms, asked->hashes[i])) {
            found += asked->weights[i].weight;
        }
    }
    return asked->total_weight > 0 ? found / asked->total_weight : 0;
}
