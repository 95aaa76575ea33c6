/* CBOR against the examples of RFC 8949 appendix A, and against everything that is not
 * deterministic. */
#include <cof/base/cbor.h>

#include <math.h>
#include <string.h>

#include "seeded_random.h"
#include "torture.h"

static struct cof_bytes from_hex(const char *hex, uint8_t *storage)
{
    size_t size = strlen(hex) / 2;
    assert_true(cof_hex_decode(cof_text_from(hex), storage, size));
    return (struct cof_bytes){storage, size};
}

static void assert_encoding(struct cof_buffer *out, const char *hex)
{
    uint8_t storage[64];
    struct cof_bytes expected = from_hex(hex, storage);
    assert_int_equal(out->size, expected.size);
    assert_memory_equal(out->data, expected.data, expected.size);
    struct cof_cbor_reader reader = cof_cbor_reader_from(cof_buffer_bytes(out));
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_OK);
    cof_buffer_clear(out);
}

static void cbor__integers_are_those_of_the_rfc(void **state)
{
    static const struct {
        int64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {1, "01"},
        {10, "0a"},
        {23, "17"},
        {24, "1818"},
        {25, "1819"},
        {100, "1864"},
        {255, "18ff"},
        {256, "190100"},
        {1000, "1903e8"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {1000000, "1a000f4240"},
        {4294967295, "1affffffff"},
        {4294967296, "1b0000000100000000"},
        {1000000000000, "1b000000e8d4a51000"},
        {INT64_MAX, "1b7fffffffffffffff"},
        {-1, "20"},
        {-10, "29"},
        {-24, "37"},
        {-25, "3818"},
        {-100, "3863"},
        {-1000, "3903e7"},
        {INT64_MIN, "3b7fffffffffffffff"},
    };
    struct cof_buffer out = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t storage[16];
        struct cof_cbor_reader reader = cof_cbor_reader_from(from_hex(cases[i].hex, storage));
        assert_true(cof_cbor_read_integer(&reader) == cases[i].value);
        assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_OK);
        cof_cbor_write_integer(&out, cases[i].value);
        assert_encoding(&out, cases[i].hex);
        if (cases[i].value >= 0) {
            cof_cbor_write_unsigned(&out, (uint64_t)cases[i].value);
            assert_encoding(&out, cases[i].hex);
        }
    }
    cof_cbor_write_unsigned(&out, UINT64_MAX);
    assert_encoding(&out, "1bffffffffffffffff");
    cof_buffer_deinit(&out);
}

static void cbor__strings_containers_and_simple_values_are_those_of_the_rfc(void **state)
{
    struct cof_buffer out = {0};
    cof_cbor_write_bytes(&out, (struct cof_bytes){0});
    assert_encoding(&out, "40");
    cof_cbor_write_bytes(&out, cof_text_bytes(COF_TEXT("\x01\x02\x03\x04")));
    assert_encoding(&out, "4401020304");
    cof_cbor_write_text(&out, (struct cof_text){0});
    assert_encoding(&out, "60");
    cof_cbor_write_text(&out, COF_TEXT("IETF"));
    assert_encoding(&out, "6449455446");
    cof_cbor_write_text(&out, COF_TEXT("ü"));
    assert_encoding(&out, "62c3bc");
    cof_cbor_write_array(&out, 0);
    assert_encoding(&out, "80");
    cof_cbor_write_array(&out, 3);
    for (uint64_t i = 1; i <= 3; i++)
        cof_cbor_write_unsigned(&out, i);
    assert_encoding(&out, "83010203");
    cof_cbor_write_map(&out, 2);
    for (uint64_t i = 1; i <= 4; i++)
        cof_cbor_write_unsigned(&out, i);
    assert_encoding(&out, "a201020304");
    cof_cbor_write_bool(&out, false);
    assert_encoding(&out, "f4");
    cof_cbor_write_bool(&out, true);
    assert_encoding(&out, "f5");
    cof_cbor_write_null(&out);
    assert_encoding(&out, "f6");
    cof_cbor_write_double(&out, 1.1);
    assert_encoding(&out, "fb3ff199999999999a");
    cof_cbor_write_double(&out, -4.1);
    assert_encoding(&out, "fbc010666666666666");
    cof_cbor_write_double(&out, 1.0); /* 64 bits, always */
    assert_encoding(&out, "fb3ff0000000000000");
    cof_cbor_write_double(&out, -(double)NAN);
    assert_encoding(&out, "fb7ff8000000000000");
    cof_cbor_write_double(&out, (double)INFINITY);
    assert_encoding(&out, "fb7ff0000000000000");
    cof_buffer_deinit(&out);
}

