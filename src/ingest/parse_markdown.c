/* Markdown → blocks: CommonMark's block structure with GitHub's tables, without the tree.
 *
 * Of the nesting of containers only what matters for text is kept: how deep a line is quoted, and
 * the columns in which the contents of the open list items begin. Hidden HTML is blanked first
 * (markdown_mask.c); visible HTML blocks go to the HTML parser piece by piece. A document may begin
 * with front matter, of which only the title is read. */
#include "parse.h"

#include <stdint.h>
#include <string.h>

#include "html_visibility.h"
#include "line.h"
#include "markdown.h"

#define MAX_ITEM_DEPTH 16
#define MAX_CODE_INDENT ((size_t)128)
#define MAX_FRONT_MATTER_BYTES ((size_t)65536)
/* Inline marks are looked for in pieces of this size, which bounds what hostile input can cost. */
#define MAX_INLINE_BYTES ((size_t)128 * 1024)

struct markdown_parser {
    struct cof_text source; /* masked */
    struct cof_block_list *list;

    /* The open paragraph: as written, and what was already read of it. */
    struct cof_raw_text marked;
    struct cof_raw_text plain;
    enum cof_block_kind kind;
    size_t last_line_offset;  /* in `marked`, where its last line begins */
    uint64_t last_line_begin; /* in the source */
    uint64_t before_last_end; /* in the source, the end of the line before */

    size_t item_columns[MAX_ITEM_DEPTH];
    size_t item_depth;
    size_t quote_depth;

    struct cof_markdown_fence fence;
    size_t fence_column;
    bool is_in_code; /* indented */
    struct cof_raw_text code;

    size_t table_cells; /* 0 = not in a table */

    bool is_in_html;
    size_t html_begin;
    size_t html_end;
    struct cof_text html_terminator; /* end tag; empty = a blank line ends it */
    bool has_no_table_end;           /* in the rest of the source */
    bool has_no_pre_end;
};

/* One line while its containers are taken off: what is left of it, and the column it begins in. */
struct cursor {
    size_t begin; /* of the first character that is no space */
    size_t end;
    size_t column;
};

static struct cof_text text_of(const struct markdown_parser *parser, const struct cursor *cursor)
{
    return cof_text_slice(parser->source, cursor->begin, cursor->end);
}

/* Moves over spaces; a tab goes to the next multiple of 4. */
static void skip_spaces(const struct markdown_parser *parser, struct cursor *cursor)
{
    while (cursor->begin < cursor->end) {
        char byte = parser->source.data[cursor->begin];
        if (byte == '\t')
            cursor->column += 4 - cursor->column % 4;
        else if (byte == ' ')
            cursor->column++;
        else
            break;
        cursor->begin++;
    }
}

static void move(const struct markdown_parser *parser, struct cursor *cursor, size_t size)
{
    cursor->begin += size;
    cursor->column += size;
    skip_spaces(parser, cursor);
}

static size_t content_column(const struct markdown_parser *parser)
{
    return parser->item_depth > 0 ? parser->item_columns[parser->item_depth - 1] : 0;
}

/* ---- Ends of blocks ---- */

static bool has_paragraph(const struct markdown_parser *parser)
{
    return !cof_raw_is_empty(&parser->marked) || !cof_raw_is_empty(&parser->plain);
}

static enum cof_status read_inline(struct markdown_parser *parser, struct cof_error *err)
{
    enum cof_status status = cof_markdown_inline(&parser->marked, &parser->plain, err);
    cof_raw_clear(&parser->marked);
    return status;
}

static enum cof_status end_paragraph_as(struct markdown_parser *parser, enum cof_block_kind kind,
                                        size_t level, struct cof_error *err)
{
    COF_TRY(read_inline(parser, err));
    return cof_block_list_add(parser->list, kind, (uint8_t)level, &parser->plain, err);
}

static enum cof_status end_paragraph(struct markdown_parser *parser, struct cof_error *err)
{
    return has_paragraph(parser) ? end_paragraph_as(parser, parser->kind, 0, err) : COF_OK;
}

