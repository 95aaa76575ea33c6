/* The copies of the kernels that a build may have. */
#ifndef COF_EMBEDDER_KERNELS_SET_H
#define COF_EMBEDDER_KERNELS_SET_H

#include "kernels.h"

extern const struct cof_kernels cof_kernels_generic;
extern const struct cof_kernels cof_kernels_avx2;   /* x86-64 only */
extern const struct cof_kernels cof_kernels_avx512; /* x86-64 only */

#endif
