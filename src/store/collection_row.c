/* A collection as it stands in a transaction: its row, its usage, its keys. */
#include "collection_row.h"

#include "collection_record.h"
#include "row.h"

static struct cof_row row_of(enum cof_table table, uint64_t collection)
{
    return (struct cof_row){.key = cof_row_key_number(table, collection), .collection = collection};
}

enum cof_status cof_collection_row_key(const struct cof_store *store, struct cof_txn *txn,
                                       uint64_t collection, enum cof_collection_key purpose,
                                       struct cof_key *out_key, struct cof_error *err)
{
    struct cof_row row = row_of(COF_TABLE_COLLECTION, collection);
    bool exists = cof_row_exists(txn, &row.key);
    COF_TRY(cof_txn_status(txn, err));
    if (!exists)
        return cof_collection_row_fail_missing(collection, err);
    enum cof_status status =
        cof_keyring_collection_key(store->keyring, collection, purpose, out_key, err);
    if (status == COF_NOT_FOUND)
        return cof_collection_row_fail_without_key(store, collection, err);
    return status;
}

enum cof_status cof_collection_row_load(const struct cof_store *store, struct cof_txn *txn,
                                        uint64_t collection, struct cof_arena *arena,
                                        struct cof_collection *out_collection,
                                        struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = row_of(COF_TABLE_COLLECTION, collection);
    struct cof_bytes plaintext;
    struct cof_collection loaded;
    COF_TRY(cof_collection_row_key(store, txn, collection, COF_KEY_COLLECTION_META, &key, err));
    COF_TRY(cof_row_load(store, txn, &row, &key, arena, &plaintext, NULL, err));
    if (cof_collection_record_decode(plaintext, &loaded, err) != COF_OK)
        return cof_row_corrupt(&row.key, "does not parse", err);
    loaded.number = collection;
    *out_collection = loaded;
    return COF_OK;
}

enum cof_status cof_collection_row_load_whole(const struct cof_store *store, struct cof_txn *txn,
                                              uint64_t collection, struct cof_arena *arena,
                                              struct cof_collection *out_collection,
                                              struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = row_of(COF_TABLE_USAGE, collection);
    struct cof_bytes plaintext;
    struct cof_collection loaded;
    struct cof_usage usage;
    COF_TRY(cof_collection_row_load(store, txn, collection, arena, &loaded, err));
    COF_TRY(cof_collection_row_key(store, txn, collection, COF_KEY_COLLECTION_META, &key, err));
    enum cof_status status = cof_row_load(store, txn, &row, &key, arena, &plaintext, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_row_corrupt(&row.key, "is missing", err);
    COF_TRY(status);
    if (cof_usage_decode(plaintext, &usage, err) != COF_OK)
        return cof_row_corrupt(&row.key, "does not parse", err);
    loaded.document_count = usage.document_count;
    loaded.chunk_count = usage.chunk_count;
    loaded.source_bytes = usage.source_bytes;
    loaded.last_active_ns = usage.last_active_ns;
    *out_collection = loaded;
    return COF_OK;
}

enum cof_status cof_collection_row_put(const struct cof_store *store, struct cof_txn *txn,
                                       const struct cof_collection *collection,
                                       struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    struct cof_row row = row_of(COF_TABLE_COLLECTION, collection->number);
    cof_collection_record_encode(collection, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    COF_TRY(cof_keyring_collection_key(store->keyring, collection->number, COF_KEY_COLLECTION_META,
                                       &key, err));
    return cof_row_put(store, txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}

enum cof_status cof_collection_row_fail_without_key(const struct cof_store *store,
                                                    uint64_t collection, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    struct cof_row row = row_of(COF_TABLE_COLLECTION, collection);
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    bool exists = cof_row_exists(&txn, &row.key);
    COF_TRY(cof_txn_status(&txn, err));
    if (!exists)
        return cof_collection_row_fail_missing(collection, err);
    return COF_FAIL(err, COF_CORRUPT,
                    "the keyring has no key for collection %llu: it is older than the store",
                    (unsigned long long)collection);
}

enum cof_status cof_collection_row_fail_missing(uint64_t collection, struct cof_error *err)
{
    return COF_FAIL(err, COF_NOT_FOUND, "there is no collection %llu",
                    (unsigned long long)collection);
}

enum cof_status cof_label_check(struct cof_text label, const char *what, size_t min_size,
                                size_t max_size, struct cof_error *err)
{
    if (label.size < min_size || label.size > max_size)
        return COF_FAIL(err, COF_INVALID, "%s has %zu bytes, not %zu to %zu", what, label.size,
                        min_size, max_size);
    if (!cof_utf8_is_valid(label, NULL))
        return COF_FAIL(err, COF_INVALID, "%s is not valid UTF-8", what);
    for (size_t at = 0; at < label.size;) {
        uint32_t code_point = 0;
        at += cof_utf8_decode(label, at, &code_point);
        if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
            return COF_FAIL(err, COF_INVALID, "%s has a control character", what);
    }
    return COF_OK;
}
