/* The Merkle tree of RFC 6962 section 2.1 over SHA-256: grown leaf by leaf, and its proofs.
 *
 * A growing tree keeps only its frontier: the roots of the perfect subtrees that its size's binary
 * digits name. Proofs are made from all leaf hashes; checking them needs none. */
#ifndef COF_AUDIT_MERKLE_PRIVATE_H
#define COF_AUDIT_MERKLE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

#define COF_MERKLE_MAX_LEVELS 64
/* A consistency proof has at most one hash per level and one more. */
#define COF_MERKLE_MAX_PROOF (COF_MERKLE_MAX_LEVELS + 1)

struct cof_merkle_hash {
    uint8_t bytes[32];
};

struct cof_merkle {
    uint64_t size;
    struct cof_merkle_hash nodes[COF_MERKLE_MAX_LEVELS]; /* [l] is valid when bit l of size is 1 */
};

struct cof_merkle_proof {
    size_t count;
    struct cof_merkle_hash hashes[COF_MERKLE_MAX_PROOF];
};

void cof_merkle_leaf_hash(struct cof_bytes leaf, struct cof_merkle_hash *out_hash);
void cof_merkle_node_hash(const struct cof_merkle_hash *left, const struct cof_merkle_hash *right,
                          struct cof_merkle_hash *out_hash);

void cof_merkle_append(struct cof_merkle *tree, const struct cof_merkle_hash *leaf_hash);
/* Appends 2^level leaves at once by the root of their subtree; the size is a multiple of 2^level.
 */
void cof_merkle_append_subtree(struct cof_merkle *tree, unsigned level,
                               const struct cof_merkle_hash *root);
void cof_merkle_root(const struct cof_merkle *tree, struct cof_merkle_hash *out_root);
bool cof_merkle_hash_equal(const struct cof_merkle_hash *a, const struct cof_merkle_hash *b);

/* The root over leaf hashes. */
void cof_merkle_root_of(const struct cof_merkle_hash *leaves, uint64_t size,
                        struct cof_merkle_hash *out_root);
/* That leaf `index` is in the tree of `size` leaves; index < size. */
void cof_merkle_prove_inclusion(const struct cof_merkle_hash *leaves, uint64_t size, uint64_t index,
                                struct cof_merkle_proof *out_proof);
bool cof_merkle_check_inclusion(const struct cof_merkle_hash *leaf_hash, uint64_t index,
                                uint64_t size, const struct cof_merkle_proof *proof,
                                const struct cof_merkle_hash *root);
/* That the tree of `size` leaves begins with the tree of `old_size` leaves; old_size <= size. */
void cof_merkle_prove_consistency(const struct cof_merkle_hash *leaves, uint64_t size,
                                  uint64_t old_size, struct cof_merkle_proof *out_proof);
bool cof_merkle_check_consistency(uint64_t old_size, const struct cof_merkle_hash *old_root,
                                  uint64_t size, const struct cof_merkle_hash *root,
                                  const struct cof_merkle_proof *proof);

#endif
