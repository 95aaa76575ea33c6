/* The kernels, compiled for the processor. */
#define COF_CUDA_ON_HOST

/* Indices are signed and unsigned there as the hardware likes them. */
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-align"

#include "cuda_kernels.cu"