static enum cof_status end_code(struct markdown_parser *parser, struct cof_error *err)
{
    parser->is_in_code = false;
    parser->fence.mark = 0;
    if (cof_raw_is_empty(&parser->code))
        return COF_OK;
    return cof_block_list_add(parser->list, COF_BLOCK_CODE, 0, &parser->code, err);
}

static enum cof_status end_html(struct markdown_parser *parser, struct cof_error *err)
{
    if (!parser->is_in_html)
        return COF_OK;
    parser->is_in_html = false;
    struct cof_text piece = cof_text_slice(parser->source, parser->html_begin, parser->html_end);
    return cof_parse_html_piece(piece, parser->html_begin, parser->list, err);
}

static enum cof_status end_block(struct markdown_parser *parser, struct cof_error *err)
{
    parser->table_cells = 0;
    COF_TRY(end_paragraph(parser, err));
    COF_TRY(end_code(parser, err));
    return end_html(parser, err);
}

/* ---- Beginnings and lines of blocks ---- */

static enum cof_status add_paragraph_text(struct markdown_parser *parser, size_t begin, size_t end,
                                          struct cof_error *err)
{
    if (has_paragraph(parser))
        cof_raw_append_extra(&parser->marked, COF_TEXT("\n"));
    parser->before_last_end = parser->marked.source_end;
    parser->last_line_offset = parser->marked.bytes.size;
    parser->last_line_begin = begin;
    while (end - begin > MAX_INLINE_BYTES) {
        size_t cut = cof_utf8_floor(parser->source, begin + MAX_INLINE_BYTES);
        cof_raw_append(&parser->marked, cof_text_slice(parser->source, begin, cut), begin, cut);
        COF_TRY(read_inline(parser, err));
        begin = cut;
        parser->last_line_offset = 0;
        parser->last_line_begin = cut;
    }
    cof_raw_append(&parser->marked, cof_text_slice(parser->source, begin, end), begin, end);
    if (parser->marked.bytes.size > MAX_INLINE_BYTES)
        return read_inline(parser, err);
    return COF_OK;
}

static enum cof_status add_heading(struct markdown_parser *parser, struct cof_text text,
                                   size_t level, struct cof_error *err)
{
    COF_TRY(end_block(parser, err));
    if (text.size == 0)
        return COF_OK;
    size_t begin = (size_t)(text.data - parser->source.data);
    COF_TRY(add_paragraph_text(parser, begin, begin + text.size, err));
    if (parser->quote_depth > 0) /* somebody else's heading heads nothing here */
        return end_paragraph_as(parser, COF_BLOCK_QUOTE, 0, err);
    return end_paragraph_as(parser, COF_BLOCK_HEADING, level, err);
}

static void add_code_line(struct markdown_parser *parser, const struct cursor *cursor,
                          size_t stripped_columns)
{
    /* spaces that belong to the code, beyond those of its container */
    size_t extra = cursor->column > stripped_columns ? cursor->column - stripped_columns : 0;
    if (extra > MAX_CODE_INDENT)
        extra = MAX_CODE_INDENT;
    struct cof_text line = text_of(parser, cursor);
    if (!cof_raw_is_empty(&parser->code))
        cof_raw_append_extra(&parser->code, COF_TEXT("\n"));
    for (size_t i = 0; i < extra && line.size > 0; i++)
        cof_raw_append_extra(&parser->code, COF_TEXT(" "));
    cof_raw_append(&parser->code, line, cursor->begin, cursor->end);
}

static enum cof_status add_row(struct markdown_parser *parser, struct cof_text line,
                               struct cof_error *err)
{
    size_t offset = 0;
    struct cof_text cell = {0};
    struct cof_raw_text row = {0};
    bool is_first = true;
    enum cof_status status = COF_OK;
    while (status == COF_OK && cof_markdown_next_cell(line, &offset, &cell)) {
        size_t begin = (size_t)(cell.data - parser->source.data);
        if (!is_first)
            cof_raw_append_extra(&row, COF_TEXT(" | "));
        is_first = false;
        cof_raw_append(&parser->marked, cell, begin, begin + cell.size);
        status = cof_markdown_inline(&parser->marked, &row, err);
        cof_raw_clear(&parser->marked);
    }
    if (status == COF_OK && row.source_end > 0)
        status = cof_block_list_add(parser->list, COF_BLOCK_TABLE_ROW, 0, &row, err);
    cof_raw_deinit(&row);
    return status;
}

