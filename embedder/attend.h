/* Attention written by hand; which set of kernels has which stands in kernels_*.c. */
#ifndef COF_EMBEDDER_ATTEND_H
#define COF_EMBEDDER_ATTEND_H

#include "kernels.h"

/* AVX-512, in floats. Heads of a multiple of 16 numbers. */
void cof_attend_avx512(const struct cof_attention *attention);
size_t cof_attend_avx512_scratch(size_t token_count, size_t head_size);

/* AMX, products of bf16. Heads of a multiple of 32 numbers. */
void cof_attend_amx(const struct cof_attention *attention);
size_t cof_attend_amx_scratch(size_t token_count, size_t head_size);

#endif
