/* Normal forms, lower case and properties of code points.
 *
 * ICU's C interface normalises UTF-16 only, so text goes through it in pieces of a few thousand
 * bytes, cut where no character interacts with the one before it: the extra memory is the same for
 * a word and for a book. */
#include <cof/base/unicode.h>

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

#include "unicode_icu.h"

#define PIECE_BYTES ((size_t)8192)
#define CAPITAL_I_WITH_DOT 0x130U
#define FIRST_CJK 0x1100U /* Hangul Jamo */

struct normalizer {
    const UNormalizer2 *form;
    bool has_case_folding;   /* ASCII letters change; in the other forms no ASCII character does */
    struct cof_buffer units; /* UTF-16 of the piece */
    struct cof_buffer normalized; /* UTF-16 of its normal form */
};

static bool is_ascii(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

static void append_ascii_lower(struct cof_text text, struct cof_buffer *out)
{
    uint8_t *bytes = cof_buffer_extend(out, text.size);
    for (size_t i = 0; bytes != NULL && i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        bytes[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
    }
}

static bool has_boundary_at(const struct normalizer *normalizer, struct cof_text text,
                            size_t offset)
{
    uint32_t code_point = 0;
    (void)cof_utf8_decode(text, offset, &code_point);
    return unorm2_hasBoundaryBefore(normalizer->form, (UChar32)code_point);
}

/* The end of the piece that begins at `begin`: near PIECE_BYTES, and where a boundary is. */
static size_t find_piece_end(const struct normalizer *normalizer, struct cof_text text,
                             size_t begin)
{
    if (text.size - begin <= PIECE_BYTES)
        return text.size;
    size_t middle = cof_utf8_floor(text, begin + PIECE_BYTES);
    for (size_t at = middle; at > begin; at = cof_utf8_floor(text, at - 1)) {
        if (has_boundary_at(normalizer, text, at))
            return at;
    }
    while (middle < text.size && !has_boundary_at(normalizer, text, middle)) {
        uint32_t code_point = 0;
        middle += cof_utf8_decode(text, middle, &code_point);
    }
    return middle;
}

/* UTF-16 needs at most as many units as UTF-8 needs bytes. */
static enum cof_status to_utf16(struct cof_text text, struct cof_buffer *units, int32_t *out_count,
                                struct cof_error *err)
{
    cof_buffer_clear(units);
    (void)cof_buffer_extend(units, text.size * sizeof(UChar));
    COF_TRY(cof_buffer_status(units, err));
    UErrorCode code = U_ZERO_ERROR;
    u_strFromUTF8((UChar *)(void *)units->data, (int32_t)text.size, out_count, text.data,
                  (int32_t)text.size, &code);
    return U_FAILURE(code) ? cof_icu_fail(err, code) : COF_OK;
}

static enum cof_status append_utf16(const UChar *units, int32_t count, struct cof_buffer *out,
                                    struct cof_error *err)
{
    /* at most three bytes a unit; a surrogate pair makes four of two */
    size_t capacity = (size_t)count * 3;
    uint8_t *bytes = cof_buffer_extend(out, capacity);
    COF_TRY(cof_buffer_status(out, err));
    UErrorCode code = U_ZERO_ERROR;
    int32_t size = 0;
    u_strToUTF8((char *)bytes, (int32_t)capacity, &size, units, count, &code);
    if (U_FAILURE(code))
        return cof_icu_fail(err, code);
    out->size -= capacity - (size_t)size;
    return COF_OK;
}

static enum cof_status normalize_piece(struct normalizer *normalizer, struct cof_text piece,
                                       struct cof_buffer *out, struct cof_error *err)
{
    if (is_ascii(piece)) {
        if (normalizer->has_case_folding)
            append_ascii_lower(piece, out);
        else
            cof_buffer_append_text(out, piece);
        return cof_buffer_status(out, err);
    }
    if (piece.size > COF_ICU_MAX_BYTES / 4)
        return COF_FAIL(err, COF_TOO_LARGE, "a run of %zu bytes of combining marks", piece.size);
    int32_t count = 0;
    COF_TRY(to_utf16(piece, &normalizer->units, &count, err));
    const UChar *units = (const UChar *)(void *)normalizer->units.data;
    UErrorCode code = U_ZERO_ERROR;
    if (unorm2_quickCheck(normalizer->form, units, count, &code) == UNORM_YES) {
        cof_buffer_append_text(out, piece);
        return cof_buffer_status(out, err);
    }
    int32_t capacity = count;
    int32_t normalized_count = 0;
    for (;;) {
        cof_buffer_clear(&normalizer->normalized);
        (void)cof_buffer_extend(&normalizer->normalized, (size_t)capacity * sizeof(UChar));
        COF_TRY(cof_buffer_status(&normalizer->normalized, err));
        code = U_ZERO_ERROR;
        normalized_count =
            unorm2_normalize(normalizer->form, units, count,
                             (UChar *)(void *)normalizer->normalized.data, capacity, &code);
        if (code != U_BUFFER_OVERFLOW_ERROR)
            break;
        capacity = normalized_count;
    }
    if (U_FAILURE(code))
        return cof_icu_fail(err, code);
    return append_utf16((const UChar *)(void *)normalizer->normalized.data, normalized_count, out,
                        err);
}

static enum cof_status normalize_all(struct normalizer *normalizer, struct cof_text text,
                                     struct cof_buffer *out, struct cof_error *err)
{
    for (size_t begin = 0; begin < text.size;) {
        size_t end = find_piece_end(normalizer, text, begin);
        COF_TRY(normalize_piece(normalizer, cof_text_slice(text, begin, end), out, err));
        begin = end;
    }
    return cof_buffer_status(out, err);
}

static enum cof_status normalize(const UNormalizer2 *form, UErrorCode code, bool has_case_folding,
                                 struct cof_text text, struct cof_buffer *out,
                                 struct cof_error *err)
{
    if (U_FAILURE(code))
        return cof_icu_fail(err, code);
    if (!cof_utf8_is_valid(text, NULL))
        return cof_icu_fail(err, U_INVALID_CHAR_FOUND);
    struct normalizer normalizer = {.form = form, .has_case_folding = has_case_folding};
    size_t old_size = out->size;
    enum cof_status status = normalize_all(&normalizer, text, out, err);
    if (status != COF_OK)
        out->size = old_size;
    cof_buffer_wipe(&normalizer.units);
    cof_buffer_wipe(&normalizer.normalized);
    return status;
}

static bool has_category(uint32_t code_point, uint32_t mask)
{
    return (U_GET_GC_MASK((UChar32)code_point) & mask) != 0;
}

enum cof_status cof_unicode_nfc(struct cof_text text, struct cof_buffer *out, struct cof_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFCInstance(&code);
    return normalize(form, code, false, text, out, err);
}

enum cof_status cof_unicode_nfd(struct cof_text text, struct cof_buffer *out, struct cof_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFDInstance(&code);
    return normalize(form, code, false, text, out, err);
}

enum cof_status cof_unicode_nfkc_casefold(struct cof_text text, struct cof_buffer *out,
                                          struct cof_error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFKCCasefoldInstance(&code);
    return normalize(form, code, true, text, out, err);
}

enum cof_status cof_unicode_lower(struct cof_text text, struct cof_buffer *out,
                                  struct cof_error *err)
{
    if (!cof_utf8_is_valid(text, NULL))
        return cof_icu_fail(err, U_INVALID_CHAR_FOUND);
    cof_buffer_reserve(out, text.size);
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        char bytes[4];
        i += cof_utf8_decode(text, i, &code_point);
        if (code_point == CAPITAL_I_WITH_DOT) {
            /* the one unconditional lower case of more than one character (SpecialCasing.txt) */
            cof_buffer_append_text(out, COF_TEXT("i\xcc\x87"));
            continue;
        }
        size_t size = cof_utf8_encode((uint32_t)u_tolower((UChar32)code_point), bytes);
        cof_buffer_append(out, bytes, size);
    }
    return cof_buffer_status(out, err);
}

bool cof_unicode_is_whitespace(uint32_t code_point)
{
    return u_isUWhiteSpace((UChar32)code_point);
}

bool cof_unicode_is_control(uint32_t code_point)
{
    return has_category(code_point, U_GC_CC_MASK);
}

bool cof_unicode_is_format(uint32_t code_point)
{
    return has_category(code_point, U_GC_CF_MASK);
}

bool cof_unicode_is_unassigned(uint32_t code_point)
{
    return has_category(code_point, U_GC_CN_MASK);
}

bool cof_unicode_is_private(uint32_t code_point)
{
    return has_category(code_point, U_GC_CO_MASK);
}

bool cof_unicode_is_nonspacing_mark(uint32_t code_point)
{
    return has_category(code_point, U_GC_MN_MASK);
}

bool cof_unicode_is_punctuation(uint32_t code_point)
{
    return has_category(code_point, U_GC_P_MASK);
}

bool cof_unicode_is_alphanumeric(uint32_t code_point)
{
    return has_category(code_point, U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK);
}

bool cof_unicode_is_digit(uint32_t code_point)
{
    return has_category(code_point, U_GC_ND_MASK);
}

bool cof_unicode_is_cjk(uint32_t code_point)
{
    static const UScriptCode scripts[] = {USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA,
                                          USCRIPT_HANGUL};
    if (code_point < FIRST_CJK)
        return false;
    UErrorCode code = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript((UChar32)code_point, &code);
    /* Letters that several of the scripts share, the long vowel mark U+30FC for one. */
    bool is_shared_letter = has_category(code_point, U_GC_L_MASK | U_GC_M_MASK);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        if (script == scripts[i] ||
            (is_shared_letter && uscript_hasScript((UChar32)code_point, scripts[i])))
            return true;
    }
    return false;
}
