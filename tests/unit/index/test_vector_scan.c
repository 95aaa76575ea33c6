/* The heap of the best, the inner product, and the check for numbers. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>

#include "inner_product.h"
#include "seeded_random.h"
#include "vector_scan.h"

static int compare(const void *a, const void *b)
{
    const struct cof_neighbor *left = a;
    const struct cof_neighbor *right = b;

    if (left->score > right->score)
        return -1;
    if (left->score < right->score)
        return 1;
    return (left->ordinal > right->ordinal) - (left->ordinal < right->ordinal);
}

static void top__keeps_the_best_as_sorting_would(void **state)
{
    enum { COUNT = 500 };
    struct cof_neighbor all[COUNT];
    struct cof_neighbor kept[COUNT];
    struct seeded_random random;

    seeded_random_init(&random, 3);
    for (size_t capacity = 1; capacity <= COUNT; capacity = 2 * capacity + 1) {
        struct cof_top top = {.items = kept, .capacity = capacity};
        for (size_t i = 0; i < COUNT; i++) {
            /* Few values, so that there are ties. */
            all[i] = (struct cof_neighbor){.ordinal = (uint32_t)(i * 7919 % COUNT),
                                           .score = (float)seeded_random_below(&random, 40)};
            cof_top_offer(&top, all[i].ordinal, all[i].score);
        }
        cof_top_sort(&top);
        qsort(all, COUNT, sizeof(all[0]), compare);
        assert_int_equal(top.count, capacity);
        assert_memory_equal(kept, all, capacity * sizeof(all[0]));
    }
}

static void inner_product__is_right_for_every_dimension(void **state)
{
    float a[200];
    float b[200];
    struct seeded_random random;

    seeded_random_init(&random, 4);
    for (size_t i = 0; i < 200; i++) {
        a[i] = (float)seeded_random_unit(&random) - 0.5F;
        b[i] = (float)seeded_random_unit(&random) - 0.5F;
    }
    for (size_t dimension = 1; dimension <= 200; dimension++) {
        double expected = 0;
        for (size_t i = 0; i < dimension; i++)
            expected += (double)a[i] * (double)b[i];
        assert_true(fabs((double)cof_inner_product(a, b, dimension) - expected) < 1e-5);
        assert_memory_equal(&(float){cof_inner_product(a, b, dimension)},
                            &(float){cof_inner_product(b, a, dimension)}, sizeof(float));
    }
}

static void floats__are_finite_or_not(void **state)
{
    float values[9] = {0, -1, 1e38F, 1e-45F, 0, 0, 0, 0, 0};

    assert_true(cof_floats_are_finite(values, 9));
    assert_true(cof_floats_are_finite(values, 0));
    for (size_t i = 0; i < 9; i++) {
        float before = values[i];
        values[i] = i % 2 == 0 ? NAN : -INFINITY;
        assert_false(cof_floats_are_finite(values, 9));
        values[i] = before;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top__keeps_the_best_as_sorting_would),
        cmocka_unit_test(inner_product__is_right_for_every_dimension),
        cmocka_unit_test(floats__are_finite_or_not),
    };

    return cmocka_run_group_tests_name("vector_scan", tests, NULL, NULL);
}
