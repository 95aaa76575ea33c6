/* Words: runs of CJK characters by script, everything else by UAX #29.
 *
 * CJK is kept from ICU because its word iterator looks such runs up in a dictionary, slowly, and
 * the caller wants the runs whole. */
#include <cof/base/unicode.h>

#include <unicode/uchar.h>
#include <unicode/utext.h>

#include "unicode_icu.h"

struct walk {
    struct cof_text text;
    UBreakIterator *iterator;
    cof_word_fn each;
    void *context;
    bool is_stopped;
};

static bool is_letter_or_digit(uint32_t code_point)
{
    return (U_GET_GC_MASK((UChar32)code_point) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

static bool is_mark(uint32_t code_point)
{
    return (U_GET_GC_MASK((UChar32)code_point) & U_GC_M_MASK) != 0;
}

static bool has_letter_or_digit(struct cof_text text)
{
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(text, i, &code_point);
        if (is_letter_or_digit(code_point))
            return true;
    }
    return false;
}

static void emit(struct walk *walk, size_t begin, size_t end, bool is_cjk)
{
    struct cof_text word = cof_text_slice(walk->text, begin, end);
    if (!walk->is_stopped && has_letter_or_digit(word))
        walk->is_stopped = !walk->each(walk->context, word, begin, is_cjk);
}

/* Words of a span without CJK characters. */
static enum cof_status walk_span(struct walk *walk, size_t begin, size_t end, struct cof_error *err)
{
    struct cof_text span = cof_text_slice(walk->text, begin, end);
    if (walk->is_stopped || !has_letter_or_digit(span))
        return COF_OK;
    UErrorCode code = U_ZERO_ERROR;
    UText view = UTEXT_INITIALIZER;
    utext_openUTF8(&view, span.data, (int64_t)span.size, &code);
    ubrk_setUText(walk->iterator, &view, &code);
    utext_close(&view);
    if (U_FAILURE(code))
        return cof_icu_fail(err, code);
    int32_t from = ubrk_first(walk->iterator);
    int32_t to = ubrk_next(walk->iterator);
    while (to != UBRK_DONE && !walk->is_stopped) {
        emit(walk, begin + (size_t)from, begin + (size_t)to, false);
        from = to;
        to = ubrk_next(walk->iterator);
    }
    return COF_OK;
}

static enum cof_status walk_all(struct walk *walk, struct cof_error *err)
{
    size_t begin = 0; /* of the current span or run */
    bool is_cjk = false;
    for (size_t i = 0; i < walk->text.size && !walk->is_stopped;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(walk->text, i, &code_point);
        bool belongs = cof_unicode_is_cjk(code_point) == is_cjk || (is_cjk && is_mark(code_point));
        if (!belongs) {
            if (is_cjk)
                emit(walk, begin, i, true);
            else
                COF_TRY(walk_span(walk, begin, i, err));
            begin = i;
            is_cjk = !is_cjk;
        }
        i += size;
    }
    if (is_cjk)
        emit(walk, begin, walk->text.size, true);
    else
        COF_TRY(walk_span(walk, begin, walk->text.size, err));
    return COF_OK;
}

enum cof_status cof_unicode_each_word(struct cof_text text, cof_word_fn each, void *context,
                                      struct cof_error *err)
{
    if (text.size > COF_ICU_MAX_BYTES)
        return COF_FAIL(err, COF_TOO_LARGE, "a text of %zu bytes is too large", text.size);
    if (!cof_utf8_is_valid(text, NULL))
        return cof_icu_fail(err, U_INVALID_CHAR_FOUND);
    struct walk walk = {.text = text, .each = each, .context = context};
    COF_TRY(cof_break_iterator_take(UBRK_WORD, &walk.iterator, err));
    enum cof_status status = walk_all(&walk, err);
    cof_break_iterator_give_back(UBRK_WORD, walk.iterator);
    return status;
}
