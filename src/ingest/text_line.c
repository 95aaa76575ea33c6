/* Questions about one line of plain text. */
#include "text_line.h"

#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

#include "line.h"

#define MAX_HEADING_WIDTH 72
#define MAX_HEADING_BYTES 512

static bool is_one_of(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static uint32_t last_character(struct cof_text text)
{
    uint32_t code_point = 0;
    if (text.size > 0)
        (void)cof_utf8_decode(text, cof_utf8_floor(text, text.size - 1), &code_point);
    return code_point;
}

/* Ends a sentence or a clause, so that the line is prose and no heading. */
static bool ends_clause(uint32_t code_point)
{
    static const uint32_t marks[] = {'.',    ',',    ';',    ':',    0x2026, 0x3001,
                                     0x3002, 0xFF0C, 0xFF0E, 0xFF1A, 0xFF1B, 0xFF61};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (code_point == marks[i])
            return true;
    }
    return false;
}

static bool has_alphanumeric(struct cof_text line)
{
    for (size_t i = 0; i < line.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(line, i, &code_point);
        if (cof_unicode_is_alphanumeric(code_point))
            return true;
    }
    return false;
}

bool cof_text_is_rule(struct cof_text line)
{
    size_t count = 0;
    for (size_t i = 0; i < line.size; i++) {
        if (is_one_of(line.data[i], "-=_*~#+|"))
            count++;
        else if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    }
    return count >= 3;
}

bool cof_text_is_underline(struct cof_text line)
{
    if (line.size < 3 || !is_one_of(line.data[0], "=-~"))
        return false;
    for (size_t i = 1; i < line.size; i++) {
        if (line.data[i] != line.data[0])
            return false;
    }
    return true;
}

bool cof_text_is_heading_like(struct cof_text line)
{
    if (line.size == 0 || line.size > MAX_HEADING_BYTES || ends_clause(last_character(line)))
        return false;
    bool is_bullet = false;
    if (cof_text_list_marker(line, &is_bullet) > 0 && is_bullet)
        return false;
    if (memchr(line.data, '@', line.size) != NULL ||
        cof_text_index_of(line, COF_TEXT("://")) != SIZE_MAX)
        return false;
    return cof_display_width(line) <= MAX_HEADING_WIDTH && has_alphanumeric(line);
}

enum cof_status cof_text_is_all_capitals(struct cof_text line, bool *out_is_so,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer lower = {0};
    size_t capital_count = 0;
    *out_is_so = false;
    for (size_t i = 0; i < line.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(line, i, &code_point);
        struct cof_text character = cof_text_slice(line, i, i + size);
        i += size;
        if (!cof_unicode_is_alphanumeric(code_point) || cof_unicode_is_digit(code_point) ||
            cof_unicode_is_cjk(code_point))
            continue;
        cof_buffer_clear(&lower);
        COF_TRY(cof_unicode_lower(character, &lower, err));
        if (cof_text_equal(character, cof_buffer_text(&lower)))
            return COF_OK;
        capital_count++;
    }
    *out_is_so = capital_count >= 2;
    return COF_OK;
}

size_t cof_text_numbering(struct cof_text line)
{
    size_t count = 0;
    size_t i = 0;
    for (;;) {
        size_t begin = i;
        while (i < line.size && is_digit(line.data[i]))
            i++;
        if (i == begin || i - begin > 3)
            break;
        count++;
        if (i >= line.size || line.data[i] != '.')
            break;
        i++;
    }
    bool is_separate = i < line.size && (line.data[i] == ' ' || line.data[i] == '\t');
    /* "3 apples" is no number of a section */
    bool is_marked = count > 1 || (i > 0 && line.data[i - 1] == '.');
    return is_separate && is_marked ? count : 0;
}

static size_t bullet_size(struct cof_text line)
{
    static const char *const bullets[] = {
        "-",
        "*",
        "+",
        "\xe2\x80\xa2" /* • */,
        "\xe2\x80\x93" /* – */,
        "\xe2\x80\x94" /* — */,
        "\xe2\x96\xaa" /* ▪ */,
        "\xe2\x97\xa6" /* ◦ */,
        "\xc2\xb7" /* · */,
    };
    for (size_t i = 0; i < sizeof(bullets) / sizeof(bullets[0]); i++) {
        if (cof_text_has_prefix(line, cof_text_from(bullets[i])))
            return strlen(bullets[i]);
    }
    return 0;
}

/* "12." "12)" "(12)" "a)" */
static size_t ordinal_size(struct cof_text line)
{
    size_t i = 0;
    bool is_open = line.size > 0 && line.data[0] == '(';
    if (is_open)
        i++;
    size_t begin = i;
    while (i < line.size && is_digit(line.data[i]) && i - begin < 3)
        i++;
    bool is_number = i > begin;
    if (!is_number && i < line.size && line.data[i] >= 'a' && line.data[i] <= 'z')
        i++;
    if (i == begin || i >= line.size)
        return 0;
    bool is_closed = line.data[i] == ')' || (line.data[i] == '.' && is_number && !is_open);
    return is_closed ? i + 1 : 0;
}

size_t cof_text_list_marker(struct cof_text line, bool *out_is_bullet)
{
    size_t size = bullet_size(line);
    *out_is_bullet = size > 0;
    if (size == 0)
        size = ordinal_size(line);
    if (size == 0 || size >= line.size || (line.data[size] != ' ' && line.data[size] != '\t'))
        return 0;
    while (size < line.size && (line.data[size] == ' ' || line.data[size] == '\t'))
        size++;
    return size < line.size ? size : 0;
}

bool cof_text_find_gap(struct cof_text line, size_t offset, size_t *out_begin, size_t *out_end)
{
    for (size_t i = offset; i < line.size; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t')
            continue;
        size_t begin = i;
        bool has_tab = false;
        for (; i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'); i++)
            has_tab = has_tab || line.data[i] == '\t';
        if ((has_tab || i - begin >= 2) && i < line.size) {
            *out_begin = begin;
            *out_end = i;
            return true;
        }
    }
    return false;
}

size_t cof_text_columns(struct cof_text line, size_t indent, size_t out_columns[COF_MAX_COLUMNS],
                        size_t *out_min_gap)
{
    bool is_bullet = false;
    size_t count = 0;
    size_t begin = 0;
    size_t end = 0;
    size_t measured = 0;
    size_t width = indent;
    *out_min_gap = SIZE_MAX;
    size_t at = cof_text_list_marker(line, &is_bullet);
    while (count < COF_MAX_COLUMNS && cof_text_find_gap(line, at, &begin, &end)) {
        width += cof_display_width(cof_text_slice(line, measured, end));
        measured = end;
        at = end;
        bool has_tab = memchr(line.data + begin, '\t', end - begin) != NULL;
        if (!has_tab && begin > 0 && is_one_of(line.data[begin - 1], ".!?:;,"))
            continue;
        size_t gap = has_tab ? 8 : end - begin;
        if (gap < *out_min_gap)
            *out_min_gap = gap;
        /* cells behind a tab are compared by their number: the stops are unknown */
        out_columns[count] = has_tab ? SIZE_MAX / 2 + count : width;
        count++;
    }
    return count;
}
