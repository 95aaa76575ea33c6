/* Walks every path of the trie once and measures it.
 *
 * Layout: u32 size of the trie, the trie (u32 units), the texts, each ended by NUL; little-endian.
 * Of a unit: bits 0–7 label, bit 8 "a leaf hangs below", bit 31 "is a leaf", bits 9–30 the distance
 * to its children. Equal tails are shared, so the trie is a graph; what was seen is not walked
 * again, and a path that meets itself is refused. */
#include "charsmap.h"

#include <string.h>

#include <cof/base/alloc.h>

#define BLOCK_UNITS ((size_t)256)
#define MAX_MATCHES 32    /* the library's own limit */
#define MAX_KEY_BYTES 64  /* real rules have keys of at most 20 bytes */
#define MAX_TEXT_BYTES 63 /* NFKC's longest has 33; bounds how far a text can grow */
#define ON_PATH 255

struct walk {
    const uint8_t *units;
    size_t unit_count;
    uint8_t *matches; /* by unit: 1 + the most leaves on a path below it; 0 = not seen yet */
};

/* A unit on the path, the label tried next, and the most leaves found below so far. */
struct step {
    size_t unit;
    size_t next_label;
    size_t most_below;
};

static uint32_t unit_at(const struct walk *walk, size_t index)
{
    const uint8_t *bytes = walk->units + 4 * index;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static bool is_leaf(uint32_t unit)
{
    return unit >> 31 != 0;
}

/* Children lie in one block of 256 units, at base ^ label. */
static size_t base_of(const struct walk *walk, size_t index)
{
    uint32_t unit = unit_at(walk, index);
    return index ^ (size_t)((unit >> 10) << ((unit & 1U << 9) >> 6));
}

static size_t leaf_count(const struct walk *walk, size_t index)
{
    return unit_at(walk, index) >> 8 & 1;
}

/* The first unit is followed whatever it says it is; other leaves are not. */
static enum cof_status check_bounds(const struct walk *walk, struct cof_error *err)
{
    for (size_t i = 0; i < walk->unit_count; i++) {
        if ((i == 0 || !is_leaf(unit_at(walk, i))) && base_of(walk, i) >= walk->unit_count)
            return COF_FAIL(err, COF_CORRUPT, "a normalisation rule points out of its table");
    }
    return COF_OK;
}

/* The child of the step's unit at its next label or a later one; false when there is none. */
static bool find_child(const struct walk *walk, struct step *step, size_t *out_child)
{
    size_t base = base_of(walk, step->unit);
    for (; step->next_label < BLOCK_UNITS; step->next_label++) {
        size_t child = base ^ step->next_label;
        uint32_t unit = unit_at(walk, child);
        if (!is_leaf(unit) && (unit & 0xff) == step->next_label) {
            *out_child = child;
            step->next_label++;
            return true;
        }
    }
    return false;
}

static void take_below(struct step *step, size_t most)
{
    if (most > step->most_below)
        step->most_below = most;
}

static enum cof_status check_paths(struct walk *walk, struct cof_error *err)
{
    struct step path[MAX_KEY_BYTES];
    size_t depth = 1;
    path[0] = (struct step){0};
    walk->matches[0] = ON_PATH;
    while (depth > 0) {
        struct step *step = &path[depth - 1];
        size_t child = 0;
        if (!find_child(walk, step, &child)) {
            size_t most = leaf_count(walk, step->unit) + step->most_below;
            if (most > MAX_MATCHES)
                return COF_FAIL(err, COF_CORRUPT, "too many normalisation rules begin alike");
            walk->matches[step->unit] = (uint8_t)(1 + most);
            depth--;
            if (depth > 0)
                take_below(&path[depth - 1], most);
        } else if (walk->matches[child] == ON_PATH || depth == MAX_KEY_BYTES) {
            return COF_FAIL(err, COF_CORRUPT, "a normalisation rule is over %d bytes long",
                            MAX_KEY_BYTES - 1);
        } else if (walk->matches[child] != 0) {
            take_below(step, (size_t)walk->matches[child] - 1);
        } else {
            path[depth++] = (struct step){.unit = child};
            walk->matches[child] = ON_PATH;
        }
    }
    return COF_OK;
}

static enum cof_status check_texts(struct cof_bytes texts, struct cof_error *err)
{
    size_t begin = 0;
    if (texts.size == 0 || texts.data[texts.size - 1] != 0)
        return COF_FAIL(err, COF_CORRUPT, "the normalisation rules' texts do not end");
    for (size_t i = 0; i < texts.size; i++) {
        if (texts.data[i] != 0)
            continue;
        if (i - begin > MAX_TEXT_BYTES)
            return COF_FAIL(err, COF_CORRUPT, "a normalisation rule gives more than %d bytes",
                            MAX_TEXT_BYTES);
        begin = i + 1;
    }
    return COF_OK;
}

enum cof_status cof_charsmap_check(struct cof_bytes charsmap, struct cof_error *err)
{
    if (charsmap.size == 0)
        return COF_OK;
    struct walk walk = {0};
    size_t trie_size = 0;
    if (charsmap.size > 4) {
        const uint8_t *size = charsmap.data;
        trie_size =
            (size_t)size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    }
    if (trie_size == 0 || trie_size % (4 * BLOCK_UNITS) != 0 || trie_size > charsmap.size - 4)
        return COF_FAIL(err, COF_CORRUPT, "the normalisation rules have no whole table");
    COF_TRY(check_texts(
        (struct cof_bytes){charsmap.data + 4 + trie_size, charsmap.size - 4 - trie_size}, err));
    walk.units = charsmap.data + 4;
    walk.unit_count = trie_size / 4;
    COF_TRY(check_bounds(&walk, err));
    walk.matches = cof_calloc(walk.unit_count, 1);
    if (walk.matches == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = check_paths(&walk, err);
    cof_free(walk.matches);
    return status;
}
