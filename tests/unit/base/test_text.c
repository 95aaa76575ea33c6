/* Views, UTF-8 and hexadecimal. */
#include <cof/base/text.h>

#include <string.h>

#include "testing.h"

#define T(literal) COF_TEXT(literal)

static void assert_text(struct cof_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.size > 0 ? text.data : "", expected, text.size);
}

static void text__null_is_the_empty_text(void **state)
{
    struct cof_text null = cof_text_from(NULL);
    assert_true(cof_text_equal(null, T("")));
    assert_int_equal(cof_text_compare(null, T("")), 0);
    assert_true(cof_text_has_prefix(T("a"), null));
    assert_true(cof_text_has_suffix(null, T("")));
    assert_int_equal(cof_text_index_of(null, T("a")), SIZE_MAX);
    assert_int_equal(cof_text_index_of(null, null), 0);
    assert_int_equal(cof_text_trim(null).size, 0);
    assert_true(cof_utf8_is_valid(null, NULL));
    assert_true(cof_bytes_equal(cof_text_bytes(null), cof_text_bytes(T(""))));
}

static void text__compares_bytes_unsigned_and_shorter_first(void **state)
{
    assert_true(cof_text_compare(T("a"), T("b")) < 0);
    assert_true(cof_text_compare(T("a"), T("aa")) < 0);
    assert_true(cof_text_compare(T("\x7f"), T("\x80")) < 0);
    assert_true(cof_text_compare(T("b"), T("aa")) > 0);
    assert_false(cof_text_equal(T("a\0b"), T("a\0c")));
}

static void text__prefixes_suffixes_and_ascii_case(void **state)
{
    assert_true(cof_text_has_prefix(T("Bearer x"), T("Bearer ")));
    assert_false(cof_text_has_prefix(T("Be"), T("Bearer")));
    assert_true(cof_text_has_suffix(T("a.md"), T(".md")));
    assert_false(cof_text_has_suffix(T("md"), T(".md")));
    assert_true(cof_text_equal_ascii_case(T("Content-LENGTH"), T("content-length")));
    assert_false(cof_text_equal_ascii_case(T("[@"), T("{`")));
    assert_false(cof_text_equal_ascii_case(T("É"), T("é")));
}

static void text__finds_and_slices_within_bounds(void **state)
{
    assert_int_equal(cof_text_index_of(T("aab"), T("ab")), 1);
    assert_int_equal(cof_text_index_of(T("a\0b"), T("\0b")), 1);
    assert_int_equal(cof_text_index_of(T("ab"), T("abc")), SIZE_MAX);
    assert_text(cof_text_slice(T("abc"), 1, 2), "b");
    assert_text(cof_text_slice(T("abc"), 1, 99), "bc");
    assert_text(cof_text_slice(T("abc"), 9, 99), "");
    assert_text(cof_text_slice(T("abc"), 2, 1), "");
    assert_text(cof_text_trim(T(" \t\r\n\v\fa b ")), "a b");
    assert_text(cof_text_trim(T("  ")), "");
}

static void text__splits_at_the_first_separator(void **state)
{
    struct cof_text head = {0};
    struct cof_text rest = {0};
    assert_true(cof_text_split(T("a=b=c"), '=', &head, &rest));
    assert_text(head, "a");
    assert_text(rest, "b=c");
    assert_true(cof_text_split(T("="), '=', &head, &rest));
    assert_text(head, "");
    assert_text(rest, "");
    assert_false(cof_text_split(T("abc"), '=', &head, &rest));
    assert_text(head, "abc");
    assert_text(rest, "");
}

