/* What the kernels take from CUDA beyond the language: half precision, the warp's exchanges, tensor
 * core products, launches.
 *
 * A program that tests the kernels on a processor defines COF_CUDA_ON_HOST and brings the same
 * names in a header of its own, so nothing in cuda_kernels.cu may use CUDA but through this file
 * and the built-in threadIdx, blockIdx, __shared__, __syncthreads(). */
#ifndef COF_EMBEDDER_CUDA_WARP_CUH
#define COF_EMBEDDER_CUDA_WARP_CUH

#include <stdint.h>

#ifdef COF_CUDA_ON_HOST
#include "cuda_on_host.h"
#else
#include <cuda_fp16.h>
#include <cuda_runtime.h>

static __device__ inline float half_to_float(uint16_t half)
{
    return __half2float(__ushort_as_half(half));
}

static __device__ inline uint16_t half_from_float(float value)
{
    return __half_as_ushort(__float2half_rn(value));
}

/* Two values, the first in the lower half of the word. */
static __device__ inline uint32_t halves_from_floats(float first, float second)
{
    return (uint32_t)half_from_float(first) | (uint32_t)half_from_float(second) << 16;
}

/* The value of the lane whose number differs in the bits of `mask`. */
static __device__ inline float warp_exchange(float value, int mask)
{
    return __shfl_xor_sync(0xffffffffU, value, mask);
}

/* sums += a * b for 16 x 16 and 16 x 8 halves spread over the warp as PTX says for
 * mma.m16n8k16.row.col: with g = lane / 4 and t = lane % 4, a holds rows g and g + 8 (words 0, 1
 * and again 2, 3) at columns 2t, 2t + 1 (words 0, 1) and 2t + 8, 2t + 9 (words 2, 3); b holds
 * column g at rows 2t, 2t + 1 and 2t + 8, 2t + 9; sums hold rows g, g, g + 8, g + 8 at columns 2t,
 * 2t + 1. */
static __device__ inline void multiply_tiles(float (&sums)[4], const uint32_t (&a)[4],
                                             const uint32_t (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Two 8 x 8 blocks of halves in shared memory, transposed: lane i < 16 gives the address of row
 * i % 8 of block i / 8, on 16 bytes; each lane gets rows 2t, 2t + 1 of column g of both. */
static __device__ inline void load_transposed(uint32_t (&out)[2], const uint16_t *row)
{
    uint32_t address = (uint32_t)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(out[0]), "=r"(out[1])
                 : "r"(address)
                 : "memory");
}

template <typename... Parameters, typename... Arguments>
static int launch(void (*kernel)(Parameters...), unsigned width, unsigned height, unsigned threads,
                  void *stream, Arguments... arguments)
{
    kernel<<<dim3(width, height), threads, 0, (cudaStream_t)stream>>>(arguments...);
    return (int)cudaGetLastError();
}
#endif

#endif
