/* Deterministic CBOR (RFC 8949 section 4.2.1), the encoding of every record of ours on disk.
 *
 * The writer appends to a cof_buffer; the caller writes map keys in ascending order (unsigned
 * integers here), which the reader verifies. Definite lengths, shortest integers, no tags, no
 * indefinite items; floats are always 64 bits. The reader refuses anything else with COF_CORRUPT.
 */
#ifndef COF_BASE_CBOR_H
#define COF_BASE_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

void cof_cbor_write_unsigned(struct cof_buffer *out, uint64_t value);
void cof_cbor_write_integer(struct cof_buffer *out, int64_t value);
void cof_cbor_write_bytes(struct cof_buffer *out, struct cof_bytes bytes);
void cof_cbor_write_text(struct cof_buffer *out, struct cof_text text);
void cof_cbor_write_array(struct cof_buffer *out, size_t count);
void cof_cbor_write_map(struct cof_buffer *out, size_t count);
void cof_cbor_write_bool(struct cof_buffer *out, bool value);
void cof_cbor_write_null(struct cof_buffer *out);
void cof_cbor_write_double(struct cof_buffer *out, double value);

enum cof_cbor_type {
    COF_CBOR_UNSIGNED,
    COF_CBOR_NEGATIVE,
    COF_CBOR_BYTES,
    COF_CBOR_TEXT,
    COF_CBOR_ARRAY,
    COF_CBOR_MAP,
    COF_CBOR_BOOL,
    COF_CBOR_NULL,
    COF_CBOR_DOUBLE,
    COF_CBOR_END, /* nothing left, or malformed */
};

/* Sticky reader over one encoded item or a sequence of items. After the first mismatch every read
 * gives zero/empty and cof_cbor_finish() says COF_CORRUPT. Views point into the input. */
struct cof_cbor_reader {
    struct cof_bytes rest;
    bool has_failed;
};

struct cof_cbor_reader cof_cbor_reader_from(struct cof_bytes bytes);
enum cof_cbor_type cof_cbor_peek(const struct cof_cbor_reader *reader);
uint64_t cof_cbor_read_unsigned(struct cof_cbor_reader *reader);
int64_t cof_cbor_read_integer(struct cof_cbor_reader *reader); /* positive or negative */
struct cof_bytes cof_cbor_read_bytes(struct cof_cbor_reader *reader);
struct cof_text cof_cbor_read_text(struct cof_cbor_reader *reader); /* refuses bad UTF-8 */
size_t cof_cbor_read_array(struct cof_cbor_reader *reader);         /* item count */
/* Pair count. The whole map is looked through first, so that keys out of order or twice, and
 * anything malformed inside, fail here and not half-way. */
size_t cof_cbor_read_map(struct cof_cbor_reader *reader);
bool cof_cbor_read_bool(struct cof_cbor_reader *reader);
void cof_cbor_read_null(struct cof_cbor_reader *reader);
double cof_cbor_read_double(struct cof_cbor_reader *reader);
/* Passes over one whole item, whatever it is (at most 16 arrays and maps inside one another), and
 * checks all of it. */
void cof_cbor_skip(struct cof_cbor_reader *reader);
/* COF_CORRUPT when a read failed or, with `must_be_at_end`, when bytes are left. */
COF_MUST_USE enum cof_status cof_cbor_finish(const struct cof_cbor_reader *reader,
                                             bool must_be_at_end, struct cof_error *err);

#endif
