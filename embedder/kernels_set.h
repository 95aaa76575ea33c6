/* The sets of kernels that a build may have. */
#ifndef COF_EMBEDDER_KERNELS_SET_H
#define COF_EMBEDDER_KERNELS_SET_H

#include "kernels.h"

extern const struct cof_kernels cof_kernels_generic;
/* Of x86-64 only. */
extern const struct cof_kernels cof_kernels_avx2;
extern const struct cof_kernels cof_kernels_avx512;
extern const struct cof_kernels cof_kernels_vnni;
extern const struct cof_kernels cof_kernels_amx;

#endif
