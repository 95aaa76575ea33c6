/* Generated pieces in, whole sentences out, without the model's own markers. */
#include "sentences.h"

#include <ctype.h>

#include <cof/base/unicode.h>

void cof_sentences_push(struct cof_sentences *sentences, struct cof_text piece)
{
    if (sentences->taken > 0) {
        size_t left = sentences->pending.size - sentences->taken;
        for (size_t i = 0; i < left; i++) {
            sentences->pending.data[i] = sentences->pending.data[sentences->taken + i];
        }
        sentences->pending.size = left;
        sentences->taken = 0;
    }
    cof_buffer_append_text(&sentences->pending, piece);
}

struct first_two {
    struct cof_text first;
    bool has_second;
};

static bool take_two(void *context, struct cof_text sentence, size_t offset)
{
    struct first_two *found = context;
    if (offset == 0) {
        found->first = sentence;
        return true;
    }
    found->has_second = true;
    return false;
}

bool cof_sentences_next(struct cof_sentences *sentences, bool is_end, struct cof_text *out_sentence)
{
    struct cof_text all = cof_buffer_text(&sentences->pending);
    struct cof_text rest = cof_text_slice(all, sentences->taken, all.size);
    struct first_two found = {0};
    if (rest.size == 0 || cof_unicode_each_sentence(rest, take_two, &found, NULL) != COF_OK) {
        return false;
    }
    bool is_line = found.first.size > 0 && found.first.data[found.first.size - 1] == '\n';
    if (!found.has_second && !is_line && !is_end) {
        return false;
    }
    /* "Yes. [1]": a marker that follows belongs to the sentence before it. */
    struct cof_text after = cof_text_slice(rest, found.first.size, rest.size);
    if (!is_end && !is_line && after.size > 0 && after.data[0] == '[' &&
        cof_text_index_of(after, COF_TEXT("]")) == SIZE_MAX && after.size < 16) {
        return false;
    }
    size_t size = found.first.size;
    if (after.size > 1 && after.data[0] == '[' && isdigit((unsigned char)after.data[1])) {
        size_t close = cof_text_index_of(after, COF_TEXT("]"));
        size += close == SIZE_MAX || close > 15 ? 0 : close + 1;
    }
    *out_sentence = cof_text_slice(rest, 0, size);
    sentences->taken += size;
    return true;
}

void cof_sentences_deinit(struct cof_sentences *sentences)
{
    cof_buffer_wipe(&sentences->pending);
}

static size_t skip_word(struct cof_text text, size_t at, struct cof_text word)
{
    struct cof_text here = cof_text_slice(text, at, at + word.size);
    return cof_text_equal_ascii_case(here, word) ? at + word.size : at;
}

/* Parses a marker's inside from `at`: an optional word, then numbers with commas between. Returns
 * where it ends, or `at` when it is none. */
static size_t parse_numbers(struct cof_text text, size_t at, bool must_have_word,
                            uint32_t *out_numbers)
{
    static const struct cof_text words[] = {
        COF_TEXT_INIT("passage"), COF_TEXT_INIT("source"), COF_TEXT_INIT("document"),
        COF_TEXT_INIT("doc"),     COF_TEXT_INIT("ref"),
    };
    size_t i = at;
    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]) && i == at; w++) {
        i = skip_word(text, at, words[w]);
    }
    if (must_have_word && i == at) {
        return at;
    }
    i = skip_word(text, i, COF_TEXT("s"));
    uint32_t numbers = 0;
    bool is_number = false;
    for (; i < text.size; i++) {
        if (text.data[i] == ' ' || text.data[i] == ',' || text.data[i] == '#') {
            continue;
        }
        uint32_t value = 0;
        size_t begin = i;
        while (i < text.size && isdigit((unsigned char)text.data[i]) && i - begin < 3) {
            value = value * 10 + (uint32_t)(text.data[i] - '0');
            i++;
        }
        if (i == begin) {
            break;
        }
        i--;
        is_number = true;
        numbers |= value >= 1 && value <= 32 ? UINT32_C(1) << (value - 1) : 0;
    }
    if (!is_number) {
        return at;
    }
    *out_numbers |= numbers;
    return i;
}

/* Size of the marker at `at`, 0 when there is none. */
static size_t marker_size(struct cof_text text, size_t at, uint32_t *numbers)
{
    static const struct {
        struct cof_text open, close;
        bool must_have_word;
    } forms[] = {
        {COF_TEXT_INIT("["), COF_TEXT_INIT("]"), false},
        {COF_TEXT_INIT("【"), COF_TEXT_INIT("】"), false},
        {COF_TEXT_INIT("("), COF_TEXT_INIT(")"), true},
    };
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        size_t inside = skip_word(text, at, forms[f].open);
        if (inside == at) {
            continue;
        }
        uint32_t found = 0;
        size_t end = parse_numbers(text, inside, forms[f].must_have_word, &found);
        size_t close = skip_word(text, end, forms[f].close);
        if (end > inside && close > end) {
            *numbers |= found;
            return close - at;
        }
    }
    return 0;
}

uint32_t cof_sentence_strip_markers(struct cof_text sentence, struct cof_buffer *out)
{
    uint32_t numbers = 0;
    struct cof_text text = cof_text_trim(sentence);
    size_t begin = out->size;
    for (size_t i = 0; i < text.size;) {
        size_t size = marker_size(text, i, &numbers);
        if (size > 0) {
            i += size;
            while (out->size > begin && out->data[out->size - 1] == ' ' &&
                   (i >= text.size || !isalnum((unsigned char)text.data[i]))) {
                out->size--;
            }
            continue;
        }
        cof_buffer_append_byte(out, (uint8_t)text.data[i]);
        i++;
    }
    while (out->size > begin && isspace(out->data[out->size - 1])) {
        out->size--;
    }
    return numbers;
}
