/* The kernels for AVX-512 with VNNI: products of 8-bit integers, 64 in one instruction.
 *
 * The instruction takes unsigned bytes times signed ones. The rows are the signed ones, because
 * they are what it can broadcast from memory; so weights are stored as w + 128, and the sums begin
 * at -128 * the sum of the row's codes. */
#include "attend.h"
#include "kernels_avx512.h"
#include "kernels_plain.h"
#include "kernels_set.h"

/* 24 sums, 4 vectors of weights and a broadcast code: 29 of the 32 registers. */
#define ROWS ((size_t)6)
#define VECTORS ((size_t)4)
#define COLUMNS (16 * VECTORS)

/* Up to ROWS rows and one panel of columns. */
struct block {
    size_t row;
    size_t row_count;
    size_t column;
};

static inline __m512i broadcast_4(const int8_t *codes)
{
    int32_t bits = 0;
    memcpy(&bits, codes, sizeof(bits));
    return _mm512_set1_epi32(bits);
}

static void finish_block(const struct cof_product *product, const struct block *block,
                         int32_t sums[ROWS][COLUMNS])
{
    for (size_t c = 0; c < COLUMNS && block->column + c < product->column_count; c += 16) {
        size_t column = block->column + c;
        __mmask16 mask = mask_of(product->column_count - column);
        __m512 scale = _mm512_loadu_ps(product->column_scales + column);
        __m512 bias = _mm512_loadu_ps(product->bias + column);
        for (size_t r = 0; r < block->row_count; r++) {
            size_t row = block->row + r;
            __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(product->rows.scales[row]));
            __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums[r] + c));
            __m512 value = _mm512_fmadd_ps(sum, factor, bias);
            if (product->has_gelu)
                value = fast_gelu(value);
            _mm512_mask_storeu_ps(product->output + row * product->column_count + column, mask,
                                  value);
        }
    }
}

/* Behind the last row it is repeated; nothing is stored for what that gives. */
static void multiply_block(const struct cof_product *product, const struct block *block)
{
    const uint8_t *panel = product->weights + block->column * product->depth;
    const int8_t *rows[ROWS];
    __m512i sums[ROWS][VECTORS];
    UNROLLED
    for (size_t r = 0; r < ROWS; r++) {
        size_t row = block->row + (r < block->row_count ? r : block->row_count - 1);
        rows[r] = (const int8_t *)product->rows.codes + row * product->rows.stride;
        UNROLLED
        for (size_t v = 0; v < VECTORS; v++)
            sums[r][v] = _mm512_set1_epi32(-128 * product->rows.sums[row]);
    }
    for (size_t i = 0; i < product->depth; i += 4) {
        __m512i weights[VECTORS];
        UNROLLED
        for (size_t v = 0; v < VECTORS; v++)
            weights[v] = _mm512_loadu_si512(panel + i * COLUMNS + 64 * v);
        UNROLLED
        for (size_t r = 0; r < ROWS; r++) {
            __m512i codes = broadcast_4(rows[r] + i);
            UNROLLED
            for (size_t v = 0; v < VECTORS; v++)
                sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], weights[v], codes);
        }
    }
    _Alignas(64) int32_t given[ROWS][COLUMNS];
    UNROLLED
    for (size_t r = 0; r < ROWS; r++) {
        UNROLLED
        for (size_t v = 0; v < VECTORS; v++)
            _mm512_store_si512(given[r] + 16 * v, sums[r][v]);
    }
    finish_block(product, block, given);
}

static void multiply_int8_vnni(const struct cof_product *product)
{
    struct block block;
    for (block.column = 0; block.column < product->column_count; block.column += COLUMNS) {
        for (block.row = 0; block.row < product->row_count; block.row += ROWS) {
            size_t left = product->row_count - block.row;
            block.row_count = left < ROWS ? left : ROWS;
            multiply_block(product, &block);
        }
    }
}

const struct cof_kernels cof_kernels_vnni = {
    .name = "vnni",
    .softmax = softmax,
    .add_layer_norm = add_layer_norm,
    .add_rows = add_rows,
    .encode_bf16 = encode_bf16,
    .encode_int8 = encode_int8_avx512,
    .bf16_panel_columns = PLAIN_COLUMNS,
    .int8_panel_columns = COLUMNS,
    .int8_offset = 128,
    .multiply_bf16 = multiply_bf16,
    .multiply_int8 = multiply_int8_vnni,
    .attend_f32 = cof_attend_avx512,
    .attend_f32_scratch = cof_attend_avx512_scratch,
};
