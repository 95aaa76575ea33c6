/* Blocks cut into the pieces that chunks are packed from, measured in tokens. */
#ifndef COF_INGEST_CHUNK_UNIT_H
#define COF_INGEST_CHUNK_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>
#include <cof/ingest/parser.h>

/* A block, or a part of one: block->text from `begin` to `end`. */
struct cof_unit {
    const struct cof_block *block;
    size_t begin;
    size_t end;
    size_t token_count;
};

/* What a unit may be at most. Bytes count too: a tokenizer may make one token, or none, of a long
 * run of anything. */
struct cof_unit_limits {
    size_t max_tokens;
    size_t max_bytes;
};

typedef enum cof_status (*cof_unit_fn)(void *context, const struct cof_unit *unit,
                                       struct cof_error *err);

/* Calls `each` for the units of the block in order; together they cover its text. A block within
 * the limits is one unit; otherwise it is cut at sentences (code at lines), one that is still too
 * long at spaces, and without spaces at characters. Token counts of parts are those of the whole
 * block's tokens, each part's own count may differ a little. A failing `each` stops and is
 * returned. */
COF_MUST_USE enum cof_status cof_each_unit(struct cof_embedder *embedder,
                                           const struct cof_block *block,
                                           const struct cof_unit_limits *limits, cof_unit_fn each,
                                           void *context, struct cof_error *err);

struct cof_text cof_unit_text(const struct cof_unit *unit);
/* The bytes of the source that block->text from `begin` to `end` came from, or a little more. */
void cof_block_source_range(const struct cof_block *block, size_t begin, size_t end,
                            uint64_t *out_begin, uint64_t *out_end);

#endif
