/* Reads the fields of a protocol buffer message out of bytes.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding. Only what our files have: whole
 * numbers, 4-byte and 8-byte values and nested bytes; groups are refused. Views borrow the
 * message's bytes. Not thread-safe. */
#ifndef COF_EMBEDDER_PROTOBUF_H
#define COF_EMBEDDER_PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/text.h>

enum cof_protobuf_type {
    COF_PROTOBUF_NUMBER = 0,
    COF_PROTOBUF_8_BYTES = 1,
    COF_PROTOBUF_BYTES = 2,
    COF_PROTOBUF_4_BYTES = 5,
};

struct cof_protobuf_field {
    uint32_t number;
    enum cof_protobuf_type type;
    uint64_t value;         /* of a number, or the little-endian bits of 4 or 8 bytes */
    struct cof_bytes bytes; /* of COF_PROTOBUF_BYTES */
};

struct cof_protobuf {
    struct cof_bytes rest;
    bool has_failed;
};

struct cof_protobuf cof_protobuf_from(struct cof_bytes message);
/* False at the end and from the first malformed field on; has_failed tells them apart. */
bool cof_protobuf_next(struct cof_protobuf *message, struct cof_protobuf_field *out_field);

#endif
