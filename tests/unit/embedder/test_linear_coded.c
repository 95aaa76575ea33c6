/* Products of codes by every set of kernels that runs here, against sums over the same codes. */
#include "linear_coded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "testing.h"

enum { MAX_ROWS = 70 };

struct layer {
    struct cof_linear_shape shape;
    float *weights;
    float *bias;
    float *input;
    struct cof_rows rows;
};

static float *random_floats(struct seeded_random *random, size_t count, float spread)
{
    float *values = calloc(count, sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = spread * (float)(2.0 * seeded_random_unit(random) - 1.0);
    return values;
}

static void layer_init(struct layer *layer, size_t input_size, size_t output_size, bool has_gelu,
                       enum cof_precision precision)
{
    struct seeded_random random;
    size_t bytes = input_size * (precision == COF_PRECISION_BF16 ? 2 : 1);
    seeded_random_init(&random, input_size * 1000 + output_size);
    layer->shape = (struct cof_linear_shape){
        .input_size = input_size,
        .output_size = output_size,
        .activation = has_gelu ? COF_ACTIVATION_GELU : COF_ACTIVATION_NONE,
    };
    layer->weights = random_floats(&random, input_size * output_size, 0.5F);
    layer->bias = random_floats(&random, output_size, 1);
    layer->input = random_floats(&random, input_size * MAX_ROWS, 3);
    layer->rows.stride = (bytes + COF_CODE_STEP - 1) / COF_CODE_STEP * COF_CODE_STEP;
    layer->rows.codes = calloc(MAX_ROWS + COF_CODE_SPARE_ROWS, layer->rows.stride);
    layer->rows.scales = calloc(MAX_ROWS, sizeof(float));
    layer->rows.sums = calloc(MAX_ROWS, sizeof(int32_t));
    assert_non_null(layer->rows.codes);
    assert_non_null(layer->rows.scales);
    assert_non_null(layer->rows.sums);
}

static void layer_deinit(struct layer *layer)
{
    free(layer->weights);
    free(layer->bias);
    free(layer->input);
    free(layer->rows.codes);
    free(layer->rows.scales);
    free(layer->rows.sums);
}

/* What a row of floats becomes, by the definition in kernels.h. */
static void decode(const float *values, size_t size, enum cof_precision precision, double *out)
{
    float most = 1e-30F;
    for (size_t i = 0; i < size; i++)
        most = fmaxf(most, fabsf(values[i]));
    for (size_t i = 0; i < size; i++) {
        if (precision == COF_PRECISION_INT8) {
            out[i] = (double)rintf(values[i] * (127.0F / most)) * (double)(most / 127.0F);
            continue;
        }
        uint32_t bits = 0;
        memcpy(&bits, &values[i], sizeof(bits));
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000;
        float rounded = 0;
        memcpy(&rounded, &bits, sizeof(rounded));
        out[i] = (double)rounded;
    }
}

static double *decode_rows(const float *values, size_t row_count, size_t size,
                           enum cof_precision precision)
{
    double *decoded = calloc(row_count * size, sizeof(*decoded));
    assert_non_null(decoded);
    for (size_t i = 0; i < row_count; i++)
        decode(values + i * size, size, precision, decoded + i * size);
    return decoded;
}

/* Before the activation. */
static double *expect(const struct layer *layer, enum cof_precision precision)
{
    size_t size = layer->shape.input_size;
    size_t columns = layer->shape.output_size;
    double *weights = decode_rows(layer->weights, columns, size, precision);
    double *rows = decode_rows(layer->input, MAX_ROWS, size, precision);
    double *expected = calloc(MAX_ROWS * columns, sizeof(*expected));
    assert_non_null(expected);
    for (size_t i = 0; i < MAX_ROWS * columns; i++) {
        double sum = (double)layer->bias[i % columns];
        for (size_t j = 0; j < size; j++)
            sum += rows[i / columns * size + j] * weights[i % columns * size + j];
        expected[i] = sum;
    }
    free(weights);
    free(rows);
    return expected;
}

static void check_rows(const struct layer *layer, const struct cof_kernels *kernels,
                       const struct cof_coded_weights *weights, const double *expected,
                       size_t row_count)
{
    size_t count = row_count * layer->shape.output_size;
    float *output = calloc(count + 1, sizeof(*output));
    assert_non_null(output);
    output[count] = 77;
    cof_coded_weights_apply(weights, kernels, &layer->rows, row_count, output, NULL);
    for (size_t i = 0; i < count; i++) {
        double x = expected[i];
        double value = x;
        double tolerance = 2e-5 + 2e-6 * fabs(x);
        if (layer->shape.activation == COF_ACTIVATION_GELU) {
            value = 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
            tolerance = 1e-4 + 2e-4 * fabs(x);
        }
        if (!(fabs((double)output[i] - value) <= tolerance))
            fail_msg("%s, %zu rows: output %zu is %.9g, not %.9g", kernels->name, row_count, i,
                     (double)output[i], value);
    }
    assert_true(output[count] == 77);
    free(output);
}

/* Also with the last rows' spare codes poisoned: they may be read and must not matter. */
static void check_shape(size_t input_size, size_t output_size, bool has_gelu,
                        enum cof_precision precision, const struct cof_kernels *kernels)
{
    struct layer layer;
    struct cof_coded_weights weights;
    layer_init(&layer, input_size, output_size, has_gelu, precision);
    assert_int_equal(cof_coded_weights_init(&weights, kernels, precision, &layer.shape,
                                            layer.weights, layer.bias, NULL),
                     COF_OK);
    assert_int_equal(weights.depth, layer.rows.stride);
    double *expected = expect(&layer, precision);
    memset(layer.rows.codes, 0x7F, (MAX_ROWS + COF_CODE_SPARE_ROWS) * layer.rows.stride);
    for (size_t rows = 1; rows <= MAX_ROWS; rows += rows < 40 ? 1 : 6) {
        if (precision == COF_PRECISION_BF16)
            kernels->encode_bf16(layer.input, rows, input_size, &layer.rows);
        else
            kernels->encode_int8(layer.input, rows, input_size, &layer.rows);
        check_rows(&layer, kernels, &weights, expected, rows);
    }
    free(expected);
    cof_coded_weights_deinit(&weights);
    layer_deinit(&layer);
}

static void coded_weights__multiply_every_shape_and_number_of_rows(void **state)
{
    static const size_t shapes[][2] = {{64, 96}, {60, 52}, {7, 13}, {1, 1}, {384, 48}, {130, 129}};
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            check_shape(shapes[i][0], shapes[i][1], i % 2 == 0, COF_PRECISION_INT8, usable[k]);
            check_shape(shapes[i][0], shapes[i][1], i % 2 == 1, COF_PRECISION_BF16, usable[k]);
        }
    }
}

