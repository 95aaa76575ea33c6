/* What the files written for AVX-512 share. */
#ifndef COF_EMBEDDER_KERNELS_AVX512_H
#define COF_EMBEDDER_KERNELS_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

/* Loops over registers must be unrolled whole, or the registers become memory. */
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

static inline __mmask16 mask_of(size_t count)
{
    return (__mmask16)(count >= 16 ? 0xFFFFU : (1U << count) - 1U);
}

/* x * Phi(x), Phi by an odd polynomial of degree 13 up to 3.6 (weighted least squares, repeated
 * until the greatest error was least): off by at most 7e-5 there and by 1.6e-4 of x beyond. */
static inline __m512 fast_gelu(__m512 x)
{
    __m512 near = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-3.6F)), _mm512_set1_ps(3.6F));
    __m512 t = _mm512_mul_ps(near, near);
    __m512 p = _mm512_set1_ps(3.99286548e-8F);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-2.37519476e-6F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(6.16382915e-5F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-9.31784863e-4F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(9.2800188e-3F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-6.55659712e-2F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(3.98518119e-1F));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(p, near, _mm512_set1_ps(0.5F)));
}

/* The greater of the absolute values, lane by lane. */
static inline __m512 greater_magnitude(__m512 a, __m512 b)
{
    return _mm512_range_ps(a, b, 0x0B);
}

/* The greatest absolute value. */
static inline float find_most(const float *row, size_t size)
{
    enum { ABSOLUTE_MAXIMUM = 0x0B }; /* clang takes no variable here */
    __m512 most[4];
    size_t i = 0;
    UNROLLED
    for (size_t v = 0; v < 4; v++)
        most[v] = _mm512_setzero_ps();
    for (; i + 64 <= size; i += 64) {
        UNROLLED
        for (size_t v = 0; v < 4; v++)
            most[v] = greater_magnitude(most[v], _mm512_loadu_ps(row + i + 16 * v));
    }
    for (; i < size; i += 16)
        most[0] = greater_magnitude(most[0], _mm512_maskz_loadu_ps(mask_of(size - i), row + i));
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
}

/* What encode_int8() of kernels_body.h does. */
static inline void encode_int8_avx512(const float *values, size_t row_count, size_t size,
                                      const struct cof_rows *out_rows)
{
    for (size_t r = 0; r < row_count; r++) {
        const float *row = values + r * size;
        uint8_t *codes = out_rows->codes + r * out_rows->stride;
        float most = find_most(row, size);
        if (most < 1e-30F)
            most = 1e-30F;
        __m512 factor = _mm512_set1_ps(127.0F / most);
        __m512i sums = _mm512_setzero_si512();
        size_t whole = size / 16 * 16;
        for (size_t i = 0; i < whole; i += 16) {
            __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(row + i), factor));
            sums = _mm512_add_epi32(sums, code);
            _mm_storeu_si128((__m128i *)(void *)(codes + i), _mm512_cvtepi32_epi8(code));
        }
        for (size_t i = whole; i < out_rows->stride; i += 16) {
            __mmask16 mask = i < size ? mask_of(size - i) : 0;
            __m512i code =
                _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, row + i), factor));
            sums = _mm512_add_epi32(sums, code);
            _mm_storeu_si128((__m128i *)(void *)(codes + i), _mm512_cvtepi32_epi8(code));
        }
        out_rows->scales[r] = most / 127.0F;
        out_rows->sums[r] = _mm512_reduce_add_epi32(sums);
    }
}

/* rows[i] lane j becomes rows[j] lane i, of 16 rows of 16 lanes. */
static inline void transpose_16(__m512i rows[16])
{
    __m512i t[16];
    UNROLLED
    for (size_t i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    UNROLLED
    for (size_t i = 0; i < 4; i++) {
        rows[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        rows[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        rows[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        rows[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    UNROLLED
    for (size_t i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xDD);
        t[8 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xDD);
    }
    UNROLLED
    for (size_t i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        rows[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        rows[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xDD);
        rows[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xDD);
    }
}

#endif
