/* Folds words and compares them. */
#include "extract_terms.h"

#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

/* A common beginning counts from this many characters and this share of the longer word. */
#define MIN_COMMON_LENGTH 4
#define MIN_COMMON_SHARE 0.55f
/* A word inside another counts from this many characters. */
#define MIN_INNER_LENGTH 5
#define INNER_LIKENESS 0.6f

/* Folded forms, by language, English first. Chinese ones are single characters and pairs. */
static const char stop_words[] =
    "a about after all also am an and any are as at be because been before but by can could did "
    "do does each for from get had has have he her his how i i'm if in into is it its long many "
    "may me more much must my no not of often on or our shall she should so than that the their "
    "them then there these they this to up was we were what when where which who whom whose why "
    "will with would you your "
    /* German */
    "ab aber als auch auf aus bei bin bis darf das dass dem den der des die dort du durch ein "
    "eine einem einen einer eines er es fur hat haben habe ich ihr im ist kann kein keine lange "
    "man mehr mein meine mir mit muss nach nicht noch nur ob oder ohne sein seit sich sie sind "
    "soll uber um und uns unter viel viele vom von vor wann warum welche welchem welchen welcher "
    "welches wem wen wer werden wie wieviel wird wir wo wurde zu zum zur "
    /* French */
    "ai au aux avec avoir ce ces cette combien comme comment d dans de dois doit donc dont elle "
    "en est et etre faut il ils j je l la le les leur lui ma mais mes mon n ne nous ou par pas "
    "peut plus pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se "
    "ses son sont sur t tres un une vous y "
    /* Spanish */
    "al como con cual cuales cuando cuanta cuantas cuanto cuantos debe debo del desde donde e el "
    "ella ellos esta este esto ha hasta hay las lo los mas mi muy o para pero por porque puede "
    "puedo quien ser si sin sobre su sus tengo tiene tienen u una unos voy ya yo "
    /* Russian (accents are folded away, so й is и) */
    "а без бы в во все где да для до его ее если есть за и из или их к как какие какои какая "
    "какое ко когда кто ли мне можно мои мы на надо не нет но нужно о об он она они от по под "
    "после при с сколько со так то у уже чего через что чтобы это я "
    /* Arabic (after the article) */
    "ان او اي اين الى انا التي الذي ثم عن على في قد كان كل كم كيف لا لم ما ماذا متى مع من هذا "
    "هذه هل هو هي يجب يمكن "
    /* Chinese and Japanese */
    "的 了 是 在 有 和 与 或 吗 呢 吧 哪 个 什 么 几 多 少 我 你 您 他 她 它 们 这 那 应 该 要 需 "
    "被 把 就 都 也 可 以 能 最 对 从 到 为 什么 "
    "多少 哪个 哪里 几天 几点 是几 应该 可以 多久 怎么 需要 最多 の は が を に で と も";

static bool is_upper(uint32_t code_point)
{
    char bytes[4];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer lower = {0};
    struct cof_text one = {.data = bytes, .size = cof_utf8_encode(code_point, bytes)};

    if (code_point < 0x80)
        return code_point >= 'A' && code_point <= 'Z';
    return cof_unicode_lower(one, &lower, NULL) == COF_OK &&
           !cof_text_equal(cof_buffer_text(&lower), one);
}

/* Drops the marks of the decomposed text in `buffer`, in place. */
static void drop_marks(struct cof_buffer *buffer)
{
    struct cof_text text = cof_buffer_text(buffer);
    size_t kept = 0;

    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(text, i, &code_point);

        if (!cof_unicode_is_nonspacing_mark(code_point)) {
            memmove(buffer->data + kept, buffer->data + i, size);
            kept += size;
        }
        i += size;
    }
    buffer->size = kept;
}

/* Arabic writes the article and some prepositions on to the noun, which has three letters or more.
 */
static struct cof_text without_article(struct cof_text word)
{
    static const char *const articles[] = {"وال", "بال", "كال", "فال", "ال", "لل"};

    for (size_t i = 0; i < sizeof(articles) / sizeof(articles[0]); i++) {
        struct cof_text article = cof_text_from(articles[i]);

        if (cof_text_has_prefix(word, article) && word.size >= article.size + 6)
            return cof_text_slice(word, article.size, word.size);
    }
    return word;
}

struct collector {
    struct cof_text text;
    struct cof_arena *arena;
    struct cof_buffer terms; /* of struct cof_term */
    struct cof_buffer folded, plain;
    enum cof_status status;
    struct cof_error *err;
};

static void add_term(struct collector *collector, struct cof_text folded, struct cof_term term)
{
    size_t length = 0;

    if (folded.size == 0)
        return;
    for (size_t i = 0; i < folded.size; length++) {
        uint32_t code_point = 0;

        i += cof_utf8_decode(folded, i, &code_point);
        term.is_number = term.is_number || cof_unicode_is_digit(code_point);
    }
    term.length = length < UINT16_MAX ? (uint16_t)length : UINT16_MAX;
    term.text = cof_arena_copy_text(collector->arena, folded);
    if (term.text.data == NULL)
        collector->status = COF_FAIL_MEMORY(collector->err);
    cof_buffer_append(&collector->terms, &term, sizeof(term));
}

