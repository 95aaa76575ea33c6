/* RFC 3339 dates: what is read, what is not, and which is earlier. */
#include "testing.h"

#include "date.h"

static struct cof_date parse(const char *text)
{
    struct cof_date date = {0};

    if (!cof_date_parse(cof_text_from(text), &date))
        fail_msg("'%s' was not read", text);
    return date;
}

static int compare(const char *a, const char *b)
{
    struct cof_date left = parse(a);
    struct cof_date right = parse(b);

    assert_int_equal(cof_date_compare(&left, &right), -cof_date_compare(&right, &left));
    return cof_date_compare(&left, &right);
}

static void date__counts_days_from_1970(void **state)
{
    assert_int_equal(parse("1970-01-01").day, 0);
    assert_int_equal(parse("1969-12-31").day, -1);
    assert_int_equal(parse("2000-02-29").day, 11016);
    assert_int_equal(parse("2026-11-23").day, 20780);
    assert_int_equal(parse("0000-01-01").day, -719528);
    assert_int_equal(parse("9999-12-31").day, 2932896);
}

static void date__brings_every_offset_to_utc(void **state)
{
    struct cof_date date = parse("2026-01-01T00:30:00+01:00");

    assert_int_equal(date.day, parse("2025-12-31").day);
    assert_int_equal(date.nanos, INT64_C(84600000000000));
    assert_int_equal(parse("2025-12-31T23:30:00-01:00").day, parse("2026-01-01").day);
    assert_int_equal(compare("2026-03-01T12:00:00Z", "2026-03-01t14:00:00.000+02:00"), 0);
    assert_int_equal(compare("2026-03-01 12:00:00Z", "2026-03-01T12:00:00z"), 0);
}

static void date__looks_at_fractions_and_leap_seconds(void **state)
{
    assert_true(compare("2026-03-01T12:00:00.1Z", "2026-03-01T12:00:00.09Z") > 0);
    assert_int_equal(parse("2026-03-01T00:00:00.123456789Z").nanos, 123456789);
    assert_int_equal(parse("2026-03-01T00:00:00.1234567899Z").nanos, 123456789);
    assert_true(compare("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z") > 0);
    assert_true(compare("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z") < 0);
}

static void date__without_a_clock_is_the_whole_day(void **state)
{
    assert_int_equal(compare("2026-03-01", "2026-03-01T23:59:59Z"), 0);
    assert_int_equal(compare("2026-03-01T00:00:00Z", "2026-03-01"), 0);
    assert_true(compare("2026-03-01", "2026-03-02T00:00:00Z") < 0);
    assert_true(compare("2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z") < 0);
}

static void date__refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11",
        "2026-11-3",
        "2026-13-01",
        "2026-00-10",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-11-23x",
        "26-11-23",
        "2026/11/23",
        " 2026-11-23",
        "2026-11-23 ",
        "2026-11-23T",
        "+026-11-23",
        "2026-11-23T10",
        "2026-11-23T10:00",
        "2026-11-23T10:00:00",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:00:61Z",
        "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00+2:00",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00Zx",
    };
    struct cof_date date = {.day = 7};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (cof_date_parse(cof_text_from(bad[i]), &date))
            fail_msg("'%s' was read", bad[i]);
    }
    assert_int_equal(date.day, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date__counts_days_from_1970),
        cmocka_unit_test(date__brings_every_offset_to_utc),
        cmocka_unit_test(date__looks_at_fractions_and_leap_seconds),
        cmocka_unit_test(date__without_a_clock_is_the_whole_day),
        cmocka_unit_test(date__refuses_everything_else),
    };

    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