static void cbor__record_is_read_as_it_was_written(void **state)
{
    struct cof_buffer out = {0};
    cof_cbor_write_map(&out, 7);
    cof_cbor_write_unsigned(&out, 0);
    cof_cbor_write_unsigned(&out, UINT64_MAX);
    cof_cbor_write_unsigned(&out, 1);
    cof_cbor_write_integer(&out, -5);
    cof_cbor_write_unsigned(&out, 2);
    cof_cbor_write_bytes(&out, cof_text_bytes(COF_TEXT("\xff\0")));
    cof_cbor_write_unsigned(&out, 23);
    cof_cbor_write_text(&out, COF_TEXT("né"));
    cof_cbor_write_unsigned(&out, 24);
    cof_cbor_write_array(&out, 2);
    cof_cbor_write_bool(&out, true);
    cof_cbor_write_null(&out);
    cof_cbor_write_unsigned(&out, 300);
    cof_cbor_write_double(&out, -0.25);
    cof_cbor_write_unsigned(&out, 70000);
    cof_cbor_write_map(&out, 0);

    struct cof_cbor_reader reader = cof_cbor_reader_from(cof_buffer_bytes(&out));
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_MAP);
    assert_int_equal(cof_cbor_read_map(&reader), 7);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 0);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_UNSIGNED);
    assert_true(cof_cbor_read_unsigned(&reader) == UINT64_MAX);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 1);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_NEGATIVE);
    assert_int_equal(cof_cbor_read_integer(&reader), -5);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 2);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_BYTES);
    assert_int_equal(cof_cbor_read_bytes(&reader).size, 2);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 23);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_TEXT);
    assert_true(cof_text_equal(cof_cbor_read_text(&reader), COF_TEXT("né")));
    assert_int_equal(cof_cbor_read_unsigned(&reader), 24);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_ARRAY);
    assert_int_equal(cof_cbor_read_array(&reader), 2);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_BOOL);
    assert_true(cof_cbor_read_bool(&reader));
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_NULL);
    cof_cbor_read_null(&reader);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 300);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_DOUBLE);
    assert_true(cof_cbor_read_double(&reader) == -0.25);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 70000);
    assert_int_equal(cof_cbor_read_map(&reader), 0);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_END);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_OK);
    cof_buffer_deinit(&out);
}

/* Items that are well-formed CBOR, or nearly, but not the one encoding of their value. */
static const char *const refused[] = {
    "",                   /* nothing */
    "1800",               /* 0 in two bytes */
    "1817",               /* 23 in two bytes */
    "1900ff",             /* 255 in three bytes */
    "1a0000ffff",         /* 65535 in five bytes */
    "1b00000000ffffffff", /* 2^32 - 1 in nine bytes */
    "3800",               /* -1 in two bytes */
    "580101",             /* length 1 in two bytes */
    "7800",               /* length 0 in two bytes */
    "9800",               /* count 0 in two bytes */
    "b800",               /* the same for a map */
    "18",                 /* argument missing */
    "1b00000001000000",   /* argument cut */
    "1c",                 /* reserved size */
    "1f",                 /* indefinite */
    "5f4100ff",           /* indefinite bytes */
    "7f6161ff",           /* indefinite text */
    "9fff",               /* indefinite array */
    "bfff",               /* indefinite map */
    "c000",               /* tag */
    "d9d9f7f6",           /* tag 55799 */
    "f7",                 /* undefined */
    "e0",                 /* unassigned simple value */
    "f820",               /* simple value in two bytes */
    "f818",               /* reserved simple value */
    "f93c00",             /* 16-bit float */
    "fa3f800000",         /* 32-bit float */
    "fb7ff0000000000001", /* a NaN of another payload */
    "fbfff8000000000000", /* a negative NaN */
    "ff",                 /* break alone */
    "41",                 /* bytes missing */
    "5bffffffffffffffff", /* 2^64 - 1 bytes announced */
    "62c328",             /* bad UTF-8 */
    "63eda080",           /* a surrogate */
    "81",                 /* item missing */
    "9bffffffffffffffff", /* 2^64 - 1 items announced */
    "9a00010000",         /* more items than bytes */
    "a1",                 /* pair missing */
    "a101",               /* value missing */
    "bbffffffffffffffff", /* 2^64 - 1 pairs announced */
    "bb8000000000000000", /* a count whose double is 0 */
    "a201000100",         /* a key twice */
    "a202000100",         /* keys out of order */
    "a21818000000",       /* 24 before 0 */
    "a2616100000000",     /* text before a number */
};

