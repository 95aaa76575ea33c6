/* Buffers and readers: growth, sticky failures, wiping. */
#include <cof/base/buffer.h>

#include <string.h>

#include "torture.h"

static void buffer__appends_everything_in_order(void **state)
{
    struct cof_buffer buffer = {0};
    cof_buffer_append(&buffer, NULL, 0);
    cof_buffer_append_text(&buffer, COF_TEXT("ab"));
    cof_buffer_append_byte(&buffer, 'c');
    cof_buffer_append_format(&buffer, "%d|%s", 7, "x");
    cof_buffer_append_u16(&buffer, 0x0102);
    cof_buffer_append_u32(&buffer, 0x03040506);
    cof_buffer_append_u64(&buffer, UINT64_C(0x0708090a0b0c0d0e));
    assert_int_equal(cof_buffer_status(&buffer, NULL), COF_OK);
    const char expected[] = "abc7|x\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";
    assert_int_equal(buffer.size, sizeof(expected) - 1);
    assert_memory_equal(buffer.data, expected, buffer.size);
    assert_int_equal(cof_buffer_text(&buffer).size, buffer.size);
    cof_buffer_deinit(&buffer);
    cof_buffer_deinit(&buffer);
    cof_buffer_deinit(NULL);
    cof_buffer_wipe(NULL);
}

static void buffer__keeps_what_it_has_while_growing(void **state)
{
    struct cof_buffer buffer = {0};
    for (unsigned i = 0; i < 100000; i++)
        cof_buffer_append_byte(&buffer, (uint8_t)(i * 31));
    assert_int_equal(buffer.size, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buffer.data[i], (uint8_t)(i * 31));
    cof_buffer_wipe(&buffer);
    assert_null(buffer.data);
}

static void buffer__extension_is_counted_and_reservation_is_not(void **state)
{
    struct cof_buffer buffer = {0};
    assert_non_null(cof_buffer_extend(&buffer, 0));
    assert_int_equal(buffer.size, 0);
    cof_buffer_reserve(&buffer, 1000);
    assert_int_equal(buffer.size, 0);
    assert_true(buffer.capacity >= 1000);
    const uint8_t *before = buffer.data;
    uint8_t *room = cof_buffer_extend(&buffer, 1000);
    assert_ptr_equal(room, before);
    assert_int_equal(buffer.size, 1000);
    memset(room, 1, 1000);
    cof_buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_ptr_equal(buffer.data, before);
    cof_buffer_deinit(&buffer);
}

static void buffer__first_failure_sticks_until_cleared(void **state)
{
    struct cof_buffer buffer = {0};
    struct cof_error err = {0};
    cof_buffer_append_text(&buffer, COF_TEXT("kept"));
    cof_alloc_fail_after(1);
    cof_buffer_reserve(&buffer, 10000);
    assert_false(cof_alloc_fail_is_pending());
    assert_null(cof_buffer_extend(&buffer, 1));
    cof_buffer_append_text(&buffer, COF_TEXT("lost"));
    cof_buffer_append_format(&buffer, "%s", "lost");
    assert_int_equal(buffer.size, 4);
    assert_int_equal(cof_buffer_status(&buffer, &err), COF_NO_MEMORY);
    assert_int_equal(err.status, COF_NO_MEMORY);
    cof_buffer_clear(&buffer);
    cof_buffer_append_text(&buffer, COF_TEXT("new"));
    assert_int_equal(cof_buffer_status(&buffer, NULL), COF_OK);
    assert_int_equal(buffer.size, 3);
    cof_buffer_deinit(&buffer);
}

static void buffer__impossible_sizes_fail_without_wrapping(void **state)
{
    struct cof_buffer buffer = {0};
    cof_buffer_append_byte(&buffer, 'a');
    assert_null(cof_buffer_extend(&buffer, SIZE_MAX));
    assert_true(buffer.has_failed);
    assert_int_equal(buffer.size, 1);
    cof_buffer_deinit(&buffer);
}

static enum cof_status fill_buffer(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer buffer = {0};
    (void)context;
    for (int i = 0; i < 2000; i++) {
        cof_buffer_append_format(&buffer, "%d", i);
        cof_buffer_append_u64(&buffer, (uint64_t)i);
    }
    return cof_buffer_status(&buffer, err);
}

static void buffer__running_out_of_memory_is_reported_at_every_growth(void **state)
{
    assert_true(torture(fill_buffer, NULL) > 5);
}

static void reader__reads_what_the_appenders_wrote(void **state)
{
    struct cof_buffer buffer = {0};
    cof_buffer_append_byte(&buffer, 0xfe);
    cof_buffer_append_u16(&buffer, 0xfedc);
    cof_buffer_append_u32(&buffer, 0xfedcba98);
    cof_buffer_append_u64(&buffer, UINT64_C(0xfedcba9876543210));
    cof_buffer_append_text(&buffer, COF_TEXT("rest"));
    struct cof_reader reader = cof_reader_from(cof_buffer_bytes(&buffer));
    assert_int_equal(cof_reader_u8(&reader), 0xfe);
    assert_int_equal(cof_reader_u16(&reader), 0xfedc);
    assert_int_equal(cof_reader_u32(&reader), 0xfedcba98);
    assert_true(cof_reader_u64(&reader) == UINT64_C(0xfedcba9876543210));
    struct cof_bytes rest = cof_reader_bytes(&reader, 4);
    assert_int_equal(rest.size, 4);
    assert_memory_equal(rest.data, "rest", 4);
    assert_int_equal(cof_reader_bytes(&reader, 0).size, 0);
    assert_false(reader.has_failed);
    cof_buffer_deinit(&buffer);
}

static void reader__past_the_end_is_zeros_for_ever(void **state)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct cof_reader reader = cof_reader_from((struct cof_bytes){bytes, 3});
    assert_int_equal(cof_reader_u32(&reader), 0);
    assert_true(reader.has_failed);
    assert_int_equal(cof_reader_u8(&reader), 0);
    assert_int_equal(cof_reader_bytes(&reader, 1).size, 0);
    struct cof_reader empty = cof_reader_from((struct cof_bytes){0});
    assert_int_equal(cof_reader_bytes(&empty, 0).size, 0);
    assert_false(empty.has_failed);
    assert_int_equal(cof_reader_bytes(&empty, SIZE_MAX).size, 0);
    assert_true(empty.has_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer__appends_everything_in_order),
        cmocka_unit_test(buffer__keeps_what_it_has_while_growing),
        cmocka_unit_test(buffer__extension_is_counted_and_reservation_is_not),
        cmocka_unit_test(buffer__first_failure_sticks_until_cleared),
        cmocka_unit_test(buffer__impossible_sizes_fail_without_wrapping),
        cmocka_unit_test(buffer__running_out_of_memory_is_reported_at_every_growth),
        cmocka_unit_test(reader__reads_what_the_appenders_wrote),
        cmocka_unit_test(reader__past_the_end_is_zeros_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
