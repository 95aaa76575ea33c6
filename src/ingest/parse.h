/* The parsers of one format each: a source in UTF-8 → blocks in the list.
 *
 * They run in the sandboxed child, on hostile input. Byte ranges are offsets into `source`. A
 * status other than COF_OK comes from the list (its reason is set) or is COF_NO_MEMORY. */
#ifndef COF_INGEST_PARSE_H
#define COF_INGEST_PARSE_H

#include <stdbool.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "block_list.h"

COF_MUST_USE enum cof_status cof_parse_text(struct cof_text source, struct cof_block_list *list,
                                            struct cof_error *err);
COF_MUST_USE enum cof_status cof_parse_markdown(struct cof_text source, struct cof_block_list *list,
                                                struct cof_error *err);
COF_MUST_USE enum cof_status cof_parse_html(struct cof_text source, struct cof_block_list *list,
                                            struct cof_error *err);

/* The same for a piece of HTML within another format; `base` is where the piece begins in the
 * source. A <title> in it counts for nothing. */
COF_MUST_USE enum cof_status cof_parse_html_piece(struct cof_text piece, uint64_t base,
                                                  struct cof_block_list *list,
                                                  struct cof_error *err);
/* The text that a character reference such as "&eacute;" stands for, appended to `out`; the
 * reference itself when there is no such name. */
COF_MUST_USE enum cof_status cof_html_decode_reference(struct cof_text reference,
                                                       struct cof_buffer *out,
                                                       struct cof_error *err);

#endif