static void text__parses_only_plain_numbers_that_fit(void **state)
{
    uint64_t value = 7;
    assert_true(cof_text_parse_u64(T("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(cof_text_parse_u64(T("007"), &value));
    assert_true(value == 7);
    const struct cof_text bad[] = {T(""),
                                   T("-1"),
                                   T("+1"),
                                   T(" 1"),
                                   T("1 "),
                                   T("1a"),
                                   T("0x1"),
                                   T("18446744073709551616"),
                                   T("99999999999999999999")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cof_text_parse_u64(bad[i], &value));
    assert_true(value == 7);
}

/* Every code point there and back, and every surrogate refused. */
static void utf8__all_code_points_round_trip(void **state)
{
    for (uint32_t code_point = 0; code_point <= 0x10ffff; code_point++) {
        char bytes[4];
        uint32_t decoded = UINT32_MAX;
        struct cof_text text = {.data = bytes, .size = cof_utf8_encode(code_point, bytes)};
        bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
        assert_int_equal(cof_utf8_is_valid(text, NULL), !is_surrogate);
        assert_int_equal(cof_utf8_sequence_size(text, 0), is_surrogate ? 0 : text.size);
        if (!is_surrogate) {
            assert_int_equal(cof_utf8_decode(text, 0, &decoded), text.size);
            assert_int_equal(decoded, code_point);
        }
    }
}

/* A second, slower decoder, straight from the table of RFC 3629 section 4. */
static bool is_well_formed(const uint8_t *s, size_t size)
{
    static const uint8_t rows[][8] = {
        {0x00, 0x7f},
        {0xc2, 0xdf, 0x80, 0xbf},
        {0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };
    static const size_t sizes[] = {1, 2, 3, 3, 3, 3, 4, 4, 4};
    for (size_t row = 0; row < sizeof(sizes) / sizeof(sizes[0]); row++) {
        bool is_match = size == sizes[row];
        for (size_t i = 0; i < size && is_match; i++)
            is_match = s[i] >= rows[row][2 * i] && s[i] <= rows[row][2 * i + 1];
        if (is_match)
            return true;
    }
    return false;
}

static void utf8__agrees_with_the_table_of_the_standard(void **state)
{
    static const uint8_t interesting[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                          0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
                                          0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    const size_t count = sizeof(interesting);
    for (unsigned first = 0; first < 256; first++) {
        for (size_t rest = 0; rest < count * count * count; rest++) {
            const uint8_t s[4] = {(uint8_t)first, interesting[rest % count],
                                  interesting[rest / count % count],
                                  interesting[rest / count / count]};
            struct cof_text text = {.data = (const char *)s, .size = sizeof(s)};
            size_t expected = 0;
            for (size_t size = 1; size <= 4; size++) {
                if (is_well_formed(s, size))
                    expected = size;
            }
            assert_int_equal(cof_utf8_sequence_size(text, 0), expected);
        }
    }
}

static void utf8__names_the_first_bad_byte(void **state)
{
    const struct {
        struct cof_text text;
        size_t offset;
    } cases[] = {
        {T("abcdefghijklmnop\xff"), 16},
        {T("\x80"), 0},
        {T("é\xc3"), 2},
        {T("a\xe2\x82"), 1},
        {T("\xf0\x9f\x98"), 0},
        {T("\xed\xa0\x80"), 0},
        {T("\xc0\x80"), 0},
        {T("\xf4\x90\x80\x80"), 0},
        {T("ab\xe0\x80\x80"), 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t offset = SIZE_MAX;
        assert_false(cof_utf8_is_valid(cases[i].text, &offset));
        assert_int_equal(offset, cases[i].offset);
    }
    assert_true(cof_utf8_is_valid(T("a\0b\xf0\x9f\x98\x80"), NULL));
}

static void utf8__floor_is_a_boundary_and_never_beyond(void **state)
{
    struct cof_text text = T("aé€😀");
    static const size_t floors[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t i = 0; i < sizeof(floors) / sizeof(floors[0]); i++)
        assert_int_equal(cof_utf8_floor(text, i), floors[i]);
}

static void hex__round_trips_and_is_strict(void **state)
{
    const uint8_t bytes[] = {0x00, 0x1f, 0xa0, 0xff};
    uint8_t decoded[4] = {0};
    char hex[9];
    cof_hex_encode((struct cof_bytes){bytes, 4}, hex);
    assert_string_equal(hex, "001fa0ff");
    assert_true(cof_hex_decode(T("001FA0ff"), decoded, 4));
    assert_memory_equal(decoded, bytes, 4);
    assert_false(cof_hex_decode(T("001fa0f"), decoded, 4));
    assert_false(cof_hex_decode(T("001fa0ff00"), decoded, 4));
    assert_false(cof_hex_decode(T("001fa0fg"), decoded, 4));
    assert_false(cof_hex_decode(T("0x1fa0ff"), decoded, 4));
    assert_true(cof_hex_decode(T(""), decoded, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text__null_is_the_empty_text),
        cmocka_unit_test(text__compares_bytes_unsigned_and_shorter_first),
        cmocka_unit_test(text__prefixes_suffixes_and_ascii_case),
        cmocka_unit_test(text__finds_and_slices_within_bounds),
        cmocka_unit_test(text__splits_at_the_first_separator),
        cmocka_unit_test(text__parses_only_plain_numbers_that_fit),
        cmocka_unit_test(utf8__all_code_points_round_trip),
        cmocka_unit_test(utf8__agrees_with_the_table_of_the_standard),
        cmocka_unit_test(utf8__names_the_first_bad_byte),
        cmocka_unit_test(utf8__floor_is_a_boundary_and_never_beyond),
        cmocka_unit_test(hex__round_trips_and_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
