/* Normal forms, lower case and properties, held against Python's independent tables
 * (unicode_expected.py) and against the published examples. */
#include <cof/base/unicode.h>

#include <string.h>
#include <unicode/uchar.h>

#include "seeded_random.h"
#include "torture.h"

typedef enum cof_status (*form_fn)(struct cof_text text, struct cof_buffer *out,
                                   struct cof_error *err);

static void hash_bytes(uint64_t *hash, const void *bytes, size_t size)
{
    const uint8_t *data = bytes;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ data[i]) * UINT64_C(0x100000001b3);
    *hash = (*hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* Assigned in Unicode 14, the version of the script's Python. */
static bool is_old_enough(uint32_t code_point)
{
    UVersionInfo age;
    u_charAge((UChar32)code_point, age);
    bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    bool is_noncharacter =
        (code_point & 0xfffe) == 0xfffe || (code_point >= 0xfdd0 && code_point <= 0xfdef);
    return age[0] > 0 && age[0] <= 14 && !is_surrogate && !is_noncharacter;
}

static uint64_t hash_form(form_fn form, const char *suffix)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct cof_buffer in = {0};
    struct cof_buffer out = {0};
    for (uint32_t code_point = 0; code_point < 0x110000; code_point++) {
        char bytes[4];
        if (!is_old_enough(code_point))
            continue;
        cof_buffer_clear(&in);
        cof_buffer_clear(&out);
        cof_buffer_append(&in, bytes, cof_utf8_encode(code_point, bytes));
        cof_buffer_append_text(&in, cof_text_from(suffix));
        assert_int_equal(form(cof_buffer_text(&in), &out, NULL), COF_OK);
        hash_bytes(&hash, out.data, out.size);
    }
    cof_buffer_deinit(&in);
    cof_buffer_deinit(&out);
    return hash;
}

static void assert_form(form_fn form, const char *text, const char *expected)
{
    struct cof_buffer out = {0};
    assert_int_equal(form(cof_text_from(text), &out, NULL), COF_OK);
    if (!cof_text_equal(cof_buffer_text(&out), cof_text_from(expected)))
        fail_msg("%s became %.*s instead of %s", text, COF_TEXT_ARG(cof_buffer_text(&out)),
                 expected);
    cof_buffer_deinit(&out);
}

static void lower__agrees_with_python_on_every_code_point(void **state)
{
    assert_true(hash_form(cof_unicode_lower, "") == UINT64_C(0x85ed299fd4adc2ce));
}

static void nfc__agrees_with_python_on_every_code_point(void **state)
{
    assert_true(hash_form(cof_unicode_nfc, "") == UINT64_C(0xe4586aa58a4ef8d3));
    assert_true(hash_form(cof_unicode_nfc, "\xcc\x81\xcc\xa3") == UINT64_C(0x8dd40dafeaa374d2));
}

static void nfd__agrees_with_python_on_every_code_point(void **state)
{
    assert_true(hash_form(cof_unicode_nfd, "") == UINT64_C(0xc0cd47c2a09910fb));
}

static void property__agrees_with_python_on_every_code_point(void **state)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t code_point = 0; code_point < 0x110000; code_point++) {
        if (!is_old_enough(code_point))
            continue;
        const uint8_t properties[] = {
            cof_unicode_is_whitespace(code_point),      cof_unicode_is_control(code_point),
            cof_unicode_is_format(code_point),          cof_unicode_is_private(code_point),
            cof_unicode_is_nonspacing_mark(code_point), cof_unicode_is_punctuation(code_point),
            cof_unicode_is_alphanumeric(code_point),    cof_unicode_is_digit(code_point),
        };
        hash_bytes(&hash, properties, sizeof(properties));
        assert_false(cof_unicode_is_unassigned(code_point));
    }
    assert_true(hash == UINT64_C(0xb6c12ee9104a5dce));
    assert_true(cof_unicode_is_unassigned(0x0378));
    assert_true(cof_unicode_is_unassigned(0x10ffff));
}

