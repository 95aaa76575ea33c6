/* The part of CUDA's language that embedder/cuda/cuda_kernels.cu uses, for an ordinary C++
 * compiler.
 *
 * A block's threads are fibres: one runs until it comes to a barrier or to an exchange of its warp,
 * then the next. Shared memory is static, because there is only one block at a time. A barrier that
 * some thread of the block or warp never reaches ends the test. */
#ifndef COF_TESTS_UNIT_EMBEDDER_CUDA_ON_HOST_H
#define COF_TESTS_UNIT_EMBEDDER_CUDA_ON_HOST_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include <functional>

#include "cuda_double.h"

#define __global__
#define __device__
#define __shared__ static
#define __align__(size) __attribute__((aligned(size)))

struct cuda_on_host_index {
    unsigned x;
    unsigned y;
};

extern struct cuda_on_host_index threadIdx;
extern struct cuda_on_host_index blockIdx;
extern struct cuda_on_host_index blockDim;

void __syncthreads(void);

/* Waits for the warp's 32 lanes, each of which brings `size` (at most 64) bytes; returns all of
 * them, 64 bytes a lane, good until the lane's next exchange but one. */
const unsigned char *cuda_on_host_exchange(const void *bytes, size_t size);

float half_to_float(uint16_t half);
uint16_t half_from_float(float value);
uint32_t halves_from_floats(float first, float second);
float warp_exchange(float value, int mask);
void multiply_tiles(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void load_transposed(uint32_t (&out)[2], const uint16_t *row);

int cuda_on_host_launch(unsigned width, unsigned height, unsigned threads, void *stream,
                        std::function<void()> kernel);

template <typename... Parameters, typename... Arguments>
static int launch(void (*kernel)(Parameters...), unsigned width, unsigned height, unsigned threads,
                  void *stream, Arguments... arguments)
{
    return cuda_on_host_launch(width, height, threads, stream, [=] { kernel(arguments...); });
}

#endif
