/* Growing byte arrays and the reader that is their counterpart.
 *
 * Growing copies into fresh memory and wipes the old instead of calling realloc(3), because a
 * buffer may hold decrypted text and realloc would leave copies of it in freed memory. */
#include <cof/base/buffer.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"

#define MIN_CAPACITY ((size_t)64)

static bool grow(struct cof_buffer *buffer, size_t additional)
{
    if (buffer->has_failed)
        return false;
    if (buffer->capacity - buffer->size >= additional)
        return true;
    size_t needed = 0;
    size_t capacity = 0;
    if (__builtin_add_overflow(buffer->size, additional, &needed)) {
        buffer->has_failed = true;
        return false;
    }
    if (__builtin_add_overflow(buffer->capacity, buffer->capacity / 2, &capacity))
        capacity = needed;
    if (capacity < needed)
        capacity = needed;
    if (capacity < MIN_CAPACITY)
        capacity = MIN_CAPACITY;
    uint8_t *data = cof_base_alloc(capacity);
    if (data == NULL) {
        buffer->has_failed = true;
        return false;
    }
    if (buffer->size > 0)
        memcpy(data, buffer->data, buffer->size);
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->size);
    cof_free(buffer->data);
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void cof_buffer_append(struct cof_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0 || !grow(buffer, size))
        return;
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

void cof_buffer_append_text(struct cof_buffer *buffer, struct cof_text text)
{
    cof_buffer_append(buffer, text.data, text.size);
}

void cof_buffer_append_byte(struct cof_buffer *buffer, uint8_t byte)
{
    cof_buffer_append(buffer, &byte, 1);
}

void cof_buffer_append_format(struct cof_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0) {
        buffer->has_failed = true;
    } else if (grow(buffer, (size_t)length + 1)) { /* vsnprintf writes a NUL behind the text */
        (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void cof_buffer_append_u16(struct cof_buffer *buffer, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    cof_buffer_append(buffer, bytes, sizeof(bytes));
}

void cof_buffer_append_u32(struct cof_buffer *buffer, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    cof_buffer_append(buffer, bytes, sizeof(bytes));
}

void cof_buffer_append_u64(struct cof_buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    cof_buffer_append(buffer, bytes, sizeof(bytes));
}

uint8_t *cof_buffer_extend(struct cof_buffer *buffer, size_t size)
{
    /* at least one byte, so that an empty extension of an empty buffer is not NULL */
    if (!grow(buffer, size > 0 ? size : 1))
        return NULL;
    uint8_t *room = buffer->data + buffer->size;
    buffer->size += size;
    return room;
}

void cof_buffer_reserve(struct cof_buffer *buffer, size_t additional)
{
    (void)grow(buffer, additional);
}

void cof_buffer_clear(struct cof_buffer *buffer)
{
    buffer->size = 0;
    buffer->has_failed = false;
}

enum cof_status cof_buffer_status(const struct cof_buffer *buffer, struct cof_error *err)
{
    return buffer->has_failed ? COF_FAIL_MEMORY(err) : COF_OK;
}

struct cof_bytes cof_buffer_bytes(const struct cof_buffer *buffer)
{
    return (struct cof_bytes){.data = buffer->data, .size = buffer->size};
}

struct cof_text cof_buffer_text(const struct cof_buffer *buffer)
{
    return cof_bytes_text(cof_buffer_bytes(buffer));
}

void cof_buffer_deinit(struct cof_buffer *buffer)
{
    if (buffer == NULL)
        return;
    cof_free(buffer->data);
    *buffer = (struct cof_buffer){0};
}

void cof_buffer_wipe(struct cof_buffer *buffer)
{
    if (buffer == NULL)
        return;
    /* the whole capacity: a cleared or shortened buffer still holds its old bytes */
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity);
    cof_buffer_deinit(buffer);
}

struct cof_reader cof_reader_from(struct cof_bytes bytes)
{
    return (struct cof_reader){.rest = bytes};
}

struct cof_bytes cof_reader_bytes(struct cof_reader *reader, size_t size)
{
    if (reader->has_failed || reader->rest.size < size) {
        reader->has_failed = true;
        return (struct cof_bytes){0};
    }
    struct cof_bytes bytes = {.data = reader->rest.data, .size = size};
    if (size > 0)
        reader->rest.data += size;
    reader->rest.size -= size;
    return bytes;
}

static uint64_t read_big_endian(struct cof_reader *reader, size_t size)
{
    struct cof_bytes bytes = cof_reader_bytes(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | bytes.data[i];
    return value;
}

uint8_t cof_reader_u8(struct cof_reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint16_t cof_reader_u16(struct cof_reader *reader)
{
    return (uint16_t)read_big_endian(reader, 2);
}

uint32_t cof_reader_u32(struct cof_reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t cof_reader_u64(struct cof_reader *reader)
{
    return read_big_endian(reader, 8);
}
