/* Blocks of vectors: at most 64 of one version of a document, little-endian, f32 or f16.
 *
 * Layout: u16 precision | u16 count | u32 dimension, big-endian, then count * dimension numbers,
 * little-endian IEEE 754 (binary32 or binary16, rounded to nearest, ties to even). */
#ifndef COF_STORE_VECTOR_BLOCK_H
#define COF_STORE_VECTOR_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/store/document.h>

#define COF_VECTOR_BLOCK_COUNT 64

/* Whether every number is finite and, for f16, not beyond its greatest (65,504). */
bool cof_vectors_fit(const float *vectors, size_t count, enum cof_vector_precision precision);

void cof_vector_block_encode(const float *vectors, size_t vector_count, uint32_t dimension,
                             enum cof_vector_precision precision, struct cof_buffer *out);
/* Writes vector_count * dimension floats. COF_CORRUPT when the block is not of that shape. */
COF_MUST_USE enum cof_status cof_vector_block_decode(struct cof_bytes block, size_t vector_count,
                                                     uint32_t dimension, float *out_vectors,
                                                     struct cof_error *err);

#endif
