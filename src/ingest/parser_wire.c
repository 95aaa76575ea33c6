/* Encoding and, above all, checking of the messages. */
#include "parser_wire.h"

#include "clean.h"

#define VERSION 1
#define REQUEST_MAGIC 0x43505251U
#define REPLY_MAGIC 0x43505253U
#define HELLO_MAGIC 0x43504849U
#define BLOCK_HEAD_SIZE 28
#define ANCHOR_SIZE 12

void cof_request_encode(const struct cof_parse_request *request, struct cof_buffer *out)
{
    cof_buffer_append_u32(out, REQUEST_MAGIC);
    cof_buffer_append_u16(out, VERSION);
    cof_buffer_append_u16(out, request->format);
    cof_buffer_append_u64(out, request->id);
    cof_buffer_append_u64(out, request->size);
}

bool cof_request_decode(struct cof_bytes bytes, struct cof_parse_request *out_request)
{
    struct cof_reader reader = cof_reader_from(bytes);
    bool is_ours = cof_reader_u32(&reader) == REQUEST_MAGIC && cof_reader_u16(&reader) == VERSION;
    struct cof_parse_request request = {0};
    request.format = cof_reader_u16(&reader);
    request.id = cof_reader_u64(&reader);
    request.size = cof_reader_u64(&reader);
    if (!is_ours || reader.has_failed || reader.rest.size > 0)
        return false;
    *out_request = request;
    return true;
}

void cof_hello_encode(const struct cof_parser_hello *hello, struct cof_buffer *out)
{
    cof_buffer_append_u32(out, HELLO_MAGIC);
    cof_buffer_append_u16(out, VERSION);
    cof_buffer_append_u16(out, hello->failed_step);
    cof_buffer_append_u32(out, hello->error_number);
}

bool cof_hello_decode(struct cof_bytes bytes, struct cof_parser_hello *out_hello)
{
    struct cof_reader reader = cof_reader_from(bytes);
    bool is_ours = cof_reader_u32(&reader) == HELLO_MAGIC && cof_reader_u16(&reader) == VERSION;
    struct cof_parser_hello hello = {0};
    hello.failed_step = cof_reader_u16(&reader);
    hello.error_number = cof_reader_u32(&reader);
    if (!is_ours || reader.has_failed || reader.rest.size > 0)
        return false;
    *out_hello = hello;
    return true;
}

void cof_reply_encode(const struct cof_parse_reply *reply, struct cof_buffer *out)
{
    cof_buffer_append_u32(out, REPLY_MAGIC);
    cof_buffer_append_u16(out, VERSION);
    cof_buffer_append_u16(out, reply->is_last ? 1 : 0);
    cof_buffer_append_u64(out, reply->id);
    cof_buffer_append_u32(out, (uint32_t)reply->reason);
    cof_buffer_append_u32(out, reply->block_count);
    cof_buffer_append_u64(out, reply->reason_offset);
    cof_buffer_append_u64(out, reply->payload_size);
}

/* The most that the blocks of a source of this size can take. */
static uint64_t max_payload_size(size_t source_size, uint64_t block_count)
{
    uint64_t text_size = cof_max_text_bytes(source_size);
    uint64_t anchor_count = text_size / 32 + block_count;
    return sizeof(uint32_t) + COF_MAX_TITLE_BYTES + text_size + block_count * BLOCK_HEAD_SIZE +
           anchor_count * ANCHOR_SIZE;
}

bool cof_reply_decode(struct cof_bytes bytes, uint64_t id, size_t source_size,
                      struct cof_parse_reply *out_reply)
{
    struct cof_reader reader = cof_reader_from(bytes);
    bool is_ours = cof_reader_u32(&reader) == REPLY_MAGIC && cof_reader_u16(&reader) == VERSION;
    uint16_t is_last = cof_reader_u16(&reader);
    struct cof_parse_reply reply = {.is_last = is_last == 1};
    reply.id = cof_reader_u64(&reader);
    uint32_t reason = cof_reader_u32(&reader);
    reply.block_count = cof_reader_u32(&reader);
    reply.reason_offset = cof_reader_u64(&reader);
    reply.payload_size = cof_reader_u64(&reader);
    if (!is_ours || reader.has_failed || reader.rest.size > 0 || is_last > 1 || reply.id != id)
        return false;
    if (reason >= COF_PARSE_REASON_COUNT || reply.reason_offset > source_size)
        return false;
    reply.reason = (enum cof_parse_reason)reason;
    if (reply.reason != COF_PARSE_OK && (reply.block_count > 0 || reply.payload_size > 0))
        return false;
    if (reply.block_count > COF_MAX_BLOCKS || reply.block_count > source_size ||
        reply.payload_size > max_payload_size(source_size, reply.block_count))
        return false;
    *out_reply = reply;
    return true;
}

