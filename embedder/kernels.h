/* The passes over rows of floats that lie between matrix products.
 *
 * The same plain C (kernels_body.h) is compiled once per instruction set; which copy runs is
 * decided at run time by what oneDNN finds the processor to be, so one binary serves every machine.
 * All of them are pure functions over the memory they are given: any thread. */
#ifndef COF_EMBEDDER_KERNELS_H
#define COF_EMBEDDER_KERNELS_H

#include <stddef.h>

/* Rows of scores are padded to a multiple of this many floats, so that no pass needs a tail. */
#define COF_KERNEL_LANES 16
#define COF_KERNELS_MAX_COUNT 3

struct cof_kernels {
    const char *name; /* "avx512", "avx2", "generic" */
    /* Softmax over the first `count` (>= 1) of each row; a row has room for `stride` floats, a
     * multiple of COF_KERNEL_LANES >= count, and what lies behind `count` is overwritten. */
    void (*softmax)(float *rows, size_t row_count, size_t count, size_t stride);
    /* row = layer_norm(row + addend) * scale + shift (Ba et al. 2016), over rows of `size` floats.
     * Rows lie one behind the other. */
    void (*add_layer_norm)(float *rows, const float *addends, size_t row_count, size_t size,
                           const float *scale, const float *shift, float epsilon);
    /* sums[i] += row[i] for every row. */
    void (*add_rows)(float *sums, const float *rows, size_t row_count, size_t size);
};

/* The best that this processor runs. */
const struct cof_kernels *cof_kernels_pick(void);
/* All that this processor runs, best first, and how many (at least 1); for tests. */
size_t cof_kernels_usable(const struct cof_kernels *out_kernels[COF_KERNELS_MAX_COUNT]);

#endif
