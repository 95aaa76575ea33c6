/* Cleaning: what goes, what stays, and where it came from. */
#include "testing.h"

#include <string.h>

#include <cof/base/arena.h>

#include "clean.h"
#include "seeded_random.h"

static void assert_cleans(enum cof_clean_mode mode, const char *raw, const char *expected)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_clean_text(cof_text_from(raw), mode, NULL, 0, NULL, &out, &err), COF_OK);
    cof_buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, expected);
}

static void clean__collapses_white_space_in_prose(void **state)
{
    assert_cleans(COF_CLEAN_PROSE,
                  "  a \t b\r\n c\xc2\xa0\xe3\x80\x80"
                  "d \n",
                  "a b c d");
    assert_cleans(COF_CLEAN_PROSE, " \n\t ", "");
}

static void clean__keeps_white_space_in_code(void **state)
{
    assert_cleans(COF_CLEAN_CODE, "\n\n  if (x) {\r\n\tgo();\r  }\n\n", "  if (x) {\n\tgo();\n  }");
    assert_cleans(COF_CLEAN_CODE, " \n \n", "");
}

static void clean__joins_lines_of_scripts_without_spaces(void **state)
{
    assert_cleans(COF_CLEAN_PROSE, "中文\n    中文", "中文中文");
    assert_cleans(COF_CLEAN_PROSE, "中文,\n中文", "中文,中文");
    assert_cleans(COF_CLEAN_PROSE, "かな。\nカナ", "かな。カナ");
    assert_cleans(COF_CLEAN_PROSE, "中文 中文", "中文 中文");
    assert_cleans(COF_CLEAN_PROSE, "中文\nLatin\n中文", "中文 Latin 中文");
    assert_cleans(COF_CLEAN_PROSE, "한국어\n한국어", "한국어 한국어");
}

static void clean__drops_what_cannot_be_seen(void **state)
{
    assert_cleans(COF_CLEAN_PROSE, "a\x01\x1b[0m\x7f\xc2\x81z", "a[0mz");
    assert_cleans(COF_CLEAN_PROSE,
                  "a\xe2\x80\xae"
                  "b\xe2\x81\xa6"
                  "c\xd8\x9c"
                  "d",
                  "abcd");
    assert_cleans(COF_CLEAN_PROSE,
                  "a\xe2\x80\x8b"
                  "b\xef\xbb\xbf"
                  "c\xc2\xad"
                  "d\xe2\x81\xa0"
                  "e",
                  "abcde");
    /* tag characters, private use, a noncharacter */
    assert_cleans(COF_CLEAN_PROSE,
                  "a\xf3\xa0\x81\xa9\xf3\xa0\x81\xae"
                  "b\xee\x80\x80"
                  "c\xef\xbf\xbe"
                  "d",
                  "abcd");
    assert_cleans(COF_CLEAN_CODE,
                  "a\xe2\x80\xae"
                  "b\x00"
                  "c",
                  "ab");
}

static void clean__keeps_joiners_and_selectors_that_stand_alone(void **state)
{
    assert_cleans(COF_CLEAN_PROSE, "\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8f");
    assert_cleans(COF_CLEAN_PROSE, "\xd9\x85\xe2\x80\x8c\xd9\x86", "\xd9\x85\xe2\x80\x8c\xd9\x86");
    /* a run of them says something in secret */
    assert_cleans(COF_CLEAN_PROSE,
                  "a\xef\xb8\x80\xef\xb8\x81\xe2\x80\x8d\xe2\x80\x8c"
                  "b",
                  "a\xef\xb8\x80"
                  "b");
}

static void clean__normalises_to_nfc(void **state)
{
    assert_cleans(COF_CLEAN_PROSE, "e\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9");
    assert_cleans(COF_CLEAN_PROSE, "\xe2\x84\xa6", "\xce\xa9");
}

static void clean__moves_offsets_with_the_text(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_text raw = COF_TEXT("  e\xcc\x81 line\n  two \xe2\x80\x8b three");
    size_t offsets[] = {0, 10, 12, 16, raw.size};
    bool has_offsets = false;
    assert_int_equal(cof_clean_text(raw, COF_CLEAN_PROSE, offsets, 5, &has_offsets, &out, NULL),
                     COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&out), COF_TEXT("\xc3\xa9 line two three")));
    assert_true(has_offsets);
    assert_int_equal(offsets[0], 0);
    assert_int_equal(offsets[1], 8); /* white space: what comes next */
    assert_int_equal(offsets[2], 8);
    assert_int_equal(offsets[3], 12);
    assert_int_equal(offsets[4], out.size);
}

static void clean__says_when_an_offset_has_no_place(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    size_t offset = 1; /* between a letter and the accent that it takes */
    bool has_offsets = true;
    assert_int_equal(cof_clean_text(COF_TEXT("e\xcc\x81"), COF_CLEAN_PROSE, &offset, 1,
                                    &has_offsets, &out, NULL),
                     COF_OK);
    assert_false(has_offsets);
}

static void append_random(struct seeded_random *random, struct cof_buffer *raw)
{
    static const char *const pieces[] = {
        "a",
        "Z",
        " ",
        "\n",
        "\r",
        "\t",
        "\x01",
        "e\xcc\x81",
        "\xcc\x81",
        "\xe2\x80\xae",
        "\xe2\x80\x8d",
        "\xef\xb8\x8f",
        "中",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xe1\x84\x80",
        "\xe1\x85\xa1",
        "\xf0\x9d\x85\xa0",
        "\xe0\xa5\x98",
        "\xf3\xa0\x81\xa9",
        ",",
        "\xc2\xa0",
    };
    size_t count = seeded_random_below(random, 24);
    for (size_t i = 0; i < count; i++)
        cof_buffer_append_text(
            raw,
            cof_text_from(pieces[seeded_random_below(random, sizeof(pieces) / sizeof(pieces[0]))]));
}

static void clean__allows_what_it_makes_and_changes_it_no_more(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 7);
    for (int i = 0; i < 20000; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer raw = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer once = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer twice = {0};
        enum cof_clean_mode mode = i % 2 == 0 ? COF_CLEAN_PROSE : COF_CLEAN_CODE;
        append_random(&random, &raw);
        size_t offsets[2] = {0, raw.size};
        assert_int_equal(cof_clean_text(cof_buffer_text(&raw), mode, offsets, 2, NULL, &once, NULL),
                         COF_OK);
        struct cof_text text = cof_buffer_text(&once);
        assert_true(cof_utf8_is_valid(text, NULL));
        for (size_t j = 0; j < text.size;) {
            uint32_t code_point = 0;
            j += cof_utf8_decode(text, j, &code_point);
            assert_true(cof_clean_is_allowed(code_point, mode));
        }
        assert_int_equal(cof_clean_text(text, mode, NULL, 0, NULL, &twice, NULL), COF_OK);
        assert_true(cof_text_equal(text, cof_buffer_text(&twice)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean__collapses_white_space_in_prose),
        cmocka_unit_test(clean__keeps_white_space_in_code),
        cmocka_unit_test(clean__joins_lines_of_scripts_without_spaces),
        cmocka_unit_test(clean__drops_what_cannot_be_seen),
        cmocka_unit_test(clean__keeps_joiners_and_selectors_that_stand_alone),
        cmocka_unit_test(clean__normalises_to_nfc),
        cmocka_unit_test(clean__moves_offsets_with_the_text),
        cmocka_unit_test(clean__says_when_an_offset_has_no_place),
        cmocka_unit_test(clean__allows_what_it_makes_and_changes_it_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
