/* Error records: what is written, what is cut, what is passed up. */
#include <cof/base/status.h>

#include <string.h>

#include <cof/base/text.h>

#include "testing.h"

static enum cof_status fail_below(struct cof_error *err)
{
    return COF_FAIL(err, COF_CONFLICT, "the folder %s is taken", "x");
}

static enum cof_status pass_up(struct cof_error *err)
{
    COF_TRY(COF_OK);
    COF_TRY(fail_below(err));
    return COF_OK;
}

static void status__failure_is_written_once_and_passed_up_untouched(void **state)
{
    struct cof_error err = {0};
    assert_int_equal(pass_up(&err), COF_CONFLICT);
    assert_int_equal(err.status, COF_CONFLICT);
    assert_string_equal(err.message, "the folder x is taken");
    assert_ptr_equal(strstr(err.where, "test_status.c:"), err.where);
}

static void status__nobody_needs_to_care(void **state)
{
    assert_int_equal(pass_up(NULL), COF_CONFLICT);
}

static void status__long_message_is_cut_between_characters(void **state)
{
    /* a two-byte character across every possible position of the end */
    for (size_t shift = 0; shift < 4; shift++) {
        char text[400] = {0};
        struct cof_error err = {0};
        memset(text, 'a', 236 + shift);
        for (size_t i = 236 + shift, n = 0; n < 99; i++, n++)
            text[i] = "\xe2\x82\xac"[n % 3];
        (void)COF_FAIL(&err, COF_INVALID, "%s", text);
        size_t size = strlen(err.message);
        assert_true(size >= sizeof(err.message) - 4 && size < sizeof(err.message));
        assert_true(cof_utf8_is_valid(cof_text_from(err.message), NULL));
        assert_memory_equal(err.message, text, size);
    }
}

static void status__message_can_neither_break_a_line_nor_be_bad_utf8(void **state)
{
    struct cof_error err = {0};
    (void)COF_FAIL(&err, COF_INVALID, "a\nb\x1b[2J\xff\xc3<\x7f é");
    assert_string_equal(err.message, "a?b?[2J?"
                                     "?<? é");
}

static void status__message_cut_inside_bad_utf8_is_still_valid(void **state)
{
    char text[400] = {0};
    struct cof_error err = {0};
    memset(text, 0xbf, sizeof(text) - 1);
    (void)COF_FAIL(&err, COF_INVALID, "%s", text);
    assert_true(cof_utf8_is_valid(cof_text_from(err.message), NULL));
}

static void status__every_status_has_its_own_name(void **state)
{
    for (int a = COF_OK; a <= COF_INTERNAL; a++) {
        assert_string_not_equal(cof_status_name((enum cof_status)a), "unknown");
        for (int b = COF_OK; b < a; b++)
            assert_string_not_equal(cof_status_name((enum cof_status)a),
                                    cof_status_name((enum cof_status)b));
    }
    assert_string_equal(cof_status_name(COF_NOT_FOUND), "not_found");
    assert_string_equal(cof_status_name((enum cof_status)(COF_INTERNAL + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status__failure_is_written_once_and_passed_up_untouched),
        cmocka_unit_test(status__nobody_needs_to_care),
        cmocka_unit_test(status__long_message_is_cut_between_characters),
        cmocka_unit_test(status__message_can_neither_break_a_line_nor_be_bad_utf8),
        cmocka_unit_test(status__message_cut_inside_bad_utf8_is_still_valid),
        cmocka_unit_test(status__every_status_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