static void add_cjk(struct collector *collector, struct cof_text run)
{
    size_t previous = SIZE_MAX;

    for (size_t i = 0; i < run.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(run, i, &code_point);
        struct cof_term term = {.is_cjk = true};

        add_term(collector, cof_text_slice(run, i, i + size), term);
        if (previous != SIZE_MAX)
            add_term(collector, cof_text_slice(run, previous, i + size), term);
        previous = i;
        i += size;
    }
}

/* A capital letter makes a name unless it only begins the sentence. */
static bool looks_like_name(struct cof_text text, struct cof_text word, size_t offset)
{
    size_t capital_count = 0;
    bool begins = true;

    for (size_t i = 0; i < word.size;) {
        uint32_t code_point = 0;

        i += cof_utf8_decode(word, i, &code_point);
        capital_count += is_upper(code_point) ? 1 : 0;
    }
    for (size_t i = offset; i > 0; i--) {
        char before = text.data[i - 1];

        if (before == '.' || before == '?' || before == '!' || before == '\n')
            break;
        if (before != ' ' && before != '"' && before != '(') {
            begins = false;
            break;
        }
    }
    return capital_count > 1 || (capital_count == 1 && !begins);
}

static bool add_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct collector *collector = context;

    cof_buffer_clear(&collector->folded);
    collector->status = cof_unicode_nfkc_casefold(word, &collector->folded, collector->err);
    if (collector->status != COF_OK)
        return false;
    if (is_cjk) {
        add_cjk(collector, cof_buffer_text(&collector->folded));
        return collector->status == COF_OK;
    }
    cof_buffer_clear(&collector->plain);
    collector->status =
        cof_unicode_nfd(cof_buffer_text(&collector->folded), &collector->plain, collector->err);
    if (collector->status != COF_OK)
        return false;
    drop_marks(&collector->plain);
    add_term(collector, without_article(cof_buffer_text(&collector->plain)),
             (struct cof_term){.is_name = looks_like_name(collector->text, word, offset)});
    return collector->status == COF_OK;
}

static void collector_deinit(struct collector *collector)
{
    cof_buffer_wipe(&collector->terms);
    cof_buffer_wipe(&collector->folded);
    cof_buffer_wipe(&collector->plain);
}

enum cof_status cof_terms_of(struct cof_text text, struct cof_arena *arena,
                             struct cof_term **out_terms, size_t *out_count, struct cof_error *err)
{
    COF_CLEANUP(collector_deinit)
    struct collector collector = {.text = text, .arena = arena, .err = err};

    COF_TRY(cof_unicode_each_word(text, add_word, &collector, err));
    COF_TRY(collector.status);
    COF_TRY(cof_buffer_status(&collector.terms, err));

    size_t count = collector.terms.size / sizeof(struct cof_term);
    struct cof_term *terms = cof_arena_array(arena, count, sizeof(*terms));

    if (terms == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0)
        memcpy(terms, collector.terms.data, collector.terms.size);
    *out_terms = terms;
    *out_count = count;
    return COF_OK;
}

/* Characters that both begin with. */
static size_t common_length(struct cof_text a, struct cof_text b)
{
    size_t size = 0;
    size_t length = 0;

    while (size < a.size && size < b.size && a.data[size] == b.data[size])
        size++;
    if (size < a.size)
        size = cof_utf8_floor(a, size);
    for (size_t i = 0; i < size; i++)
        length += ((unsigned char)a.data[i] & 0xC0) != 0x80;
    return length;
}

float cof_term_likeness(const struct cof_term *a, const struct cof_term *b)
{
    const struct cof_term *shorter = a->length < b->length ? a : b;
    const struct cof_term *longer = a->length < b->length ? b : a;

    if (cof_text_equal(a->text, b->text))
        return 1;
    if (a->is_cjk || b->is_cjk || a->is_number || b->is_number ||
        shorter->length < MIN_COMMON_LENGTH)
        return 0;

    size_t common = common_length(a->text, b->text);
    float share = (float)common / (float)longer->length;

    if (common >= MIN_COMMON_LENGTH && share >= MIN_COMMON_SHARE)
        return 0.4f + 0.6f * share;
    if (common == shorter->length && common >= MIN_INNER_LENGTH)
        return INNER_LIKENESS;
    if (shorter->length >= MIN_INNER_LENGTH &&
        cof_text_index_of(longer->text, shorter->text) != SIZE_MAX)
        return INNER_LIKENESS;
    return 0;
}

bool cof_words_have(const char *words, struct cof_text word)
{
    for (;;) {
        size_t size = strcspn(words, " ");

        if (size == word.size && memcmp(words, word.data, size) == 0)
            return true;
        if (words[size] == '\0')
            return false;
        words += size + 1;
    }
}

bool cof_term_is_stop_word(const struct cof_term *term)
{
    return cof_words_have(stop_words, term->text);
}