static void cbor__refuses_all_but_the_one_encoding(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint8_t storage[32];
        struct cof_error err = {0};
        struct cof_cbor_reader reader = cof_cbor_reader_from(from_hex(refused[i], storage));
        cof_cbor_skip(&reader);
        assert_int_equal(cof_cbor_finish(&reader, false, &err), COF_CORRUPT);
        assert_int_equal(err.status, COF_CORRUPT);
    }
}

/* As every read, of every type, of every refused item. */
static void cbor__typed_reads_refuse_them_too(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint8_t storage[32];
        struct cof_bytes bytes = from_hex(refused[i], storage);
        for (int type = 0; type < 9; type++) {
            struct cof_cbor_reader reader = cof_cbor_reader_from(bytes);
            switch (type) {
            case 0:
                assert_int_equal(cof_cbor_read_unsigned(&reader), 0);
                break;
            case 1:
                assert_int_equal(cof_cbor_read_integer(&reader), 0);
                break;
            case 2:
                assert_int_equal(cof_cbor_read_bytes(&reader).size, 0);
                break;
            case 3:
                assert_int_equal(cof_cbor_read_text(&reader).size, 0);
                break;
            case 4:
                /* an array is looked at item by item; its count is bounded by the bytes */
                assert_true(cof_cbor_read_array(&reader) <= bytes.size);
                break;
            case 5:
                assert_int_equal(cof_cbor_read_map(&reader), 0);
                break;
            case 6:
                assert_false(cof_cbor_read_bool(&reader));
                break;
            case 7:
                cof_cbor_read_null(&reader);
                break;
            default:
                assert_true(cof_cbor_read_double(&reader) == 0);
                break;
            }
            if (type != 4)
                assert_true(reader.has_failed);
        }
    }
}

static void cbor__wrong_type_sticks_and_gives_zeros(void **state)
{
    uint8_t storage[8];
    struct cof_cbor_reader reader = cof_cbor_reader_from(from_hex("0163616263", storage));
    assert_int_equal(cof_cbor_read_text(&reader).size, 0);
    assert_int_equal(cof_cbor_read_unsigned(&reader), 0);
    assert_int_equal(cof_cbor_peek(&reader), COF_CBOR_END);
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, false, NULL), COF_CORRUPT);
    /* 20 and false share their low bits */
    reader = cof_cbor_reader_from(from_hex("14", storage));
    assert_false(cof_cbor_read_bool(&reader));
    assert_true(reader.has_failed);
    reader = cof_cbor_reader_from(from_hex("f6", storage));
    assert_false(cof_cbor_read_bool(&reader));
    assert_true(reader.has_failed);
    /* beyond int64_t on either side */
    reader = cof_cbor_reader_from(from_hex("1b8000000000000000", (uint8_t[16]){0}));
    assert_int_equal(cof_cbor_read_integer(&reader), 0);
    assert_true(reader.has_failed);
    reader = cof_cbor_reader_from(from_hex("3b8000000000000000", (uint8_t[16]){0}));
    assert_int_equal(cof_cbor_read_integer(&reader), 0);
    assert_true(reader.has_failed);
}

static void cbor__left_over_bytes_are_refused_only_where_asked(void **state)
{
    uint8_t storage[2];
    struct cof_cbor_reader reader = cof_cbor_reader_from(from_hex("0101", storage));
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, false, NULL), COF_OK);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_CORRUPT);
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_OK);
}

