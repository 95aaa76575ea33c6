/* Lines, indents and widths. */
#include "line.h"

#include <cof/base/unicode.h>

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\f' || byte == '\v';
}

/* East Asian Wide and Fullwidth, near enough for the alignment of columns (UAX #11). */
static bool is_wide(uint32_t code_point)
{
    if (code_point < 0x1100)
        return false;
    return (code_point >= 0x2E80 && code_point <= 0x303F) ||
           (code_point >= 0xFF01 && code_point <= 0xFF60) ||
           (code_point >= 0x1F300 && code_point <= 0x1FAFF) || cof_unicode_is_cjk(code_point);
}

bool cof_line_next(struct cof_text text, size_t *offset, struct cof_line *out_line)
{
    if (*offset >= text.size)
        return false;
    size_t begin = *offset;
    size_t end = begin;
    while (end < text.size && text.data[end] != '\n' && text.data[end] != '\r')
        end++;
    size_t next = end;
    if (next < text.size && text.data[next] == '\r')
        next++;
    if (next < text.size && text.data[next] == '\n' && (next == end || text.data[end] == '\r'))
        next++;
    *offset = next;
    while (end > begin && is_space(text.data[end - 1]))
        end--;
    *out_line = (struct cof_line){.begin = begin, .end = end};
    return true;
}

size_t cof_line_indent(struct cof_text text, struct cof_line line, size_t *out_first)
{
    size_t column = 0;
    size_t first = line.begin;
    while (first < line.end && is_space(text.data[first])) {
        column += text.data[first] == '\t' ? 4 - column % 4 : 1;
        first++;
    }
    *out_first = first;
    return column;
}

size_t cof_display_width(struct cof_text text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;
        i += cof_utf8_decode(text, i, &code_point);
        width += is_wide(code_point) ? 2 : 1;
    }
    return width;
}
