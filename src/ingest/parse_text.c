/* Plain text → blocks.
 *
 * Plain text says what it is by layout only. It is read in stanzas (lines between blank lines), and
 * within one line after line, with one question that decides most others: was a line broken because
 * it was full, or on purpose? It was on purpose when the first word of the next line would have
 * fitted. Headings are lines that stand apart on purpose: underlined, in capitals, numbered, alone
 * before longer text, or less indented than what follows; the first lines of a document are its
 * title. What is not recognised is a paragraph: nothing is ever lost. */
#include "parse.h"

#include <string.h>

#include "line.h"
#include "text_line.h"

/* A stanza longer than this is read in pieces, which bounds memory. */
#define MAX_STANZA_LINES ((size_t)4096)
/* Text is hardly ever wrapped narrower, so a line is not called full below it. */
#define MIN_WRAP_WIDTH ((size_t)60)
#define MAX_WRAP_WIDTH ((size_t)100)
#define MAX_LONE_WIDTH ((size_t)60)
#define MAX_LONE_WORDS ((size_t)10)
#define MAX_TITLE_LINES ((size_t)3)

struct text_line {
    size_t begin; /* of the first character that is no space */
    size_t end;
    size_t indent; /* columns */
    size_t width;  /* columns, without the indent */
};

struct stanza {
    struct cof_buffer lines; /* struct text_line */
    size_t wrap_width;       /* of its fullest line, indent included */
};

struct text_parser {
    struct cof_text source;
    struct cof_block_list *list;
    bool is_at_begin; /* no stanza was read yet */

    /* The block that lines go to. */
    struct cof_raw_text raw;
    enum cof_block_kind kind;
    size_t item_indent; /* columns, of a list item's marker */
};

static size_t line_count(const struct stanza *stanza)
{
    return stanza->lines.size / sizeof(struct text_line);
}

static const struct text_line *line_at(const struct stanza *stanza, size_t index)
{
    return (const struct text_line *)(const void *)stanza->lines.data + index;
}

static struct cof_text text_of(const struct text_parser *parser, const struct text_line *line)
{
    return cof_text_slice(parser->source, line->begin, line->end);
}

static void stanza_deinit(struct stanza *stanza)
{
    cof_buffer_deinit(&stanza->lines);
}

/* Reads the next stanza; one without lines at the end of the text. */
static enum cof_status read_stanza(const struct text_parser *parser, size_t *offset,
                                   struct stanza *stanza, struct cof_error *err)
{
    struct cof_line line = {0};
    cof_buffer_clear(&stanza->lines);
    stanza->wrap_width = MIN_WRAP_WIDTH;
    while (line_count(stanza) < MAX_STANZA_LINES && cof_line_next(parser->source, offset, &line)) {
        struct text_line read = {.end = line.end};
        read.indent = cof_line_indent(parser->source, line, &read.begin);
        if (read.begin == read.end && line_count(stanza) > 0)
            break;
        if (read.begin == read.end)
            continue;
        read.width = cof_display_width(text_of(parser, &read));
        if (read.indent + read.width > stanza->wrap_width)
            stanza->wrap_width = read.indent + read.width;
        if (stanza->wrap_width > MAX_WRAP_WIDTH)
            stanza->wrap_width = MAX_WRAP_WIDTH; /* one that is not wrapped tells nothing */
        cof_buffer_append(&stanza->lines, &read, sizeof(read));
    }
    return cof_buffer_status(&stanza->lines, err);
}

/* Columns that the line would have needed at least on the line before. In scripts without spaces a
 * line can be broken anywhere, so that is one character. */
static size_t first_word_width(struct cof_text line)
{
    uint32_t code_point = 0;
    size_t size = line.size > 0 ? cof_utf8_decode(line, 0, &code_point) : 0;
    size_t width = cof_display_width(cof_text_slice(line, 0, size));
    if (width == 2)
        return width;
    const char *space = memchr(line.data, ' ', line.size);
    return space != NULL ? cof_display_width(cof_text_slice(line, 0, (size_t)(space - line.data)))
                         : cof_display_width(line);
}

/* Whether the break after line `index` was made although the next word would have fitted. */
static bool is_broken_on_purpose(const struct text_parser *parser, const struct stanza *stanza,
                                 size_t index)
{
    const struct text_line *line = line_at(stanza, index);
    size_t needed = first_word_width(text_of(parser, line_at(stanza, index + 1)));
    return line->indent + line->width + 1 + needed <= stanza->wrap_width;
}

