/* Tiles: the paths and contents of C2SP tlog-tiles, and the tree that comes back from them. */
#include "tiles.h"

#include <string.h>

#include "audit_fixture.h"

static struct cof_merkle_hash leaf_of(uint64_t i)
{
    struct cof_merkle_hash hash;
    cof_merkle_leaf_hash((struct cof_bytes){.data = (const uint8_t *)&i, .size = sizeof(i)}, &hash);
    return hash;
}

struct seen {
    size_t count;
    unsigned levels[16];
    uint64_t indexes[16];
    struct cof_merkle_hash last[COF_TILE_WIDTH];
};

static enum cof_status see(void *context, unsigned level, uint64_t index,
                           const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                           struct cof_error *err)
{
    struct seen *seen = context;
    if (seen->count < 16) {
        seen->levels[seen->count] = level;
        seen->indexes[seen->count] = index;
    }
    seen->count++;
    memcpy(seen->last, hashes, sizeof(seen->last));
    return COF_OK;
}

static void tiles__are_filled_in_the_order_of_the_specification(void **state)
{
    static struct cof_tiles tiles;
    static struct seen seen;
    memset(&tiles, 0, sizeof(tiles));
    memset(&seen, 0, sizeof(seen));
    for (uint64_t i = 0; i < 70000; i++) {
        const struct cof_merkle_hash hash = leaf_of(i);
        assert_int_equal(cof_tiles_append(&tiles, &hash, see, &seen, NULL), COF_OK);
        if (i == 255) {
            const struct cof_merkle_hash first = leaf_of(0);
            assert_int_equal(seen.count, 1);
            assert_memory_equal(seen.last[0].bytes, first.bytes, 32);
            assert_memory_equal(seen.last[255].bytes, hash.bytes, 32);
        }
    }
    /* a tree of 70,000: 273 full level 0 tiles and one full level 1 tile, then widths 112, 17, 1 */
    assert_int_equal(seen.count, 273 + 1);
    assert_int_equal(tiles.levels[0].full_count, 273);
    assert_int_equal(tiles.levels[0].width, 112);
    assert_int_equal(tiles.levels[1].full_count, 1);
    assert_int_equal(tiles.levels[1].width, 17);
    assert_int_equal(tiles.levels[2].width, 1);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(seen.levels[i], 0);
        assert_int_equal(seen.indexes[i], i);
    }
}

static enum cof_status store_tile(void *context, unsigned level, uint64_t index,
                                  const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                  struct cof_error *err)
{
    return cof_tile_write(context, level, index, hashes, err);
}

static void tiles__give_back_the_tree_they_hold(void **state)
{
    struct audit_fixture *fixture = *state;
    static struct cof_tiles tiles;
    static struct cof_tiles loaded;
    struct cof_merkle tree = {0};
    struct cof_merkle back;
    struct cof_merkle_hash root;
    struct cof_merkle_hash back_root;
    memset(&tiles, 0, sizeof(tiles));
    for (uint64_t i = 0; i < 2100; i++) {
        const struct cof_merkle_hash hash = leaf_of(i);
        cof_merkle_append(&tree, &hash);
        assert_int_equal(cof_tiles_append(&tiles, &hash, store_tile, fixture->folder, NULL),
                         COF_OK);
        if (tree.size % COF_TILE_WIDTH != 0)
            continue;
        assert_int_equal(
            cof_tiles_load(fixture->folder, tree.size / COF_TILE_WIDTH, &loaded, &back, NULL),
            COF_OK);
        assert_int_equal(back.size, tree.size);
        cof_merkle_root(&tree, &root);
        cof_merkle_root(&back, &back_root);
        assert_memory_equal(root.bytes, back_root.bytes, 32);
        assert_memory_equal(&loaded.levels[1].width, &tiles.levels[1].width, sizeof(size_t));
        assert_memory_equal(loaded.levels[1].hashes, tiles.levels[1].hashes,
                            tiles.levels[1].width * sizeof(root));
    }
    assert_int_equal(cof_tiles_load(fixture->folder, 9, &loaded, &back, NULL), COF_NOT_FOUND);
}

static void tile__lies_under_the_path_of_the_specification(void **state)
{
    struct audit_fixture *fixture = *state;
    static struct cof_merkle_hash hashes[COF_TILE_WIDTH];
    static const struct {
        uint64_t index;
        const char *path;
    } places[] = {
        {0, "tile/0/000"},
        {999, "tile/0/999"},
        {1000, "tile/0/x001/000"},
        {1234067, "tile/0/x001/x234/067"},
    };
    for (size_t i = 0; i < 4; i++) {
        char path[COF_MAX_PATH];
        struct cof_merkle_hash back[COF_TILE_WIDTH];
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
        hashes[3] = leaf_of(places[i].index);
        assert_int_equal(cof_tile_write(fixture->folder, 0, places[i].index, hashes, NULL), COF_OK);
        audit_path(fixture, places[i].path, path);
        assert_int_equal(cof_file_read(path, 10000, &content, NULL), COF_OK);
        assert_int_equal(content.size, 8192);
        assert_int_equal(cof_tile_read(fixture->folder, 0, places[i].index, back, NULL), COF_OK);
        assert_memory_equal(back, hashes, sizeof(back));
    }
}

static void tile__of_another_size_is_refused(void **state)
{
    struct audit_fixture *fixture = *state;
    static struct cof_merkle_hash hashes[COF_TILE_WIDTH];
    static uint8_t longer[8193];
    assert_int_equal(cof_tile_read(fixture->folder, 0, 0, hashes, NULL), COF_NOT_FOUND);
    assert_int_equal(cof_tile_write(fixture->folder, 0, 0, hashes, NULL), COF_OK);
    audit_store(fixture, "tile/0/000", (struct cof_bytes){longer, 8191});
    assert_int_equal(cof_tile_read(fixture->folder, 0, 0, hashes, NULL), COF_CORRUPT);
    audit_store(fixture, "tile/0/000", (struct cof_bytes){longer, 8193});
    assert_int_equal(cof_tile_read(fixture->folder, 0, 0, hashes, NULL), COF_CORRUPT);
    assert_int_equal(cof_tile_write(fixture->folder, 0, 0, hashes, NULL), COF_OK);
    assert_int_equal(cof_tile_read(fixture->folder, 0, 0, hashes, NULL), COF_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tiles__are_filled_in_the_order_of_the_specification),
        CASE(tiles__give_back_the_tree_they_hold),
        CASE(tile__lies_under_the_path_of_the_specification),
        CASE(tile__of_another_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
