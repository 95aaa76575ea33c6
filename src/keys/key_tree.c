/* The keys of a keyring in memory, and their encoding.
 *
 * Encoding (deterministic CBOR): { 1: [[purpose, id, key] …], 2: [[number, id, key, buckets] …] }
 * with `buckets` empty or 256 times an 8-byte id and a key. Keys derived from a collection's key
 * are not stored. */
#include "key_tree.h"

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/cbor.h>
#include <cof/keys/hash.h>

#include "crypto.h"
#include "secret_memory.h"

#define BUCKET_SIZE (8 + COF_KEY_SIZE)
#define BUCKETS_SIZE ((size_t)COF_BUCKET_COUNT * BUCKET_SIZE)
/* No collection is encoded in fewer bytes; bounds the array before it is allocated. */
#define MIN_COLLECTION_SIZE ((size_t)38)
#define MAX_COLLECTION_SIZE (64 + BUCKETS_SIZE)

static void make_key(const struct cof_random *random, struct cof_key *out_key)
{
    cof_random_fill(random, &out_key->id, sizeof(out_key->id));
    cof_random_fill(random, out_key->bytes, sizeof(out_key->bytes));
}

static void derive_keys(struct cof_collection_keys *keys)
{
    for (unsigned purpose = 1; purpose <= COF_COLLECTION_KEY_COUNT; purpose++) {
        const uint8_t purpose_byte = (uint8_t)purpose;
        const struct cof_bytes info[] = {
            {.data = (const uint8_t *)"coffer/v1/collection", .size = 21}, /* with its NUL */
            {.data = &purpose_byte, .size = 1},
        };
        struct cof_key *key = &keys->derived[purpose];
        key->id = keys->key.id;
        cof_hkdf_expand_parts((struct cof_bytes){.data = keys->key.bytes, .size = COF_KEY_SIZE},
                              info, 2, key->bytes, sizeof(key->bytes));
    }
}

static void write_key(struct cof_buffer *out, const struct cof_key *key)
{
    cof_cbor_write_unsigned(out, key->id);
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = key->bytes, .size = sizeof(key->bytes)});
}

static void read_key(struct cof_cbor_reader *reader, struct cof_key *out_key)
{
    out_key->id = cof_cbor_read_unsigned(reader);
    struct cof_bytes bytes = cof_cbor_read_bytes(reader);
    if (bytes.size == COF_KEY_SIZE)
        memcpy(out_key->bytes, bytes.data, COF_KEY_SIZE);
    else
        reader->has_failed = true;
}

static void write_buckets(struct cof_buffer *out, const struct cof_collection_keys *keys)
{
    uint8_t buckets[BUCKETS_SIZE];
    uint8_t *to = buckets;
    for (size_t i = 0; i < COF_BUCKET_COUNT; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8)
            *to++ = (uint8_t)(keys->buckets[i].id >> (56 - shift));
        memcpy(to, keys->buckets[i].bytes, COF_KEY_SIZE);
        to += COF_KEY_SIZE;
    }
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = buckets, .size = sizeof(buckets)});
    cof_wipe(buckets, sizeof(buckets));
}

static void read_buckets(struct cof_cbor_reader *reader, struct cof_collection_keys *keys)
{
    struct cof_bytes buckets = cof_cbor_read_bytes(reader);
    if (buckets.size == 0)
        return;
    struct cof_reader bytes = cof_reader_from(buckets);
    for (size_t i = 0; i < COF_BUCKET_COUNT; i++) {
        keys->buckets[i].id = cof_reader_u64(&bytes);
        struct cof_bytes key = cof_reader_bytes(&bytes, COF_KEY_SIZE);
        if (!bytes.has_failed)
            memcpy(keys->buckets[i].bytes, key.data, COF_KEY_SIZE);
    }
    if (bytes.has_failed || bytes.rest.size > 0)
        reader->has_failed = true;
    keys->has_buckets = true;
}

