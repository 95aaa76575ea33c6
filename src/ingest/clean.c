/* Cleaning: drop what cannot be seen, fold white space, normalise to NFC.
 *
 * Text that a reader of the original cannot see must not steer a search or a model, so characters
 * without a visible form go: controls, directional controls, tag characters, private use, and runs
 * of those invisible characters that single are honest (joiners, variation selectors). See Boucher
 * et al., "Bad Characters", 2022, for what they are used for. */
#include "clean.h"

#include <string.h>

#include <cof/base/unicode.h>

struct range {
    uint32_t first;
    uint32_t last;
};

/* Ascending. Private use and noncharacters are in it; C0 and C1 are handled apart. */
static const struct range invisible[] = {
    {0x00AD, 0x00AD},    /* soft hyphen: splits words for a search, shows as nothing */
    {0x034F, 0x034F},    /* combining grapheme joiner */
    {0x061C, 0x061C},    /* Arabic letter mark */
    {0x115F, 0x1160},    /* Hangul fillers */
    {0x17B4, 0x17B5},    /* Khmer inherent vowels */
    {0x180E, 0x180E},    /* Mongolian vowel separator */
    {0x200B, 0x200B},    /* zero width space */
    {0x200E, 0x200F},    /* direction marks */
    {0x202A, 0x202E},    /* direction embedding and override */
    {0x2060, 0x206F},    /* word joiner, invisible operators, isolates, deprecated controls */
    {0x3164, 0x3164},    /* Hangul filler */
    {0xD800, 0xF8FF},    /* surrogates, private use */
    {0xFDD0, 0xFDEF},    /* noncharacters */
    {0xFEFF, 0xFEFF},    /* byte order mark */
    {0xFFA0, 0xFFA0},    /* half-width Hangul filler */
    {0xFFF0, 0xFFFB},    /* unassigned invisibles, interlinear annotation */
    {0x1BCA0, 0x1BCA3},  /* shorthand format controls */
    {0x1D173, 0x1D17A},  /* musical format controls */
    {0xE0000, 0xE00FF},  /* tags */
    {0xE01F0, 0xE0FFF},  /* unassigned invisibles */
    {0xF0000, 0x10FFFF}, /* private use */
};

