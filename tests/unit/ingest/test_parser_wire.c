/* The messages at the process border: what a sane parser says arrives, anything else is refused. */
#include "testing.h"

#include <string.h>

#include "parse_help.h"
#include "parser_wire.h"
#include "seeded_random.h"

static struct cof_parsed sample(struct cof_arena *arena)
{
    return parse_as("text/markdown",
                    COF_TEXT("# Head\n\nA paragraph that is long enough to have an anchor, because "
                             "short ones\nhave none, and with *marks* in it as well, so that there "
                             "are two.\n\n```\ncode\n  more\n```\n\n| a | b |\n|---|---|\n"),
                    arena);
}

enum { SOURCE_SIZE = 190 };

static enum cof_status decode(const struct cof_buffer *payload, uint32_t block_count,
                              struct cof_arena *arena, struct cof_parsed *out_parsed)
{
    /* an exact copy, so that the address sanitizer sees a read past the end */
    uint8_t *copy = cof_arena_alloc(arena, payload->size);
    memcpy(copy, payload->data, payload->size);
    struct cof_bytes bytes = {.data = copy, .size = payload->size};
    return cof_payload_decode(bytes, block_count, SOURCE_SIZE, arena, out_parsed, NULL);
}

static void wire__carries_requests_and_replies(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_parse_request request = {.format = 2, .id = 77, .size = 12345678901};
    struct cof_parse_request request_back = {0};
    cof_request_encode(&request, &out);
    assert_int_equal(out.size, COF_REQUEST_SIZE);
    assert_true(cof_request_decode(cof_buffer_bytes(&out), &request_back));
    assert_int_equal(request_back.format, 2);
    assert_int_equal(request_back.id, 77);
    assert_int_equal(request_back.size, 12345678901);
    out.data[0] ^= 1;
    assert_false(cof_request_decode(cof_buffer_bytes(&out), &request_back));

    cof_buffer_clear(&out);
    struct cof_parse_reply reply = {
        .id = 77, .is_last = true, .reason = COF_PARSE_NOT_UTF8, .reason_offset = 9};
    struct cof_parse_reply reply_back = {0};
    cof_reply_encode(&reply, &out);
    assert_int_equal(out.size, COF_REPLY_SIZE);
    assert_true(cof_reply_decode(cof_buffer_bytes(&out), 77, 100, &reply_back));
    assert_true(reply_back.is_last);
    assert_int_equal(reply_back.reason, COF_PARSE_NOT_UTF8);
    assert_int_equal(reply_back.reason_offset, 9);
}

static void wire__refuses_replies_that_cannot_be(void **state)
{
    static const struct cof_parse_reply impossible[] = {
        {.id = 6},
        {.id = 5, .reason = COF_PARSE_REASON_COUNT},
        {.id = 5, .reason = COF_PARSE_NOT_UTF8, .reason_offset = 101},
        {.id = 5, .reason = COF_PARSE_NOT_UTF8, .payload_size = 4},
        {.id = 5, .reason = COF_PARSE_NO_MEMORY, .block_count = 1},
        {.id = 5, .block_count = 101, .payload_size = 8192},
        {.id = 5, .block_count = 1, .payload_size = 100000},
        {.id = 5, .payload_size = UINT64_MAX},
    };
    struct cof_parse_reply back = {.id = 99};
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        cof_reply_encode(&impossible[i], &out);
        assert_false(cof_reply_decode(cof_buffer_bytes(&out), 5, 100, &back));
        assert_int_equal(back.id, 99);
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_parse_reply fine = {.id = 5};
    cof_reply_encode(&fine, &out);
    for (size_t size = 0; size < out.size; size++) {
        struct cof_bytes cut = {.data = out.data, .size = size};
        assert_false(cof_reply_decode(cut, 5, 100, &back));
    }
    cof_buffer_append_byte(&out, 0);
    assert_false(cof_reply_decode(cof_buffer_bytes(&out), 5, 100, &back));
}

static void wire__carries_blocks_as_they_are(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer payload = {0};
    struct cof_parsed parsed = sample(&arena);
    struct cof_parsed back = {0};
    cof_payload_encode(&parsed, &payload);
    assert_int_equal(decode(&payload, (uint32_t)parsed.block_count, &arena, &back), COF_OK);
    assert_true(cof_text_equal(back.title, parsed.title));
    assert_string_equal(blocks_as_text(&back, &arena), blocks_as_text(&parsed, &arena));
    for (size_t i = 0; i < parsed.block_count; i++) {
        assert_int_equal(back.blocks[i].byte_begin, parsed.blocks[i].byte_begin);
        assert_int_equal(back.blocks[i].byte_end, parsed.blocks[i].byte_end);
        assert_int_equal(back.blocks[i].anchor_count, parsed.blocks[i].anchor_count);
        for (size_t j = 0; j < parsed.blocks[i].anchor_count; j++)
            assert_memory_equal(&back.blocks[i].anchors[j], &parsed.blocks[i].anchors[j],
                                sizeof(back.blocks[i].anchors[j]));
    }
    assert_true(parsed.blocks[1].anchor_count >= 2);
}