/* At most one collection's worth of memory before its bytes were seen. */
static enum cof_status read_collections(struct cof_cbor_reader *reader, struct cof_key_tree *tree,
                                        struct cof_error *err)
{
    size_t count = cof_cbor_read_array(reader);
    uint64_t previous = 0;
    if (count > reader->rest.size / MIN_COLLECTION_SIZE)
        return COF_FAIL(err, COF_CORRUPT, "the keyring says more collections than it holds");
    tree->collections = cof_calloc(count, sizeof(struct cof_collection_keys *));
    if (tree->collections == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count && !reader->has_failed; i++) {
        bool is_locked = false;
        struct cof_collection_keys *keys =
            cof_secret_alloc(sizeof(struct cof_collection_keys), &is_locked);
        if (keys == NULL)
            return COF_FAIL_MEMORY(err);
        tree->collections[tree->collection_count] = keys;
        tree->collection_count++;
        tree->is_unlocked |= !is_locked;
        if (cof_cbor_read_array(reader) != 4)
            reader->has_failed = true;
        keys->number = cof_cbor_read_unsigned(reader);
        read_key(reader, &keys->key);
        read_buckets(reader, keys);
        if (keys->number <= previous)
            reader->has_failed = true;
        previous = keys->number;
        derive_keys(keys);
    }
    return COF_OK;
}

static void read_system_keys(struct cof_cbor_reader *reader, struct cof_key_tree *tree)
{
    if (cof_cbor_read_array(reader) != COF_SYSTEM_KEY_COUNT)
        reader->has_failed = true;
    for (uint64_t purpose = 1; purpose <= COF_SYSTEM_KEY_COUNT && !reader->has_failed; purpose++) {
        if (cof_cbor_read_array(reader) != 3 || cof_cbor_read_unsigned(reader) != purpose)
            reader->has_failed = true;
        read_key(reader, &tree->root->system[purpose]);
    }
}

static enum cof_status read_tree(struct cof_bytes encoded, struct cof_key_tree *tree,
                                 struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(encoded);
    if (cof_cbor_read_map(&reader) != 2 || cof_cbor_read_unsigned(&reader) != 1)
        reader.has_failed = true;
    read_system_keys(&reader, tree);
    if (cof_cbor_read_unsigned(&reader) != 2)
        reader.has_failed = true;
    COF_TRY(read_collections(&reader, tree, err));
    return cof_cbor_finish(&reader, true, err);
}

static enum cof_status alloc_root(struct cof_key_tree *tree, struct cof_error *err)
{
    bool is_locked = false;
    tree->root = cof_secret_alloc(sizeof(*tree->root), &is_locked);
    if (tree->root == NULL)
        return COF_FAIL_MEMORY(err);
    tree->is_unlocked |= !is_locked;
    return COF_OK;
}

enum cof_status cof_key_tree_create(const struct cof_random *random, struct cof_key_tree *out_tree,
                                    struct cof_error *err)
{
    struct cof_key_tree tree = {.epoch = 1};
    COF_TRY(alloc_root(&tree, err));
    cof_random_fill(random, tree.root->epoch_root, sizeof(tree.root->epoch_root));
    for (size_t purpose = 1; purpose <= COF_SYSTEM_KEY_COUNT; purpose++)
        make_key(random, &tree.root->system[purpose]);
    *out_tree = tree;
    return COF_OK;
}

size_t cof_key_tree_encoded_size(const struct cof_key_tree *tree)
{
    return 64 + COF_SYSTEM_KEY_COUNT * (size_t)64 + tree->collection_count * MAX_COLLECTION_SIZE;
}

void cof_key_tree_encode(const struct cof_key_tree *tree, struct cof_buffer *out)
{
    cof_cbor_write_map(out, 2);
    cof_cbor_write_unsigned(out, 1);
    cof_cbor_write_array(out, COF_SYSTEM_KEY_COUNT);
    for (uint64_t purpose = 1; purpose <= COF_SYSTEM_KEY_COUNT; purpose++) {
        cof_cbor_write_array(out, 3);
        cof_cbor_write_unsigned(out, purpose);
        write_key(out, &tree->root->system[purpose]);
    }
    cof_cbor_write_unsigned(out, 2);
    cof_cbor_write_array(out, tree->collection_count);
    for (size_t i = 0; i < tree->collection_count; i++) {
        const struct cof_collection_keys *keys = tree->collections[i];
        cof_cbor_write_array(out, 4);
        cof_cbor_write_unsigned(out, keys->number);
        write_key(out, &keys->key);
        if (keys->has_buckets)
            write_buckets(out, keys);
        else
            cof_cbor_write_bytes(out, (struct cof_bytes){0});
    }
}

