/* Sentences: UAX #29's boundaries, less those after abbreviations, ordinals and initials.
 *
 * UAX #29 knows no abbreviations. For attribution a sentence cut in two is worse than two that stay
 * together (a half sentence supports nothing), so the exceptions err on the side of not cutting. */
#include <cof/base/unicode.h>

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include "unicode_icu.h"

#define MAX_TOKEN_BYTES 32

/* Without the last full stop, lower case. A token with full stops inside is looked up by its last
 * part too, and single letters need no entry: "e.g", "z.B" and "U.S" end in one. */
static const char *const abbreviations[] = {
    /* English */
    "al", "approx", "assoc", "asst", "atty", "capt", "cf", "co", "col", "corp", "dept", "dr", "eq",
    "esp", "est", "etc", "ext", "gen", "gov", "hon", "inc", "jr", "lt", "ltd", "maj", "messrs",
    "mr", "mrs", "ms", "mt", "ph", "prof", "ref", "rep", "rev", "sen", "sgt", "sr", "st", "viz",
    "vs",
    /* German */
    "allg", "ausschl", "bspw", "bzgl", "bzw", "ca", "dgl", "dipl", "entspr", "etw", "evtl", "exkl",
    "frl", "geb", "gegr", "gem", "gest", "ggf", "grds", "hr", "hrn", "hrsg", "ing", "inkl", "insb",
    "kfm", "mind", "mio", "mrd", "nr", "o.ä", "sog", "std", "techn", "tel", "tsd", "usf", "usw",
    "verg", "vgl", "vorl", "zzgl",
    /* French, Spanish, Italian, Dutch */
    "av", "bijv", "blz", "bvd", "dhr", "dott", "dra", "ecc", "ej", "env", "ex", "mevr", "mlle",
    "mm", "mme", "réf", "sig", "sra", "srta", "ste", "tél", "ud", "uds"};

/* Abbreviations that are also words, or end sentences: only before a number, or before one capital
 * with its own full stop ("art. L. 1234-5"). */
static const char *const numbered_abbreviations[] = {
    "abb", "abs",    "abschn", "al",  "anh",  "anm",  "apr", "art", "arts", "aug",  "bd",
    "bsp", "buchst", "cap",    "ch",  "chap", "dec",  "dez", "feb", "ff",   "fig",  "figs",
    "jan", "jul",    "jun",    "kap", "lit",  "mar",  "max", "min", "no",   "nos",  "nov",
    "num", "núm",    "oct",    "okt", "pag",  "para", "pos", "pp",  "pág",  "rdnr", "rn",
    "rz",  "sec",    "sect",   "sep", "sept", "tab",  "tit", "vol", "ziff"};

static bool is_newline(uint32_t code_point)
{
    return (code_point >= 0x0a && code_point <= 0x0d) || code_point == 0x85 ||
           code_point == 0x2028 || code_point == 0x2029;
}

static bool is_closer(uint32_t code_point)
{
    uint32_t mask = U_GET_GC_MASK((UChar32)code_point);
    return (mask & (U_GC_PE_MASK | U_GC_PF_MASK | U_GC_PI_MASK)) != 0 || code_point == '"' ||
           code_point == '\'';
}

static bool is_cased(uint32_t code_point)
{
    return (U_GET_GC_MASK((UChar32)code_point) & (U_GC_LU_MASK | U_GC_LL_MASK | U_GC_LT_MASK)) != 0;
}

/* The code point before `offset` and where it begins; 0 at the start of the text. */
static uint32_t code_point_before(struct cof_text text, size_t offset, size_t *out_begin)
{
    uint32_t code_point = 0;
    if (offset == 0)
        return 0;
    *out_begin = cof_utf8_floor(text, offset - 1);
    (void)cof_utf8_decode(text, *out_begin, &code_point);
    return code_point;
}

/* 0 at the end of the text. */
static uint32_t code_point_at(struct cof_text text, size_t offset)
{
    uint32_t code_point = 0;
    if (offset < text.size)
        (void)cof_utf8_decode(text, offset, &code_point);
    return code_point;
}

