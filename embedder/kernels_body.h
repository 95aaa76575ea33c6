/* The kernels in plain C; each including file is compiled for one instruction set and makes its
 * set of them.
 *
 * These are plain loops for the compiler to vectorise. It may reorder the sums here and take values
 * for finite (the flags in CMakeLists.txt): a result depends on the build and the instruction set
 * in its last digits, and weights that are not finite are refused when a model is opened. */
#include "kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VERY_SMALL (-3.0e38F)

/* e^x for x <= 0 (Cephes' expf: Cody-Waite reduction, a polynomial of degree 5); relative error
 * below 3e-7, and e^-87 for everything below -87. */
static inline float exponential(float x)
{
    float clamped = x > -87.0F ? x : -87.0F;
    int32_t whole = (int32_t)(clamped * 1.44269504F - 0.5F); /* rounded, as x is never positive */
    float r = clamped - (float)whole * 0.693359375F + (float)whole * 2.12194440e-4F;
    float p = 1.9875691500e-4F;
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    uint32_t bits = (uint32_t)(whole + 127) << 23; /* 2^whole */
    float power = 0;
    memcpy(&power, &bits, sizeof(power));
    return p * power;
}

static void softmax_row(float *restrict row, size_t count, size_t stride)
{
    for (size_t i = count; i < stride; i++)
        row[i] = VERY_SMALL;
    float highest = VERY_SMALL;
    for (size_t i = 0; i < stride; i++)
        highest = row[i] > highest ? row[i] : highest;
    float sum = 0;
    for (size_t i = 0; i < stride; i++) {
        float value = exponential(row[i] - highest);
        row[i] = value;
        sum += value;
    }
    float scale = 1.0F / sum;
    for (size_t i = 0; i < stride; i++)
        row[i] *= scale;
}

static void softmax(float *rows, size_t row_count, size_t count, size_t stride)
{
    for (size_t i = 0; i < row_count; i++)
        softmax_row(rows + i * stride, count, stride);
}

/* Mean first, then the squares of what is left: one pass over both loses digits. */
static void layer_norm_row(float *restrict row, const float *restrict addend, size_t size,
                           const float *restrict scale, const float *restrict shift, float epsilon)
{
    float sum = 0;
    for (size_t i = 0; i < size; i++) {
        row[i] += addend[i];
        sum += row[i];
    }
    float mean = sum / (float)size;
    float squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (row[i] - mean) * (row[i] - mean);
    float factor = 1.0F / sqrtf(squares / (float)size + epsilon);
    for (size_t i = 0; i < size; i++)
        row[i] = (row[i] - mean) * factor * scale[i] + shift[i];
}

static void add_layer_norm(float *rows, const float *addends, size_t row_count, size_t size,
                           const float *scale, const float *shift, float epsilon)
{
    for (size_t i = 0; i < row_count; i++)
        layer_norm_row(rows + i * size, addends + i * size, size, scale, shift, epsilon);
}

static void add_rows(float *restrict sums, const float *restrict rows, size_t row_count,
                     size_t size)
{
    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = 0; j < size; j++)
            sums[j] += rows[i * size + j];
    }
}

/* Rounded to nearest even; never a NaN, see above. */
static inline uint16_t bf16_of(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return (uint16_t)((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

static inline float float_of_bf16(uint16_t code)
{
    uint32_t bits = (uint32_t)code << 16;
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void encode_bf16(const float *values, size_t row_count, size_t size,
                        const struct cof_rows *out_rows)
{
    for (size_t r = 0; r < row_count; r++) {
        const float *restrict row = values + r * size;
        uint16_t *restrict codes = (uint16_t *)(void *)(out_rows->codes + r * out_rows->stride);
        for (size_t i = 0; i < size; i++)
            codes[i] = bf16_of(row[i]);
        for (size_t i = size; i < out_rows->stride / 2; i++)
            codes[i] = 0;
    }
}

static inline void encode_int8(const float *values, size_t row_count, size_t size,
                               const struct cof_rows *out_rows)
{
    for (size_t r = 0; r < row_count; r++) {
        const float *restrict row = values + r * size;
        int8_t *restrict codes = (int8_t *)(out_rows->codes + r * out_rows->stride);
        float most = 1e-30F;
        for (size_t i = 0; i < size; i++)
            most = fabsf(row[i]) > most ? fabsf(row[i]) : most;
        float factor = 127.0F / most;
        int32_t sum = 0;
        for (size_t i = 0; i < size; i++) {
            int32_t code = (int32_t)rintf(row[i] * factor);
            codes[i] = (int8_t)code;
            sum += code;
        }
        for (size_t i = size; i < out_rows->stride; i++)
            codes[i] = 0;
        out_rows->scales[r] = most / 127.0F;
        out_rows->sums[r] = sum;
    }
}
