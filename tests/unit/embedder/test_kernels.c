/* Every copy of the kernels that this processor runs, against the formulas in doubles. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "testing.h"

enum { MAX_SIZE = 700, MAX_ROWS = 3 };

static void fill(struct seeded_random *random, float *values, size_t count, float spread)
{
    for (size_t i = 0; i < count; i++)
        values[i] = spread * (float)(2.0 * seeded_random_unit(random) - 1.0);
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.9g is not %.9g", value, expected);
}

static void check_softmax(const struct cof_kernels *kernels, struct seeded_random *random,
                          size_t count, float spread)
{
    float rows[MAX_ROWS * (MAX_SIZE + COF_KERNEL_LANES)];
    float before[MAX_ROWS * (MAX_SIZE + COF_KERNEL_LANES)];
    size_t stride = (count + COF_KERNEL_LANES - 1) / COF_KERNEL_LANES * COF_KERNEL_LANES;
    fill(random, rows, MAX_ROWS * stride, spread);
    memcpy(before, rows, sizeof(rows));
    kernels->softmax(rows, MAX_ROWS, count, stride);
    for (size_t r = 0; r < MAX_ROWS; r++) {
        const float *row = before + r * stride;
        double top = (double)row[0];
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            top = fmax(top, (double)row[i]);
        for (size_t i = 0; i < count; i++)
            sum += exp((double)row[i] - top);
        for (size_t i = 0; i < count; i++) {
            double expected = exp((double)row[i] - top) / sum;
            assert_near((double)rows[r * stride + i], expected, 1e-6 * expected + 1e-35);
        }
        for (size_t i = count; i < stride; i++)
            assert_true(rows[r * stride + i] < 1e-30F); /* padding weighs nothing */
    }
}

static void check_norm(const struct cof_kernels *kernels, struct seeded_random *random, size_t size)
{
    float rows[MAX_ROWS * MAX_SIZE];
    float before[MAX_ROWS * MAX_SIZE];
    float addends[MAX_ROWS * MAX_SIZE];
    float scale[MAX_SIZE];
    float shift[MAX_SIZE];
    fill(random, rows, MAX_ROWS * size, 3);
    fill(random, addends, MAX_ROWS * size, 2);
    fill(random, scale, size, 2);
    fill(random, shift, size, 1);
    memcpy(before, rows, sizeof(rows));
    kernels->add_layer_norm(rows, addends, MAX_ROWS, size, scale, shift, 1e-5F);
    for (size_t r = 0; r < MAX_ROWS; r++) {
        double mean = 0;
        double variance = 0;
        for (size_t i = 0; i < size; i++)
            mean += ((double)before[r * size + i] + (double)addends[r * size + i]) / (double)size;
        for (size_t i = 0; i < size; i++) {
            double value = (double)before[r * size + i] + (double)addends[r * size + i] - mean;
            variance += value * value / (double)size;
        }
        for (size_t i = 0; i < size; i++) {
            double value = (double)before[r * size + i] + (double)addends[r * size + i] - mean;
            double expected = value / sqrt(variance + 1e-5) * (double)scale[i] + (double)shift[i];
            assert_near((double)rows[r * size + i], expected, 2e-5);
        }
    }
}

static void check_add(const struct cof_kernels *kernels, struct seeded_random *random, size_t size)
{
    float rows[MAX_ROWS * MAX_SIZE];
    float sums[MAX_SIZE];
    fill(random, rows, MAX_ROWS * size, 3);
    for (size_t i = 0; i < size; i++)
        sums[i] = 1;
    kernels->add_rows(sums, rows, MAX_ROWS, size);
    for (size_t i = 0; i < size; i++)
        assert_near((double)sums[i],
                    1.0 + (double)rows[i] + (double)rows[size + i] + (double)rows[2 * size + i],
                    1e-5);
}

static void kernels__compute_the_formulas_at_every_size(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    assert_true(usable_count >= 1);
    for (size_t k = 0; k < usable_count; k++) {
        struct seeded_random random;
        seeded_random_init(&random, 3);
        for (size_t size = 1; size < 70; size++) {
            check_softmax(usable[k], &random, size, 4);
            check_add(usable[k], &random, size);
            if (size > 1)
                check_norm(usable[k], &random, size);
        }
        check_softmax(usable[k], &random, MAX_SIZE, 4);
        check_norm(usable[k], &random, 384);
        check_norm(usable[k], &random, MAX_SIZE);
    }
}

static void kernels__keep_softmax_finite_at_the_extremes(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        float row[COF_KERNEL_LANES] = {1e30F, -1e30F, 0};
        usable[k]->softmax(row, 1, 3, COF_KERNEL_LANES);
        assert_true(row[0] == 1.0F && row[1] < 1e-30F && row[2] < 1e-30F);
        float flat[COF_KERNEL_LANES] = {-500, -500};
        usable[k]->softmax(flat, 1, 2, COF_KERNEL_LANES);
        assert_near((double)flat[0], 0.5, 1e-7);
        assert_near((double)flat[1], 0.5, 1e-7);
    }
}

static void kernels__norm_of_equal_values_is_the_shift(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        float row[32] = {0};
        float zeros[32] = {0};
        float ones[32];
        for (size_t i = 0; i < 32; i++)
            ones[i] = 1;
        usable[k]->add_layer_norm(row, ones, 1, 32, ones, zeros, 1e-12F);
        for (size_t i = 0; i < 32; i++)
            assert_true(row[i] == 0.0F);
    }
}

static void kernels__the_best_usable_is_picked(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    assert_ptr_equal(cof_kernels_pick(), usable[0]);
    assert_string_equal(usable[usable_count - 1]->name, "generic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels__compute_the_formulas_at_every_size),
        cmocka_unit_test(kernels__keep_softmax_finite_at_the_extremes),
        cmocka_unit_test(kernels__norm_of_equal_values_is_the_shift),
        cmocka_unit_test(kernels__the_best_usable_is_picked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
