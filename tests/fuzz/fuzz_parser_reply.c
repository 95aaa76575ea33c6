/* Any bytes as the reply of a parser process: a header, then the blocks it announces. */
#include "fuzzing.h"

#include <stdlib.h>

#include <cof/base/arena.h>

#include "parser_wire.h"

#define SOURCE_SIZE ((size_t)4096)

/* What the contract of parser.h promises to everybody behind the border. */
static void check(const struct cof_parsed *parsed)
{
    for (size_t i = 0; i < parsed->block_count; i++) {
        const struct cof_block *block = &parsed->blocks[i];
        if (block->kind > COF_BLOCK_QUOTE || block->text.size == 0 ||
            !cof_utf8_is_valid(block->text, NULL) || block->byte_begin > block->byte_end ||
            block->byte_end > SOURCE_SIZE)
            abort();
        for (size_t j = 0; j < block->anchor_count; j++) {
            if (block->anchors[j].text_offset >= block->text.size ||
                block->anchors[j].byte_offset > SOURCE_SIZE)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parse_reply reply = {0};
    struct cof_parse_request request = {0};
    struct cof_parser_hello hello = {0};
    struct cof_parsed parsed = {0};
    struct cof_bytes bytes = {.data = data, .size = size};
    (void)cof_request_decode(bytes, &request);
    (void)cof_hello_decode(bytes, &hello);
    if (size < COF_REPLY_SIZE)
        return 0;
    struct cof_bytes head = {.data = data, .size = COF_REPLY_SIZE};
    struct cof_bytes payload = {.data = data + COF_REPLY_SIZE, .size = size - COF_REPLY_SIZE};
    /* a header that is refused does not keep the blocks from being read */
    uint32_t block_count = cof_reply_decode(head, 1, SOURCE_SIZE, &reply) ? reply.block_count : 3;
    if (cof_payload_decode(payload, block_count, SOURCE_SIZE, &arena, &parsed, NULL) == COF_OK)
        check(&parsed);
    return 0;
}
