/* Names of keys, users and groups. */
#include "testing.h"

#include <string.h>

#include "name_check.h"

static enum cof_status check(struct cof_text name)
{
    struct cof_error err = {0};
    return cof_name_check(name, "a name", &err);
}

static void name__of_1_to_128_bytes_of_any_script_is_fine(void **state)
{
    char longest[128];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(check(COF_TEXT("a")), COF_OK);
    assert_int_equal(check(COF_TEXT("Zoë Müller (2)")), COF_OK);
    assert_int_equal(check(COF_TEXT("王小明")), COF_OK);
    assert_int_equal(check((struct cof_text){.data = longest, .size = 128}), COF_OK);
}

static void name__empty_long_broken_or_with_controls_is_refused(void **state)
{
    char too_long[129];
    memset(too_long, 'x', sizeof(too_long));
    assert_int_equal(check((struct cof_text){0}), COF_INVALID);
    assert_int_equal(check((struct cof_text){.data = too_long, .size = 129}), COF_INVALID);
    assert_int_equal(check(COF_TEXT("a\0b")), COF_INVALID);
    assert_int_equal(check(COF_TEXT("a\tb")), COF_INVALID);
    assert_int_equal(check(COF_TEXT("\x1b[2J")), COF_INVALID);
    assert_int_equal(check(COF_TEXT("\xc2\x9b")), COF_INVALID);
    assert_int_equal(check(COF_TEXT("\xed\xa0\x80")), COF_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__of_1_to_128_bytes_of_any_script_is_fine),
        cmocka_unit_test(name__empty_long_broken_or_with_controls_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
