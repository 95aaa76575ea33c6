/* Products of codes in plain C, for processors without an instruction for them: right everywhere,
 * faster than oneDNN's products of floats nowhere. */
#include "kernels_body.h"

#define PLAIN_COLUMNS 16

/* Exact, by the error function. */
static inline float gelu(float x)
{
    return 0.5F * x * (1.0F + erff(x * 0.70710678F));
}

static inline void finish_columns(const struct cof_product *product, size_t row, size_t column,
                                  const float *values)
{
    float *output = product->output + row * product->column_count + column;
    size_t count = product->column_count - column;
    for (size_t i = 0; i < PLAIN_COLUMNS && i < count; i++) {
        float value = values[i] + product->bias[column + i];
        output[i] = product->has_gelu ? gelu(value) : value;
    }
}

static inline void multiply_bf16(const struct cof_product *product)
{
    for (size_t column = 0; column < product->column_count; column += PLAIN_COLUMNS) {
        const uint16_t *panel =
            (const uint16_t *)(const void *)(product->weights + column * product->depth);
        for (size_t row = 0; row < product->row_count; row++) {
            const uint16_t *codes =
                (const uint16_t *)(const void *)(product->rows.codes + row * product->rows.stride);
            float sums[PLAIN_COLUMNS] = {0};
            for (size_t i = 0; i < product->depth / 2; i += 2) {
                float first = float_of_bf16(codes[i]);
                float second = float_of_bf16(codes[i + 1]);
                const uint16_t *weights = panel + i * PLAIN_COLUMNS;
                for (size_t j = 0; j < PLAIN_COLUMNS; j++)
                    sums[j] += first * float_of_bf16(weights[2 * j]) +
                               second * float_of_bf16(weights[2 * j + 1]);
            }
            finish_columns(product, row, column, sums);
        }
    }
}

static inline void multiply_int8(const struct cof_product *product)
{
    for (size_t column = 0; column < product->column_count; column += PLAIN_COLUMNS) {
        const int8_t *panel = (const int8_t *)product->weights + column * product->depth;
        for (size_t row = 0; row < product->row_count; row++) {
            const int8_t *codes = (const int8_t *)product->rows.codes + row * product->rows.stride;
            int32_t sums[PLAIN_COLUMNS] = {0};
            for (size_t i = 0; i < product->depth; i += 4) {
                const int8_t *weights = panel + i * PLAIN_COLUMNS;
                for (size_t j = 0; j < PLAIN_COLUMNS; j++)
                    sums[j] += codes[i] * weights[4 * j] + codes[i + 1] * weights[4 * j + 1] +
                               codes[i + 2] * weights[4 * j + 2] +
                               codes[i + 3] * weights[4 * j + 3];
            }
            float values[PLAIN_COLUMNS];
            for (size_t j = 0; j < PLAIN_COLUMNS; j++)
                values[j] =
                    (float)sums[j] * product->rows.scales[row] * product->column_scales[column + j];
            finish_columns(product, row, column, values);
        }
    }
}