static void property__cjk_is_the_four_scripts_and_their_shared_letters(void **state)
{
    static const uint32_t inside[] = {0x1100, 0x3005, 0x3007,  0x3042, 0x30a2, 0x30fc,
                                      0x3400, 0x4e00, 0x9fff,  0xac00, 0xd7a3, 0xf900,
                                      0xff66, 0xff70, 0x20000, 0x3099};
    static const uint32_t outside[] = {0,       'a',    '1',    0xe9,   0x0e01, 0x3000,
                                       0x3001,  0x3002, 0x30fb, 0xff01, 0xff21, 0xff11,
                                       0x1f600, 0x0301, 0x3105, 0x300c};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        if (!cof_unicode_is_cjk(inside[i]))
            fail_msg("U+%04X is CJK", inside[i]);
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (cof_unicode_is_cjk(outside[i]))
            fail_msg("U+%04X is not CJK", outside[i]);
    }
}

static void lower__is_full_and_knows_no_context(void **state)
{
    assert_form(cof_unicode_lower, "", "");
    assert_form(cof_unicode_lower, "ABC xyz 123", "abc xyz 123");
    assert_form(cof_unicode_lower, "ÀÉÎ Straße ẞ", "àéî straße ß");
    assert_form(cof_unicode_lower, "İI", "i\xcc\x87i");
    assert_form(cof_unicode_lower, "ΟΔΟΣ", "οδοσ"); /* no final sigma */
    assert_form(cof_unicode_lower, "ДОМ 中文 Ⅷ 𐐀", "дом 中文 ⅷ 𐐨");
}

static void casefold__makes_equal_what_readers_take_for_equal(void **state)
{
    assert_form(cof_unicode_nfkc_casefold, "Straße STRASSE", "strasse strasse");
    assert_form(cof_unicode_nfkc_casefold, "ＡＢＣ１２３", "abc123");
    assert_form(cof_unicode_nfkc_casefold, "ﬁne ½ ㎏ ①", "fine 1⁄2 kg 1");
    assert_form(cof_unicode_nfkc_casefold,
                "a\xc2\xad"
                "b\xe2\x80\x8b"
                "c\xef\xb8\x8f",
                "abc"); /* soft hyphen, zero width space, variation selector */
    assert_form(cof_unicode_nfkc_casefold, "e\xcc\x81 ÉΣς", "é éσσ");
    assert_form(cof_unicode_nfkc_casefold, "ｶﾞ", "ガ");
    assert_form(cof_unicode_nfkc_casefold, "HELLO World", "hello world");
}

