/* The allocator's injected failures, on which every out-of-memory test stands. */
#include <cof/base/alloc.h>

#include <stdint.h>

#include "testing.h"

static void alloc__fails_exactly_the_chosen_allocation(void **state)
{
    cof_alloc_fail_after(3);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(cof_alloc_fail_is_pending(), i <= 3);
        void *memory = cof_calloc(1, 8);
        assert_int_equal(memory == NULL, i == 3);
        cof_free(memory);
    }
    assert_false(cof_alloc_fail_is_pending());
}

static void alloc__zero_means_the_next_and_negative_means_never(void **state)
{
    cof_alloc_fail_after(0);
    assert_null(cof_calloc(1, 8));
    cof_alloc_fail_after(1);
    cof_alloc_fail_after(-1);
    assert_false(cof_alloc_fail_is_pending());
    void *memory = cof_calloc(1, 8);
    assert_non_null(memory);
    cof_free(memory);
}

static void alloc__memory_is_zeroed_and_overflow_refused(void **state)
{
    unsigned char *memory = cof_calloc(10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(memory[i], 0);
    cof_free(memory);
    cof_free(NULL);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(cof_calloc(huge, 3));
    void *empty = cof_calloc(0, 8);
    assert_non_null(empty);
    cof_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc__fails_exactly_the_chosen_allocation),
        cmocka_unit_test(alloc__zero_means_the_next_and_negative_means_never),
        cmocka_unit_test(alloc__memory_is_zeroed_and_overflow_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
