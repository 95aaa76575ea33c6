/* Everything that an encoder computes besides oneDNN's products of floats.
 *
 * There is one set of kernels per instruction set, and one is chosen at run time by what oneDNN
 * finds the processor to be, so one binary serves every machine. The passes over rows are plain C
 * (kernels_body.h), compiled once per set; products of codes and attention are written by hand
 * where the processor has instructions for them (kernels_vnni.c, kernels_amx.c, attend_*.c).
 * All are pure functions over the memory they are given: any thread. */
#ifndef COF_EMBEDDER_KERNELS_H
#define COF_EMBEDDER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of scores are padded to a multiple of this many floats, so that no pass needs a tail. */
#define COF_KERNEL_LANES 16
#define COF_KERNELS_MAX_COUNT 5

/* A row's codes take a multiple of this many bytes, the last ones 0; and behind the last row of a
 * matrix that goes into a product there is room for COF_CODE_SPARE_ROWS more, which may be read. */
#define COF_CODE_STEP 64
#define COF_CODE_SPARE_ROWS 31

/* Rows of numbers as products read them. int8: value = code * scale of its row. bf16: the upper
 * half of a float, rounded to nearest even; scales and sums are not used. */
struct cof_rows {
    uint8_t *codes;
    size_t stride; /* bytes from one row to the next, a multiple of COF_CODE_STEP */
    float *scales; /* one a row */
    int32_t *sums; /* one a row: of its codes */
};

/* output = activation(rows * weights^T + bias), column_count floats a row, densely. */
struct cof_product {
    struct cof_rows rows;
    size_t row_count;
    /* Panels of …_panel_columns outputs; in a panel, for every 4 bytes of depth, those 4 bytes of
     * each output (the last panel is filled with zeros). */
    const uint8_t *weights;
    size_t depth; /* bytes, a multiple of COF_CODE_STEP */
    size_t column_count;
    const float *column_scales; /* int8: one a column, filled to whole panels */
    const float *bias;          /* one a column, filled to whole panels */
    bool has_gelu;              /* x * Phi(x), to 1e-4 and 2e-4 of x */
    float *output;
    uint16_t *output_bf16; /* instead of `output`, where the set has attend_bf16 */
};

/* softmax(queries * keys^T / sqrt(head size)) * values, of all heads of one sequence. */
struct cof_attention {
    const void *triple; /* token_count rows: queries, keys, values, each hidden_size wide; floats or
                         * bf16, for which COF_CODE_SPARE_ROWS more rows may be read */
    size_t token_count;
    size_t hidden_size;
    size_t head_count;
    float *context; /* token_count rows of hidden_size */
    float *scratch; /* on a cache line; scratch_size(token_count, head size) floats */
};

struct cof_kernels {
    const char *name; /* "amx", "vnni", "avx512", "avx2", "generic" */
    /* Softmax over the first `count` (>= 1) of each row; a row has room for `stride` floats, a
     * multiple of COF_KERNEL_LANES >= count, and what lies behind `count` is overwritten. */
    void (*softmax)(float *rows, size_t row_count, size_t count, size_t stride);
    /* row = layer_norm(row + addend) * scale + shift (Ba et al. 2016), over rows of `size` floats.
     * Rows lie one behind the other. */
    void (*add_layer_norm)(float *rows, const float *addends, size_t row_count, size_t size,
                           const float *scale, const float *shift, float epsilon);
    /* sums[i] += row[i] for every row. */
    void (*add_rows)(float *sums, const float *rows, size_t row_count, size_t size);

    /* Writes codes (and for int8 scales and sums) of rows of `size` floats. */
    void (*encode_bf16)(const float *values, size_t row_count, size_t size,
                        const struct cof_rows *out_rows);
    void (*encode_int8)(const float *values, size_t row_count, size_t size,
                        const struct cof_rows *out_rows);
    size_t bf16_panel_columns;
    size_t int8_panel_columns;
    uint8_t int8_offset; /* weights are stored as w + offset; 128 where the instruction wants it */
    void (*multiply_bf16)(const struct cof_product *product);
    void (*multiply_int8)(const struct cof_product *product);

    /* (optional) Both default to oneDNN and softmax. Heads of a multiple of 16 numbers. */
    void (*attend_f32)(const struct cof_attention *attention);
    size_t (*attend_f32_scratch)(size_t token_count, size_t head_size);
    /* Heads of a multiple of 32 numbers. */
    void (*attend_bf16)(const struct cof_attention *attention);
    size_t (*attend_bf16_scratch)(size_t token_count, size_t head_size);
};

/* The best that this processor runs. */
const struct cof_kernels *cof_kernels_pick(void);
/* All that this processor runs, best first, and how many (at least 1); for tests. */
size_t cof_kernels_usable(const struct cof_kernels *out_kernels[COF_KERNELS_MAX_COUNT]);

#endif