/* All codes at their extremes: no sum may saturate on the way. */
static void coded_weights__hold_the_greatest_sums(void **state)
{
    enum { SIZE = 3072 };
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    static float values[SIZE];
    static uint8_t codes[(1 + COF_CODE_SPARE_ROWS) * SIZE];
    float scale = 0;
    int32_t sum = 0;
    const float bias = 0;
    const struct cof_rows row = {.codes = codes, .stride = SIZE, .scales = &scale, .sums = &sum};
    const struct cof_linear_shape shape = {.input_size = SIZE, .output_size = 1};
    for (size_t i = 0; i < SIZE; i++)
        values[i] = -127;
    for (size_t k = 0; k < usable_count; k++) {
        struct cof_coded_weights weights;
        float output = 0;
        assert_int_equal(cof_coded_weights_init(&weights, usable[k], COF_PRECISION_INT8, &shape,
                                                values, &bias, NULL),
                         COF_OK);
        usable[k]->encode_int8(values, 1, SIZE, &row);
        assert_int_equal(sum, -127 * SIZE);
        cof_coded_weights_apply(&weights, usable[k], &row, 1, &output, NULL);
        assert_true(output == 127.0F * 127.0F * SIZE);
        cof_coded_weights_deinit(&weights);
    }
}

static void coded_weights__a_row_of_zeros_gives_the_bias(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        struct layer layer;
        struct cof_coded_weights weights;
        layer_init(&layer, 64, 32, false, COF_PRECISION_INT8);
        memset(layer.input, 0, 64 * sizeof(float));
        memset(layer.weights, 0, 64 * sizeof(float));
        assert_int_equal(cof_coded_weights_init(&weights, usable[k], COF_PRECISION_INT8,
                                                &layer.shape, layer.weights, layer.bias, NULL),
                         COF_OK);
        float output[32];
        usable[k]->encode_int8(layer.input, 1, 64, &layer.rows);
        cof_coded_weights_apply(&weights, usable[k], &layer.rows, 1, output, NULL);
        assert_memory_equal(output, layer.bias, sizeof(output));
        cof_coded_weights_deinit(&weights);
        layer_deinit(&layer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coded_weights__multiply_every_shape_and_number_of_rows),
        cmocka_unit_test(coded_weights__hold_the_greatest_sums),
        cmocka_unit_test(coded_weights__a_row_of_zeros_gives_the_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