void cof_payload_encode(const struct cof_parsed *parsed, struct cof_buffer *out)
{
    size_t size = sizeof(uint32_t) + parsed->title.size;
    for (size_t i = 0; i < parsed->block_count; i++)
        size += BLOCK_HEAD_SIZE + parsed->blocks[i].text.size +
                parsed->blocks[i].anchor_count * ANCHOR_SIZE;
    cof_buffer_reserve(out, size);
    cof_buffer_append_u32(out, (uint32_t)parsed->title.size);
    cof_buffer_append_text(out, parsed->title);
    for (size_t i = 0; i < parsed->block_count; i++) {
        const struct cof_block *block = &parsed->blocks[i];
        cof_buffer_append_byte(out, (uint8_t)block->kind);
        cof_buffer_append_byte(out, block->level);
        cof_buffer_append_u16(out, 0);
        cof_buffer_append_u32(out, (uint32_t)block->text.size);
        cof_buffer_append_u32(out, (uint32_t)block->anchor_count);
        cof_buffer_append_u64(out, block->byte_begin);
        cof_buffer_append_u64(out, block->byte_end);
        cof_buffer_append_text(out, block->text);
        for (size_t j = 0; j < block->anchor_count; j++) {
            cof_buffer_append_u32(out, (uint32_t)block->anchors[j].text_offset);
            cof_buffer_append_u64(out, block->anchors[j].byte_offset);
        }
    }
}

static bool is_clean(struct cof_text text, enum cof_clean_mode mode)
{
    if (!cof_utf8_is_valid(text, NULL))
        return false;
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = (unsigned char)text.data[i];
        if (code_point >= ' ' && code_point < 0x7F) {
            i++;
            continue;
        }
        i += cof_utf8_decode(text, i, &code_point);
        if (!cof_clean_is_allowed(code_point, mode))
            return false;
    }
    return true;
}

static bool is_plausible(const struct cof_block *block, size_t source_size)
{
    bool has_level = block->kind == COF_BLOCK_HEADING;
    enum cof_clean_mode mode = block->kind == COF_BLOCK_CODE ? COF_CLEAN_CODE : COF_CLEAN_PROSE;
    return (has_level ? block->level >= 1 && block->level <= 6 : block->level == 0) &&
           block->byte_begin <= block->byte_end && block->byte_end <= source_size &&
           block->text.size > 0 && is_clean(block->text, mode);
}

static enum cof_status fail_nonsense(struct cof_error *err)
{
    return COF_FAIL(err, COF_CORRUPT, "a parser process broke its protocol");
}

static enum cof_status decode_anchors(struct cof_reader *reader, size_t count, size_t source_size,
                                      struct cof_arena *arena, struct cof_block *block,
                                      struct cof_error *err)
{
    if (count > reader->rest.size / ANCHOR_SIZE)
        return fail_nonsense(err);
    struct cof_block_anchor *anchors = cof_arena_array(arena, count, sizeof(*anchors));
    if (anchors == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++) {
        anchors[i].text_offset = cof_reader_u32(reader);
        anchors[i].byte_offset = cof_reader_u64(reader);
        bool is_ascending = i == 0 || (anchors[i].text_offset > anchors[i - 1].text_offset &&
                                       anchors[i].byte_offset > anchors[i - 1].byte_offset);
        if (!is_ascending || anchors[i].text_offset >= block->text.size ||
            anchors[i].byte_offset > source_size)
            return fail_nonsense(err);
    }
    block->anchors = anchors;
    block->anchor_count = count;
    return COF_OK;
}

static enum cof_status decode_block(struct cof_reader *reader, size_t source_size,
                                    struct cof_arena *arena, struct cof_block *block,
                                    struct cof_error *err)
{
    uint8_t kind = cof_reader_u8(reader);
    block->level = cof_reader_u8(reader);
    uint16_t zero = cof_reader_u16(reader);
    uint32_t text_size = cof_reader_u32(reader);
    uint32_t anchor_count = cof_reader_u32(reader);
    block->byte_begin = cof_reader_u64(reader);
    block->byte_end = cof_reader_u64(reader);
    block->text = cof_bytes_text(cof_reader_bytes(reader, text_size));
    if (reader->has_failed || kind > COF_BLOCK_QUOTE || zero != 0)
        return fail_nonsense(err);
    block->kind = (enum cof_block_kind)kind;
    if (!is_plausible(block, source_size))
        return fail_nonsense(err);
    return anchor_count > 0 ? decode_anchors(reader, anchor_count, source_size, arena, block, err)
                            : COF_OK;
}

enum cof_status cof_payload_decode(struct cof_bytes payload, uint32_t block_count,
                                   size_t source_size, struct cof_arena *arena,
                                   struct cof_parsed *out_parsed, struct cof_error *err)
{
    struct cof_reader reader = cof_reader_from(payload);
    struct cof_parsed parsed = {.block_count = block_count};
    uint32_t title_size = cof_reader_u32(&reader);
    parsed.title = cof_bytes_text(cof_reader_bytes(&reader, title_size));
    if (reader.has_failed || title_size > COF_MAX_TITLE_BYTES ||
        !is_clean(parsed.title, COF_CLEAN_PROSE) ||
        block_count > reader.rest.size / BLOCK_HEAD_SIZE)
        return fail_nonsense(err);
    struct cof_block *blocks = cof_arena_array(arena, block_count, sizeof(*blocks));
    if (blocks == NULL)
        return COF_FAIL_MEMORY(err);
    size_t text_bytes = 0;
    for (uint32_t i = 0; i < block_count; i++) {
        COF_TRY(decode_block(&reader, source_size, arena, &blocks[i], err));
        text_bytes += blocks[i].text.size;
    }
    if (reader.rest.size > 0 || text_bytes > cof_max_text_bytes(source_size))
        return fail_nonsense(err);
    parsed.blocks = blocks;
    *out_parsed = parsed;
    return COF_OK;
}
