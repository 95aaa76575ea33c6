/* Fields of protocol buffers, and bytes that are none. */
#include "protobuf.h"

#include "testing.h"

#define FROM(...)                                                                                  \
    cof_protobuf_from((struct cof_bytes){(const uint8_t[]){__VA_ARGS__},                           \
                                         sizeof((const uint8_t[]){__VA_ARGS__})})

static void assert_broken(struct cof_protobuf message)
{
    struct cof_protobuf_field field;
    assert_false(cof_protobuf_next(&message, &field));
    assert_true(message.has_failed);
    assert_false(cof_protobuf_next(&message, &field));
}

static void protobuf__reads_every_type_of_field(void **state)
{
    struct cof_protobuf message = FROM(0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 1, 2, 3, 4, 0x21,
                                       1, 2, 3, 4, 5, 6, 7, 8, 0xfa, 0x01, 0);
    struct cof_protobuf_field field;
    assert_true(cof_protobuf_next(&message, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.type, COF_PROTOBUF_NUMBER);
    assert_int_equal(field.value, 150);
    assert_true(cof_protobuf_next(&message, &field));
    assert_int_equal(field.number, 2);
    assert_int_equal(field.type, COF_PROTOBUF_BYTES);
    assert_int_equal(field.bytes.size, 2);
    assert_memory_equal(field.bytes.data, "hi", 2);
    assert_true(cof_protobuf_next(&message, &field));
    assert_int_equal(field.type, COF_PROTOBUF_4_BYTES);
    assert_int_equal(field.value, 0x04030201);
    assert_true(cof_protobuf_next(&message, &field));
    assert_int_equal(field.type, COF_PROTOBUF_8_BYTES);
    assert_true(field.value == 0x0807060504030201);
    assert_true(cof_protobuf_next(&message, &field));
    assert_int_equal(field.number, 31);
    assert_int_equal(field.bytes.size, 0);
    assert_false(cof_protobuf_next(&message, &field));
    assert_false(message.has_failed);
}

static void protobuf__takes_an_empty_message(void **state)
{
    struct cof_protobuf message = cof_protobuf_from((struct cof_bytes){0});
    struct cof_protobuf_field field;
    assert_false(cof_protobuf_next(&message, &field));
    assert_false(message.has_failed);
}

static void protobuf__refuses_what_is_cut_or_no_field(void **state)
{
    assert_broken(FROM(0x08));
    assert_broken(FROM(0x88));
    assert_broken(FROM(0x12, 3, 'h', 'i'));
    assert_broken(FROM(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
    assert_broken(FROM(0x1d, 1, 2, 3));
    assert_broken(FROM(0x21, 1, 2, 3, 4, 5, 6, 7));
    assert_broken(FROM(0x0b)); /* a group */
    assert_broken(FROM(0x0c));
    assert_broken(FROM(0x0e));
    assert_broken(FROM(0x00, 0)); /* field 0 */
    assert_broken(FROM(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
    assert_broken(FROM(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0)); /* number 2^53 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protobuf__reads_every_type_of_field),
        cmocka_unit_test(protobuf__takes_an_empty_message),
        cmocka_unit_test(protobuf__refuses_what_is_cut_or_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
