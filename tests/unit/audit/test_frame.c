/* Frames: the documented layout, the published checksum, and what is refused. */
#include "frame.h"

#include <string.h>

#include "testing.h"

static struct cof_bytes bytes_of(const char *string)
{
    return cof_text_bytes(cof_text_from(string));
}

/* RFC 3720 appendix B.4, and the check value of the CRC catalogue. */
static void crc32c__agrees_with_the_published_values(void **state)
{
    uint8_t bytes[32];
    const struct cof_bytes all = {.data = bytes, .size = sizeof(bytes)};
    assert_int_equal(cof_crc32c(0, bytes_of("123456789")), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(cof_crc32c(0, all), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(cof_crc32c(0, all), 0x62a8ab43);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(cof_crc32c(0, all), 0x46dd794e);
    for (size_t split = 0; split <= sizeof(bytes); split++) {
        uint32_t crc = cof_crc32c(0, (struct cof_bytes){.data = bytes, .size = split});
        crc = cof_crc32c(crc, (struct cof_bytes){.data = bytes + split, .size = 32 - split});
        assert_int_equal(crc, 0x46dd794e);
    }
}

static void frame__has_the_documented_layout(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    const uint8_t expected[] = {'C', 'A', 'U', 'D', 0, 2, 0, 0, 0, 0, 0, 5};
    const uint8_t rest[] = {0, 0, 0, 0, 0, 0, 1, 2, 'h', 'e', 'l', 'l', 'o', 0, 0, 0};
    cof_frame_append(&out, COF_FRAME_LEAF, 0x102, bytes_of("hello"));
    assert_int_equal(out.size, 32);
    assert_int_equal(cof_frame_size(5), 32);
    assert_memory_equal(out.data, expected, sizeof(expected));
    assert_memory_equal(out.data + 16, rest, sizeof(rest));
    uint32_t crc = (uint32_t)out.data[12] << 24 | (uint32_t)out.data[13] << 16 |
                   (uint32_t)out.data[14] << 8 | out.data[15];
    memset(out.data + 12, 0, 4);
    assert_int_equal(cof_crc32c(0, cof_buffer_bytes(&out)), crc);
}

static void frame__comes_back_at_every_size(void **state)
{
    static uint8_t body[300];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 3);
    for (size_t size = 0; size <= sizeof(body); size++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        struct cof_frame frame;
        size_t taken = 0;
        cof_frame_append(&out, COF_FRAME_PAYLOAD, size, (struct cof_bytes){body, size});
        size_t whole = out.size;
        assert_int_equal(whole % 8, 0);
        cof_buffer_append(&out, "more", 4);
        assert_int_equal(cof_frame_parse(cof_buffer_bytes(&out), &frame, &taken), COF_FRAME_WHOLE);
        assert_int_equal(taken, whole);
        assert_int_equal(frame.type, COF_FRAME_PAYLOAD);
        assert_int_equal(frame.seq, size);
        assert_int_equal(frame.body.size, size);
        assert_memory_equal(frame.body.data, body, size);
        for (size_t cut = 0; cut < whole; cut++) {
            assert_int_equal(
                cof_frame_parse((struct cof_bytes){.data = out.data, .size = cut}, &frame, &taken),
                COF_FRAME_SHORT);
            assert_int_equal(taken, cut < 24 ? 24 : whole);
        }
    }
}

static void frame__refuses_every_flipped_bit(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_frame frame;
    size_t taken = 0;
    cof_frame_append(&out, COF_FRAME_LEAF, 7, bytes_of("some body"));
    for (size_t bit = 0; bit < out.size * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(cof_frame_parse(cof_buffer_bytes(&out), &frame, &taken),
                             COF_FRAME_WHOLE);
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void frame__refuses_padding_that_is_not_zero(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_frame frame;
    size_t taken = 0;
    cof_frame_append(&out, COF_FRAME_LEAF, 7, bytes_of("some body"));
    out.data[out.size - 1] = 1;
    memset(out.data + 12, 0, 4);
    uint32_t crc = cof_crc32c(0, cof_buffer_bytes(&out)); /* a checksum that fits */
    for (unsigned i = 0; i < 4; i++)
        out.data[12 + i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_int_equal(cof_frame_parse(cof_buffer_bytes(&out), &frame, &taken), COF_FRAME_BAD);
}

static void frame__refuses_a_body_over_the_limit(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_frame frame;
    size_t taken = 0;
    cof_frame_append(&out, COF_FRAME_LEAF, 7, bytes_of("x"));
    memset(out.data + 8, 0xff, 4);
    assert_int_equal(cof_frame_parse(cof_buffer_bytes(&out), &frame, &taken), COF_FRAME_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c__agrees_with_the_published_values),
        cmocka_unit_test(frame__has_the_documented_layout),
        cmocka_unit_test(frame__comes_back_at_every_size),
        cmocka_unit_test(frame__refuses_every_flipped_bit),
        cmocka_unit_test(frame__refuses_padding_that_is_not_zero),
        cmocka_unit_test(frame__refuses_a_body_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
