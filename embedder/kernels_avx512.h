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

/* rows[i] lane j becomes rows[j] lane i, of 16 rows of 16 lanes. */
static inline void transpose_16(__m512i rows[16])
{
    __m512i t[16];
    UNROLLED
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    UNROLLED
    for (int i = 0; i < 4; i++) {
        rows[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        rows[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        rows[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        rows[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    UNROLLED
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xDD);
        t[8 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xDD);
    }
    UNROLLED
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        rows[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        rows[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xDD);
        rows[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xDD);
    }
}

#endif
