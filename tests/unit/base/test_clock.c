/* Time, randomness and what is made of them. */
#include <cof/base/clock.h>

#include <string.h>

#include "testing.h"

static void clock__steady_time_never_goes_back(void **state)
{
    const struct cof_clock *clock = cof_clock_system();
    int64_t last = cof_clock_steady_ns(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = cof_clock_steady_ns(clock);
        assert_true(now >= last);
        last = now;
    }
    assert_true(cof_clock_wall_ns(clock) > INT64_C(1700000000) * 1000000000);
}

static void clock__manual_clock_stands_until_moved(void **state)
{
    struct cof_manual_clock hands = {.wall_ns = 5, .steady_ns = 7};
    struct cof_clock clock = cof_manual_clock_init(&hands);
    assert_int_equal(cof_clock_wall_ns(&clock), 5);
    assert_int_equal(cof_clock_steady_ns(&clock), 7);
    hands.wall_ns = 6;
    hands.steady_ns = 8;
    assert_int_equal(cof_clock_wall_ns(&clock), 6);
    assert_int_equal(cof_clock_steady_ns(&clock), 8);
}

static void clock__formats_rfc_3339(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1795383000123456789), "2026-11-22T21:30:00.123Z"},
        {INT64_C(951782400000000000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(1735689599999999999), "2024-12-31T23:59:59.999Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-INT64_C(1000000000), "1969-12-31T23:59:59.000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        cof_time_format(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void random__seeded_source_is_splitmix64(void **state)
{
    /* the first outputs for seed 1234567, from the algorithm's reference implementation */
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    struct cof_seeded_random source;
    struct cof_random random = cof_seeded_random_init(&source, 1234567);
    for (size_t i = 0; i < 5; i++) {
        uint8_t bytes[8];
        uint64_t value = 0;
        cof_random_fill(&random, bytes, sizeof(bytes));
        for (unsigned b = 8; b-- > 0;)
            value = value << 8 | bytes[b];
        assert_true(value == expected[i]);
    }
}

static void random__fills_exactly_what_was_asked(void **state)
{
    for (size_t size = 0; size < 40; size++) {
        uint8_t bytes[42];
        memset(bytes, 0xee, sizeof(bytes));
        struct cof_seeded_random source;
        struct cof_random random = cof_seeded_random_init(&source, size);
        cof_random_fill(&random, bytes + 1, size);
        assert_int_equal(bytes[0], 0xee);
        assert_int_equal(bytes[size + 1], 0xee);
        memset(bytes, 0xee, sizeof(bytes));
        cof_random_fill(cof_random_system(), bytes + 1, size);
        assert_int_equal(bytes[0], 0xee);
        assert_int_equal(bytes[size + 1], 0xee);
    }
}

static void random__system_source_does_not_repeat_and_fills_large_requests(void **state)
{
    static uint8_t a[4096];
    static uint8_t b[4096];
    cof_random_fill(cof_random_system(), a, sizeof(a));
    cof_random_fill(cof_random_system(), b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    size_t zero_count = 0;
    for (size_t i = 0; i < sizeof(a); i++)
        zero_count += a[i] == 0;
    assert_true(zero_count < 100); /* 16 expected; 100 would be a miracle */
}

static void uuid7__carries_the_time_the_version_and_the_variant(void **state)
{
    /* RFC 9562 appendix A.6: 0x017F22E279B0 milliseconds */
    struct cof_manual_clock hands = {.wall_ns = INT64_C(0x017f22e279b0) * 1000000 + 999999};
    struct cof_clock clock = cof_manual_clock_init(&hands);
    static const uint8_t time_bytes[] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0};
    struct cof_seeded_random source;
    struct cof_random random = cof_seeded_random_init(&source, 3);
    uint8_t first[16];
    uint8_t second[16];
    for (int i = 0; i < 100; i++) {
        cof_uuid7(&clock, &random, first);
        assert_memory_equal(first, time_bytes, 6);
        assert_int_equal(first[6] >> 4, 7);
        assert_int_equal(first[8] >> 6, 2);
    }
    hands.wall_ns += 1000000;
    cof_uuid7(&clock, &random, second);
    assert_true(memcmp(first, second, 16) < 0);
    hands.wall_ns = -1;
    cof_uuid7(&clock, &random, second);
    assert_int_equal(second[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__steady_time_never_goes_back),
        cmocka_unit_test(clock__manual_clock_stands_until_moved),
        cmocka_unit_test(clock__formats_rfc_3339),
        cmocka_unit_test(random__seeded_source_is_splitmix64),
        cmocka_unit_test(random__fills_exactly_what_was_asked),
        cmocka_unit_test(random__system_source_does_not_repeat_and_fills_large_requests),
        cmocka_unit_test(uuid7__carries_the_time_the_version_and_the_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
