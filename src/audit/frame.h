/* Frames: what a segment file is made of.
 *
 *   0  4  'CAUD'
 *   4  2  type              8  4  size of the body
 *   6  2  zeros             12 4  CRC-32C of all bytes of the frame, this field taken as zero
 *   16 8  sequence number
 *   24 n  body, then zeros up to a multiple of 8
 * Integers are big-endian. The checksum finds torn writes; that a frame is genuine, the signed
 * Merkle root says. */
#ifndef COF_AUDIT_FRAME_PRIVATE_H
#define COF_AUDIT_FRAME_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/text.h>

#define COF_FRAME_HEADER_SIZE ((size_t)24)
#define COF_FRAME_MAX_BODY ((size_t)32 << 20)

enum cof_frame_type {
    COF_FRAME_SEGMENT = 1, /* the first of a file: format version, store uuid, first sequence */
    COF_FRAME_LEAF = 2,
    COF_FRAME_PAYLOAD = 3, /* of the leaf before it */
};

struct cof_frame {
    enum cof_frame_type type;
    uint64_t seq;
    struct cof_bytes body;
};

enum cof_frame_state {
    COF_FRAME_WHOLE,
    COF_FRAME_SHORT, /* the bytes end before the frame does */
    COF_FRAME_BAD,   /* no frame of ours, or altered */
};

/* With header and padding. */
size_t cof_frame_size(size_t body_size);
void cof_frame_append(struct cof_buffer *out, enum cof_frame_type type, uint64_t seq,
                      struct cof_bytes body);
/* Reads the frame at the start of `bytes`. *out_size is what it takes; when short, how many bytes
 * are needed to know more. The body is a view. */
enum cof_frame_state cof_frame_parse(struct cof_bytes bytes, struct cof_frame *out_frame,
                                     size_t *out_size);

/* CRC-32C (Castagnoli), continued from `crc`; 0 to start. */
uint32_t cof_crc32c(uint32_t crc, struct cof_bytes bytes);

#endif
