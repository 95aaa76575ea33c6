/* What stands before a chunk's own text when it is embedded. */
#ifndef COF_INGEST_CHUNK_TEXT_H
#define COF_INGEST_CHUNK_TEXT_H

#include <cof/base/buffer.h>
#include <cof/base/text.h>

/* Bytes of title and path that are embedded; the rest of a longer one is cut, so that it cannot
 * crowd the text out of the model's window. */
#define COF_MAX_EMBEDDED_TITLE 200
#define COF_MAX_EMBEDDED_PATH 320

/* Title and path, a line each, without empty parts and without the title twice. */
void cof_chunk_context_append(struct cof_text title, struct cof_text path, struct cof_buffer *out);

#endif