static void cbor__a_map_is_checked_whole_when_it_is_opened(void **state)
{
    uint8_t storage[16];
    /* {1: 0, 2: {5: 0, 4: 0}}: the inner keys are out of order */
    struct cof_cbor_reader reader = cof_cbor_reader_from(from_hex("a2010002a205000400", storage));
    assert_int_equal(cof_cbor_read_map(&reader), 0);
    assert_true(reader.has_failed);
    /* text keys go by their encoded bytes: "b" before "aa" */
    reader = cof_cbor_reader_from(from_hex("a261620062616100", storage));
    assert_int_equal(cof_cbor_read_map(&reader), 2);
    reader = cof_cbor_reader_from(from_hex("a262616100616200", storage));
    assert_int_equal(cof_cbor_read_map(&reader), 0);
}

static void cbor__nesting_is_bounded(void **state)
{
    uint8_t bytes[17];
    memset(bytes, 0x81, sizeof(bytes));
    bytes[15] = 0x80;
    struct cof_cbor_reader reader = cof_cbor_reader_from((struct cof_bytes){bytes, 16});
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_OK);
    bytes[15] = 0x81;
    bytes[16] = 0x80;
    reader = cof_cbor_reader_from((struct cof_bytes){bytes, 17});
    cof_cbor_skip(&reader);
    assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_CORRUPT);
}

static void cbor__every_truncation_and_bit_flip_is_survived(void **state)
{
    struct cof_buffer out = {0};
    cof_cbor_write_map(&out, 3);
    cof_cbor_write_unsigned(&out, 1);
    cof_cbor_write_text(&out, COF_TEXT("some text, ünïcode"));
    cof_cbor_write_unsigned(&out, 2);
    cof_cbor_write_array(&out, 3);
    cof_cbor_write_double(&out, 2.5);
    cof_cbor_write_bytes(&out, cof_text_bytes(COF_TEXT("\1\2\3")));
    cof_cbor_write_map(&out, 1);
    cof_cbor_write_integer(&out, -1);
    cof_cbor_write_null(&out);
    cof_cbor_write_unsigned(&out, 1000);
    cof_cbor_write_bool(&out, true);
    for (size_t size = 0; size < out.size; size++) {
        struct cof_cbor_reader reader = cof_cbor_reader_from((struct cof_bytes){out.data, size});
        cof_cbor_skip(&reader);
        assert_int_equal(cof_cbor_finish(&reader, true, NULL), COF_CORRUPT);
    }
    for (size_t bit = 0; bit < 8 * out.size; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct cof_cbor_reader reader = cof_cbor_reader_from(cof_buffer_bytes(&out));
        cof_cbor_skip(&reader);
        enum cof_status status = cof_cbor_finish(&reader, true, NULL);
        assert_true(status == COF_OK || status == COF_CORRUPT);
        out.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    cof_buffer_deinit(&out);
}

static enum cof_status write_record(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    (void)context;
    cof_cbor_write_array(&out, 100);
    for (unsigned i = 0; i < 100; i++)
        cof_cbor_write_text(&out, COF_TEXT("a text of some length"));
    return cof_buffer_status(&out, err);
}

static void cbor__running_out_of_memory_is_the_buffers_failure(void **state)
{
    assert_true(torture(write_record, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbor__integers_are_those_of_the_rfc),
        cmocka_unit_test(cbor__strings_containers_and_simple_values_are_those_of_the_rfc),
        cmocka_unit_test(cbor__record_is_read_as_it_was_written),
        cmocka_unit_test(cbor__refuses_all_but_the_one_encoding),
        cmocka_unit_test(cbor__typed_reads_refuse_them_too),
        cmocka_unit_test(cbor__wrong_type_sticks_and_gives_zeros),
        cmocka_unit_test(cbor__left_over_bytes_are_refused_only_where_asked),
        cmocka_unit_test(cbor__a_map_is_checked_whole_when_it_is_opened),
        cmocka_unit_test(cbor__nesting_is_bounded),
        cmocka_unit_test(cbor__every_truncation_and_bit_flip_is_survived),
        cmocka_unit_test(cbor__running_out_of_memory_is_the_buffers_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
