/* The keys of a keyring in memory, and their encoding as the body of its file.
 *
 * Trees are changed by copy: a changed tree is built beside the current one, sharing the
 * collections that stay the same, written to disk, and only then put in its place. */
#ifndef COF_KEYS_KEY_TREE_PRIVATE_H
#define COF_KEYS_KEY_TREE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>

#define COF_BUCKET_COUNT 256
#define COF_SYSTEM_KEY_COUNT COF_KEY_OUTBOX
#define COF_COLLECTION_KEY_COUNT COF_KEY_COLLECTION_UPLOAD

/* All in locked memory. */
struct cof_collection_keys {
    uint64_t number;
    struct cof_key key;
    bool has_buckets; /* all 256 are made when the first is needed: one write instead of 256 */
    struct cof_key derived[COF_COLLECTION_KEY_COUNT + 1]; /* by purpose; 0 unused */
    struct cof_key buckets[COF_BUCKET_COUNT];
};

/* All in locked memory. */
struct cof_root_keys {
    uint8_t epoch_root[COF_KEY_SIZE];
    struct cof_key system[COF_SYSTEM_KEY_COUNT + 1]; /* by purpose; 0 unused */
};

struct cof_key_tree {
    uint64_t epoch;
    struct cof_root_keys *root;
    struct cof_collection_keys **collections; /* ascending by number */
    size_t collection_count;
    bool is_unlocked; /* some part of it could not be locked into memory */
};

/* A fresh tree without collections. */
COF_MUST_USE enum cof_status cof_key_tree_create(const struct cof_random *random,
                                                 struct cof_key_tree *out_tree,
                                                 struct cof_error *err);
/* The body of a keyring file; room for it must be reserved by cof_key_tree_encoded_size(), so that
 * no copy is left behind by growth. */
size_t cof_key_tree_encoded_size(const struct cof_key_tree *tree);
void cof_key_tree_encode(const struct cof_key_tree *tree, struct cof_buffer *out);
/* epoch and epoch_root are the caller's to set. COF_CORRUPT, COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_key_tree_decode(struct cof_bytes encoded,
                                                 struct cof_key_tree *out_tree,
                                                 struct cof_error *err);

/* NULL when there is none. */
struct cof_collection_keys *cof_key_tree_find(const struct cof_key_tree *tree, uint64_t number);

/* A tree with the same keys, whose collections are those of `tree` with `added` put in at its
 * number (replacing one of the same number) and the one numbered `removed` left out; `added` NULL
 * or `removed` 0 for neither. The collections are shared: release one of the two by
 * cof_key_tree_release_shell(). */
COF_MUST_USE enum cof_status cof_key_tree_derive(const struct cof_key_tree *tree,
                                                 struct cof_collection_keys *added,
                                                 uint64_t removed, struct cof_key_tree *out_tree,
                                                 struct cof_error *err);
void cof_key_tree_release_shell(struct cof_key_tree *tree); /* keeps the collections */
void cof_key_tree_deinit(struct cof_key_tree *tree);        /* with the collections */

/* New keys for a collection, without buckets, or a copy of `from` with fresh buckets. NULL when out
 * of memory; *out_is_locked as of cof_secret_alloc. */
struct cof_collection_keys *cof_collection_keys_create(uint64_t number,
                                                       const struct cof_random *random,
                                                       bool *out_is_locked);
struct cof_collection_keys *cof_collection_keys_with_buckets(const struct cof_collection_keys *from,
                                                             const struct cof_random *random,
                                                             bool *out_is_locked);
void cof_collection_keys_destroy(struct cof_collection_keys *keys);

#endif