static size_t skip_space(struct cof_text text, size_t offset)
{
    while (offset < text.size) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(text, offset, &code_point);
        if (!cof_unicode_is_whitespace(code_point))
            break;
        offset += size;
    }
    return offset;
}

static bool is_listed(struct cof_text token, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal(token, cof_text_from(list[i])))
            return true;
    }
    return false;
}

/* What stands before a full stop at `stop`: letters, digits, marks, and full stops, hyphens and
 * apostrophes between them. */
static struct cof_text token_before(struct cof_text text, size_t begin, size_t stop)
{
    size_t at = stop;
    while (at > begin) {
        size_t previous = at;
        uint32_t code_point = code_point_before(text, at, &previous);
        if (!cof_unicode_is_alphanumeric(code_point) && code_point != '.' && code_point != '-')
            break;
        at = previous;
    }
    return cof_text_slice(text, at, stop);
}

/* The part behind the last full stop or hyphen. */
static struct cof_text last_part(struct cof_text token)
{
    size_t begin = token.size;
    while (begin > 0 && token.data[begin - 1] != '.' && token.data[begin - 1] != '-')
        begin--;
    return cof_text_slice(token, begin, token.size);
}

/* One or two digits. */
static bool is_short_number(struct cof_text token)
{
    size_t digit_count = 0;
    for (size_t i = 0; i < token.size; digit_count++) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(token, i, &code_point);
        if (!cof_unicode_is_digit(code_point))
            return false;
    }
    return digit_count == 1 || digit_count == 2;
}

/* Digits and full stops: "2.1" of the heading "2.1. Scope". */
static bool is_section_number(struct cof_text token)
{
    for (size_t i = 0; i < token.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(token, i, &code_point);
        if (!cof_unicode_is_digit(code_point) && code_point != '.')
            return false;
    }
    return token.size > 0;
}

static bool is_single_letter(struct cof_text token)
{
    uint32_t code_point = 0;
    if (token.size == 0)
        return false;
    size_t size = cof_utf8_decode(token, 0, &code_point);
    return size == token.size && is_cased(code_point);
}

/* "5", or "L." */
static bool has_number_at(struct cof_text text, size_t offset)
{
    uint32_t code_point = 0;
    if (offset >= text.size)
        return false;
    size_t size = cof_utf8_decode(text, offset, &code_point);
    if (cof_unicode_is_digit(code_point))
        return true;
    return u_isupper((UChar32)code_point) && code_point_at(text, offset + size) == '.';
}

/* Whether the full stop behind `token` belongs to it, with `next` the start of what follows. */
static bool is_abbreviation(struct cof_text token, struct cof_text text, size_t next)
{
    char lower[MAX_TOKEN_BYTES];
    size_t size = 0;
    if (token.size == 0 || token.size > MAX_TOKEN_BYTES / 2)
        return false;
    for (size_t i = 0; i < token.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(token, i, &code_point);
        size += cof_utf8_encode((uint32_t)u_tolower((UChar32)code_point), lower + size);
    }
    struct cof_text whole = {.data = lower, .size = size};
    struct cof_text part = last_part(whole);
    size_t count = sizeof(abbreviations) / sizeof(abbreviations[0]);
    if (is_listed(whole, abbreviations, count) || is_listed(part, abbreviations, count))
        return true;
    bool is_numbered =
        is_listed(part, numbered_abbreviations,
                  sizeof(numbered_abbreviations) / sizeof(numbered_abbreviations[0])) ||
        cof_text_has_suffix(part, COF_TEXT("str")); /* "Hauptstr. 5" */
    return is_numbered && has_number_at(text, next);
}

static bool is_clause_end(uint32_t code_point)
{
    return code_point == ',' || code_point == ';' || code_point == ':';
}

static bool is_stop(uint32_t code_point)
{
    return code_point == '.' || code_point == '!' || code_point == '?';
}

