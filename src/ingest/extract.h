/* The table of media types, and one document from bytes to blocks. */
#ifndef COF_INGEST_EXTRACT_H
#define COF_INGEST_EXTRACT_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/ingest/parser.h>

#include "block_list.h"

struct cof_format {
    const char *media_type;
    const char *suffixes; /* of file names, a space between */
    enum cof_status (*parse)(struct cof_text source, struct cof_block_list *list,
                             struct cof_error *err);
};

struct cof_format_table {
    const struct cof_format *formats;
    size_t count;
};

/* The media types of this build. */
const struct cof_format_table *cof_formats(void);
/* Index of the media type (parameters such as "; charset=utf-8" do not count); COF_INVALID with the
 * list of those there are. */
COF_MUST_USE enum cof_status cof_format_find(const struct cof_format_table *table,
                                             struct cof_text media_type, size_t *out_index,
                                             struct cof_error *err);

/* Converts to UTF-8 where the bytes begin with a byte order mark, checks, parses. On failure
 * *out_reason and *out_offset say why, for the other side of a process border. */
COF_MUST_USE enum cof_status cof_extract(const struct cof_format *format, struct cof_bytes source,
                                         struct cof_arena *arena, struct cof_parsed *out_parsed,
                                         enum cof_parse_reason *out_reason, uint64_t *out_offset,
                                         struct cof_error *err);

#endif