static enum cof_status flush(struct text_parser *parser, struct cof_error *err)
{
    if (cof_raw_is_empty(&parser->raw))
        return COF_OK;
    enum cof_block_kind kind = parser->kind;
    parser->kind = COF_BLOCK_PARAGRAPH;
    return cof_block_list_add(parser->list, kind, 0, &parser->raw, err);
}

static void append(struct text_parser *parser, size_t begin, size_t end)
{
    if (!cof_raw_is_empty(&parser->raw))
        cof_raw_append_extra(&parser->raw, COF_TEXT("\n"));
    cof_raw_append(&parser->raw, cof_text_slice(parser->source, begin, end), begin, end);
}

static enum cof_status add_heading(struct text_parser *parser, const struct text_line *line,
                                   size_t level, struct cof_error *err)
{
    COF_TRY(flush(parser, err));
    append(parser, line->begin, line->end);
    return cof_block_list_add(parser->list, COF_BLOCK_HEADING, (uint8_t)(level < 6 ? level : 6),
                              &parser->raw, err);
}

static bool is_bullet(struct cof_text text)
{
    bool has_bullet = false;
    return cof_text_list_marker(text, &has_bullet) > 0 && has_bullet;
}

/* ---- Tables ---- */

/* Keeps the columns that are among the others, give or take one: widths are not known for sure. */
static size_t intersect(size_t *columns, size_t count, const size_t *others, size_t other_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < other_count; j++) {
            if (columns[i] <= others[j] + 1 && others[j] <= columns[i] + 1) {
                columns[kept++] = columns[i];
                break;
            }
        }
    }
    return kept;
}

/* Lines from `index` on that share a column in which cells begin; 0 when they make no table. Two
 * lines may share one by chance, so they need wider gaps. */
static size_t table_size(const struct text_parser *parser, const struct stanza *stanza,
                         size_t index)
{
    size_t shared[COF_MAX_COLUMNS];
    size_t shared_count = 0;
    size_t row_count = 0;
    size_t min_gap = SIZE_MAX;
    size_t i = index;
    for (; i < line_count(stanza); i++) {
        struct cof_text text = text_of(parser, line_at(stanza, i));
        size_t columns[COF_MAX_COLUMNS];
        size_t gap = 0;
        if (row_count > 0 && cof_text_is_rule(text))
            continue;
        size_t count = cof_text_columns(text, line_at(stanza, i)->indent, columns, &gap);
        if (row_count > 0)
            count = intersect(columns, count, shared, shared_count);
        if (count == 0)
            break;
        memcpy(shared, columns, count * sizeof(shared[0]));
        shared_count = count;
        row_count++;
        min_gap = gap < min_gap ? gap : min_gap;
    }
    bool is_table = row_count >= 3 || (row_count == 2 && min_gap >= 3);
    return is_table ? i - index : 0;
}

static enum cof_status add_row(struct text_parser *parser, const struct text_line *line,
                               struct cof_error *err)
{
    struct cof_text text = text_of(parser, line);
    size_t at = 0;
    size_t begin = 0;
    size_t end = 0;
    if (cof_text_is_rule(text))
        return COF_OK;
    while (cof_text_find_gap(text, at, &begin, &end)) {
        cof_raw_append(&parser->raw, cof_text_slice(text, at, begin), line->begin + at,
                       line->begin + begin);
        cof_raw_append_extra(&parser->raw, COF_TEXT(" | "));
        at = end;
    }
    cof_raw_append(&parser->raw, cof_text_slice(text, at, text.size), line->begin + at, line->end);
    return cof_block_list_add(parser->list, COF_BLOCK_TABLE_ROW, 0, &parser->raw, err);
}

/* ---- Headings ---- */

static size_t heading_level(struct cof_text text, size_t otherwise)
{
    size_t numbering = cof_text_numbering(text);
    return numbering > 0 ? 1 + numbering : otherwise;
}

/* A line over a deeper indented one, as in an outline. */
static bool is_outline_heading(const struct text_parser *parser, const struct stanza *stanza,
                               size_t index)
{
    if (index + 1 >= line_count(stanza) || !cof_raw_is_empty(&parser->raw))
        return false;
    const struct text_line *line = line_at(stanza, index);
    return line_at(stanza, index + 1)->indent >= line->indent + 2 &&
           cof_text_is_heading_like(text_of(parser, line)) &&
           is_broken_on_purpose(parser, stanza, index);
}

