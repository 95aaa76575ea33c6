/* Canceling and deadlines. */
#include <cof/base/cancel.h>

#include "testing.h"

static void cancel__nothing_asked_is_fine(void **state)
{
    struct cof_cancel cancel = {0};
    assert_int_equal(cof_cancel_check(NULL, NULL), COF_OK);
    assert_int_equal(cof_cancel_check(&cancel, NULL), COF_OK);
}

static void cancel__request_is_seen_and_stays(void **state)
{
    struct cof_cancel cancel = {0};
    struct cof_error err = {0};
    cof_cancel_request(&cancel);
    assert_int_equal(cof_cancel_check(&cancel, &err), COF_CANCELED);
    assert_int_equal(err.status, COF_CANCELED);
    assert_int_equal(cof_cancel_check(&cancel, NULL), COF_CANCELED);
}

static void cancel__deadline_passes_at_its_moment(void **state)
{
    struct cof_manual_clock hands = {.steady_ns = 99};
    struct cof_clock clock = cof_manual_clock_init(&hands);
    struct cof_cancel cancel = {.deadline_steady_ns = 100, .clock = &clock};
    struct cof_error err = {0};
    assert_int_equal(cof_cancel_check(&cancel, &err), COF_OK);
    assert_int_equal(err.status, COF_OK);
    hands.steady_ns = 100;
    assert_int_equal(cof_cancel_check(&cancel, &err), COF_TIMEOUT);
    cof_cancel_request(&cancel); /* the one who left is not told about time */
    assert_int_equal(cof_cancel_check(&cancel, &err), COF_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel__nothing_asked_is_fine),
        cmocka_unit_test(cancel__request_is_seen_and_stays),
        cmocka_unit_test(cancel__deadline_passes_at_its_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