static void nfc__composes_and_orders_marks(void **state)
{
    assert_form(cof_unicode_nfc, "e\xcc\x81", "é");
    assert_form(cof_unicode_nfc, "a\xcc\x81\xcc\xa3", "ạ́");
    assert_form(cof_unicode_nfc, "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "각");
    assert_form(cof_unicode_nfc, "Å", "Å");
    assert_form(cof_unicode_nfd, "각é",
                "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"
                "e\xcc\x81");
    assert_form(cof_unicode_nfc, "plain", "plain");
}

/* Pieces are cut inside long texts; the result must be that of the whole. */
static void normalization__does_not_depend_on_where_pieces_are_cut(void **state)
{
    static const char *const letters[] = {"a",
                                          "e",
                                          "é",
                                          "\xcc\x81",
                                          "\xcc\xa3",
                                          "\xe1\x84\x80",
                                          "\xe1\x85\xa1",
                                          "\xe1\x86\xa8",
                                          "中",
                                          "ｶ",
                                          "ﾞ",
                                          "A",
                                          "\xe0\xbd\xb1",
                                          "\xe0\xbd\xb2",
                                          "𝅗𝅥"};
    struct seeded_random random;
    seeded_random_init(&random, 9);
    for (int round = 0; round < 20; round++) {
        struct cof_buffer text = {0};
        struct cof_buffer nfd = {0};
        struct cof_buffer from_text = {0};
        struct cof_buffer from_nfd = {0};
        while (text.size < 40000)
            cof_buffer_append_text(&text, cof_text_from(letters[seeded_random_below(&random, 15)]));
        /* NFC(x) = NFC(NFD(x)), whose cuts fall elsewhere */
        assert_int_equal(cof_unicode_nfc(cof_buffer_text(&text), &from_text, NULL), COF_OK);
        assert_int_equal(cof_unicode_nfd(cof_buffer_text(&text), &nfd, NULL), COF_OK);
        assert_int_equal(cof_unicode_nfc(cof_buffer_text(&nfd), &from_nfd, NULL), COF_OK);
        assert_true(cof_text_equal(cof_buffer_text(&from_text), cof_buffer_text(&from_nfd)));
        cof_buffer_deinit(&text);
        cof_buffer_deinit(&nfd);
        cof_buffer_deinit(&from_text);
        cof_buffer_deinit(&from_nfd);
    }
}

static void normalization__endless_marks_are_one_piece(void **state)
{
    struct cof_buffer text = {0};
    struct cof_buffer out = {0};
    cof_buffer_append_byte(&text, 'e');
    for (int i = 0; i < 20000; i++)
        cof_buffer_append_text(&text, i % 2 == 0 ? COF_TEXT("\xcc\xa3") : COF_TEXT("\xcc\x81"));
    assert_int_equal(cof_unicode_nfc(cof_buffer_text(&text), &out, NULL), COF_OK);
    assert_memory_equal(out.data, "ẹ", 3); /* e with the dot below, first of all */
    assert_int_equal(out.size, 3 + 2 * 19999);
    cof_buffer_deinit(&text);
    cof_buffer_deinit(&out);
}

static void normalization__appends_and_refuses_bad_utf8(void **state)
{
    static const form_fn forms[] = {cof_unicode_nfc, cof_unicode_nfd, cof_unicode_nfkc_casefold,
                                    cof_unicode_lower};
    for (size_t i = 0; i < 4; i++) {
        struct cof_buffer out = {0};
        struct cof_error err = {0};
        cof_buffer_append_text(&out, COF_TEXT("kept "));
        assert_int_equal(forms[i](COF_TEXT("é\xff"), &out, &err), COF_INVALID);
        assert_int_equal(forms[i](COF_TEXT("\xed\xa0\x80"), &out, &err), COF_INVALID);
        assert_true(cof_text_equal(cof_buffer_text(&out), COF_TEXT("kept ")));
        assert_int_equal(forms[i](COF_TEXT("x\0y"), &out, NULL), COF_OK);
        assert_true(cof_text_equal(cof_buffer_text(&out), COF_TEXT("kept x\0y")));
        cof_buffer_deinit(&out);
    }
}

static enum cof_status normalize_all_ways(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_text text = cof_text_from(context);
    COF_TRY(cof_unicode_nfc(text, &out, err));
    COF_TRY(cof_unicode_nfd(text, &out, err));
    COF_TRY(cof_unicode_nfkc_casefold(text, &out, err));
    return cof_unicode_lower(text, &out, err);
}

static void normalization__running_out_of_memory_is_reported(void **state)
{
    char text[] = "Cafe\xcc\x81 Straße ﬁ ½ ガ 中文 ABC";
    assert_true(torture(normalize_all_ways, text) > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower__agrees_with_python_on_every_code_point),
        cmocka_unit_test(nfc__agrees_with_python_on_every_code_point),
        cmocka_unit_test(nfd__agrees_with_python_on_every_code_point),
        cmocka_unit_test(property__agrees_with_python_on_every_code_point),
        cmocka_unit_test(property__cjk_is_the_four_scripts_and_their_shared_letters),
        cmocka_unit_test(lower__is_full_and_knows_no_context),
        cmocka_unit_test(casefold__makes_equal_what_readers_take_for_equal),
        cmocka_unit_test(nfc__composes_and_orders_marks),
        cmocka_unit_test(normalization__does_not_depend_on_where_pieces_are_cut),
        cmocka_unit_test(normalization__endless_marks_are_one_piece),
        cmocka_unit_test(normalization__appends_and_refuses_bad_utf8),
        cmocka_unit_test(normalization__running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
