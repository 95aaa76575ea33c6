/* Frames and their checksum. */
#include "frame.h"

#include <pthread.h>
#include <string.h>

#define CRC_AT 12
#define CRC32C_POLYNOMIAL 0x82f63b78U /* reflected */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t crc_tables[8][256]; /* [k][b]: byte b followed by k zero bytes */

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (CRC32C_POLYNOMIAL & (0U - (crc & 1)));
        crc_tables[0][byte] = crc;
    }
    for (size_t k = 1; k < 8; k++) {
        for (size_t byte = 0; byte < 256; byte++) {
            uint32_t crc = crc_tables[k - 1][byte];
            crc_tables[k][byte] = crc >> 8 ^ crc_tables[0][crc & 255];
        }
    }
}

static size_t padding_of(size_t body_size)
{
    return (8 - body_size % 8) % 8;
}

static uint32_t frame_crc(const uint8_t *frame, size_t size)
{
    static const uint8_t zeros[4];
    uint32_t crc = cof_crc32c(0, (struct cof_bytes){.data = frame, .size = CRC_AT});
    crc = cof_crc32c(crc, (struct cof_bytes){.data = zeros, .size = sizeof(zeros)});
    return cof_crc32c(crc,
                      (struct cof_bytes){.data = frame + CRC_AT + 4, .size = size - CRC_AT - 4});
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint32_t cof_crc32c(uint32_t crc, struct cof_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t rest = bytes.size;
    (void)pthread_once(&once, make_tables);
    crc = ~crc;
    for (; rest >= 8; rest -= 8, data += 8) {
        crc ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
               (uint32_t)data[3] << 24;
        crc = crc_tables[7][crc & 255] ^ crc_tables[6][crc >> 8 & 255] ^
              crc_tables[5][crc >> 16 & 255] ^ crc_tables[4][crc >> 24] ^ crc_tables[3][data[4]] ^
              crc_tables[2][data[5]] ^ crc_tables[1][data[6]] ^ crc_tables[0][data[7]];
    }
    for (; rest > 0; rest--, data++)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *data) & 255];
    return ~crc;
}

size_t cof_frame_size(size_t body_size)
{
    return COF_FRAME_HEADER_SIZE + body_size + padding_of(body_size);
}

void cof_frame_append(struct cof_buffer *out, enum cof_frame_type type, uint64_t seq,
                      struct cof_bytes body)
{
    static const uint8_t zeros[8];
    size_t begin = out->size;
    cof_buffer_append(out, "CAUD", 4);
    cof_buffer_append_u16(out, (uint16_t)type);
    cof_buffer_append(out, zeros, 2);
    cof_buffer_append_u32(out, (uint32_t)body.size);
    cof_buffer_append(out, zeros, 4);
    cof_buffer_append_u64(out, seq);
    cof_buffer_append(out, body.data, body.size);
    cof_buffer_append(out, zeros, padding_of(body.size));
    if (out->has_failed)
        return;
    put_u32(out->data + begin + CRC_AT, frame_crc(out->data + begin, out->size - begin));
}

enum cof_frame_state cof_frame_parse(struct cof_bytes bytes, struct cof_frame *out_frame,
                                     size_t *out_size)
{
    *out_size = COF_FRAME_HEADER_SIZE;
    size_t known = bytes.size < 4 ? bytes.size : 4;
    if (known > 0 && memcmp(bytes.data, "CAUD", known) != 0)
        return COF_FRAME_BAD;
    if (bytes.size < COF_FRAME_HEADER_SIZE)
        return COF_FRAME_SHORT;
    struct cof_reader reader = cof_reader_from(bytes);
    (void)cof_reader_u32(&reader);
    uint16_t type = cof_reader_u16(&reader);
    uint16_t flags = cof_reader_u16(&reader);
    size_t body_size = cof_reader_u32(&reader);
    uint32_t crc = cof_reader_u32(&reader);
    uint64_t seq = cof_reader_u64(&reader);
    if (type < COF_FRAME_SEGMENT || type > COF_FRAME_PAYLOAD || flags != 0 ||
        body_size > COF_FRAME_MAX_BODY)
        return COF_FRAME_BAD;
    size_t size = cof_frame_size(body_size);
    *out_size = size;
    if (bytes.size < size)
        return COF_FRAME_SHORT;
    /* the checksum covers the padding, but only zeros were ever written there */
    for (size_t i = COF_FRAME_HEADER_SIZE + body_size; i < size; i++) {
        if (bytes.data[i] != 0)
            return COF_FRAME_BAD;
    }
    if (frame_crc(bytes.data, size) != crc)
        return COF_FRAME_BAD;
    *out_frame = (struct cof_frame){
        .type = (enum cof_frame_type)type,
        .seq = seq,
        .body = {.data = bytes.data + COF_FRAME_HEADER_SIZE, .size = body_size},
    };
    return COF_FRAME_WHOLE;
}
