/* The parts of the Markdown parser (CommonMark with GitHub's tables and strikethrough). */
#ifndef COF_INGEST_MARKDOWN_H
#define COF_INGEST_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#include "raw_text.h"

/* Appends a copy of the source, of the same size, in which HTML comments and hidden or dropped HTML
 * elements outside of code have become spaces. Line breaks stay, so every offset keeps its
 * meaning. */
COF_MUST_USE enum cof_status cof_markdown_mask(struct cof_text source, struct cof_buffer *out,
                                               struct cof_error *err);

/* Appends what a reader sees of inline Markdown: emphasis without its marks, links as their text,
 * images as nothing. */
COF_MUST_USE enum cof_status cof_markdown_inline(const struct cof_raw_text *marked,
                                                 struct cof_raw_text *plain, struct cof_error *err);

/* ---- Lines; `line` begins at the first character that is no space ---- */

struct cof_markdown_fence {
    char mark; /* ` or ~; 0 = none */
    size_t size;
};
bool cof_markdown_is_fence(struct cof_text line, struct cof_markdown_fence *out_fence);
bool cof_markdown_ends_fence(struct cof_text line, struct cof_markdown_fence fence);
/* Level 1-6 of an ATX heading and its text without the marks; 0 when it is none. */
size_t cof_markdown_heading(struct cof_text line, struct cof_text *out_text);
/* 1 or 2 for the underline of a setext heading, else 0. */
size_t cof_markdown_underline(struct cof_text line);
bool cof_markdown_is_thematic_break(struct cof_text line);
/* Bytes of a list marker without the space after it, 0 when there is none. *out_number is -1 for a
 * bullet. */
size_t cof_markdown_list_marker(struct cof_text line, long *out_number);
/* "[label]: address" */
bool cof_markdown_is_definition(struct cof_text line);
/* Whether a line that begins with '<' begins a block of HTML; *out_terminator is the end tag that
 * ends it, empty when a blank line does. */
bool cof_markdown_is_html(struct cof_text line, struct cof_text *out_terminator);

/* Number of cells of a delimiter row such as "| --- | :-: |", 0 when it is none. */
size_t cof_markdown_delimiter_cells(struct cof_text line);
/* The next cell of a table row from *offset on; false when there is none. Begin with *offset 0. */
bool cof_markdown_next_cell(struct cof_text line, size_t *offset, struct cof_text *out_cell);

#endif
