/* Sealed files: streams of any size, readable from the middle, refused when a byte differs.
 *
 * A 16-byte header of ours ("COFFER" 0x00 | kind u8 | format version u16 | reserved zeros), then
 * Cobblestone-256 (C2SP chunked-encryption.md): 24 B salt | 32 B commitment | chunks of 16 KiB each
 * with a 16 B tag, the last one short. The header is bound into the encryption context together
 * with store uuid, collection and file id, so a file cannot be renamed into another's place.
 *
 * A writer or reader belongs to one thread at a time. */
#ifndef COF_KEYS_SEALED_FILE_H
#define COF_KEYS_SEALED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/seal.h>

enum cof_sealed_file_kind {
    COF_SEALED_KEYRING = 1,
    COF_SEALED_SEGMENT = 2, /* index snapshot */
    COF_SEALED_UPLOAD = 3,
    COF_SEALED_BACKUP = 4,
};

struct cof_sealed_file_context {
    enum cof_sealed_file_kind kind;
    uint16_t format_version; /* of the content; a reader refuses a newer one than it knows */
    uint8_t store_uuid[16];
    uint64_t collection;
    uint64_t file_id;
};

struct cof_sealed_writer;
struct cof_sealed_reader;

/* Writes to a temporary file beside `path`; nothing is visible under `path` before commit. A crash
 * may leave the temporary file, `path`.<16 hexadecimal digits>.tmp. After a failed call the writer
 * can only be closed. */
COF_MUST_USE enum cof_status cof_sealed_writer_open(const char *path, const struct cof_key *key,
                                                    const struct cof_sealed_file_context *context,
                                                    const struct cof_random *random,
                                                    struct cof_sealed_writer **out_writer,
                                                    struct cof_error *err);
COF_MUST_USE enum cof_status cof_sealed_writer_append(struct cof_sealed_writer *writer,
                                                      struct cof_bytes bytes,
                                                      struct cof_error *err);
/* Last chunk, fdatasync, rename over `path`, fsync of the folder. */
COF_MUST_USE enum cof_status cof_sealed_writer_commit(struct cof_sealed_writer *writer,
                                                      struct cof_error *err);
/* Releases the writer; an uncommitted file is removed. NULL is fine. */
void cof_sealed_writer_close(struct cof_sealed_writer *writer);

/* COF_NOT_FOUND, COF_CORRUPT (altered, truncated, other key or context), COF_CONFLICT (a newer
 * format version, naming it). */
COF_MUST_USE enum cof_status cof_sealed_reader_open(const char *path, const struct cof_key *key,
                                                    const struct cof_sealed_file_context *context,
                                                    struct cof_sealed_reader **out_reader,
                                                    struct cof_error *err);
uint64_t cof_sealed_reader_size(const struct cof_sealed_reader *reader); /* of the plaintext */
/* What the file says; never over the context's. */
uint16_t cof_sealed_reader_format_version(const struct cof_sealed_reader *reader);
/* Reads exactly `size` bytes at `offset`, verified; COF_INVALID past the end. On failure `out` may
 * hold verified bytes of the chunks before the bad one. */
COF_MUST_USE enum cof_status cof_sealed_reader_read(struct cof_sealed_reader *reader,
                                                    uint64_t offset, void *out, size_t size,
                                                    struct cof_error *err);
void cof_sealed_reader_close(struct cof_sealed_reader *reader);

#endif