static size_t count_cells(struct cof_text line)
{
    size_t count = 0;
    size_t offset = 0;
    struct cof_text cell = {0};
    while (cof_markdown_next_cell(line, &offset, &cell))
        count++;
    return count;
}

/* The delimiter row under the paragraph's last line makes that line the head of a table. */
static enum cof_status try_table(struct markdown_parser *parser, struct cof_text line,
                                 bool *out_is_table, struct cof_error *err)
{
    *out_is_table = false;
    size_t cells = cof_markdown_delimiter_cells(line);
    struct cof_text marked = cof_raw_bytes(&parser->marked);
    if (cells == 0 || marked.size == 0)
        return COF_OK;
    size_t head_size = marked.size - parser->last_line_offset;
    struct cof_text head = cof_text_slice(parser->source, parser->last_line_begin,
                                          parser->last_line_begin + head_size);
    if (count_cells(head) != cells)
        return COF_OK;
    cof_raw_truncate(&parser->marked, parser->last_line_offset, parser->before_last_end);
    COF_TRY(end_block(parser, err));
    COF_TRY(add_row(parser, head, err));
    parser->table_cells = cells;
    *out_is_table = true;
    return COF_OK;
}

/* "[^1]: text": the note's mark goes, its text stays. */
static void skip_note_mark(const struct markdown_parser *parser, struct cursor *cursor)
{
    struct cof_text line = text_of(parser, cursor);
    if (!cof_text_has_prefix(line, COF_TEXT("[^")))
        return;
    size_t end = cof_text_index_of(cof_text_slice(line, 0, 256), COF_TEXT("]:"));
    if (end != SIZE_MAX)
        move(parser, cursor, end + 2);
}

static enum cof_status add_paragraph_line(struct markdown_parser *parser, struct cursor *cursor,
                                          struct cof_error *err)
{
    if (!has_paragraph(parser)) {
        if (cof_markdown_is_definition(text_of(parser, cursor)))
            return COF_OK;
        skip_note_mark(parser, cursor);
    }
    if (cursor->begin >= cursor->end)
        return COF_OK;
    if (!has_paragraph(parser) || parser->kind == COF_BLOCK_HEADING) {
        parser->kind = COF_BLOCK_PARAGRAPH;
        if (parser->item_depth > 0)
            parser->kind = COF_BLOCK_LIST_ITEM;
        if (parser->quote_depth > 0)
            parser->kind = COF_BLOCK_QUOTE;
    }
    return add_paragraph_text(parser, cursor->begin, cursor->end, err);
}

/* ---- Lines ---- */

/* Takes the quote marks off and returns how many there were. */
static size_t skip_quotes(const struct markdown_parser *parser, struct cursor *cursor)
{
    size_t depth = 0;
    while (cursor->begin < cursor->end && parser->source.data[cursor->begin] == '>' &&
           cursor->column < content_column(parser) + 4) {
        depth++;
        cursor->begin++;
        cursor->column++;
        if (cursor->begin < cursor->end && parser->source.data[cursor->begin] == ' ') {
            cursor->begin++;
            cursor->column++;
        }
        /* columns of what is quoted count from here */
        cursor->column = 0;
        skip_spaces(parser, cursor);
    }
    return depth;
}

static enum cof_status add_fenced_line(struct markdown_parser *parser, const struct cursor *cursor,
                                       struct cof_error *err)
{
    if (cof_markdown_ends_fence(text_of(parser, cursor), parser->fence))
        return end_code(parser, err);
    add_code_line(parser, cursor, parser->fence_column);
    return COF_OK;
}

