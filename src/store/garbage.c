/* What a deleted collection leaves: rows that nobody can read any more, removed piece by piece.
 *
 * A garbage row stays until the collection's keys are destroyed and its last row is gone, so that
 * neither is forgotten by a crash in between. */
#include "garbage.h"

#include <cof/base/cbor.h>
#include <cof/keys/keyring.h>

#include "row.h"

static const enum cof_table swept_tables[] = {COF_TABLE_DOCUMENT, COF_TABLE_VERSION,
                                              COF_TABLE_CHUNK, COF_TABLE_VECTORS, COF_TABLE_BLIND};
#define SWEPT_TABLE_COUNT (sizeof(swept_tables) / sizeof(swept_tables[0]))

/* The next garbage row, *out_collection 0 when there is none. Only a row of our own making counts:
 * whoever can write to the disk must not make us destroy keys. */
static enum cof_status find_next(const struct cof_store *store, struct cof_txn *txn,
                                 uint64_t from_number, uint64_t *out_collection,
                                 struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    struct cof_row_key from = cof_row_key_number(COF_TABLE_GARBAGE, from_number);
    struct cof_row_key prefix = cof_row_key_table(COF_TABLE_GARBAGE);
    struct cof_bytes key;
    struct cof_bytes value;
    *out_collection = 0;
    if (!cof_txn_seek(txn, cof_row_key_bytes(&from), cof_row_key_bytes(&prefix), &key, &value))
        return cof_txn_status(txn, err);
    uint64_t collection = cof_row_key_number_at(key, 0);
    struct cof_row row = {.key = cof_row_key_number(COF_TABLE_GARBAGE, collection)};
    cof_keyring_system_key(store->keyring, COF_KEY_STORE_META, &meta_key);
    COF_TRY(cof_row_unseal(store, &row, &meta_key, value, &plaintext, err));
    *out_collection = collection;
    return COF_OK;
}

static bool has_key(const struct cof_store *store, uint64_t collection)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    return cof_keyring_collection_key(store->keyring, collection, COF_KEY_COLLECTION_META, &key,
                                      NULL) != COF_NOT_FOUND;
}

static size_t sweep(struct cof_txn *txn, uint64_t collection, size_t max_count)
{
    size_t count = 0;
    for (size_t i = 0; i < SWEPT_TABLE_COUNT && count < max_count; i++) {
        struct cof_row_key prefix = cof_row_key_number(swept_tables[i], collection);
        count += cof_txn_delete_prefix(txn, cof_row_key_bytes(&prefix), max_count - count);
    }
    return count;
}

enum cof_status cof_garbage_add(const struct cof_store *store, struct cof_txn *txn,
                                uint64_t collection, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = {.key = cof_row_key_number(COF_TABLE_GARBAGE, collection)};
    cof_cbor_write_integer(&plaintext, cof_clock_wall_ns(store->clock));
    COF_TRY(cof_buffer_status(&plaintext, err));
    cof_keyring_system_key(store->keyring, COF_KEY_STORE_META, &key);
    return cof_row_put(store, txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}

enum cof_status cof_garbage_collect(const struct cof_store *store, struct cof_txn *txn,
                                    size_t max_count, bool *out_has_more, struct cof_error *err)
{
    size_t count = 0;
    uint64_t collection = 0;
    for (;;) {
        COF_TRY(find_next(store, txn, collection + 1, &collection, err));
        if (collection == 0 || count == max_count)
            break;
        if (has_key(store, collection))
            continue;
        count += sweep(txn, collection, max_count - count);
        if (count < max_count) {
            struct cof_row_key row = cof_row_key_number(COF_TABLE_GARBAGE, collection);
            cof_txn_delete(txn, cof_row_key_bytes(&row));
        }
    }
    COF_TRY(cof_txn_status(txn, err));
    *out_has_more = count == max_count;
    return COF_OK;
}

enum cof_status cof_garbage_resume(struct cof_store *store, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    uint64_t collection = 0;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    for (;;) {
        struct cof_error failure = {0};
        COF_TRY(find_next(store, &txn, collection + 1, &collection, err));
        if (collection == 0)
            return COF_OK;
        if (!has_key(store, collection))
            continue;
        if (cof_keyring_destroy_collection(store->keyring, collection, &failure) != COF_OK)
            cof_store_notice(store, "the keys of deleted collection %llu are not destroyed yet: %s",
                             (unsigned long long)collection, failure.message);
    }
}
