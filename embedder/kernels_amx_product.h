/* The product by tiles, included by kernels_amx.c once for each kind of code, with NAMED, TILES_DOT
 * (the instruction) and HAS_SCALES (sums are integers to be scaled) defined. */

/* Rows begin to end of a block. */
static inline void NAMED(finish)(const struct cof_product *product, const struct block *block,
                                 size_t begin, size_t end)
{
    const float *biases = product->bias + block->column;
    const __m512 bias[2] = {_mm512_loadu_ps(biases), _mm512_loadu_ps(biases + 16)};
    for (size_t r = begin; r < end; r++) {
        const uint8_t *sums = block->sums[r];
        __m512 value[2];
        UNROLLED
        for (size_t v = 0; v < 2; v++) {
            if (HAS_SCALES) {
                __m512 scale = _mm512_loadu_ps(product->column_scales + block->column + 16 * v);
                __m512 row_scale = _mm512_set1_ps(product->rows.scales[block->row + r]);
                __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums + 64 * v));
                value[v] = _mm512_fmadd_ps(sum, _mm512_mul_ps(scale, row_scale), bias[v]);
            } else {
                value[v] = _mm512_add_ps(_mm512_load_ps(sums + 64 * v), bias[v]);
            }
        }
        store_values(product, block->row + r, block->column, value);
    }
}

/* Multiplies `block` and meanwhile finishes `before`, unless that has no rows. */
static void NAMED(multiply_block)(const struct cof_product *product, struct block *block,
                                  const struct block *before)
{
    const uint8_t *panel = product->weights + block->column * product->depth;
    const uint8_t *rows = product->rows.codes + block->row * product->rows.stride;
    size_t stride = product->rows.stride;
    size_t finished = 0;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t i = 0; i < product->depth; i += COF_CODE_STEP) {
        const uint8_t *weights = panel + i * BLOCK;
        _tile_loadd(6, weights, 4 * BLOCK);
        _tile_loadd(4, rows + i, stride);
        TILES_DOT(0, 4, 6);
        _tile_loadd(7, weights + 64, 4 * BLOCK);
        TILES_DOT(1, 4, 7);
        _tile_loadd(5, rows + TILE_ROWS * stride + i, stride);
        TILES_DOT(2, 5, 6);
        TILES_DOT(3, 5, 7);
        size_t end = before->row_count * (i + COF_CODE_STEP) / product->depth;
        NAMED(finish)(product, before, finished, end);
        finished = end;
    }
    _tile_stored(0, block->sums[0], 4 * BLOCK);
    _tile_stored(1, block->sums[0] + 64, 4 * BLOCK);
    _tile_stored(2, block->sums[TILE_ROWS], 4 * BLOCK);
    _tile_stored(3, block->sums[TILE_ROWS] + 64, 4 * BLOCK);
}

static void NAMED(multiply_tiles)(const struct cof_product *product)
{
    struct block blocks[2];
    size_t turn = 0;
    blocks[1].row_count = 0;
    blocks[1].column = 0;
    tiles_begin();
    for (size_t column = 0; column < product->column_count; column += BLOCK) {
        for (size_t row = 0; row < product->row_count; row += BLOCK) {
            struct block *block = &blocks[turn];
            size_t left = product->row_count - row;
            block->row = row;
            block->row_count = left < BLOCK ? left : BLOCK;
            block->column = column;
            turn = 1 - turn;
            NAMED(multiply_block)(product, block, &blocks[turn]);
        }
    }
    NAMED(finish)(product, &blocks[1 - turn], 0, blocks[1 - turn].row_count);
    tiles_end();
}

#undef NAMED
#undef TILES_DOT
#undef HAS_SCALES
