/* Cutting folded text into words, CJK characters and pairs, and whole tokens. */
#include "analyser.h"

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

#include "array.h"

struct analysis {
    struct cof_word_list *words;
    struct cof_text text; /* folded */
    size_t next_word;     /* the first word that does not lie before the token at hand */
    bool is_out_of_memory;
};

static bool append(struct analysis *analysis, struct cof_text text, enum cof_word_kind kind,
                   enum cof_language language)
{
    struct cof_word_list *words = analysis->words;
    struct cof_word *items = cof_array_grow(words->items, words->count, sizeof(words->items[0]),
                                            &words->capacity, words->count + 1);

    if (items == NULL) {
        analysis->is_out_of_memory = true;
        return false;
    }
    if (text.size > COF_MAX_WORD_BYTES)
        text.size = cof_utf8_floor(text, COF_MAX_WORD_BYTES);
    words->items = items;
    items[words->count++] = (struct cof_word){.text = text, .kind = kind, .language = language};
    return true;
}

static bool is_latin(uint32_t code_point)
{
    return (code_point >= 'a' && code_point <= 'z') ||
           (code_point >= 0xc0 && code_point <= 0x24f) ||
           (code_point >= 0x1e00 && code_point <= 0x1eff);
}

static enum cof_language language_of_script(uint32_t code_point)
{
    if (code_point >= 0x400 && code_point <= 0x52f)
        return COF_LANGUAGE_RUSSIAN;
    if ((code_point >= 0x370 && code_point <= 0x3ff) ||
        (code_point >= 0x1f00 && code_point <= 0x1fff))
        return COF_LANGUAGE_GREEK;
    if (code_point >= 0x600 && code_point <= 0x6ff)
        return COF_LANGUAGE_ARABIC;
    return COF_LANGUAGE_NONE;
}

/* By its first letter; a word with a digit is nothing to stem. */
static bool append_word(struct analysis *analysis, struct cof_text word)
{
    enum cof_word_kind kind = COF_WORD_PLAIN;
    enum cof_language language = COF_LANGUAGE_NONE;

    if (word.size == 0)
        return true;
    for (size_t i = 0; i < word.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(word, i, &code_point);
        if (cof_unicode_is_digit(code_point))
            return append(analysis, word, COF_WORD_PLAIN, COF_LANGUAGE_NONE);
        if (kind == COF_WORD_PLAIN && language == COF_LANGUAGE_NONE) {
            language = language_of_script(code_point);
            if (is_latin(code_point))
                kind = COF_WORD_LATIN;
        }
    }
    return append(analysis, word, kind, language);
}

/* UAX #29 keeps both sides of an apostrophe together: right for "don't", wrong for "l'école" and
 * for the possessive. ’ (U+2019) is written as ' before we come here. */
static bool append_apostrophe_word(struct analysis *analysis, struct cof_text word)
{
    static const char *const clitics[] = {"t", "re", "ve", "ll", "d", "m"};
    struct cof_text left = {0};
    struct cof_text right = {0};

    if (!cof_text_split(word, '\'', &left, &right))
        return append_word(analysis, word);
    if (cof_text_equal(right, COF_TEXT("s")))
        return append_word(analysis, left);
    for (size_t i = 0; i < sizeof(clitics) / sizeof(clitics[0]); i++) {
        if (cof_text_equal(right, cof_text_from(clitics[i])))
            return append_word(analysis, word);
    }
    return append_word(analysis, left) && append_apostrophe_word(analysis, right);
}

/* UAX #29 keeps foo_bar together: the parts here, the whole with the other tokens. */
static bool append_parts(struct analysis *analysis, struct cof_text word)
{
    struct cof_text part = {0};
    struct cof_text rest = word;

    while (rest.size > 0) {
        (void)cof_text_split(rest, '_', &part, &rest);
        if (!append_apostrophe_word(analysis, part))
            return false;
    }
    return true;
}

static bool append_cjk(struct analysis *analysis, struct cof_text run)
{
    struct cof_text before = {0};

    for (size_t i = 0; i < run.size;) {
        uint32_t code_point = 0;
        size_t end = i + cof_utf8_decode(run, i, &code_point);
        /* Marks belong to the character before them. */
        while (end < run.size) {
            size_t size = cof_utf8_decode(run, end, &code_point);
            if (cof_unicode_is_cjk(code_point))
                break;
            end += size;
        }
        struct cof_text character = cof_text_slice(run, i, end);
        if (!append(analysis, character, COF_WORD_CJK, COF_LANGUAGE_NONE))
            return false;
        if (before.size > 0 &&
            !append(analysis,
                    (struct cof_text){.data = before.data, .size = before.size + character.size},
                    COF_WORD_PAIR, COF_LANGUAGE_NONE))
            return false;
        before = character;
        i = end;
    }
    return true;
}

static bool take_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct analysis *analysis = context;

    (void)offset;
    return is_cjk ? append_cjk(analysis, word) : append_parts(analysis, word);
}

/* Punctuation that joins the parts of a token. */
static bool is_joint(uint32_t code_point)
{
    return code_point < 0x80 && code_point != 0 && strchr("-_/.:@+#&~\\", (int)code_point) != NULL;
}