/* Moves a boundary behind white space, and behind a closing quote that French sets off with a
 * space, with what follows it: "« Oui. », dit-il". In German the same sign opens, but then a letter
 * follows it at once. */
static size_t extend(struct cof_text text, size_t end)
{
    for (;;) {
        end = skip_space(text, end);
        uint32_t code_point = 0;
        if (end == text.size)
            return end;
        size_t size = cof_utf8_decode(text, end, &code_point);
        uint32_t next = code_point_at(text, end + size);
        bool is_quote_end =
            (code_point == 0xbb || code_point == 0x203a) &&
            (next == 0 || cof_unicode_is_whitespace(next) || cof_unicode_is_punctuation(next));
        if (!is_quote_end)
            return end;
        end += size;
        while (is_stop(next) || is_clause_end(next)) {
            end++;
            next = code_point_at(text, end);
        }
    }
}

/* Whether the sentence whose first character that is not white space stands at `begin` is over at
 * `end`, a boundary of UAX #29. */
static bool is_over(struct cof_text text, size_t begin, size_t end)
{
    size_t at = end;
    size_t previous = 0;
    bool has_closer = false;
    if (begin >= end)
        return false; /* nothing but white space yet */
    uint32_t code_point = code_point_before(text, at, &previous);
    while (at > begin && !is_newline(code_point) &&
           (cof_unicode_is_whitespace(code_point) || is_closer(code_point))) {
        has_closer = has_closer || is_closer(code_point);
        at = previous;
        code_point = code_point_before(text, at, &previous);
    }
    if (is_clause_end(code_point) ||
        (is_stop(code_point) && u_islower((UChar32)code_point_at(text, end))))
        return false;
    if (at <= begin || code_point != '.' || has_closer)
        return true;
    struct cof_text token = token_before(text, begin, previous);
    bool is_heading = token.data == text.data + begin && is_section_number(token);
    return !is_heading && !is_short_number(token) && !is_single_letter(last_part(token)) &&
           !is_abbreviation(token, text, end);
}

static void walk_sentences(struct cof_text text, UBreakIterator *iterator, cof_sentence_fn each,
                           void *context)
{
    size_t begin = 0;
    size_t begin_of_content = skip_space(text, 0);
    size_t seen = 0; /* boundaries up to here were inside an extended one */
    for (int32_t at = ubrk_next(iterator); at != UBRK_DONE; at = ubrk_next(iterator)) {
        if ((size_t)at <= seen)
            continue;
        size_t end = extend(text, (size_t)at);
        seen = end;
        if (end < text.size && !is_over(text, begin_of_content, end))
            continue;
        if (!each(context, cof_text_slice(text, begin, end), begin))
            return;
        begin = end; /* not white space, by extend() */
        begin_of_content = end;
    }
}

enum cof_status cof_unicode_each_sentence(struct cof_text text, cof_sentence_fn each, void *context,
                                          struct cof_error *err)
{
    if (text.size > COF_ICU_MAX_BYTES)
        return COF_FAIL(err, COF_TOO_LARGE, "a text of %zu bytes is too large", text.size);
    if (!cof_utf8_is_valid(text, NULL))
        return cof_icu_fail(err, U_INVALID_CHAR_FOUND);
    if (text.size == 0)
        return COF_OK;
    UBreakIterator *iterator = NULL;
    COF_TRY(cof_break_iterator_take(UBRK_SENTENCE, &iterator, err));
    UErrorCode code = U_ZERO_ERROR;
    UText view = UTEXT_INITIALIZER;
    utext_openUTF8(&view, text.data, (int64_t)text.size, &code);
    ubrk_setUText(iterator, &view, &code);
    utext_close(&view);
    if (U_SUCCESS(code))
        walk_sentences(text, iterator, each, context);
    cof_break_iterator_give_back(UBRK_SENTENCE, iterator);
    return U_FAILURE(code) ? cof_icu_fail(err, code) : COF_OK;
}
