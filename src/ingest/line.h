/* A text line by line, each with its place in the source. */
#ifndef COF_INGEST_LINE_H
#define COF_INGEST_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/text.h>

struct cof_line {
    size_t begin; /* in the text */
    size_t end;   /* without the line break and white space before it */
};

/* The line at *offset, which moves to the one after it; false at the end of the text. Lines end
 * with LF, CR LF or CR. */
bool cof_line_next(struct cof_text text, size_t *offset, struct cof_line *out_line);

/* Where the first character stands that is no space, and the column it stands in (tabs go to the
 * next multiple of 4). */
size_t cof_line_indent(struct cof_text text, struct cof_line line, size_t *out_first);

/* Columns that the text takes on a screen: 2 for characters of East Asian width, 1 for others. */
size_t cof_display_width(struct cof_text text);

#endif