static enum cof_status is_capitals_heading(const struct text_parser *parser,
                                           const struct stanza *stanza, size_t index,
                                           bool *out_is_so, struct cof_error *err)
{
    struct cof_text text = text_of(parser, line_at(stanza, index));
    *out_is_so = false;
    if (index > 0 || line_count(stanza) == 1 || !cof_text_is_heading_like(text) ||
        !is_broken_on_purpose(parser, stanza, index))
        return COF_OK;
    return cof_text_is_all_capitals(text, out_is_so, err);
}

static bool is_underlined(const struct text_parser *parser, const struct stanza *stanza,
                          size_t index)
{
    return index + 1 < line_count(stanza) && cof_raw_is_empty(&parser->raw) &&
           line_at(stanza, index)->width <= 2 * MIN_WRAP_WIDTH &&
           cof_text_is_underline(text_of(parser, line_at(stanza, index + 1)));
}

/* A title, perhaps with a line or two under it: short lines, none of which ends a sentence. */
static bool is_title_stanza(const struct text_parser *parser, const struct stanza *stanza,
                            const struct stanza *next)
{
    if (!parser->is_at_begin || line_count(next) == 0 || line_count(stanza) > MAX_TITLE_LINES)
        return false;
    for (size_t i = 0; i < line_count(stanza); i++) {
        const struct text_line *line = line_at(stanza, i);
        struct cof_text text = text_of(parser, line);
        if (!cof_text_is_heading_like(text) || line->indent > line_at(stanza, 0)->indent + 1 ||
            is_bullet(text))
            return false;
    }
    return table_size(parser, stanza, 0) == 0;
}

static size_t count_words(struct cof_text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool is_begin = i == 0 || text.data[i - 1] == ' ' || text.data[i - 1] == '\t';
        if (is_begin && text.data[i] != ' ' && text.data[i] != '\t')
            count++;
    }
    return count;
}

/* A short line alone, before something longer than itself. */
static enum cof_status is_lone_heading(const struct text_parser *parser,
                                       const struct stanza *stanza, const struct stanza *next,
                                       bool *out_is_so, struct cof_error *err)
{
    *out_is_so = false;
    if (line_count(stanza) != 1 || line_count(next) == 0)
        return COF_OK;
    const struct text_line *line = line_at(stanza, 0);
    struct cof_text text = text_of(parser, line);
    if (!cof_text_is_heading_like(text) || line->width > MAX_LONE_WIDTH)
        return COF_OK;
    const struct text_line *follower = line_at(next, 0);
    bool is_before_more = line_count(next) > 1 || follower->width > MAX_LONE_WIDTH ||
                          follower->indent > line->indent + 1 ||
                          is_bullet(text_of(parser, follower));
    *out_is_so =
        cof_text_numbering(text) > 0 || (is_before_more && count_words(text) <= MAX_LONE_WORDS);
    return *out_is_so ? COF_OK : cof_text_is_all_capitals(text, out_is_so, err);
}

/* ---- Paragraphs and list items ---- */

/* A wrapped line may begin with a dash or a number by chance. */
static bool may_begin_item(const struct text_parser *parser, const struct stanza *stanza,
                           size_t index)
{
    if (cof_raw_is_empty(&parser->raw) || parser->kind == COF_BLOCK_LIST_ITEM)
        return true;
    struct cof_text before = text_of(parser, line_at(stanza, index - 1));
    return cof_text_has_suffix(before, COF_TEXT(":")) ||
           is_broken_on_purpose(parser, stanza, index - 1);
}

/* A line that does not go on with the paragraph before it, although no blank line parts them. */
static bool begins_paragraph(const struct text_parser *parser, const struct stanza *stanza,
                             size_t index)
{
    if (index == 0 || cof_raw_is_empty(&parser->raw) ||
        !is_broken_on_purpose(parser, stanza, index - 1))
        return false;
    const struct text_line *line = line_at(stanza, index);
    const struct text_line *before = line_at(stanza, index - 1);
    if (parser->kind == COF_BLOCK_LIST_ITEM)
        return line->indent <= parser->item_indent;
    struct cof_text text = text_of(parser, line);
    bool goes_on = cof_text_has_suffix(text_of(parser, before), COF_TEXT(",")) ||
                   (text.data[0] >= 'a' && text.data[0] <= 'z');
    return line->indent != before->indent || (before->width <= stanza->wrap_width / 2 && !goes_on);
}

