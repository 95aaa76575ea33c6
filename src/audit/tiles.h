/* Hash tiles (C2SP tlog-tiles.md): `tile/<level>/<index>`, 256 hashes each.
 *
 * Only full tiles are kept on disk: they never change once written. The partial ones of a
 * checkpoint follow from the segments. A tile is durable before a checkpoint that covers it is
 * signed. */
#ifndef COF_AUDIT_TILES_PRIVATE_H
#define COF_AUDIT_TILES_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "merkle.h"

#define COF_TILE_WIDTH 256
#define COF_TILE_BITS 8
#define COF_TILE_LEVELS 8

/* The right edge of the tree, level by level. */
struct cof_tiles {
    struct {
        uint64_t full_count; /* full tiles before this one */
        size_t width;
        struct cof_merkle_hash hashes[COF_TILE_WIDTH];
    } levels[COF_TILE_LEVELS];
};

typedef enum cof_status (*cof_tile_fn)(void *context, unsigned level, uint64_t index,
                                       const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                       struct cof_error *err);

/* Adds a leaf hash; `on_full` is called for each tile that it fills, lowest level first. */
COF_MUST_USE enum cof_status cof_tiles_append(struct cof_tiles *tiles,
                                              const struct cof_merkle_hash *leaf_hash,
                                              cof_tile_fn on_full, void *context,
                                              struct cof_error *err);
/* Writes a tile durably; one that is there with the same content is left alone. */
COF_MUST_USE enum cof_status cof_tile_write(const char *folder, unsigned level, uint64_t index,
                                            const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                            struct cof_error *err);
/* COF_NOT_FOUND, COF_CORRUPT (not the size of a tile). */
COF_MUST_USE enum cof_status cof_tile_read(const char *folder, unsigned level, uint64_t index,
                                           struct cof_merkle_hash out_hashes[COF_TILE_WIDTH],
                                           struct cof_error *err);
/* The edge and the tree after `full_count` level-0 tiles, from the tiles on disk. */
COF_MUST_USE enum cof_status cof_tiles_load(const char *folder, uint64_t full_count,
                                            struct cof_tiles *out_tiles,
                                            struct cof_merkle *out_tree, struct cof_error *err);

#endif
