/* The kernels for AMX: products of 8-bit integers and of bf16, a tile of 16 by 16 sums at a time.
 *
 * Four tiles of sums (32 rows, 32 columns) share two tiles of rows and two of weights, so a tile
 * that is loaded is used twice. A panel's weights stay in the first-level cache while all rows pass
 * by. Between the tile instructions of one block the block before it is finished (scaled, GELU,
 * stored) a few rows at a time: the two kinds of work use different units, but the processor looks
 * ahead too short a way to overlap whole blocks by itself. */
#include "attend.h"
#include "kernels_avx512.h"
#include "kernels_plain.h"
#include "kernels_set.h"
#include "tiles.h"

#define BLOCK ((size_t)32)

/* How far ahead weights are fetched; panels lie one behind the other. */
#define AHEAD_BYTES 4096

/* Up to BLOCK rows and one panel of columns; and what the products gave, of four bytes each. */
struct block {
    size_t row;
    size_t row_count;
    size_t column;
    _Alignas(64) uint8_t sums[BLOCK][4 * BLOCK];
};

/* Of one row, two vectors side by side. */
static inline void store_values(const struct cof_product *product, size_t row, size_t column,
                                __m512 value[2])
{
    size_t left = product->column_count - column;
    size_t place = row * product->column_count + column;
    if (product->has_gelu) {
        value[0] = fast_gelu(value[0]);
        value[1] = fast_gelu(value[1]);
    }
    if (product->output_bf16 != NULL) {
        __m512i both = (__m512i)_mm512_cvtne2ps_pbh(value[1], value[0]);
        __mmask32 mask = left >= BLOCK ? 0xFFFFFFFFU : (1U << left) - 1U;
        _mm512_mask_storeu_epi16(product->output_bf16 + place, mask, both);
    } else if (left >= BLOCK) {
        _mm512_storeu_ps(product->output + place, value[0]);
        _mm512_storeu_ps(product->output + place + 16, value[1]);
    } else {
        _mm512_mask_storeu_ps(product->output + place, mask_of(left), value[0]);
        _mm512_mask_storeu_ps(product->output + place + 16, mask_of(left > 16 ? left - 16 : 0),
                              value[1]);
    }
}

#define NAMED(verb) verb##_int8
#define TILES_DOT _tile_dpbssd
#define HAS_SCALES true
#include "kernels_amx_product.h"

#define NAMED(verb) verb##_bf16
#define TILES_DOT _tile_dpbf16ps
#define HAS_SCALES false
#include "kernels_amx_product.h"

const struct cof_kernels cof_kernels_amx = {
    .name = "amx",
    .softmax = softmax,
    .add_layer_norm = add_layer_norm,
    .add_rows = add_rows,
    .encode_bf16 = encode_bf16,
    .encode_int8 = encode_int8_avx512,
    .bf16_panel_columns = BLOCK,
    .int8_panel_columns = BLOCK,
    .multiply_bf16 = multiply_tiles_bf16,
    .multiply_int8 = multiply_tiles_int8,
    .attend_f32 = cof_attend_avx512,
    .attend_f32_scratch = cof_attend_avx512_scratch,
    .attend_bf16 = cof_attend_amx,
    .attend_bf16_scratch = cof_attend_amx_scratch,
};
