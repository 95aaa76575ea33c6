/* A trie whose edges lie in one open-addressing table, keyed by (node, byte).
 *
 * Nodes are numbered from 1 in the order of the sorted tokens; a node is born with its one incoming
 * edge, so the number of edges is the number of nodes but the root. A slot with child 0 is empty.
 */
#include "vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>

/* A key is node << 8 | byte in 32 bits. */
#define MAX_NODE_COUNT ((size_t)1 << 24)

struct slot {
    uint32_t key;
    uint32_t child;
};

struct cof_vocabulary {
    struct slot *slots;
    size_t slot_mask;
    uint32_t *ids; /* per node */
};

struct entry {
    struct cof_text token;
    uint32_t id;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    return cof_text_compare(left->token, right->token);
}

static size_t shared_prefix_size(struct cof_text a, struct cof_text b)
{
    size_t size = 0;
    while (size < a.size && size < b.size && a.data[size] == b.data[size])
        size++;
    return size;
}

/* Fibonacci hashing: the high bits of the product are the good ones. */
static size_t home_of(uint32_t key)
{
    return (size_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static void put_edge(struct cof_vocabulary *vocabulary, uint32_t node, uint8_t byte, uint32_t child)
{
    uint32_t key = node << 8 | byte;
    size_t place = home_of(key) & vocabulary->slot_mask;
    while (vocabulary->slots[place].child != 0)
        place = (place + 1) & vocabulary->slot_mask;
    vocabulary->slots[place] = (struct slot){.key = key, .child = child};
}

static size_t count_nodes(const struct entry *entries, size_t count)
{
    size_t node_count = 1;
    struct cof_text previous = {0};
    for (size_t i = 0; i < count; i++) {
        node_count += entries[i].token.size - shared_prefix_size(previous, entries[i].token);
        previous = entries[i].token;
    }
    return node_count;
}

/* In sorted order a token's path is there already as far as it shares the one before. */
static void put_tokens(struct cof_vocabulary *vocabulary, const struct entry *entries, size_t count)
{
    uint32_t node_count = 1;
    for (size_t i = 0; i < count; i++) {
        struct cof_text token = entries[i].token;
        uint32_t node = COF_VOCABULARY_ROOT;
        for (size_t at = 0; at < token.size; at++) {
            uint8_t byte = (uint8_t)token.data[at];
            uint32_t child = cof_vocabulary_step(vocabulary, node, byte);
            if (child == COF_VOCABULARY_NONE) {
                child = node_count++;
                put_edge(vocabulary, node, byte, child);
            }
            node = child;
        }
        vocabulary->ids[node] = entries[i].id;
    }
}

static enum cof_status check_unique(const struct entry *entries, size_t count,
                                    struct cof_error *err)
{
    for (size_t i = 1; i < count; i++) {
        if (cof_text_equal(entries[i - 1].token, entries[i].token))
            return COF_FAIL(err, COF_INVALID, "ids %u and %u have the same token",
                            (unsigned)entries[i - 1].id, (unsigned)entries[i].id);
    }
    return COF_OK;
}

static enum cof_status build(struct cof_vocabulary *vocabulary, struct entry *entries, size_t count,
                             struct cof_error *err)
{
    qsort(entries, count, sizeof(*entries), compare_entries);
    COF_TRY(check_unique(entries, count, err));
    size_t node_count = count_nodes(entries, count);
    if (node_count > MAX_NODE_COUNT)
        return COF_FAIL(err, COF_INVALID, "the tokens are too many bytes in all");
    size_t slot_count = 16;
    while (slot_count < 2 * node_count)
        slot_count *= 2;
    vocabulary->slot_mask = slot_count - 1;
    vocabulary->slots = cof_calloc(slot_count, sizeof(*vocabulary->slots));
    vocabulary->ids = cof_calloc(node_count, sizeof(*vocabulary->ids));
    if (vocabulary->slots == NULL || vocabulary->ids == NULL)
        return COF_FAIL_MEMORY(err);
    memset(vocabulary->ids, 0xff, node_count * sizeof(*vocabulary->ids)); /* NONE */
    put_tokens(vocabulary, entries, count);
    return COF_OK;
}

enum cof_status cof_vocabulary_create(const struct cof_text *tokens, size_t count,
                                      struct cof_vocabulary **out_vocabulary, struct cof_error *err)
{
    struct cof_vocabulary *vocabulary = cof_calloc(1, sizeof(*vocabulary));
    struct entry *entries = cof_calloc(count, sizeof(*entries));
    size_t entry_count = 0;
    enum cof_status status = COF_OK;

    if (vocabulary == NULL || entries == NULL) {
        status = COF_FAIL_MEMORY(err);
    } else {
        for (size_t id = 0; id < count; id++) {
            if (tokens[id].size > 0)
                entries[entry_count++] = (struct entry){.token = tokens[id], .id = (uint32_t)id};
        }
        status = build(vocabulary, entries, entry_count, err);
    }
    cof_free(entries);
    if (status != COF_OK) {
        cof_vocabulary_destroy(vocabulary);
        return status;
    }
    *out_vocabulary = vocabulary;
    return COF_OK;
}

void cof_vocabulary_destroy(struct cof_vocabulary *vocabulary)
{
    if (vocabulary == NULL)
        return;
    cof_free(vocabulary->slots);
    cof_free(vocabulary->ids);
    cof_free(vocabulary);
}

uint32_t cof_vocabulary_step(const struct cof_vocabulary *vocabulary, uint32_t node, uint8_t byte)
{
    uint32_t key = node << 8 | byte;
    for (size_t place = home_of(key) & vocabulary->slot_mask;;
         place = (place + 1) & vocabulary->slot_mask) {
        const struct slot *slot = &vocabulary->slots[place];
        if (slot->child == 0)
            return COF_VOCABULARY_NONE;
        if (slot->key == key)
            return slot->child;
    }
}

uint32_t cof_vocabulary_walk(const struct cof_vocabulary *vocabulary, uint32_t node,
                             struct cof_text text)
{
    for (size_t at = 0; at < text.size && node != COF_VOCABULARY_NONE; at++)
        node = cof_vocabulary_step(vocabulary, node, (uint8_t)text.data[at]);
    return node;
}

uint32_t cof_vocabulary_id(const struct cof_vocabulary *vocabulary, uint32_t node)
{
    return node == COF_VOCABULARY_NONE ? COF_VOCABULARY_NONE : vocabulary->ids[node];
}

uint32_t cof_vocabulary_find(const struct cof_vocabulary *vocabulary, struct cof_text token)
{
    uint32_t node = cof_vocabulary_walk(vocabulary, COF_VOCABULARY_ROOT, token);
    return cof_vocabulary_id(vocabulary, node);
}