static bool is_one_of(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool is_invisible(uint32_t code_point)
{
    if (code_point < invisible[0].first)
        return false;
    if ((code_point & 0xFFFE) == 0xFFFE) /* the last two of each plane are noncharacters */
        return true;
    size_t low = 0;
    size_t high = sizeof(invisible) / sizeof(invisible[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code_point > invisible[middle].last)
            low = middle + 1;
        else if (code_point < invisible[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

/* Characters that shape the one before them; of a run of these only the first stays. */
static bool is_shaping(uint32_t code_point)
{
    return code_point == 0x200C || code_point == 0x200D ||
           (code_point >= 0xFE00 && code_point <= 0xFE0F) ||
           (code_point >= 0x180B && code_point <= 0x180D) ||
           (code_point >= 0xE0100 && code_point <= 0xE01EF);
}

static bool is_hangul(uint32_t code_point)
{
    return (code_point >= 0x1100 && code_point <= 0x11FF) ||
           (code_point >= 0x3130 && code_point <= 0x318F) ||
           (code_point >= 0xA960 && code_point <= 0xA97F) ||
           (code_point >= 0xAC00 && code_point <= 0xD7FF) ||
           (code_point >= 0xFFA0 && code_point <= 0xFFDC);
}

/* Whether the script is written without spaces, so that a line break between two such characters
 * stands for nothing. Korean has spaces. */
static bool is_unspaced(uint32_t code_point)
{
    if (code_point < 0x2E80 || is_hangul(code_point))
        return false;
    return (code_point >= 0x3000 && code_point <= 0x303F) ||
           (code_point >= 0xFF00 && code_point <= 0xFFEF) || cof_unicode_is_cjk(code_point);
}

static bool is_line_break(uint32_t code_point)
{
    return code_point == '\n' || code_point == '\r' || code_point == 0x85 || code_point == 0x2028 ||
           code_point == 0x2029;
}

struct cleaner {
    enum cof_clean_mode mode;
    struct cof_buffer *out;
    uint32_t previous;     /* last character that was written; 0 = none */
    bool is_unspaced;      /* it belongs to a script without spaces, or is a mark right after one */
    bool is_space_pending; /* prose */
    bool is_break_pending;
    bool is_after_cr;
};

static void put(struct cleaner *cleaner, uint32_t code_point)
{
    char bytes[4];
    size_t size = cof_utf8_encode(code_point, bytes);
    cof_buffer_append(cleaner->out, bytes, size);
    if (code_point >= 0x80)
        cleaner->is_unspaced = is_unspaced(code_point);
    else if (cleaner->is_unspaced)
        cleaner->is_unspaced = is_one_of((char)code_point, ",;:!?");
    cleaner->previous = code_point;
}

/* What white space before `next` comes to. */
static void put_pending_space(struct cleaner *cleaner, uint32_t next)
{
    bool must_join = cleaner->is_break_pending && cleaner->is_unspaced && is_unspaced(next);
    if (cleaner->is_space_pending && cleaner->previous != 0 && !must_join)
        cof_buffer_append_byte(cleaner->out, ' ');
    cleaner->is_space_pending = false;
    cleaner->is_break_pending = false;
}

/* True when the character is to be written as it is; false when it was dealt with. */
static bool take_space(struct cleaner *cleaner, uint32_t code_point)
{
    bool is_break = is_line_break(code_point);
    if (cleaner->mode == COF_CLEAN_PROSE) {
        bool is_space = code_point < 0x80
                            ? code_point == ' ' || (code_point >= '\t' && code_point <= '\r')
                            : cof_unicode_is_whitespace(code_point);
        if (!is_space)
            return true;
        cleaner->is_space_pending = true;
        cleaner->is_break_pending = cleaner->is_break_pending || is_break;
        return false;
    }
    bool is_second_half = code_point == '\n' && cleaner->is_after_cr;
    cleaner->is_after_cr = code_point == '\r';
    if (is_break && !is_second_half)
        put(cleaner, '\n');
    return !is_break;
}

static bool is_dropped(const struct cleaner *cleaner, uint32_t code_point)
{
    if (code_point < 0x20)
        return code_point != '\t';
    if (code_point >= 0x7F && code_point < 0xA0)
        return true;
    return is_invisible(code_point) || (is_shaping(code_point) && is_shaping(cleaner->previous));
}

/* Leading blank lines and trailing white space of code; how many bytes go in front. */
static size_t trim_code(struct cof_buffer *out, size_t begin)
{
    while (out->size > begin && is_one_of((char)out->data[out->size - 1], " \t\n"))
        out->size--;
    size_t cut = begin;
    for (size_t i = begin; i < out->size && is_one_of((char)out->data[i], " \t\n"); i++) {
        if (out->data[i] == '\n')
            cut = i + 1;
    }
    if (cut > begin)
        memmove(out->data + begin, out->data + cut, out->size - cut);
    out->size -= cut - begin;
    return cut - begin;
}

static void filter(struct cof_text raw, enum cof_clean_mode mode, size_t *offsets,
                   size_t offset_count, struct cof_buffer *out)
{
    struct cleaner cleaner = {.mode = mode, .out = out};
    size_t begin = out->size;
    size_t next_offset = 0;
    cof_buffer_reserve(out, raw.size);
    for (size_t i = 0; i < raw.size && !out->has_failed;) {
        uint32_t code_point = 0;
        size_t at = i;
        i += cof_utf8_decode(raw, i, &code_point);
        if (!take_space(&cleaner, code_point) || is_dropped(&cleaner, code_point))
            continue;
        put_pending_space(&cleaner, code_point);
        while (next_offset < offset_count && offsets[next_offset] <= at)
            offsets[next_offset++] = out->size - begin;
        put(&cleaner, code_point);
    }
    while (next_offset < offset_count)
        offsets[next_offset++] = out->size - begin;
    size_t cut = mode == COF_CLEAN_CODE && !out->has_failed ? trim_code(out, begin) : 0;
    for (size_t i = 0; i < offset_count; i++) {
        offsets[i] = offsets[i] > cut ? offsets[i] - cut : 0;
        if (offsets[i] > out->size - begin)
            offsets[i] = out->size - begin;
    }
}

/* Normalises the pieces between the offsets one by one, and so learns where each begins; says
 * whether that makes the same text as `whole`. */
static enum cof_status move_offsets(struct cof_text filtered, struct cof_text whole,
                                    size_t *offsets, size_t offset_count, bool *out_is_same,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer pieces = {0};
    size_t begin = 0;
    for (size_t i = 0; i < offset_count; i++) {
        size_t end = offsets[i];
        COF_TRY(cof_unicode_nfc(cof_text_slice(filtered, begin, end), &pieces, err));
        offsets[i] = pieces.size;
        begin = end;
    }
    COF_TRY(cof_unicode_nfc(cof_text_slice(filtered, begin, filtered.size), &pieces, err));
    *out_is_same = cof_text_equal(cof_buffer_text(&pieces), whole);
    return COF_OK;
}

static bool is_ascii(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

enum cof_status cof_clean_text(struct cof_text raw, enum cof_clean_mode mode, size_t *offsets,
                               size_t offset_count, bool *out_has_offsets, struct cof_buffer *out,
                               struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer filtered = {0};
    filter(raw, mode, offsets, offset_count, &filtered);
    COF_TRY(cof_buffer_status(&filtered, err));
    struct cof_text text = cof_buffer_text(&filtered);
    bool has_offsets = true;
    if (is_ascii(text)) {
        cof_buffer_append_text(out, text);
    } else {
        size_t begin = out->size;
        COF_TRY(cof_unicode_nfc(text, out, err));
        struct cof_text whole = cof_text_slice(cof_buffer_text(out), begin, out->size);
        if (offset_count > 0 && !cof_text_equal(whole, text))
            COF_TRY(move_offsets(text, whole, offsets, offset_count, &has_offsets, err));
    }
    COF_TRY(cof_buffer_status(out, err));
    if (out_has_offsets != NULL)
        *out_has_offsets = has_offsets;
    return COF_OK;
}

bool cof_clean_is_allowed(uint32_t code_point, enum cof_clean_mode mode)
{
    if (code_point < 0x20)
        return mode == COF_CLEAN_CODE && (code_point == '\n' || code_point == '\t');
    return !(code_point >= 0x7F && code_point < 0xA0) && !is_invisible(code_point);
}
