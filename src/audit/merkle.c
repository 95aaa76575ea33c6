/* The Merkle tree of RFC 6962: frontier, roots, and proofs checked as RFC 9162 2.1.3 and 2.1.4. */
#include "merkle.h"

#include <assert.h>
#include <string.h>

#include <cof/keys/hash.h>

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

static struct cof_bytes hash_bytes(const struct cof_merkle_hash *hash)
{
    return (struct cof_bytes){.data = hash->bytes, .size = sizeof(hash->bytes)};
}

/* The largest power of two below `size`, which is over 1. */
static uint64_t split_of(uint64_t size)
{
    return (uint64_t)1 << (63 - __builtin_clzll(size - 1));
}

static void push(struct cof_merkle_proof *proof, const struct cof_merkle_hash *hash)
{
    assert(proof->count < COF_MERKLE_MAX_PROOF);
    proof->hashes[proof->count++] = *hash;
}

static void push_root_of(struct cof_merkle_proof *proof, const struct cof_merkle_hash *leaves,
                         uint64_t size)
{
    struct cof_merkle_hash root;
    cof_merkle_root_of(leaves, size, &root);
    push(proof, &root);
}

static void reverse(struct cof_merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct cof_merkle_hash swapped = proof->hashes[i];
        proof->hashes[i] = proof->hashes[proof->count - 1 - i];
        proof->hashes[proof->count - 1 - i] = swapped;
    }
}

void cof_merkle_leaf_hash(struct cof_bytes leaf, struct cof_merkle_hash *out_hash)
{
    cof_sha256_prefixed(LEAF_PREFIX, leaf, (struct cof_bytes){0}, out_hash->bytes);
}

void cof_merkle_node_hash(const struct cof_merkle_hash *left, const struct cof_merkle_hash *right,
                          struct cof_merkle_hash *out_hash)
{
    cof_sha256_prefixed(NODE_PREFIX, hash_bytes(left), hash_bytes(right), out_hash->bytes);
}

bool cof_merkle_hash_equal(const struct cof_merkle_hash *a, const struct cof_merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void cof_merkle_append(struct cof_merkle *tree, const struct cof_merkle_hash *leaf_hash)
{
    cof_merkle_append_subtree(tree, 0, leaf_hash);
}

void cof_merkle_append_subtree(struct cof_merkle *tree, unsigned level,
                               const struct cof_merkle_hash *root)
{
    struct cof_merkle_hash carry = *root;
    unsigned to = level;
    assert((tree->size & (((uint64_t)1 << level) - 1)) == 0);
    for (; (tree->size >> to & 1) != 0; to++)
        cof_merkle_node_hash(&tree->nodes[to], &carry, &carry);
    tree->nodes[to] = carry;
    tree->size += (uint64_t)1 << level;
}

void cof_merkle_root(const struct cof_merkle *tree, struct cof_merkle_hash *out_root)
{
    if (tree->size == 0) {
        cof_sha256((struct cof_bytes){0}, out_root->bytes);
        return;
    }
    unsigned level = (unsigned)__builtin_ctzll(tree->size);
    struct cof_merkle_hash root = tree->nodes[level];
    for (level++; level < COF_MERKLE_MAX_LEVELS; level++) {
        if ((tree->size >> level & 1) != 0)
            cof_merkle_node_hash(&tree->nodes[level], &root, &root);
    }
    *out_root = root;
}

void cof_merkle_root_of(const struct cof_merkle_hash *leaves, uint64_t size,
                        struct cof_merkle_hash *out_root)
{
    struct cof_merkle tree = {0};
    for (uint64_t i = 0; i < size; i++)
        cof_merkle_append(&tree, &leaves[i]);
    cof_merkle_root(&tree, out_root);
}

void cof_merkle_prove_inclusion(const struct cof_merkle_hash *leaves, uint64_t size, uint64_t index,
                                struct cof_merkle_proof *out_proof)
{
    struct cof_merkle_proof proof = {0};
    while (size > 1) {
        uint64_t split = split_of(size);
        if (index < split) {
            push_root_of(&proof, leaves + split, size - split);
            size = split;
        } else {
            push_root_of(&proof, leaves, split);
            leaves += split;
            index -= split;
            size -= split;
        }
    }
    reverse(&proof); /* found from the root down, told from the leaf up */
    *out_proof = proof;
}

bool cof_merkle_check_inclusion(const struct cof_merkle_hash *leaf_hash, uint64_t index,
                                uint64_t size, const struct cof_merkle_proof *proof,
                                const struct cof_merkle_hash *root)
{
    struct cof_merkle_hash hash = *leaf_hash;
    if (index >= size)
        return false;
    uint64_t last = size - 1;
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return false;
        if ((index & 1) != 0 || index == last) {
            cof_merkle_node_hash(&proof->hashes[i], &hash, &hash);
            for (; (index & 1) == 0 && index != 0; index >>= 1)
                last >>= 1;
        } else {
            cof_merkle_node_hash(&hash, &proof->hashes[i], &hash);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && cof_merkle_hash_equal(&hash, root);
}

void cof_merkle_prove_consistency(const struct cof_merkle_hash *leaves, uint64_t size,
                                  uint64_t old_size, struct cof_merkle_proof *out_proof)
{
    struct cof_merkle_proof proof = {0};
    bool is_old_root_known = true; /* to the one who checks */
    if (old_size == 0 || old_size == size) {
        *out_proof = proof;
        return;
    }
    while (old_size != size) {
        uint64_t split = split_of(size);
        if (old_size <= split) {
            push_root_of(&proof, leaves + split, size - split);
            size = split;
        } else {
            push_root_of(&proof, leaves, split);
            leaves += split;
            old_size -= split;
            size -= split;
            is_old_root_known = false;
        }
    }
    if (!is_old_root_known)
        push_root_of(&proof, leaves, size);
    reverse(&proof);
    *out_proof = proof;
}

bool cof_merkle_check_consistency(uint64_t old_size, const struct cof_merkle_hash *old_root,
                                  uint64_t size, const struct cof_merkle_hash *root,
                                  const struct cof_merkle_proof *proof)
{
    if (old_size > size)
        return false;
    if (old_size == size)
        return proof->count == 0 && cof_merkle_hash_equal(old_root, root);
    if (old_size == 0)
        return proof->count == 0;

    size_t next = 0;
    uint64_t node = old_size - 1;
    uint64_t last = size - 1;
    for (; (node & 1) != 0; node >>= 1)
        last >>= 1;
    struct cof_merkle_hash old_hash = *old_root;
    if (node != 0) { /* otherwise the old tree is a perfect subtree and its root the start */
        if (proof->count == 0)
            return false;
        old_hash = proof->hashes[next++];
    }
    struct cof_merkle_hash hash = old_hash;
    for (; next < proof->count; next++) {
        const struct cof_merkle_hash *sibling = &proof->hashes[next];
        if (last == 0)
            return false;
        if ((node & 1) != 0 || node == last) {
            cof_merkle_node_hash(sibling, &old_hash, &old_hash);
            cof_merkle_node_hash(sibling, &hash, &hash);
            for (; (node & 1) == 0 && node != 0; node >>= 1)
                last >>= 1;
        } else {
            cof_merkle_node_hash(&hash, sibling, &hash);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && cof_merkle_hash_equal(&old_hash, old_root) &&
           cof_merkle_hash_equal(&hash, root);
}
