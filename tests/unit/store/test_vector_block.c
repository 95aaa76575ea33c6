/* Blocks of vectors: exact in f32, rightly rounded in f16, refused when of another shape. */
#include "testing.h"

#include <math.h>
#include <string.h>

#include "seeded_random.h"
#include "vector_block.h"

static float through_half(float value)
{
    struct cof_buffer block = {0};
    struct cof_error err = {0};
    float out = 0;
    cof_vector_block_encode(&value, 1, 1, COF_VECTOR_F16, &block);
    assert_int_equal(cof_vector_block_decode(cof_buffer_bytes(&block), 1, 1, &out, &err), COF_OK);
    cof_buffer_deinit(&block);
    return out;
}

static void f32__comes_back_bit_for_bit(void **state)
{
    const float vectors[] = {0.0F, -0.0F, 1.0F, -1.5F, 0x1.fffffep127F, 0x1p-149F, 0x1p-126F,
                             0.1F, 3.0F,  4.0F, 5.0F,  -6.25F};
    float out[12];
    struct cof_error err = {0};
    struct cof_buffer block = {0};
    cof_vector_block_encode(vectors, 3, 4, COF_VECTOR_F32, &block);
    assert_int_equal(block.size, 8 + 12 * 4);
    assert_int_equal(cof_vector_block_decode(cof_buffer_bytes(&block), 3, 4, out, &err), COF_OK);
    assert_memory_equal(vectors, out, sizeof(vectors));
    cof_buffer_deinit(&block);
}

static void f16__has_the_published_bit_patterns(void **state)
{
    /* IEEE 754-2008 binary16; the last column is what the value is rounded to. */
    const struct {
        float value;
        uint16_t bits;
        float back;
    } cases[] = {
        {0.0F, 0x0000, 0.0F},
        {-0.0F, 0x8000, -0.0F},
        {1.0F, 0x3c00, 1.0F},
        {-2.0F, 0xc000, -2.0F},
        {65504.0F, 0x7bff, 65504.0F},
        {0x1p-14F, 0x0400, 0x1p-14F},
        {0x1p-24F, 0x0001, 0x1p-24F},
        {0x1.ff8p-15F, 0x03ff, 0x1.ff8p-15F},
        {0x1p-25F, 0x0000, 0.0F}, /* a tie, to even */
        {0x1.000002p-25F, 0x0001, 0x1p-24F},
        {0x1p-26F, 0x0000, 0.0F},
        {0.333333343F, 0x3555, 0.333251953F},
        {1.00048828125F, 0x3c00, 1.0F},         /* a tie, to even: down */
        {1.00146484375F, 0x3c02, 1.001953125F}, /* a tie, to even: up */
        {0x1.ffcp-15F, 0x0400, 0x1p-14F},       /* rounds out of the subnormals */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cof_buffer block = {0};
        cof_vector_block_encode(&cases[i].value, 1, 1, COF_VECTOR_F16, &block);
        assert_int_equal(block.size, 10);
        assert_int_equal(block.data[8] | block.data[9] << 8, cases[i].bits);
        cof_buffer_deinit(&block);
        float back = through_half(cases[i].value);
        assert_memory_equal(&back, &cases[i].back, sizeof(back));
    }
}

static void f16__is_within_half_a_unit_of_the_value(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 7);
    for (int i = 0; i < 20000; i++) {
        int exponent = (int)seeded_random_below(&random, 38) - 22;
        float value = ldexpf((float)(seeded_random_unit(&random) * 2 - 1), exponent);
        float unit = fmaxf(0x1p-24F, ldexpf(1, ilogbf(fmaxf(fabsf(value), 0x1p-24F)) - 10));
        assert_true(fabsf(through_half(value) - value) <= unit / 2);
    }
}

static void fit__refuses_what_is_not_finite_or_too_large(void **state)
{
    float vectors[] = {1, 2, 3};
    assert_true(cof_vectors_fit(NULL, 0, COF_VECTOR_F32));
    assert_true(cof_vectors_fit(vectors, 3, COF_VECTOR_F16));
    const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        vectors[1] = wrong[i];
        assert_false(cof_vectors_fit(vectors, 3, COF_VECTOR_F32));
        assert_false(cof_vectors_fit(vectors, 3, COF_VECTOR_F16));
    }
    vectors[1] = 65505.0F;
    assert_false(cof_vectors_fit(vectors, 3, COF_VECTOR_F16));
    assert_true(cof_vectors_fit(vectors, 3, COF_VECTOR_F32));
}

static void decode__refuses_another_shape_and_leaves_the_output(void **state)
{
    const float vectors[] = {1, 2, 3, 4, 5, 6};
    float out[6] = {9};
    struct cof_error err = {0};
    struct cof_buffer block = {0};
    cof_vector_block_encode(vectors, 2, 3, COF_VECTOR_F32, &block);
    struct cof_bytes bytes = cof_buffer_bytes(&block);
    assert_int_equal(cof_vector_block_decode(bytes, 3, 2, out, &err), COF_CORRUPT);
    assert_int_equal(cof_vector_block_decode(bytes, 1, 3, out, &err), COF_CORRUPT);
    for (size_t size = 0; size < bytes.size; size++) {
        struct cof_bytes cut = {.data = bytes.data, .size = size};
        assert_int_equal(cof_vector_block_decode(cut, 2, 3, out, &err), COF_CORRUPT);
    }
    block.data[1] = 3; /* a precision that does not exist */
    assert_int_equal(cof_vector_block_decode(bytes, 2, 3, out, &err), COF_CORRUPT);
    assert_true(out[0] >= 9 && out[0] <= 9);
    cof_buffer_deinit(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32__comes_back_bit_for_bit),
        cmocka_unit_test(f16__has_the_published_bit_patterns),
        cmocka_unit_test(f16__is_within_half_a_unit_of_the_value),
        cmocka_unit_test(fit__refuses_what_is_not_finite_or_too_large),
        cmocka_unit_test(decode__refuses_another_shape_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
