/* Hash tiles on disk and the edge of the tree that grows them. */
#include "tiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/file.h>

#define TILE_BYTES ((size_t)COF_TILE_WIDTH * sizeof(struct cof_merkle_hash))

/* "tile/<level>/x001/x234/067" below the folder. */
static enum cof_status tile_path(const char *folder, unsigned level, uint64_t index,
                                 char out_path[COF_MAX_PATH], struct cof_error *err)
{
    char groups[48];
    char name[64];
    (void)snprintf(groups, sizeof(groups), "%03" PRIu64, index % 1000);
    for (index /= 1000; index > 0; index /= 1000) {
        char longer[sizeof(groups)];
        (void)snprintf(longer, sizeof(longer), "x%03" PRIu64 "/%.40s", index % 1000, groups);
        memcpy(groups, longer, sizeof(groups));
    }
    (void)snprintf(name, sizeof(name), "tile/%u/%s", level, groups);
    return cof_path_join(out_path, folder, name, err);
}

static void root_of_tile(const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                         struct cof_merkle_hash *out_root)
{
    cof_merkle_root_of(hashes, COF_TILE_WIDTH, out_root);
}

/* Makes the tile's folders durable down from the audit folder, so that no later checkpoint stands
 * without it. */
static enum cof_status make_parent(const char *folder, const char *path, struct cof_error *err)
{
    char parent[COF_MAX_PATH];
    size_t size = strlen(path);
    memcpy(parent, path, size + 1);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    if (cof_path_is_folder(parent))
        return COF_OK;
    COF_TRY(cof_folder_create(parent, 0700, err));
    while (strlen(parent) > strlen(folder)) {
        *strrchr(parent, '/') = '\0';
        COF_TRY(cof_folder_sync(parent, err));
    }
    return COF_OK;
}

enum cof_status cof_tiles_append(struct cof_tiles *tiles, const struct cof_merkle_hash *leaf_hash,
                                 cof_tile_fn on_full, void *context, struct cof_error *err)
{
    struct cof_merkle_hash hash = *leaf_hash;
    for (unsigned level = 0; level < COF_TILE_LEVELS; level++) {
        struct cof_merkle_hash *hashes = tiles->levels[level].hashes;
        hashes[tiles->levels[level].width++] = hash;
        if (tiles->levels[level].width < COF_TILE_WIDTH)
            break;
        COF_TRY(on_full(context, level, tiles->levels[level].full_count, hashes, err));
        root_of_tile(hashes, &hash);
        tiles->levels[level].full_count++;
        tiles->levels[level].width = 0;
    }
    return COF_OK;
}

enum cof_status cof_tile_write(const char *folder, unsigned level, uint64_t index,
                               const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                               struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct cof_merkle_hash there[COF_TILE_WIDTH];
    COF_TRY(tile_path(folder, level, index, path, err));
    if (cof_tile_read(folder, level, index, there, NULL) == COF_OK &&
        memcmp(there, hashes, TILE_BYTES) == 0)
        return COF_OK;
    COF_TRY(make_parent(folder, path, err));
    return cof_file_write_atomic(
        path, (struct cof_bytes){.data = hashes[0].bytes, .size = TILE_BYTES}, 0600, err);
}

enum cof_status cof_tile_read(const char *folder, unsigned level, uint64_t index,
                              struct cof_merkle_hash out_hashes[COF_TILE_WIDTH],
                              struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_TRY(tile_path(folder, level, index, path, err));
    enum cof_status status = cof_file_read(path, TILE_BYTES, &content, err);
    if (status == COF_TOO_LARGE || (status == COF_OK && content.size != TILE_BYTES))
        return COF_FAIL(err, COF_CORRUPT, "the tile '%.160s' has not %zu bytes", path, TILE_BYTES);
    if (status == COF_OK)
        memcpy(out_hashes, content.data, TILE_BYTES);
    return status;
}

enum cof_status cof_tiles_load(const char *folder, uint64_t full_count, struct cof_tiles *out_tiles,
                               struct cof_merkle *out_tree, struct cof_error *err)
{
    struct cof_merkle tree = {0};
    memset(out_tiles, 0, sizeof(*out_tiles));
    out_tiles->levels[0].full_count = full_count;
    for (unsigned level = 1; level < COF_TILE_LEVELS; level++) {
        uint64_t below = out_tiles->levels[level - 1].full_count;
        out_tiles->levels[level].full_count = below / COF_TILE_WIDTH;
        for (uint64_t index = below - below % COF_TILE_WIDTH; index < below; index++) {
            struct cof_merkle_hash hashes[COF_TILE_WIDTH];
            COF_TRY(cof_tile_read(folder, level - 1, index, hashes, err));
            root_of_tile(hashes,
                         &out_tiles->levels[level].hashes[out_tiles->levels[level].width++]);
        }
    }
    for (unsigned level = COF_TILE_LEVELS; level-- > 1;) {
        for (size_t i = 0; i < out_tiles->levels[level].width; i++)
            cof_merkle_append_subtree(&tree, level * COF_TILE_BITS,
                                      &out_tiles->levels[level].hashes[i]);
    }
    *out_tree = tree;
    return COF_OK;
}
