/* Unit length. */
#include "vector.h"

#include <math.h>

#include "testing.h"

static void vector__becomes_as_long_as_one(void **state)
{
    float vector[] = {3, -4};
    assert_true(cof_vector_normalize(vector, 2));
    assert_true(fabsf(vector[0] - 0.6F) < 1e-7F && fabsf(vector[1] + 0.8F) < 1e-7F);
    float huge[] = {3e38F, 3e38F};
    assert_true(cof_vector_normalize(huge, 2));
    assert_true(fabsf(huge[0] - 0.70710678F) < 1e-6F);
    float tiny[] = {1e-40F, 0};
    assert_true(cof_vector_normalize(tiny, 2));
    assert_true(fabsf(tiny[0] - 1) < 1e-6F);
}

static void vector__without_a_length_is_left_alone(void **state)
{
    float zeros[] = {0, 0};
    float odd[] = {1, NAN};
    float endless[] = {INFINITY, 1};
    assert_false(cof_vector_normalize(zeros, 2));
    assert_false(cof_vector_normalize(odd, 2));
    assert_false(cof_vector_normalize(endless, 2));
    assert_true(odd[0] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector__becomes_as_long_as_one),
        cmocka_unit_test(vector__without_a_length_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
