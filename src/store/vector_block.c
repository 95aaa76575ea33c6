/* Blocks of vectors: at most 64 of one version of a document, little-endian, f32 or f16. */
#include "vector_block.h"

#include <math.h>
#include <string.h>

#define MAX_HALF 65504.0F
#define HALF_INFINITY 0x7c00U

static uint32_t bits_of(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* `mantissa` shifted right by `shift` bits, to the nearest, ties to even. */
static uint32_t round_shift(uint32_t mantissa, unsigned shift)
{
    uint32_t kept = mantissa >> shift;
    uint32_t rest = mantissa & ((UINT32_C(1) << shift) - 1);
    uint32_t half = UINT32_C(1) << (shift - 1);
    bool is_up = rest > half || (rest == half && (kept & 1) != 0);
    return kept + (is_up ? 1 : 0);
}

static uint16_t half_from(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000U;
    int exponent = (int)(bits >> 23 & 0xffU) - 127;
    uint32_t mantissa = bits & 0x7fffffU;
    if (exponent < -25)
        return (uint16_t)sign;
    if (exponent < -14) /* subnormal: the implied one becomes a bit like the others */
        return (uint16_t)(sign | round_shift(mantissa | 0x800000U, (unsigned)(-1 - exponent)));
    if (exponent > 15)
        return (uint16_t)(sign | HALF_INFINITY);
    /* a carry out of the mantissa rightly raises the exponent */
    return (uint16_t)(sign | (((uint32_t)(exponent + 15) << 10) + round_shift(mantissa, 13)));
}

static float float_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    uint32_t exponent = half >> 10 & 0x1fU;
    uint32_t mantissa = half & 0x3ffU;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1.0p-24F;
        return float_of(sign | bits_of(magnitude));
    }
    if (exponent == 0x1f)
        return float_of(sign | 0x7f800000U | mantissa << 13);
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

static size_t number_size(enum cof_vector_precision precision)
{
    return precision == COF_VECTOR_F16 ? 2 : 4;
}

bool cof_vectors_fit(const float *vectors, size_t count, enum cof_vector_precision precision)
{
    float limit = precision == COF_VECTOR_F16 ? MAX_HALF : __FLT_MAX__;
    bool is_fit = true;
    for (size_t i = 0; i < count; i++)
        is_fit = is_fit && fabsf(vectors[i]) <= limit; /* false for not-a-number too */
    return is_fit;
}

void cof_vector_block_encode(const float *vectors, size_t vector_count, uint32_t dimension,
                             enum cof_vector_precision precision, struct cof_buffer *out)
{
    size_t count = vector_count * dimension;
    cof_buffer_append_u16(out, (uint16_t)precision);
    cof_buffer_append_u16(out, (uint16_t)vector_count);
    cof_buffer_append_u32(out, dimension);
    uint8_t *room = cof_buffer_extend(out, count * number_size(precision));
    if (room == NULL)
        return;
    for (size_t i = 0; precision == COF_VECTOR_F16 && i < count; i++) {
        uint16_t half = half_from(vectors[i]);
        room[2 * i] = (uint8_t)half;
        room[2 * i + 1] = (uint8_t)(half >> 8);
    }
    for (size_t i = 0; precision == COF_VECTOR_F32 && i < count; i++) {
        uint32_t bits = bits_of(vectors[i]);
        room[4 * i] = (uint8_t)bits;
        room[4 * i + 1] = (uint8_t)(bits >> 8);
        room[4 * i + 2] = (uint8_t)(bits >> 16);
        room[4 * i + 3] = (uint8_t)(bits >> 24);
    }
}

enum cof_status cof_vector_block_decode(struct cof_bytes block, size_t vector_count,
                                        uint32_t dimension, float *out_vectors,
                                        struct cof_error *err)
{
    struct cof_reader reader = cof_reader_from(block);
    uint16_t precision = cof_reader_u16(&reader);
    size_t stored_count = cof_reader_u16(&reader);
    uint32_t stored_dimension = cof_reader_u32(&reader);
    size_t count = vector_count * dimension;
    const uint8_t *numbers = reader.rest.data;
    if (reader.has_failed || (precision != COF_VECTOR_F32 && precision != COF_VECTOR_F16) ||
        stored_count != vector_count || stored_dimension != dimension ||
        reader.rest.size != count * number_size((enum cof_vector_precision)precision))
        return COF_FAIL(err, COF_CORRUPT, "a block of vectors is of another shape");
    for (size_t i = 0; precision == COF_VECTOR_F16 && i < count; i++)
        out_vectors[i] = float_from_half((uint16_t)(numbers[2 * i] | numbers[2 * i + 1] << 8));
    for (size_t i = 0; precision == COF_VECTOR_F32 && i < count; i++)
        out_vectors[i] =
            float_of((uint32_t)numbers[4 * i] | (uint32_t)numbers[4 * i + 1] << 8 |
                     (uint32_t)numbers[4 * i + 2] << 16 | (uint32_t)numbers[4 * i + 3] << 24);
    return COF_OK;
}