static enum cof_status add_prose_line(struct text_parser *parser, const struct stanza *stanza,
                                      size_t index, struct cof_error *err)
{
    const struct text_line *line = line_at(stanza, index);
    struct cof_text text = text_of(parser, line);
    bool has_bullet = false;
    size_t marker = cof_text_list_marker(text, &has_bullet);
    if (marker > 0 && may_begin_item(parser, stanza, index)) {
        COF_TRY(flush(parser, err));
        parser->kind = COF_BLOCK_LIST_ITEM;
        parser->item_indent = line->indent;
        append(parser, line->begin + (has_bullet ? marker : 0), line->end);
        return COF_OK;
    }
    if (begins_paragraph(parser, stanza, index))
        COF_TRY(flush(parser, err));
    append(parser, line->begin, line->end);
    return COF_OK;
}

/* Reads what begins at line `index` and returns in *out_count how many lines it took. */
static enum cof_status add_at(struct text_parser *parser, const struct stanza *stanza, size_t index,
                              size_t *out_count, struct cof_error *err)
{
    const struct text_line *line = line_at(stanza, index);
    struct cof_text text = text_of(parser, line);
    *out_count = 1;
    if (cof_text_is_rule(text))
        return flush(parser, err);
    if (is_underlined(parser, stanza, index)) {
        char mark = parser->source.data[line_at(stanza, index + 1)->begin];
        *out_count = 2;
        return add_heading(parser, line, mark == '=' ? 1 : 2, err);
    }
    size_t row_count = table_size(parser, stanza, index);
    if (row_count > 0) {
        COF_TRY(flush(parser, err));
        for (size_t i = 0; i < row_count; i++)
            COF_TRY(add_row(parser, line_at(stanza, index + i), err));
        *out_count = row_count;
        return COF_OK;
    }
    bool is_dedented = index > 0 && line_at(stanza, index - 1)->indent > line->indent + 1;
    if (is_dedented && parser->kind == COF_BLOCK_PARAGRAPH && index + 1 < line_count(stanza) &&
        line_at(stanza, index + 1)->indent >= line->indent + 2 && cof_text_is_heading_like(text))
        COF_TRY(flush(parser, err)); /* the next part of an outline, without a blank line */
    bool is_in_capitals = false;
    COF_TRY(is_capitals_heading(parser, stanza, index, &is_in_capitals, err));
    if (is_in_capitals)
        return add_heading(parser, line, 2, err);
    if (is_outline_heading(parser, stanza, index))
        return add_heading(parser, line, heading_level(text, line->indent == 0 ? 2 : 3), err);
    return add_prose_line(parser, stanza, index, err);
}

static enum cof_status add_stanza(struct text_parser *parser, const struct stanza *stanza,
                                  const struct stanza *next, struct cof_error *err)
{
    size_t begin = 0;
    bool is_title = is_title_stanza(parser, stanza, next);
    bool is_lone = false;
    if (!is_title)
        COF_TRY(is_lone_heading(parser, stanza, next, &is_lone, err));
    if (is_title) {
        COF_TRY(add_heading(parser, line_at(stanza, 0), 1, err));
        begin = 1;
    } else if (is_lone) {
        const struct text_line *line = line_at(stanza, 0);
        size_t level = heading_level(text_of(parser, line), line->indent == 0 ? 2 : 3);
        COF_TRY(add_heading(parser, line, level, err));
        begin = 1;
    }
    parser->is_at_begin = false;
    for (size_t i = begin; i < line_count(stanza);) {
        size_t taken = 0;
        COF_TRY(add_at(parser, stanza, i, &taken, err));
        i += taken;
    }
    return flush(parser, err);
}

static enum cof_status parse(struct text_parser *parser, struct stanza *current,
                             struct stanza *next, struct cof_error *err)
{
    size_t offset = 0;
    COF_TRY(read_stanza(parser, &offset, current, err));
    while (line_count(current) > 0) {
        COF_TRY(read_stanza(parser, &offset, next, err));
        COF_TRY(add_stanza(parser, current, next, err));
        struct stanza swapped = *current;
        *current = *next;
        *next = swapped;
    }
    return COF_OK;
}

enum cof_status cof_parse_text(struct cof_text source, struct cof_block_list *list,
                               struct cof_error *err)
{
    struct text_parser parser = {
        .source = source, .list = list, .is_at_begin = true, .kind = COF_BLOCK_PARAGRAPH};
    COF_CLEANUP(stanza_deinit) struct stanza current = {0};
    COF_CLEANUP(stanza_deinit) struct stanza next = {0};
    enum cof_status status = parse(&parser, &current, &next, err);
    cof_raw_deinit(&parser.raw);
    return status;
}
