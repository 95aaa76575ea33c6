/* The kernels for AVX2 with fused multiply-add; the flags stand in CMakeLists.txt. */
#include "kernels_set.h"

#define KERNELS_NAME cof_kernels_avx2
#define KERNELS_LABEL "avx2"
#include "kernels_body.h"