/* One block, and the place of a field in its encoding behind the empty title. */
enum { KIND = 4, LEVEL = 5, ZERO = 6, TEXT_SIZE = 8, ANCHORS = 12, BEGIN = 16, END = 24 };

static void assert_refused(struct cof_block block, size_t place, uint8_t value)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer payload = {0};
    struct cof_parsed parsed = {.blocks = &block, .block_count = 1};
    struct cof_parsed back = {.block_count = 99};
    cof_payload_encode(&parsed, &payload);
    if (place > 0)
        payload.data[place] = value;
    assert_int_equal(decode(&payload, 1, &arena, &back), COF_CORRUPT);
    assert_int_equal(back.block_count, 99);
}

static void wire__refuses_blocks_that_cannot_be(void **state)
{
    struct cof_block fine = {
        .kind = COF_BLOCK_PARAGRAPH, .text = COF_TEXT("text"), .byte_begin = 1, .byte_end = 5};
    assert_refused(fine, KIND, COF_BLOCK_QUOTE + 1);
    assert_refused(fine, KIND, COF_BLOCK_HEADING); /* of level 0 */
    assert_refused(fine, LEVEL, 1);                /* of no heading */
    assert_refused(fine, ZERO, 1);
    assert_refused(fine, TEXT_SIZE, 1);
    assert_refused(fine, TEXT_SIZE + 3, 3);
    assert_refused(fine, TEXT_SIZE + 3, 5);
    assert_refused(fine, ANCHORS + 3, 1);
    assert_refused(fine, ANCHORS, 0xFF);
    assert_refused(fine, BEGIN + 7, 6); /* behind its end */
    assert_refused(fine, END + 7, SOURCE_SIZE + 1);
    assert_refused(fine, END, 0x80);

    static const char *const texts[] = {"", "\xff", "a\nb", "\xe2\x80\xae", "\x01", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cof_block bad = fine;
        bad.text = cof_text_from(texts[i]);
        assert_refused(bad, 0, 0);
    }
    static const struct cof_block_anchor backward[] = {{1, 3}, {2, 2}};
    static const struct cof_block_anchor outside[] = {{4, 3}};
    static const struct cof_block_anchor beyond[] = {{1, SOURCE_SIZE + 1}};
    const struct {
        const struct cof_block_anchor *anchors;
        size_t count;
    } anchors[] = {{backward, 2}, {outside, 1}, {beyond, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct cof_block bad = fine;
        bad.anchors = anchors[i].anchors;
        bad.anchor_count = anchors[i].count;
        assert_refused(bad, 0, 0);
    }
}

static void wire__refuses_what_is_cut_or_changed_without_reading_beyond(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer payload = {0};
    struct cof_parsed parsed = sample(&arena);
    struct seeded_random random;
    cof_payload_encode(&parsed, &payload);
    size_t whole = payload.size;
    for (payload.size = 1; payload.size < whole; payload.size++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
        struct cof_parsed back = {0};
        assert_int_equal(decode(&payload, (uint32_t)parsed.block_count, &scratch, &back),
                         COF_CORRUPT);
    }
    seeded_random_init(&random, 11);
    for (int i = 0; i < 20000; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
        struct cof_parsed back = {0};
        size_t place = seeded_random_below(&random, whole);
        uint8_t before = payload.data[place];
        payload.data[place] = (uint8_t)seeded_random_next(&random);
        enum cof_status status = decode(&payload, (uint32_t)parsed.block_count, &scratch, &back);
        payload.data[place] = before;
        assert_true(status == COF_OK || status == COF_CORRUPT);
    }
    struct cof_parsed back = {0};
    assert_int_equal(decode(&payload, (uint32_t)parsed.block_count + 1, &arena, &back),
                     COF_CORRUPT);
    assert_int_equal(decode(&payload, (uint32_t)parsed.block_count - 1, &arena, &back),
                     COF_CORRUPT);
    assert_int_equal(decode(&payload, UINT32_MAX, &arena, &back), COF_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire__carries_requests_and_replies),
        cmocka_unit_test(wire__refuses_replies_that_cannot_be),
        cmocka_unit_test(wire__carries_blocks_as_they_are),
        cmocka_unit_test(wire__refuses_blocks_that_cannot_be),
        cmocka_unit_test(wire__refuses_what_is_cut_or_changed_without_reading_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
