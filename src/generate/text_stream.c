/* Turns the bytes of tokens into pieces of valid UTF-8 that never run into a stop text. */
#include "text_stream.h"

#include <string.h>

static const struct cof_text replacement = {.data = "\xEF\xBF\xBD", .size = 3};

/* Size of the character that `lead` begins and the range of its second byte (Unicode 15, table
 * 3-7); 0 when no character begins so. */
static size_t character_size(uint8_t lead, uint8_t *out_min, uint8_t *out_max)
{
    *out_min = 0x80;
    *out_max = 0xBF;
    if (lead < 0x80)
        return lead == 0 ? 0 : 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0)
            *out_min = 0xA0;
        if (lead == 0xED)
            *out_max = 0x9F;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *out_min = 0x90;
        if (lead == 0xF4)
            *out_max = 0x8F;
        return 4;
    }
    return 0;
}

static bool continues_partial(const struct cof_text_stream *stream, uint8_t byte)
{
    uint8_t min, max;

    (void)character_size(stream->partial[0], &min, &max);
    if (stream->partial_size == 1)
        return byte >= min && byte <= max;
    return byte >= 0x80 && byte <= 0xBF;
}

static void decode_byte(struct cof_text_stream *stream, uint8_t byte)
{
    uint8_t min, max;

    if (stream->partial_size > 0) {
        if (continues_partial(stream, byte)) {
            stream->partial[stream->partial_size++] = byte;
            if (stream->partial_size == character_size(stream->partial[0], &min, &max)) {
                cof_buffer_append(&stream->held, stream->partial, stream->partial_size);
                stream->partial_size = 0;
            }
            return;
        }
        cof_buffer_append_text(&stream->held, replacement);
        stream->partial_size = 0;
    }
    switch (character_size(byte, &min, &max)) {
    case 0:
        cof_buffer_append_text(&stream->held, replacement);
        break;
    case 1:
        cof_buffer_append_byte(&stream->held, byte);
        break;
    default:
        stream->partial[0] = byte;
        stream->partial_size = 1;
    }
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static void drop_front(struct cof_buffer *buffer, size_t size)
{
    if (size > 0)
        memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}

/* Gives out the first `size` held bytes. */
static enum cof_status give(struct cof_text_stream *stream, size_t size, struct cof_error *err)
{
    struct cof_text piece = cof_text_slice(cof_buffer_text(&stream->held), 0, size);
    bool goes_on = piece.size == 0 || stream->each(stream->context, piece);

    drop_front(&stream->held, size);
    if (!goes_on)
        return COF_FAIL(err, COF_CANCELED, "the receiver of the answer ended it");
    return COF_OK;
}

/* Where the first whole stop text begins in what is held, or SIZE_MAX. */
static size_t find_stop(const struct cof_text_stream *stream)
{
    size_t first = SIZE_MAX;

    for (size_t i = 0; i < stream->stop_count; i++) {
        size_t at = cof_text_index_of(cof_buffer_text(&stream->held), stream->stops[i]);

        if (at < first)
            first = at;
    }
    return first;
}

/* How many of the last held bytes may be the beginning of a stop text. */
static size_t undecided_size(const struct cof_text_stream *stream)
{
    struct cof_text held = cof_buffer_text(&stream->held);
    size_t longest = 0;

    for (size_t i = 0; i < stream->stop_count; i++) {
        size_t size = stream->stops[i].size - 1;

        if (size > held.size)
            size = held.size;
        for (; size > longest; size--) {
            if (memcmp(held.data + held.size - size, stream->stops[i].data, size) == 0)
                longest = size;
        }
    }
    return longest;
}

enum cof_status cof_text_stream_push(struct cof_text_stream *stream, struct cof_bytes bytes,
                                     struct cof_error *err)
{
    if (stream->is_stopped)
        return COF_OK;
    for (size_t i = 0; i < bytes.size; i++)
        decode_byte(stream, bytes.data[i]);
    COF_TRY(cof_buffer_status(&stream->held, err));

    if (!stream->has_begun) {
        size_t blank = 0;

        while (blank < stream->held.size && is_blank(stream->held.data[blank]))
            blank++;
        drop_front(&stream->held, blank);
        stream->has_begun = stream->held.size > 0;
    }
    if (stream->held.size == 0)
        return COF_OK;

    size_t stop = find_stop(stream);

    if (stop != SIZE_MAX) {
        stream->is_stopped = true;
        COF_TRY(give(stream, stop, err));
        cof_buffer_wipe(&stream->held);
        return COF_OK;
    }
    return give(stream, stream->held.size - undecided_size(stream), err);
}

enum cof_status cof_text_stream_finish(struct cof_text_stream *stream, struct cof_error *err)
{
    if (stream->is_stopped)
        return COF_OK;
    return give(stream, stream->held.size, err);
}

void cof_text_stream_deinit(struct cof_text_stream *stream)
{
    cof_buffer_wipe(&stream->held);
    explicit_bzero(stream->partial, sizeof(stream->partial));
    stream->partial_size = 0;
}
