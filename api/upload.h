/* The lines of a bulk upload on the loop: cut from the body as it arrives, handed out in batches.
 *
 * Nothing is parsed here; a batch is a text and the places of its lines, which a worker reads. */
#ifndef COF_API_UPLOAD_H
#define COF_API_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>

#define COF_UPLOAD_BATCH_LINES 64
#define COF_UPLOAD_BATCH_BYTES ((size_t)1 << 20)

struct cof_upload;

COF_MUST_USE enum cof_status cof_upload_create(size_t max_line_bytes, uint64_t max_bytes,
                                               struct cof_upload **out_upload,
                                               struct cof_error *err);
void cof_upload_destroy(struct cof_upload *upload);

/* Takes a piece of the body. COF_TOO_LARGE when the whole is over max_bytes, COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_upload_feed(struct cof_upload *upload, struct cof_bytes bytes,
                                             struct cof_error *err);
/* The body is complete: what stands after the last line break is a line too. */
COF_MUST_USE enum cof_status cof_upload_end(struct cof_upload *upload, struct cof_error *err);
bool cof_upload_has_ended(const struct cof_upload *upload);

size_t cof_upload_line_count(const struct cof_upload *upload); /* complete, not taken */
/* A batch is full: better to take it before feeding more. */
bool cof_upload_is_full(const struct cof_upload *upload);
/* Bytes held here. */
size_t cof_upload_held_bytes(const struct cof_upload *upload);
/* Hands out every complete line; the buffers are overwritten. */
void cof_upload_take(struct cof_upload *upload, struct cof_buffer *out_text,
                     struct cof_buffer *out_lines);

#endif
