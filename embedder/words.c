/* Unicode words as tokens; a run of CJK characters is cut into its characters. */
#include "words.h"

#include <cof/base/unicode.h>

struct words_run {
    cof_words_fn each;
    void *context;
};

static bool give_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    const struct words_run *run = context;
    if (!is_cjk)
        return run->each(run->context, offset, offset + word.size);
    for (size_t at = 0; at < word.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(word, at, &code_point);
        if (!run->each(run->context, offset + at, offset + at + size))
            return false;
        at += size;
    }
    return true;
}

enum cof_status cof_words_each(struct cof_text text, cof_words_fn each, void *context,
                               struct cof_error *err)
{
    struct words_run run = {.each = each, .context = context};
    return cof_unicode_each_word(text, give_word, &run, err);
}

struct limit {
    size_t max_count;
    size_t count;
    size_t end;
};

static bool count_word(void *context, size_t begin, size_t end)
{
    struct limit *limit = context;
    (void)begin;
    if (limit->count == limit->max_count)
        return false;
    limit->count++;
    limit->end = end;
    return true;
}

enum cof_status cof_words_count(struct cof_text text, size_t *out_count, struct cof_error *err)
{
    struct limit limit = {.max_count = SIZE_MAX};
    COF_TRY(cof_words_each(text, count_word, &limit, err));
    *out_count = limit.count;
    return COF_OK;
}

enum cof_status cof_words_limit(struct cof_text text, size_t max_count, struct cof_text *out_text,
                                size_t *out_count, struct cof_error *err)
{
    struct limit limit = {.max_count = max_count};
    COF_TRY(cof_words_each(text, count_word, &limit, err));
    *out_text = limit.count < max_count ? text : cof_text_slice(text, 0, limit.end);
    *out_count = limit.count;
    return COF_OK;
}