static enum cof_status add_html_line(struct markdown_parser *parser, const struct cursor *cursor,
                                     struct cof_error *err)
{
    struct cof_text line = text_of(parser, cursor);
    parser->html_end = cursor->end;
    if (parser->html_terminator.size == 0)
        return COF_OK;
    for (size_t i = 0; i + parser->html_terminator.size <= line.size; i++) {
        struct cof_text here = cof_text_slice(line, i, i + parser->html_terminator.size);
        if (cof_text_equal_ascii_case(here, parser->html_terminator))
            return end_html(parser, err);
    }
    return COF_OK;
}

/* Whether the end tag stands anywhere behind the line; without it a blank line ends the block. */
static bool has_terminator(struct markdown_parser *parser, size_t offset,
                           struct cof_text terminator)
{
    bool *is_absent = cof_text_equal(terminator, COF_TEXT("</pre")) ? &parser->has_no_pre_end
                                                                    : &parser->has_no_table_end;
    struct cof_text source = parser->source;
    while (!*is_absent) {
        const char *next = memchr(source.data + offset, '<', source.size - offset);
        if (next == NULL) {
            *is_absent = true;
            break;
        }
        offset = (size_t)(next - source.data);
        struct cof_text here = cof_text_slice(source, offset, offset + terminator.size);
        if (cof_text_equal_ascii_case(here, terminator))
            return true;
        offset++;
    }
    return false;
}

static enum cof_status begin_html(struct markdown_parser *parser, const struct cursor *cursor,
                                  struct cof_text terminator, struct cof_error *err)
{
    COF_TRY(end_block(parser, err));
    parser->is_in_html = true;
    parser->html_begin = cursor->begin;
    parser->html_terminator = terminator;
    if (terminator.size > 0 && !has_terminator(parser, cursor->begin, terminator))
        parser->html_terminator = (struct cof_text){0};
    return add_html_line(parser, cursor, err);
}

static enum cof_status begin_fence(struct markdown_parser *parser, const struct cursor *cursor,
                                   struct cof_markdown_fence fence, struct cof_error *err)
{
    COF_TRY(end_block(parser, err));
    parser->fence = fence;
    parser->fence_column = cursor->column;
    return COF_OK;
}

static enum cof_status add_content(struct markdown_parser *parser, struct cursor *cursor,
                                   struct cof_error *err);

static bool may_begin_item(const struct markdown_parser *parser, const struct cursor *cursor,
                           size_t marker, long number)
{
    bool is_empty = cursor->begin + marker >= cursor->end;
    bool is_in_list = parser->item_depth > 0;
    if (parser->item_depth >= MAX_ITEM_DEPTH)
        return false;
    return !has_paragraph(parser) || is_in_list || (!is_empty && (number < 0 || number == 1));
}

/* Calls add_content for what stands behind the marker: at most MAX_ITEM_DEPTH deep. */
static enum cof_status begin_item(struct markdown_parser *parser, struct cursor *cursor,
                                  size_t marker, long number, struct cof_error *err)
{
    COF_TRY(end_block(parser, err));
    size_t marker_begin = cursor->begin;
    size_t marker_column = cursor->column;
    while (parser->item_depth > 0 && content_column(parser) > marker_column)
        parser->item_depth--;
    move(parser, cursor, marker);
    size_t spaces = cursor->column - marker_column - marker;
    size_t content = marker_column + marker + (spaces >= 1 && spaces <= 4 ? spaces : 1);
    parser->item_columns[parser->item_depth++] = content;
    parser->quote_depth += skip_quotes(parser, cursor);
    if (cursor->begin >= cursor->end)
        return COF_OK;
    struct cof_text text = text_of(parser, cursor);
    struct cof_markdown_fence fence = {0};
    struct cof_text heading = {0};
    long inner = 0;
    bool is_prose = !cof_markdown_is_fence(text, &fence) &&
                    cof_markdown_heading(text, &heading) == 0 &&
                    cof_markdown_list_marker(text, &inner) == 0 && text.data[0] != '<';
    if (number < 0 || !is_prose)
        return add_content(parser, cursor, err);
    /* the number is part of what is read, a bullet is not */
    parser->kind = parser->quote_depth > 0 ? COF_BLOCK_QUOTE : COF_BLOCK_LIST_ITEM;
    COF_TRY(add_paragraph_text(parser, marker_begin, marker_begin + marker, err));
    return add_paragraph_text(parser, cursor->begin, cursor->end, err);
}

