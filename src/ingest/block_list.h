/* Where the parsers put the blocks they find, and how they say why they cannot.
 *
 * Bounds: a document of n bytes makes at most COF_MAX_BLOCKS blocks and 2 n + 4096 bytes of text,
 * so no file swells into something that the reply, the store or a model cannot hold. */
#ifndef COF_INGEST_BLOCK_LIST_H
#define COF_INGEST_BLOCK_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/ingest/parser.h>

#include "raw_text.h"

#define COF_MAX_BLOCKS ((size_t)1000000)
#define COF_MAX_TITLE_BYTES ((size_t)1024)

/* Why a document was refused. A number and an offset cross the process border, never a text. */
enum cof_parse_reason {
    COF_PARSE_OK = 0,
    COF_PARSE_NOT_UTF8,  /* offset: first bad byte */
    COF_PARSE_NOT_UTF16, /* offset: first bad unit */
    COF_PARSE_TOO_MANY_BLOCKS,
    COF_PARSE_TOO_MUCH_TEXT,
    COF_PARSE_NO_MEMORY,
    COF_PARSE_REASON_COUNT,
};

struct cof_block_list {
    struct cof_arena *arena; /* of texts and anchors */
    size_t max_text_bytes;
    size_t text_bytes;
    struct cof_text title;
    struct cof_buffer blocks;     /* struct cof_block */
    enum cof_parse_reason reason; /* set when a parser fails */
    uint64_t reason_offset;
};

void cof_block_list_init(struct cof_block_list *list, size_t source_size, struct cof_arena *arena);
void cof_block_list_deinit(struct cof_block_list *list);

/* The most text that a source of this size may make. */
size_t cof_max_text_bytes(size_t source_size);

/* Cleans the text and adds it as a block; text that comes to nothing adds none. `raw` is left
 * empty. COF_INVALID with list->reason set, COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_block_list_add(struct cof_block_list *list,
                                                enum cof_block_kind kind, uint8_t level,
                                                struct cof_raw_text *raw, struct cof_error *err);
/* Cleans and keeps it, unless there is a title already or it comes to nothing. */
COF_MUST_USE enum cof_status cof_block_list_set_title(struct cof_block_list *list,
                                                      struct cof_text raw, struct cof_error *err);

struct cof_block *cof_block_list_blocks(const struct cof_block_list *list, size_t *out_count);

/* Moves the blocks into the arena; the title, where none was set, is the first heading of level 1,
 * or the very first block when it is a heading. */
COF_MUST_USE enum cof_status cof_block_list_finish(struct cof_block_list *list,
                                                   struct cof_parsed *out_parsed,
                                                   struct cof_error *err);

/* Sets the reason and fails with its sentence. */
enum cof_status cof_parse_refuse(struct cof_block_list *list, enum cof_parse_reason reason,
                                 uint64_t offset, struct cof_error *err);
/* The one sentence for each reason. */
enum cof_status cof_parse_reason_fail(enum cof_parse_reason reason, uint64_t offset,
                                      struct cof_error *err);

#endif
