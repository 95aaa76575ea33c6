/* A growing array of bytes with a sticky out-of-memory state.
 *
 * Appends never fail visibly: after the first failed allocation every later call does nothing and
 * cof_buffer_status() says COF_NO_MEMORY; so a writer checks once, at the end. Not thread-safe.
 * Zero-initialised is a valid empty buffer. */
#ifndef COF_BASE_BUFFER_H
#define COF_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool has_failed; /* out of memory once: contents are not to be used */
};

void cof_buffer_append(struct cof_buffer *buffer, const void *bytes, size_t size);
void cof_buffer_append_text(struct cof_buffer *buffer, struct cof_text text);
void cof_buffer_append_byte(struct cof_buffer *buffer, uint8_t byte);
void cof_buffer_append_format(struct cof_buffer *buffer, const char *format, ...) COF_PRINTF(2, 3);
/* Big-endian integers, for formats of ours. */
void cof_buffer_append_u16(struct cof_buffer *buffer, uint16_t value);
void cof_buffer_append_u32(struct cof_buffer *buffer, uint32_t value);
void cof_buffer_append_u64(struct cof_buffer *buffer, uint64_t value);
/* Room for `size` more bytes, uninitialised, counted as part of the buffer; NULL when out of
 * memory. */
uint8_t *cof_buffer_extend(struct cof_buffer *buffer, size_t size);
/* Makes room without changing size. */
void cof_buffer_reserve(struct cof_buffer *buffer, size_t additional);
void cof_buffer_clear(struct cof_buffer *buffer); /* size 0, memory kept, failure forgotten */

COF_MUST_USE enum cof_status cof_buffer_status(const struct cof_buffer *buffer,
                                               struct cof_error *err);
struct cof_bytes cof_buffer_bytes(const struct cof_buffer *buffer);
struct cof_text cof_buffer_text(const struct cof_buffer *buffer);

void cof_buffer_deinit(struct cof_buffer *buffer);
/* As deinit, but overwrites the contents first; for decrypted or secret bytes. */
void cof_buffer_wipe(struct cof_buffer *buffer);

/* Reads big-endian fields from a view; the sticky counterpart of the appenders. After the first
 * read past the end every later read gives zeros and has_failed stays true. */
struct cof_reader {
    struct cof_bytes rest;
    bool has_failed;
};
struct cof_reader cof_reader_from(struct cof_bytes bytes);
uint8_t cof_reader_u8(struct cof_reader *reader);
uint16_t cof_reader_u16(struct cof_reader *reader);
uint32_t cof_reader_u32(struct cof_reader *reader);
uint64_t cof_reader_u64(struct cof_reader *reader);
/* A view of the next `size` bytes (empty after failure). */
struct cof_bytes cof_reader_bytes(struct cof_reader *reader, size_t size);

#endif