/* A line inside its containers, from the first character that is no space. */
static enum cof_status add_content(struct markdown_parser *parser, struct cursor *cursor,
                                   struct cof_error *err)
{
    struct cof_text line = text_of(parser, cursor);
    size_t base = content_column(parser);
    if (cursor->column >= base + 4 && !has_paragraph(parser) && line.size > 0) {
        if (!parser->is_in_code)
            COF_TRY(end_block(parser, err));
        parser->is_in_code = true;
        add_code_line(parser, cursor, base + 4);
        return COF_OK;
    }
    if (parser->is_in_code)
        COF_TRY(end_code(parser, err));

    struct cof_markdown_fence fence = {0};
    if (cof_markdown_is_fence(line, &fence))
        return begin_fence(parser, cursor, fence, err);
    struct cof_text heading = {0};
    size_t level = cof_markdown_heading(line, &heading);
    if (level > 0)
        return add_heading(parser, heading, level, err);
    bool is_table = false;
    COF_TRY(try_table(parser, line, &is_table, err));
    if (is_table)
        return COF_OK;
    level = cof_markdown_underline(line);
    if (level > 0 && has_paragraph(parser) && parser->kind == COF_BLOCK_PARAGRAPH)
        return end_paragraph_as(parser, COF_BLOCK_HEADING, level, err);
    if (cof_markdown_is_thematic_break(line))
        return end_block(parser, err);
    long number = 0;
    size_t marker = cof_markdown_list_marker(line, &number);
    if (marker > 0 && may_begin_item(parser, cursor, marker, number))
        return begin_item(parser, cursor, marker, number, err);
    struct cof_text terminator = {0};
    if (line.data[0] == '<' && cof_markdown_is_html(line, &terminator))
        return begin_html(parser, cursor, terminator, err);
    if (parser->table_cells > 0)
        return add_row(parser, line, err);
    return add_paragraph_line(parser, cursor, err);
}

static enum cof_status add_blank_line(struct markdown_parser *parser, const struct cursor *cursor,
                                      struct cof_error *err)
{
    if (parser->is_in_code) {
        if (!cof_raw_is_empty(&parser->code))
            add_code_line(parser, cursor, 0);
        return COF_OK;
    }
    if (parser->is_in_html && parser->html_terminator.size > 0)
        return COF_OK;
    parser->quote_depth = 0;
    return end_block(parser, err);
}

static enum cof_status add_line(struct markdown_parser *parser, const struct cof_line *line,
                                struct cof_error *err)
{
    struct cursor cursor = {.begin = line->begin, .end = line->end};
    skip_spaces(parser, &cursor);
    struct cursor unquoted = cursor;
    size_t depth = skip_quotes(parser, &cursor);
    if (parser->fence.mark != 0 && depth < parser->quote_depth) {
        COF_TRY(end_code(parser, err)); /* the quote is over, and with it the fence in it */
    } else if (parser->fence.mark != 0) {
        return add_fenced_line(parser, parser->quote_depth > 0 ? &cursor : &unquoted, err);
    }
    if (parser->is_in_html && cursor.begin < cursor.end)
        return add_html_line(parser, &cursor, err);
    if (cursor.begin >= cursor.end)
        return add_blank_line(parser, &cursor, err);

