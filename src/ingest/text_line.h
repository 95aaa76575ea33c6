/* What a single line of plain text looks like: a heading, a list item, a rule, a row of a table. */
#ifndef COF_INGEST_TEXT_LINE_H
#define COF_INGEST_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_MAX_COLUMNS 16

/* Nothing but rule characters (- = _ * ~ # + |) and spaces, three or more. */
bool cof_text_is_rule(struct cof_text line);
/* One unbroken run of = or - or ~ : what stands under a heading. */
bool cof_text_is_underline(struct cof_text line);
/* Short, with a letter or digit, without the punctuation that ends a sentence or a clause, and no
 * address of mail or web. */
bool cof_text_is_heading_like(struct cof_text line);
/* Has cased letters, and all of them are capitals. COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_text_is_all_capitals(struct cof_text line, bool *out_is_so,
                                                      struct cof_error *err);
/* "1", "1.2", "1.2.3." before a space: how many numbers; 0 = not numbered. */
size_t cof_text_numbering(struct cof_text line);
/* Size of the list marker with the space after it: "- ", "* ", "1. ", "a) ", "(3) "; 0 = none. */
size_t cof_text_list_marker(struct cof_text line, bool *out_is_bullet);
/* Display columns in which cells begin, behind gaps of two or more spaces or a tab; gaps after the
 * end of a sentence or a list marker do not count. At most COF_MAX_COLUMNS. *out_min_gap is the
 * narrowest of them. */
size_t cof_text_columns(struct cof_text line, size_t indent, size_t out_columns[COF_MAX_COLUMNS],
                        size_t *out_min_gap);
/* The gap of two or more spaces, or a tab, at or after `offset`: false when there is none. */
bool cof_text_find_gap(struct cof_text line, size_t offset, size_t *out_begin, size_t *out_end);

#endif
