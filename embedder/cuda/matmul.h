/* Linear layers on the device, by cuBLASLt: output = input * weights^T + bias, in half precision
 * with sums in f32.
 *
 * The library is asked once per shape which of its programs is best, and the answer is kept as a
 * plan. So that there are few of them, the number of rows is rounded up (by less than a sixteenth
 * from 256 on): the rows beyond are whatever lies there, nothing reads what becomes of them, and
 * the device works in tiles of at least that many anyway. GELU is a kernel of ours: the library has
 * one fused, but does not say that it is the exact one.
 *
 * One of these belongs to one thread and one stream. */
#ifndef COF_EMBEDDER_CUDA_MATMUL_H
#define COF_EMBEDDER_CUDA_MATMUL_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "cublaslt.h"

#define COF_CUDA_MATMUL_WORKSPACE_BYTES ((size_t)32 << 20)

/* One layer; on the device. */
struct cof_cuda_linear {
    const uint16_t *weights; /* output_size rows of input_size */
    const uint16_t *bias;    /* output_size */
    size_t input_size;
    size_t output_size;
};

struct cof_cuda_matmul;

/* The library and the workspace (COF_CUDA_MATMUL_WORKSPACE_BYTES on the device) are borrowed until
 * destroy. */
COF_MUST_USE enum cof_status cof_cuda_matmul_create(const struct cof_cublaslt *library,
                                                    void *workspace, void *stream,
                                                    struct cof_cuda_matmul **out_matmul,
                                                    struct cof_error *err);
/* What it put into the stream must be done. */
void cof_cuda_matmul_destroy(struct cof_cuda_matmul *matmul);

/* As many rows as both matrices must have room for when there are row_count of them. */
size_t cof_cuda_matmul_rows(size_t row_count);

/* Puts the product into the stream. COF_UNAVAILABLE when the library has no program for it. */
COF_MUST_USE enum cof_status cof_cuda_matmul_apply(struct cof_cuda_matmul *matmul,
                                                   const struct cof_cuda_linear *linear,
                                                   const uint16_t *input, size_t row_count,
                                                   uint16_t *output, struct cof_error *err);

#endif
