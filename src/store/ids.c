/* Identities: external ids, ids of paths, keyed hashes of content. */
#include <cof/store/store.h>

#include <string.h>

#include <cof/base/base64.h>
#include <cof/keys/hash.h>

#include "collection_row.h"

#define MAX_EXTERNAL_ID_SIZE 256
#define MAX_PART_COUNT (1 << 20)
#define PATH_TAG_SIZE 16

static bool is_allowed(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:@-", c) != NULL);
}

static enum cof_status hash_key(struct cof_store *store, uint64_t collection,
                                struct cof_key *out_key, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    return cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_HASH, out_key, err);
}

static void put_size(uint64_t size, uint8_t out[8])
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(size >> (8 * (7 - i)));
}

enum cof_status cof_external_id_check(struct cof_text external_id, struct cof_error *err)
{
    if (external_id.size == 0 || external_id.size > MAX_EXTERNAL_ID_SIZE)
        return COF_FAIL(err, COF_INVALID, "a document's id has %zu characters, not 1 to %d",
                        external_id.size, MAX_EXTERNAL_ID_SIZE);
    for (size_t i = 0; i < external_id.size; i++) {
        if (!is_allowed(external_id.data[i]))
            return COF_FAIL(err, COF_INVALID,
                            "a document's id may have only letters, digits and . _ : @ - in it");
    }
    if (cof_text_equal(external_id, COF_TEXT(".")) || cof_text_equal(external_id, COF_TEXT("..")))
        return COF_FAIL(err, COF_INVALID, "a document's id may not be '.' or '..'");
    return COF_OK;
}

enum cof_status cof_store_path_id(struct cof_store *store, uint64_t collection,
                                  struct cof_text path, char out_id[32], struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    uint8_t tag[COF_SHA256_SIZE];
    const struct cof_bytes parts[] = {cof_text_bytes(COF_TEXT("coffer/v1/path\0")),
                                      cof_text_bytes(path)};
    COF_TRY(hash_key(store, collection, &key, err));
    cof_hmac_sha256((struct cof_bytes){.data = key.bytes, .size = sizeof(key.bytes)}, parts, 2,
                    tag);
    out_id[0] = 'f';
    out_id[1] = '-';
    cof_base32_encode((struct cof_bytes){.data = tag, .size = PATH_TAG_SIZE}, out_id + 2);
    return COF_OK;
}

enum cof_status cof_store_content_hash(struct cof_store *store, uint64_t collection,
                                       const struct cof_bytes *parts, size_t part_count,
                                       uint8_t out_hash[32], struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_TRY(hash_key(store, collection, &key, err));
    if (part_count > MAX_PART_COUNT)
        return COF_FAIL(err, COF_INVALID, "a content hash is over at most %d parts, not %zu",
                        MAX_PART_COUNT, part_count);
    struct cof_bytes *all = cof_arena_array(&arena, 1 + 2 * part_count, sizeof(*all));
    uint8_t(*sizes)[8] = cof_arena_array(&arena, part_count, sizeof(*sizes));
    if (all == NULL || sizes == NULL)
        return COF_FAIL_MEMORY(err);
    all[0] = cof_text_bytes(COF_TEXT("coffer/v1/content\0"));
    for (size_t i = 0; i < part_count; i++) {
        put_size(parts[i].size, sizes[i]);
        all[1 + 2 * i] = (struct cof_bytes){.data = sizes[i], .size = sizeof(sizes[i])};
        all[2 + 2 * i] = parts[i];
    }
    cof_hmac_sha256((struct cof_bytes){.data = key.bytes, .size = sizeof(key.bytes)}, all,
                    1 + 2 * part_count, out_hash);
    return COF_OK;
}