enum cof_status cof_key_tree_decode(struct cof_bytes encoded, struct cof_key_tree *out_tree,
                                    struct cof_error *err)
{
    struct cof_key_tree tree = {0};
    COF_TRY(alloc_root(&tree, err));
    enum cof_status status = read_tree(encoded, &tree, err);
    if (status != COF_OK) {
        cof_key_tree_deinit(&tree);
        return status;
    }
    *out_tree = tree;
    return COF_OK;
}

struct cof_collection_keys *cof_key_tree_find(const struct cof_key_tree *tree, uint64_t number)
{
    size_t begin = 0;
    size_t end = tree->collection_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (tree->collections[middle]->number < number)
            begin = middle + 1;
        else
            end = middle;
    }
    if (begin == tree->collection_count || tree->collections[begin]->number != number)
        return NULL;
    return tree->collections[begin];
}

enum cof_status cof_key_tree_derive(const struct cof_key_tree *tree,
                                    struct cof_collection_keys *added, uint64_t removed,
                                    struct cof_key_tree *out_tree, struct cof_error *err)
{
    struct cof_key_tree copy = {.epoch = tree->epoch, .is_unlocked = tree->is_unlocked};
    COF_TRY(alloc_root(&copy, err));
    copy.collections = cof_calloc(tree->collection_count + 1, sizeof(struct cof_collection_keys *));
    if (copy.collections == NULL) {
        cof_key_tree_release_shell(&copy);
        return COF_FAIL_MEMORY(err);
    }
    *copy.root = *tree->root;
    bool is_added = added == NULL;
    for (size_t i = 0; i < tree->collection_count; i++) {
        struct cof_collection_keys *keys = tree->collections[i];
        if (!is_added && keys->number >= added->number) {
            copy.collections[copy.collection_count++] = added;
            is_added = true;
            if (keys->number == added->number)
                continue;
        }
        if (removed == 0 || keys->number != removed)
            copy.collections[copy.collection_count++] = keys;
    }
    if (!is_added)
        copy.collections[copy.collection_count++] = added;
    *out_tree = copy;
    return COF_OK;
}

void cof_key_tree_release_shell(struct cof_key_tree *tree)
{
    cof_secret_free(tree->root, sizeof(*tree->root));
    cof_free(tree->collections);
    *tree = (struct cof_key_tree){0};
}

void cof_key_tree_deinit(struct cof_key_tree *tree)
{
    for (size_t i = 0; i < tree->collection_count; i++)
        cof_collection_keys_destroy(tree->collections[i]);
    cof_key_tree_release_shell(tree);
}

struct cof_collection_keys *cof_collection_keys_create(uint64_t number,
                                                       const struct cof_random *random,
                                                       bool *out_is_locked)
{
    struct cof_collection_keys *keys = cof_secret_alloc(sizeof(*keys), out_is_locked);
    if (keys == NULL)
        return NULL;
    keys->number = number;
    make_key(random, &keys->key);
    derive_keys(keys);
    return keys;
}

struct cof_collection_keys *cof_collection_keys_with_buckets(const struct cof_collection_keys *from,
                                                             const struct cof_random *random,
                                                             bool *out_is_locked)
{
    struct cof_collection_keys *keys = cof_secret_alloc(sizeof(*keys), out_is_locked);
    if (keys == NULL)
        return NULL;
    *keys = *from;
    for (size_t i = 0; i < COF_BUCKET_COUNT; i++)
        make_key(random, &keys->buckets[i]);
    keys->has_buckets = true;
    return keys;
}

void cof_collection_keys_destroy(struct cof_collection_keys *keys)
{
    cof_secret_free(keys, sizeof(*keys));
}
