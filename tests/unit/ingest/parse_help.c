/* Parsing within the test's own process. */
#include "parse_help.h"

#include "testing.h"

#include <string.h>

#include <cof/base/buffer.h>

#include "extract.h"

const char *blocks_as_text(const struct cof_parsed *parsed, struct cof_arena *arena)
{
    static const char letters[] = "HPLTCQ";
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    for (size_t i = 0; i < parsed->block_count; i++) {
        const struct cof_block *block = &parsed->blocks[i];
        cof_buffer_append_byte(&out, (uint8_t)letters[block->kind]);
        if (block->level > 0)
            cof_buffer_append_byte(&out, (uint8_t)('0' + block->level));
        cof_buffer_append_byte(&out, ' ');
        for (size_t j = 0; j < block->text.size; j++) {
            if (block->text.data[j] == '\n')
                cof_buffer_append_text(&out, COF_TEXT("\\n"));
            else
                cof_buffer_append_byte(&out, (uint8_t)block->text.data[j]);
        }
        cof_buffer_append_byte(&out, '\n');
    }
    return cof_arena_copy_text(arena, cof_buffer_text(&out)).data;
}

struct cof_parsed parse_as(const char *media_type, struct cof_text source, struct cof_arena *arena)
{
    struct cof_error err = {0};
    struct cof_parsed parsed = {0};
    enum cof_parse_reason reason = COF_PARSE_OK;
    uint64_t offset = 0;
    size_t format = 0;
    assert_int_equal(cof_format_find(cof_formats(), cof_text_from(media_type), &format, &err),
                     COF_OK);
    if (cof_extract(&cof_formats()->formats[format], cof_text_bytes(source), arena, &parsed,
                    &reason, &offset, &err) != COF_OK)
        fail_msg("%s", err.message);
    return parsed;
}

static void assert_ranges(const struct cof_parsed *parsed, struct cof_text source)
{
    for (size_t i = 0; i < parsed->block_count; i++) {
        const struct cof_block *block = &parsed->blocks[i];
        assert_true(block->byte_begin < block->byte_end);
        assert_true(block->byte_end <= source.size);
        assert_int_equal(cof_utf8_floor(source, (size_t)block->byte_begin), block->byte_begin);
        assert_int_equal(cof_utf8_floor(source, (size_t)block->byte_end), block->byte_end);
    }
}

void assert_blocks(const char *media_type, const char *source, const char *expected)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text text = cof_text_from(source);
    struct cof_parsed parsed = parse_as(media_type, text, &arena);
    assert_string_equal(blocks_as_text(&parsed, &arena), expected);
    assert_ranges(&parsed, text);
}
