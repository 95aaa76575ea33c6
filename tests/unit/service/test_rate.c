/* Token buckets and the gate before records of refusals, on a clock that the test moves. */
#include "testing.h"

#include <string.h>

#include "rate.h"

#define MS INT64_C(1000000)

static void rate__lets_a_burst_through_and_then_the_rate(void **state)
{
    struct cof_manual_clock time = {.steady_ns = 5};
    struct cof_clock clock = cof_manual_clock_init(&time);
    struct cof_rate *rate = NULL;
    struct cof_error error = {0};
    time.steady_ns = 1000 * MS;
    assert_int_equal(cof_rate_create(10, 3, &clock, &rate, &error), COF_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cof_rate_take(rate, 1, &error), COF_OK);
    }
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_LIMITED);
    assert_non_null(strstr(error.message, "10 requests a second"));
    assert_int_equal(cof_rate_take(rate, 2, &error), COF_OK);
    time.steady_ns += 99 * MS;
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_LIMITED);
    time.steady_ns += 1 * MS;
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_LIMITED);
    cof_rate_destroy(rate);
}

static void rate__never_saves_more_than_the_burst(void **state)
{
    struct cof_manual_clock time;
    struct cof_clock clock = cof_manual_clock_init(&time);
    struct cof_rate *rate = NULL;
    struct cof_error error = {0};
    time.steady_ns = MS;
    assert_int_equal(cof_rate_create(10, 2, &clock, &rate, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_OK);
    time.steady_ns += 3600000 * MS;
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, 1, &error), COF_LIMITED);
    cof_rate_destroy(rate);
}

static void rate__survives_absurd_credential_numbers(void **state)
{
    struct cof_manual_clock time;
    struct cof_clock clock = cof_manual_clock_init(&time);
    struct cof_rate *rate = NULL;
    struct cof_error error = {0};
    time.steady_ns = MS;
    assert_int_equal(cof_rate_create(1, 1, &clock, &rate, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, UINT64_MAX, &error), COF_OK);
    assert_int_equal(cof_rate_take(rate, UINT64_MAX, &error), COF_LIMITED);
    cof_rate_destroy(rate);
}

static void flood__records_the_first_and_counts_the_rest(void **state)
{
    struct cof_manual_clock time;
    struct cof_clock clock = cof_manual_clock_init(&time);
    struct cof_flood *flood = NULL;
    struct cof_error error = {0};
    uint64_t suppressed = 77;
    time.steady_ns = MS;
    assert_int_equal(cof_flood_create(2, &clock, &flood, &error), COF_OK);
    assert_true(cof_flood_take(flood, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(cof_flood_take(flood, &suppressed));
    for (size_t i = 0; i < 5; i++) {
        assert_false(cof_flood_take(flood, &suppressed));
    }
    time.steady_ns += 1000 * MS;
    assert_true(cof_flood_take(flood, &suppressed));
    assert_int_equal(suppressed, 5);
    assert_true(cof_flood_take(flood, &suppressed));
    assert_int_equal(suppressed, 0);
    cof_flood_destroy(flood);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate__lets_a_burst_through_and_then_the_rate),
        cmocka_unit_test(rate__never_saves_more_than_the_burst),
        cmocka_unit_test(rate__survives_absurd_credential_numbers),
        cmocka_unit_test(flood__records_the_first_and_counts_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