/* Without joints at its ends, but "c++" and "c#" keep theirs. */
static struct cof_text trim_joints(struct cof_text token)
{
    while (token.size > 0 && is_joint((uint8_t)token.data[0]))
        token = cof_text_slice(token, 1, token.size);
    while (token.size > 0 && is_joint((uint8_t)token.data[token.size - 1]) &&
           token.data[token.size - 1] != '+' && token.data[token.size - 1] != '#')
        token.size--;
    return token;
}

/* Whether UAX #29 kept the token together ("3.5.2"), so that it is among the words already. */
static bool is_word_already(struct analysis *analysis, struct cof_text token, size_t word_count)
{
    const struct cof_word *items = analysis->words->items;

    while (analysis->next_word < word_count && items[analysis->next_word].text.data < token.data)
        analysis->next_word++;
    return analysis->next_word < word_count && items[analysis->next_word].text.data == token.data &&
           items[analysis->next_word].text.size == token.size;
}

static bool append_token(struct analysis *analysis, struct cof_text token, size_t word_count)
{
    token = trim_joints(token);
    if (token.size > COF_MAX_WORD_BYTES || is_word_already(analysis, token, word_count))
        return true;
    for (size_t i = 0; i < token.size; i++) {
        if (is_joint((uint8_t)token.data[i]))
            return append(analysis, token, COF_WORD_CODE, COF_LANGUAGE_NONE);
    }
    return true;
}

static bool append_tokens(struct analysis *analysis)
{
    struct cof_text text = analysis->text;
    size_t word_count = analysis->words->count;
    size_t begin = 0; /* of the token */

    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(text, i, &code_point);
        bool belongs = is_joint(code_point) ||
                       (cof_unicode_is_alphanumeric(code_point) && !cof_unicode_is_cjk(code_point));
        if (!belongs) {
            if (!append_token(analysis, cof_text_slice(text, begin, i), word_count))
                return false;
            begin = i + size;
        }
        i += size;
    }
    return append_token(analysis, cof_text_slice(text, begin, text.size), word_count);
}

/* Case-folds `text` into the arena, with ' for ’. */
static enum cof_status fold(struct cof_text text, struct cof_arena *arena,
                            struct cof_text *out_folded, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer buffer = {0};

    if (!cof_utf8_is_valid(text, NULL))
        return COF_FAIL(err, COF_INVALID, "the text is not valid UTF-8");
    COF_TRY(cof_unicode_nfkc_casefold(text, &buffer, err));
    COF_TRY(cof_buffer_status(&buffer, err));
    size_t size = 0;
    for (size_t i = 0; i < buffer.size;) {
        if (buffer.size - i >= 3 && memcmp(buffer.data + i, "\xe2\x80\x99", 3) == 0) {
            buffer.data[size++] = '\'';
            i += 3;
        } else {
            buffer.data[size++] = buffer.data[i++];
        }
    }
    buffer.size = size;
    *out_folded = cof_arena_copy_text(arena, cof_buffer_text(&buffer));
    return out_folded->data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

enum cof_status cof_words_append(struct cof_word_list *words, struct cof_text text,
                                 struct cof_arena *arena, struct cof_error *err)
{
    struct analysis analysis = {.words = words, .next_word = words->count};

    if (text.size == 0)
        return COF_OK;
    COF_TRY(fold(text, arena, &analysis.text, err));
    COF_TRY(cof_unicode_each_word(analysis.text, take_word, &analysis, err));
    if (analysis.is_out_of_memory || !append_tokens(&analysis))
        return COF_FAIL_MEMORY(err);
    return COF_OK;
}

void cof_words_deinit(struct cof_word_list *words)
{
    cof_free(words->items);
    *words = (struct cof_word_list){0};
}

bool cof_word_is_counted(const struct cof_word *word)
{
    return word->kind != COF_WORD_PAIR && word->kind != COF_WORD_CODE;
}

enum cof_status cof_word_term(const struct cof_word *word, enum cof_language language,
                              struct cof_stemmers *stemmers, char buffer[COF_MAX_TERM_BYTES],
                              struct cof_text *out_term, struct cof_error *err)
{
    struct cof_text stem = {0};

    if (word->kind != COF_WORD_LATIN && word->language == COF_LANGUAGE_NONE) {
        *out_term = word->text;
        return COF_OK;
    }
    bool is_latin_stem = word->kind == COF_WORD_LATIN && language != COF_LANGUAGE_NONE;
    COF_TRY(cof_stem(stemmers, word->kind == COF_WORD_LATIN ? language : word->language, word->text,
                     &stem, err));
    size_t prefix_size = is_latin_stem ? 1 : 0;
    if (stem.size > COF_MAX_TERM_BYTES - prefix_size)
        stem.size = cof_utf8_floor(stem, COF_MAX_TERM_BYTES - prefix_size);
    buffer[0] = (char)language; /* a control character, which no word holds */
    memcpy(buffer + prefix_size, stem.data, stem.size);
    *out_term = (struct cof_text){.data = buffer, .size = prefix_size + stem.size};
    return COF_OK;
}
