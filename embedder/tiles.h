/* The tiles of AMX: matrices of 16 rows of 64 bytes in registers.
 *
 * Every tile is configured to its full size. A function that uses them begins with tiles_begin()
 * and ends with tiles_end(), which leaves nothing for the kernel to save when it changes threads.
 */
#ifndef COF_EMBEDDER_TILES_H
#define COF_EMBEDDER_TILES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define TILE_ROWS ((size_t)16)
#define TILE_BYTES ((size_t)1024)

struct tile_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static inline void tiles_begin(void)
{
    static const struct tile_config config = {
        .palette = 1,
        .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS, TILE_ROWS,
                 TILE_ROWS},
    };
    _tile_loadconfig(&config);
}

static inline void tiles_end(void)
{
    _tile_release();
}

#endif
