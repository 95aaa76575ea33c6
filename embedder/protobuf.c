/* Reads the fields of a protocol buffer message out of bytes. */
#include "protobuf.h"

#include <stddef.h>

#define MAX_VARINT_BYTES 10

struct cof_protobuf cof_protobuf_from(struct cof_bytes message)
{
    return (struct cof_protobuf){.rest = message};
}

static struct cof_bytes take(struct cof_protobuf *message, uint64_t size)
{
    struct cof_bytes taken = {0};
    if (size > message->rest.size) {
        message->has_failed = true;
        return taken;
    }
    taken = (struct cof_bytes){.data = message->rest.data, .size = (size_t)size};
    message->rest.data += size;
    message->rest.size -= (size_t)size;
    return taken;
}

/* Seven bits a byte, the lowest first; the highest bit says that there are more. */
static uint64_t take_varint(struct cof_protobuf *message)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < MAX_VARINT_BYTES; i++) {
        struct cof_bytes byte = take(message, 1);
        if (message->has_failed)
            return 0;
        value |= (uint64_t)(byte.data[0] & 0x7f) << 7 * i;
        if ((byte.data[0] & 0x80) == 0)
            return value;
    }
    message->has_failed = true;
    return 0;
}

static uint64_t take_fixed(struct cof_protobuf *message, unsigned size)
{
    uint64_t value = 0;
    struct cof_bytes bytes = take(message, size);
    for (unsigned i = 0; i < bytes.size; i++)
        value |= (uint64_t)bytes.data[i] << 8 * i;
    return value;
}

bool cof_protobuf_next(struct cof_protobuf *message, struct cof_protobuf_field *out_field)
{
    if (message->has_failed || message->rest.size == 0)
        return false;
    uint64_t tag = take_varint(message);
    struct cof_protobuf_field field = {.number = (uint32_t)(tag >> 3)};
    if (tag >> 3 == 0 || tag >> 32 != 0)
        message->has_failed = true;
    switch (tag & 7) {
    case COF_PROTOBUF_NUMBER:
        field.type = COF_PROTOBUF_NUMBER;
        field.value = take_varint(message);
        break;
    case COF_PROTOBUF_8_BYTES:
        field.type = COF_PROTOBUF_8_BYTES;
        field.value = take_fixed(message, 8);
        break;
    case COF_PROTOBUF_BYTES:
        field.type = COF_PROTOBUF_BYTES;
        field.bytes = take(message, take_varint(message));
        break;
    case COF_PROTOBUF_4_BYTES:
        field.type = COF_PROTOBUF_4_BYTES;
        field.value = take_fixed(message, 4);
        break;
    default:
        message->has_failed = true;
    }
    if (message->has_failed)
        return false;
    *out_field = field;
    return true;
}
