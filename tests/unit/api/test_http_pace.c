/* The credit of time that bytes refill. */
#include "http_pace.h"

#include "testing.h"

#define SECOND 1000000000LL

static void pace__bears_a_pause_as_long_as_the_grace(void **state)
{
    struct cof_http_pace pace;
    cof_http_pace_begin(&pace, 5 * SECOND, 10000, 1024);
    assert_false(cof_http_pace_is_late(&pace, 14 * SECOND));
    assert_true(cof_http_pace_is_late(&pace, 15 * SECOND));
}

static void pace__bears_the_slowest_rate_for_ever(void **state)
{
    struct cof_http_pace pace;
    cof_http_pace_begin(&pace, 0, 10000, 1024);
    for (int64_t now = 1; now < 1000; now++) {
        cof_http_pace_add(&pace, 1025);
        assert_false(cof_http_pace_is_late(&pace, now * SECOND));
    }
}

static void pace__ends_a_trickle(void **state)
{
    struct cof_http_pace pace;
    cof_http_pace_begin(&pace, 0, 10000, 1024);
    int64_t now = 0;
    do {
        now += SECOND;
        cof_http_pace_add(&pace, 10);
        assert_true(now < 12 * SECOND);
    } while (!cof_http_pace_is_late(&pace, now));
}

static void pace__does_not_let_a_burst_buy_silence(void **state)
{
    struct cof_http_pace pace;
    cof_http_pace_begin(&pace, 0, 10000, 1024);
    cof_http_pace_add(&pace, (size_t)1 << 40);
    assert_true(cof_http_pace_is_late(&pace, 10 * SECOND));
}

static void pace__does_not_count_the_time_we_waited_ourselves(void **state)
{
    struct cof_http_pace pace;
    cof_http_pace_begin(&pace, 0, 10000, 1024);
    cof_http_pace_forgive(&pace, 100 * SECOND);
    assert_false(cof_http_pace_is_late(&pace, 105 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace__bears_a_pause_as_long_as_the_grace),
        cmocka_unit_test(pace__bears_the_slowest_rate_for_ever),
        cmocka_unit_test(pace__ends_a_trickle),
        cmocka_unit_test(pace__does_not_let_a_burst_buy_silence),
        cmocka_unit_test(pace__does_not_count_the_time_we_waited_ourselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
