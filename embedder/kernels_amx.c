/* The kernels for AMX: products of 8-bit integers and of bf16, a tile of 16 by 16 sums at a time.
 *
 * Four tiles of sums (32 rows, 32 columns) share two tiles of rows and two of weights, so a tile
 * that is loaded is used twice. A panel's weights stay in the first-level cache while all rows pass
 * by. */
#include "attend.h"
#include "kernels_avx512.h"
#include "kernels_plain.h"
#include "kernels_set.h"
#include "tiles.h"

#define BLOCK 32

/* Up to BLOCK rows and one panel of columns; and what the products gave, of four bytes each. */
struct block {
    size_t row;
    size_t row_count;
    size_t column;
    _Alignas(64) uint8_t sums[BLOCK][4 * BLOCK];
};

static inline void store_values(const struct cof_product *product, size_t row, size_t column,
                                __m512 value)
{
    __mmask16 mask = mask_of(product->column_count - column);
    size_t place = row * product->column_count + column;
    if (product->has_gelu)
        value = fast_gelu(value);
    if (product->output_bf16 != NULL)
        _mm256_mask_storeu_epi16(product->output_bf16 + place, mask,
                                 (__m256i)_mm512_cvtneps_pbh(value));
    else
        _mm512_mask_storeu_ps(product->output + place, mask, value);
}

static void finish_int8(const struct cof_product *product, const struct block *block)
{
    for (size_t c = 0; c < BLOCK && block->column + c < product->column_count; c += 16) {
        size_t column = block->column + c;
        __m512 scale = _mm512_loadu_ps(product->column_scales + column);
        __m512 bias = _mm512_loadu_ps(product->bias + column);
        for (size_t r = 0; r < block->row_count; r++) {
            size_t row = block->row + r;
            __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(product->rows.scales[row]));
            __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(block->sums[r] + 4 * c));
            store_values(product, row, column, _mm512_fmadd_ps(sum, factor, bias));
        }
    }
}

static void finish_bf16(const struct cof_product *product, const struct block *block)
{
    for (size_t c = 0; c < BLOCK && block->column + c < product->column_count; c += 16) {
        size_t column = block->column + c;
        __m512 bias = _mm512_loadu_ps(product->bias + column);
        for (size_t r = 0; r < block->row_count; r++) {
            __m512 sum = _mm512_load_ps(block->sums[r] + 4 * c);
            store_values(product, block->row + r, column, _mm512_add_ps(sum, bias));
        }
    }
}

static inline void store_tiles(struct block *block)
{
    _tile_stored(0, block->sums[0], 4 * BLOCK);
    _tile_stored(1, block->sums[0] + 64, 4 * BLOCK);
    _tile_stored(2, block->sums[TILE_ROWS], 4 * BLOCK);
    _tile_stored(3, block->sums[TILE_ROWS] + 64, 4 * BLOCK);
}

#define LOAD_TILES(i)                                                                              \
    _tile_loadd(4, rows + (i), stride);                                                            \
    _tile_loadd(5, rows + TILE_ROWS * stride + (i), stride);                                       \
    _tile_loadd(6, panel + (i)*BLOCK, 4 * BLOCK);                                                  \
    _tile_loadd(7, panel + (i)*BLOCK + 64, 4 * BLOCK)

static inline void zero_tiles(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

static void multiply_block_int8(const struct cof_product *product, struct block *block)
{
    const uint8_t *panel = product->weights + block->column * product->depth;
    const uint8_t *rows = product->rows.codes + block->row * product->rows.stride;
    size_t stride = product->rows.stride;
    zero_tiles();
    for (size_t i = 0; i < product->depth; i += COF_CODE_STEP) {
        LOAD_TILES(i);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    store_tiles(block);
}

static void multiply_block_bf16(const struct cof_product *product, struct block *block)
{
    const uint8_t *panel = product->weights + block->column * product->depth;
    const uint8_t *rows = product->rows.codes + block->row * product->rows.stride;
    size_t stride = product->rows.stride;
    zero_tiles();
    for (size_t i = 0; i < product->depth; i += COF_CODE_STEP) {
        LOAD_TILES(i);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    store_tiles(block);
}

static bool next_block(const struct cof_product *product, struct block *block)
{
    block->row += BLOCK;
    if (block->row >= product->row_count) {
        block->row = 0;
        block->column += BLOCK;
    }
    size_t left = product->row_count - block->row;
    block->row_count = left < BLOCK ? left : BLOCK;
    return block->column < product->column_count;
}

static struct block first_block(const struct cof_product *product)
{
    return (struct block){.row_count = product->row_count < BLOCK ? product->row_count : BLOCK};
}

static void multiply_int8_amx(const struct cof_product *product)
{
    struct block block = first_block(product);
    tiles_begin();
    do {
        multiply_block_int8(product, &block);
        finish_int8(product, &block);
    } while (next_block(product, &block));
    tiles_end();
}

static void multiply_bf16_amx(const struct cof_product *product)
{
    struct block block = first_block(product);
    tiles_begin();
    do {
        multiply_block_bf16(product, &block);
        finish_bf16(product, &block);
    } while (next_block(product, &block));
    tiles_end();
}

const struct cof_kernels cof_kernels_amx = {
    .name = "amx",
    .softmax = softmax,
    .add_layer_norm = add_layer_norm,
    .add_rows = add_rows,
    .encode_bf16 = encode_bf16,
    .encode_int8 = encode_int8,
    .bf16_panel_columns = BLOCK,
    .int8_panel_columns = BLOCK,
    .multiply_bf16 = multiply_bf16_amx,
    .multiply_int8 = multiply_int8_amx,
    .attend_f32 = cof_attend_avx512,
    .attend_f32_scratch = cof_attend_avx512_scratch,
    .attend_bf16 = cof_attend_amx,
    .attend_bf16_scratch = cof_attend_amx_scratch,
};
