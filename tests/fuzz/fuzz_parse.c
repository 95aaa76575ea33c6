/* A document through a parser, and its blocks through the border: what our own parser makes must be
 * what the other side accepts. */
#include "fuzz_parse.h"

#include <stdlib.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>

#include "extract.h"
#include "parser_wire.h"

void fuzz_parse(const char *media_type, const uint8_t *data, size_t size)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer payload = {0};
    struct cof_bytes source = {.data = data, .size = size};
    struct cof_parsed parsed = {0};
    struct cof_parsed back = {0};
    enum cof_parse_reason reason = COF_PARSE_OK;
    uint64_t offset = 0;
    size_t format = 0;
    if (cof_format_find(cof_formats(), cof_text_from(media_type), &format, NULL) != COF_OK)
        abort();
    enum cof_status status = cof_extract(&cof_formats()->formats[format], source, &arena, &parsed,
                                         &reason, &offset, NULL);
    struct cof_parse_reply reply = {.id = 1,
                                    .reason = reason,
                                    .reason_offset = offset,
                                    .block_count = (uint32_t)parsed.block_count};
    if ((status == COF_OK) != (reason == COF_PARSE_OK))
        abort();
    if (status == COF_OK)
        cof_payload_encode(&parsed, &payload);
    reply.payload_size = payload.size;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    cof_reply_encode(&reply, &head);
    if (!cof_reply_decode(cof_buffer_bytes(&head), 1, size, &reply))
        abort();
    if (status == COF_OK && cof_payload_decode(cof_buffer_bytes(&payload), reply.block_count, size,
                                               &arena, &back, NULL) != COF_OK)
        abort();
}
