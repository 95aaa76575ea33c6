/* What a single line of Markdown is: headings, fences, list markers, table rows. */
#include "markdown.h"

#include <stdint.h>
#include <string.h>

#include "html_visibility.h"

#define MAX_TAG_BYTES ((size_t)4096)

static bool is_one_of(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static size_t run_of(struct cof_text text, size_t offset, char mark)
{
    size_t end = offset;
    while (end < text.size && text.data[end] == mark)
        end++;
    return end - offset;
}

static bool is_blank_from(struct cof_text text, size_t offset)
{
    for (size_t i = offset; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t')
            return false;
    }
    return true;
}

static bool is_space_at(struct cof_text text, size_t offset)
{
    return offset >= text.size || text.data[offset] == ' ' || text.data[offset] == '\t';
}

bool cof_markdown_is_fence(struct cof_text line, struct cof_markdown_fence *out_fence)
{
    if (line.size < 3 || (line.data[0] != '`' && line.data[0] != '~'))
        return false;
    size_t size = run_of(line, 0, line.data[0]);
    if (size < 3)
        return false;
    if (line.data[0] == '`' && memchr(line.data + size, '`', line.size - size) != NULL)
        return false; /* a code span */
    *out_fence = (struct cof_markdown_fence){.mark = line.data[0], .size = size};
    return true;
}

bool cof_markdown_ends_fence(struct cof_text line, struct cof_markdown_fence fence)
{
    size_t size = run_of(line, 0, fence.mark);
    return size >= fence.size && is_blank_from(line, size);
}

size_t cof_markdown_heading(struct cof_text line, struct cof_text *out_text)
{
    size_t level = run_of(line, 0, '#');
    if (level == 0 || level > 6 || !is_space_at(line, level))
        return 0;
    struct cof_text text = cof_text_trim(cof_text_slice(line, level, line.size));
    size_t end = text.size;
    while (end > 0 && text.data[end - 1] == '#')
        end--;
    if (end == 0 || (end < text.size && (text.data[end - 1] == ' ' || text.data[end - 1] == '\t')))
        text = cof_text_trim(cof_text_slice(text, 0, end));
    *out_text = text;
    return level;
}

size_t cof_markdown_underline(struct cof_text line)
{
    if (line.size == 0 || (line.data[0] != '=' && line.data[0] != '-'))
        return 0;
    if (!is_blank_from(line, run_of(line, 0, line.data[0])))
        return 0;
    return line.data[0] == '=' ? 1 : 2;
}

bool cof_markdown_is_thematic_break(struct cof_text line)
{
    size_t count = 0;
    if (line.size == 0 || !is_one_of(line.data[0], "-_*"))
        return false;
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] == line.data[0])
            count++;
        else if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    }
    return count >= 3;
}

size_t cof_markdown_list_marker(struct cof_text line, long *out_number)
{
    if (line.size == 0)
        return 0;
    *out_number = -1;
    if (is_one_of(line.data[0], "-+*"))
        return is_space_at(line, 1) ? 1 : 0;
    long number = 0;
    size_t i = 0;
    while (i < line.size && i < 9 && line.data[i] >= '0' && line.data[i] <= '9')
        number = number * 10 + (line.data[i++] - '0');
    if (i == 0 || i >= line.size || (line.data[i] != '.' && line.data[i] != ')'))
        return 0;
    *out_number = number;
    return is_space_at(line, i + 1) ? i + 1 : 0;
}

/* An address, and perhaps a title in quotes, and nothing else. */
static bool is_link_target(struct cof_text text)
{
    size_t end = 0;
    text = cof_text_trim(text);
    while (end < text.size && text.data[end] != ' ' && text.data[end] != '\t')
        end++;
    struct cof_text title = cof_text_trim(cof_text_slice(text, end, text.size));
    if (end == 0 || title.size == 0)
        return end > 0;
    char last = title.data[title.size - 1];
    bool is_quoted = (title.data[0] == '"' && last == '"') ||
                     (title.data[0] == '\'' && last == '\'') ||
                     (title.data[0] == '(' && last == ')');
    return is_quoted && title.size >= 2;
}

bool cof_markdown_is_definition(struct cof_text line)
{
    if (line.size < 4 || line.data[0] != '[' || line.data[1] == ']' || line.data[1] == '^')
        return false;
    for (size_t i = 1; i < line.size && i < 1000; i++) {
        if (line.data[i] == '[')
            return false;
        if (line.data[i] == '\\')
            i++;
        else if (line.data[i] == ']')
            return i + 1 < line.size && line.data[i + 1] == ':' &&
                   is_link_target(cof_text_slice(line, i + 2, line.size));
    }
    return false;
}

bool cof_markdown_is_html(struct cof_text line, struct cof_text *out_terminator)
{
    static const char *const names[] = {
        "address",  "article",  "aside",      "blockquote", "body",   "caption", "center",
        "col",      "colgroup", "dd",         "details",    "dir",    "div",     "dl",
        "dt",       "fieldset", "figcaption", "figure",     "footer", "form",    "frame",
        "h1",       "h2",       "h3",         "h4",         "h5",     "h6",      "head",
        "header",   "hr",       "html",       "legend",     "li",     "main",    "menu",
        "menuitem", "ol",       "optgroup",   "p",          "pre",    "search",  "section",
        "summary",  "table",    "tbody",      "td",         "tfoot",  "th",      "thead",
        "title",    "tr",       "ul",
    };
    struct cof_html_tag tag = {0};
    if (!cof_html_tag_read(line, MAX_TAG_BYTES, &tag))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!cof_text_equal_ascii_case(tag.name, cof_text_from(names[i])))
            continue;
        *out_terminator = (struct cof_text){0};
        if (!tag.is_end && strcmp(names[i], "table") == 0)
            *out_terminator = COF_TEXT("</table");
        if (!tag.is_end && strcmp(names[i], "pre") == 0)
            *out_terminator = COF_TEXT("</pre");
        return true;
    }
    return false;
}

size_t cof_markdown_delimiter_cells(struct cof_text line)
{
    size_t count = 0;
    size_t offset = 0;
    struct cof_text cell = {0};
    if (line.size == 0 || memchr(line.data, '|', line.size) == NULL)
        return 0;
    while (cof_markdown_next_cell(line, &offset, &cell)) {
        size_t begin = cell.size > 0 && cell.data[0] == ':' ? 1 : 0;
        size_t dashes = run_of(cell, begin, '-');
        size_t end = begin + dashes;
        if (end < cell.size && cell.data[end] == ':')
            end++;
        if (dashes == 0 || end != cell.size)
            return 0;
        count++;
    }
    return count;
}

bool cof_markdown_next_cell(struct cof_text line, size_t *offset, struct cof_text *out_cell)
{
    size_t begin = *offset;
    if (begin == 0 && line.size > 0 && line.data[0] == '|')
        begin = 1;
    if (begin >= line.size)
        return false;
    size_t end = begin;
    while (end < line.size && line.data[end] != '|')
        end += line.data[end] == '\\' ? 2 : 1;
    if (end > line.size)
        end = line.size;
    *offset = end < line.size ? end + 1 : end;
    *out_cell = cof_text_trim(cof_text_slice(line, begin, end));
    /* nothing behind the last bar is no cell */
    return end < line.size || out_cell->size > 0;
}
