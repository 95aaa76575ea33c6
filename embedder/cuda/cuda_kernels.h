/* The kernels of the forward pass, as C functions that put one into a stream.
 *
 * Matrices are row-major with a row per token; `half` is an IEEE 754 binary16 in a uint16_t. Sums,
 * norms and softmax are computed in f32. hidden_size and head_size are multiples of 8, matrices
 * begin on 16 bytes. Every function returns at once with CUDA's error code for the launch (0:
 * none); pointers are the device's. */
#ifndef COF_EMBEDDER_CUDA_CUDA_KERNELS_H
#define COF_EMBEDDER_CUDA_CUDA_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COF_CUDA_MAX_HIDDEN_SIZE 2048
#define COF_CUDA_MAX_HEAD_SIZE 128
/* Queries that one block of the attention kernel takes. */
#define COF_CUDA_TILE_ROWS 64

/* Up to COF_CUDA_TILE_ROWS queries of one sequence. */
struct cof_cuda_tile {
    uint32_t row;   /* of the sequence's first token */
    uint32_t count; /* tokens of the sequence */
    uint32_t first; /* query, counted in the sequence */
};

/* Neighbouring rows. */
struct cof_cuda_rows {
    uint32_t row;
    uint32_t count;
};

struct cof_cuda_norm {
    const float *scale;
    const float *shift;
    float epsilon;
};

struct cof_cuda_embedding {
    const uint32_t *ids;
    const uint32_t *places; /* of each token in its sequence */
    const uint16_t *words;
    const uint16_t *positions;
    struct cof_cuda_norm norm;
    uint16_t *state;
    size_t row_count;
    size_t hidden_size;
};

struct cof_cuda_attention {
    const uint16_t *triple; /* queries, keys, values side by side */
    const struct cof_cuda_tile *tiles;
    uint16_t *context;
    size_t tile_count;
    size_t hidden_size;
    size_t head_count;
};

struct cof_cuda_addition {
    uint16_t *state;
    const uint16_t *addend;
    struct cof_cuda_norm norm;
    size_t row_count;
    size_t hidden_size;
};

struct cof_cuda_output {
    const uint16_t *state;
    const struct cof_cuda_rows *groups; /* NULL: every row alone */
    float *rows;                        /* the sum of each group's rows */
    bool is_unit_length;
    size_t group_count;
    size_t hidden_size;
    uint32_t *is_bad; /* set where a row is not finite or has no length */
};

/* out = values in half precision; sets *is_bad where one does not fit. */
int cof_cuda_convert(void *stream, const float *values, uint16_t *out, size_t count,
                     uint32_t *is_bad);
/* state = norm(words[id] + positions[place]) */
int cof_cuda_embed(void *stream, const struct cof_cuda_embedding *embedding);
/* context = softmax(queries * keys^T / sqrt(head_size)) * values, in each head of each sequence */
int cof_cuda_attend(void *stream, const struct cof_cuda_attention *attention);
/* state = norm(state + addend) */
int cof_cuda_add(void *stream, const struct cof_cuda_addition *addition);
/* The exact GELU, x * (1 + erf(x / sqrt(2))) / 2, in place; count is a multiple of 8. */
int cof_cuda_gelu(void *stream, uint16_t *values, size_t count);
int cof_cuda_write(void *stream, const struct cof_cuda_output *output);

#ifdef __cplusplus
}
#endif
#endif
