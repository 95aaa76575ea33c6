/* Structural chunks, measured in the embedder's own tokens.
 *
 * Blocks are packed in order until max_tokens; a heading starts a new chunk when the current one is
 * at least a third full, and stays with the text that follows it. A block that alone is too long is
 * split at sentences, then at words, never inside a character; table rows and code lines are kept
 * whole when they fit. `overlap_tokens` repeats whole sentences of the end of one chunk at the
 * start of the next within the same section. Every chunk knows its heading path and its byte range
 * in the source. The text that is embedded is title, heading path and chunk text; see
 * cof_chunk_embedding_text(). */
#ifndef COF_INGEST_CHUNKER_H
#define COF_INGEST_CHUNKER_H

#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>
#include <cof/ingest/parser.h>
#include <cof/store/store.h>

struct cof_chunker_options {
    size_t max_tokens;     /* 16 … embedder's max_tokens; 0 = 200 */
    size_t overlap_tokens; /* < max_tokens / 2; 0 = none */
};

/* Chunks in the arena; a document without text has none. */
COF_MUST_USE enum cof_status cof_chunk_document(struct cof_embedder *embedder,
                                                const struct cof_chunker_options *options,
                                                const struct cof_parsed *parsed,
                                                struct cof_arena *arena,
                                                struct cof_chunk_write **out_chunks,
                                                size_t *out_count, struct cof_error *err);

/* "title\nheading path\ntext" without empty parts and without repeating the title; in the arena. */
COF_MUST_USE enum cof_status cof_chunk_embedding_text(struct cof_text title,
                                                      const struct cof_chunk_write *chunk,
                                                      struct cof_arena *arena,
                                                      struct cof_text *out_text,
                                                      struct cof_error *err);

#endif
