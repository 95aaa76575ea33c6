/* The counters of numbers that are never given twice: in memory, and one sealed row. */
#include "counters.h"

#include <cof/base/cbor.h>
#include <cof/keys/keyring.h>

#include "row.h"

#define COUNTER_COUNT 6
#define FIELD_COUNT (COUNTER_COUNT + 1) /* and the audit log's entries */

/* In the order in which they are stored. */
static void list_counters(struct cof_counters *counters,
                          atomic_uint_fast64_t *out_list[COUNTER_COUNT])
{
    out_list[0] = &counters->collection;
    out_list[1] = &counters->document;
    out_list[2] = &counters->chunk;
    out_list[3] = &counters->credential;
    out_list[4] = &counters->outbox;
    out_list[5] = &counters->job;
}

void cof_counters_init(struct cof_counters *counters)
{
    atomic_uint_fast64_t *list[COUNTER_COUNT];
    list_counters(counters, list);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        atomic_init(list[i], 1);
    atomic_init(&counters->audit, 0);
}

bool cof_counters_are_behind(const struct cof_counters *counters)
{
    return atomic_load(&counters->audit) > counters->written_audit;
}

enum cof_status cof_counters_load(struct cof_store *store, struct cof_txn *txn,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = {.key = cof_row_key_meta(COF_META_COUNTERS)};
    struct cof_bytes plaintext;
    cof_keyring_system_key(store->keyring, COF_KEY_STORE_META, &key);
    enum cof_status status = cof_row_load(store, txn, &row, &key, &arena, &plaintext, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_row_corrupt(&row.key, "is missing", err);
    COF_TRY(status);
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    uint64_t field_count = cof_cbor_read_array(&reader);
    /* Rows of before the audit log's length was kept have one field less, and know of no entry. */
    if (field_count != FIELD_COUNT && field_count != COUNTER_COUNT)
        reader.has_failed = true;
    uint64_t values[COUNTER_COUNT];
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        values[i] = cof_cbor_read_unsigned(&reader);
    uint64_t audit = field_count == FIELD_COUNT ? cof_cbor_read_unsigned(&reader) : 0;
    COF_TRY(cof_cbor_finish(&reader, true, err));
    atomic_uint_fast64_t *list[COUNTER_COUNT];
    list_counters(&store->counters, list);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        atomic_store(list[i], values[i]);
    atomic_store(&store->counters.audit, audit);
    store->counters.written_audit = audit;
    return COF_OK;
}

enum cof_status cof_counters_put(struct cof_store *store, struct cof_txn *txn,
                                 struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = {.key = cof_row_key_meta(COF_META_COUNTERS)};
    struct cof_counters *counters = &store->counters;
    uint64_t audit = atomic_load(&counters->audit);
    cof_cbor_write_array(&plaintext, FIELD_COUNT);
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->collection));
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->document));
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->chunk));
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->credential));
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->outbox));
    cof_cbor_write_unsigned(&plaintext, atomic_load(&counters->job));
    cof_cbor_write_unsigned(&plaintext, audit);
    counters->written_audit = audit; /* tried again at the next change if this one fails */
    COF_TRY(cof_buffer_status(&plaintext, err));
    cof_keyring_system_key(store->keyring, COF_KEY_STORE_META, &key);
    return cof_row_put(store, txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}
