/* Rows: a value sealed for the place where it lies, written and read back. */
#include "row.h"

#include <assert.h>
#include <string.h>

static struct cof_seal_context context_of(const struct cof_store *store, const struct cof_row *row)
{
    struct cof_seal_context context = {
        .collection = row->collection,
        .table = (uint8_t)cof_row_key_table_of(&row->key),
        .schema = COF_ROW_SCHEMA,
        .stored_key = cof_row_key_bytes(&row->key),
        .record_version = row->version,
    };
    memcpy(context.store_uuid, store->uuid, sizeof(context.store_uuid));
    return context;
}

enum cof_status cof_row_seal(const struct cof_store *store, const struct cof_row *row,
                             const struct cof_key *key, struct cof_bytes plaintext,
                             struct cof_buffer *out, struct cof_error *err)
{
    struct cof_seal_context context = context_of(store, row);
    return cof_seal(key, &context, plaintext, store->random, out, err);
}

enum cof_status cof_row_unseal(const struct cof_store *store, const struct cof_row *row,
                               const struct cof_key *key, struct cof_bytes sealed,
                               struct cof_buffer *out, struct cof_error *err)
{
    struct cof_seal_context context = context_of(store, row);
    enum cof_status status = cof_unseal(key, &context, sealed, out, err);
    if (status == COF_CORRUPT)
        return cof_row_corrupt(&row->key, "does not authenticate", err);
    return status;
}

enum cof_status cof_row_put(const struct cof_store *store, struct cof_txn *txn,
                            const struct cof_row *row, const struct cof_key *key,
                            struct cof_bytes plaintext, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    COF_TRY(cof_row_seal(store, row, key, plaintext, &sealed, err));
    cof_txn_put(txn, cof_row_key_bytes(&row->key), cof_buffer_bytes(&sealed));
    return cof_txn_status(txn, err);
}

enum cof_status cof_row_load(const struct cof_store *store, struct cof_txn *txn,
                             const struct cof_row *row, const struct cof_key *key,
                             struct cof_arena *arena, struct cof_bytes *out_plaintext,
                             struct cof_stamp *out_stamp, struct cof_error *err)
{
    struct cof_bytes sealed;
    if (!cof_txn_get(txn, cof_row_key_bytes(&row->key), &sealed)) {
        COF_TRY(cof_txn_status(txn, err));
        return COF_FAIL(err, COF_NOT_FOUND, "no such row");
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    COF_TRY(cof_row_unseal(store, row, key, sealed, &plaintext, err));
    struct cof_text copy = cof_arena_copy_text(arena, cof_buffer_text(&plaintext));
    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    if (out_stamp != NULL)
        memcpy(out_stamp->bytes, sealed.data, COF_STAMP_SIZE); /* it unsealed, so it is longer */
    *out_plaintext = cof_text_bytes(copy);
    return COF_OK;
}

bool cof_row_exists(struct cof_txn *txn, const struct cof_row_key *key)
{
    struct cof_bytes value;
    return cof_txn_get(txn, cof_row_key_bytes(key), &value);
}

bool cof_row_has_stamp(struct cof_txn *txn, const struct cof_row_key *key,
                       const struct cof_stamp *stamp)
{
    struct cof_bytes value;
    return cof_txn_get(txn, cof_row_key_bytes(key), &value) && value.size >= COF_STAMP_SIZE &&
           memcmp(value.data, stamp->bytes, COF_STAMP_SIZE) == 0;
}

enum cof_status cof_row_corrupt(const struct cof_row_key *key, const char *what,
                                struct cof_error *err)
{
    char name[COF_ROW_NAME_SIZE];
    cof_row_key_name(key, name);
    return COF_FAIL(err, COF_CORRUPT, "the store's row '%s' %s", name, what);
}

enum cof_status cof_row_list_add(const struct cof_store *store, struct cof_row_list *list,
                                 const struct cof_row *row, const struct cof_key *key,
                                 struct cof_bytes plaintext, struct cof_error *err)
{
    size_t size = cof_sealed_size(plaintext.size);
    if (size > UINT32_MAX)
        return COF_FAIL(err, COF_TOO_LARGE, "a value of %zu bytes is too large to be stored",
                        plaintext.size);
    cof_buffer_append_byte(&list->bytes, row->key.size);
    cof_buffer_append(&list->bytes, row->key.bytes, row->key.size);
    cof_buffer_append_u32(&list->bytes, (uint32_t)size);
    size_t begin = list->bytes.size;
    COF_TRY(cof_row_seal(store, row, key, plaintext, &list->bytes, err));
    COF_TRY(cof_buffer_status(&list->bytes, err));
    assert(list->bytes.size - begin == size);
    (void)begin;
    list->count++;
    return COF_OK;
}

void cof_row_list_put(const struct cof_row_list *list, struct cof_txn *txn)
{
    struct cof_reader reader = cof_reader_from(cof_buffer_bytes(&list->bytes));
    for (size_t i = 0; i < list->count; i++) {
        struct cof_bytes key = cof_reader_bytes(&reader, cof_reader_u8(&reader));
        struct cof_bytes value = cof_reader_bytes(&reader, cof_reader_u32(&reader));
        cof_txn_put(txn, key, value);
    }
    assert(!reader.has_failed);
}

void cof_row_list_deinit(struct cof_row_list *list)
{
    if (list == NULL)
        return;
    cof_buffer_deinit(&list->bytes);
    *list = (struct cof_row_list){0};
}