    /* A line that only goes on with a paragraph need not repeat its containers. */
    struct cof_text text = text_of(parser, &cursor);
    struct cof_markdown_fence fence = {0};
    struct cof_text ignored = {0};
    long number = 0;
    bool is_lazy =
        has_paragraph(parser) && depth <= parser->quote_depth &&
        !cof_markdown_is_fence(text, &fence) && cof_markdown_heading(text, &ignored) == 0 &&
        !cof_markdown_is_thematic_break(text) && cof_markdown_list_marker(text, &number) == 0;
    if (depth != parser->quote_depth && !is_lazy) {
        COF_TRY(end_block(parser, err));
        parser->item_depth = depth > parser->quote_depth ? parser->item_depth : 0;
        parser->quote_depth = depth;
    }
    while (parser->item_depth > 0 && cursor.column < content_column(parser) && !is_lazy) {
        COF_TRY(end_block(parser, err));
        parser->item_depth--;
    }
    return add_content(parser, &cursor, err);
}

/* ---- The document ---- */

/* "title: …" or "title = …", quotes taken off. */
static enum cof_status read_title_line(struct markdown_parser *parser, struct cof_text line,
                                       struct cof_error *err)
{
    struct cof_text name = {0};
    struct cof_text value = {0};
    char separator = memchr(line.data, ':', line.size) != NULL ? ':' : '=';
    if (!cof_text_split(line, separator, &name, &value) ||
        !cof_text_equal_ascii_case(cof_text_trim(name), COF_TEXT("title")))
        return COF_OK;
    value = cof_text_trim(value);
    bool is_quoted = value.size >= 2 && (value.data[0] == '"' || value.data[0] == '\'') &&
                     value.data[value.size - 1] == value.data[0];
    if (is_quoted)
        value = cof_text_slice(value, 1, value.size - 1);
    if (value.size > 0 && (value.data[0] == '>' || value.data[0] == '|'))
        return COF_OK; /* a title over several lines */
    return cof_block_list_set_title(parser->list, value, err);
}

/* Moves *offset behind front matter (--- or +++ to the same again), if there is any. */
static enum cof_status read_front_matter(struct markdown_parser *parser, size_t *offset,
                                         struct cof_error *err)
{
    struct cof_line line = {0};
    size_t at = 0;
    if (!cof_line_next(parser->source, &at, &line))
        return COF_OK;
    struct cof_text mark = cof_text_slice(parser->source, line.begin, line.end);
    bool is_yaml = cof_text_equal(mark, COF_TEXT("---"));
    if (!is_yaml && !cof_text_equal(mark, COF_TEXT("+++")))
        return COF_OK;
    size_t begin = at;
    size_t end = 0;
    bool has_pair = false;
    while (end == 0 && at < MAX_FRONT_MATTER_BYTES && cof_line_next(parser->source, &at, &line)) {
        struct cof_text text = cof_text_slice(parser->source, line.begin, line.end);
        has_pair = has_pair ||
                   cof_text_index_of(text, is_yaml ? COF_TEXT(":") : COF_TEXT("=")) != SIZE_MAX;
        if (cof_text_equal(text, mark) || (is_yaml && cof_text_equal(text, COF_TEXT("..."))))
            end = at;
    }
    if (end == 0 || !has_pair)
        return COF_OK; /* a thematic break, then */
    for (at = begin; at < end && cof_line_next(parser->source, &at, &line);) {
        struct cof_text text = cof_text_slice(parser->source, line.begin, line.end);
        if (text.size > 0)
            COF_TRY(read_title_line(parser, text, err));
    }
    *offset = end;
    return COF_OK;
}

static enum cof_status parse(struct markdown_parser *parser, struct cof_error *err)
{
    size_t offset = 0;
    struct cof_line line = {0};
    COF_TRY(read_front_matter(parser, &offset, err));
    while (cof_line_next(parser->source, &offset, &line))
        COF_TRY(add_line(parser, &line, err));
    return end_block(parser, err);
}

enum cof_status cof_parse_markdown(struct cof_text source, struct cof_block_list *list,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer masked = {0};
    COF_TRY(cof_markdown_mask(source, &masked, err));
    struct markdown_parser parser = {
        .source = cof_buffer_text(&masked), .list = list, .kind = COF_BLOCK_PARAGRAPH};
    enum cof_status status = parse(&parser, err);
    cof_raw_deinit(&parser.marked);
    cof_raw_deinit(&parser.plain);
    cof_raw_deinit(&parser.code);
    return status;
}
