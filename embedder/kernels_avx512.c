/* The kernels for AVX-512 (F, VL, BW, DQ); the flags stand in CMakeLists.txt. */
#include "kernels_set.h"

#define KERNELS_NAME cof_kernels_avx512
#define KERNELS_LABEL "avx512"
#include "kernels_body.h"
