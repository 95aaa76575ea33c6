/* Collections: made with their keys, changed, listed, deleted with their keys. */
#include <cof/store/store.h>

#include <string.h>

#include <cof/base/base64.h>

#include "collection_row.h"
#include "garbage.h"
#include "row.h"
#include "writer.h"

#define MAX_NAME_SIZE 256
#define MAX_MODEL_NAME_SIZE 256
#define MAX_METADATA_SIZE ((size_t)64 << 10)
#define MAX_DIMENSION 65536
#define PUBLIC_ID_PREFIX "vs_"
#define PUBLIC_ID_RANDOM_SIZE 15 /* 24 characters of base32 */

struct creation {
    const struct cof_collection *collection;
    struct cof_write_outcome outcome;
};

struct change {
    uint64_t number;
    const struct cof_text *name;
    const struct cof_text *metadata;
    struct cof_write_outcome outcome;
};

static enum cof_status check_metadata(struct cof_text metadata, struct cof_error *err)
{
    if (metadata.size > MAX_METADATA_SIZE)
        return COF_FAIL(err, COF_TOO_LARGE, "a collection's metadata has %zu bytes, more than %zu",
                        metadata.size, MAX_METADATA_SIZE);
    if (!cof_utf8_is_valid(metadata, NULL))
        return COF_FAIL(err, COF_INVALID, "a collection's metadata is not valid UTF-8");
    return COF_OK;
}

static enum cof_status check_write(const struct cof_collection_write *write, struct cof_error *err)
{
    COF_TRY(cof_label_check(write->name, "a collection's name", 1, MAX_NAME_SIZE, err));
    COF_TRY(cof_label_check(write->model_name, "a model's name", 0, MAX_MODEL_NAME_SIZE, err));
    COF_TRY(check_metadata(write->metadata, err));
    if (write->model_fingerprint == NULL)
        return COF_FAIL(err, COF_INVALID, "a collection needs its model's fingerprint");
    if (write->dimension == 0 || write->dimension > MAX_DIMENSION)
        return COF_FAIL(err, COF_INVALID, "a dimension of %u is not 1 to %d", write->dimension,
                        MAX_DIMENSION);
    if (write->precision != COF_VECTOR_F32 && write->precision != COF_VECTOR_F16)
        return COF_FAIL(err, COF_INVALID, "vectors are stored as f32 or f16");
    return COF_OK;
}

static struct cof_text or_empty_object(struct cof_text json)
{
    return json.size > 0 ? json : COF_TEXT("{}");
}

static void make_public_id(const struct cof_store *store, char out_id[COF_COLLECTION_ID_SIZE])
{
    uint8_t random[PUBLIC_ID_RANDOM_SIZE];
    cof_random_fill(store->random, random, sizeof(random));
    memcpy(out_id, PUBLIC_ID_PREFIX, sizeof(PUBLIC_ID_PREFIX) - 1);
    cof_base32_encode((struct cof_bytes){.data = random, .size = sizeof(random)},
                      out_id + sizeof(PUBLIC_ID_PREFIX) - 1);
}

static enum cof_status put_new_usage(const struct cof_store *store, struct cof_txn *txn,
                                     const struct cof_collection *collection, struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    struct cof_row row = {.key = cof_row_key_number(COF_TABLE_USAGE, collection->number),
                          .collection = collection->number};
    struct cof_usage usage = {.last_active_ns = collection->last_active_ns};
    cof_usage_encode(&usage, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    COF_TRY(cof_keyring_collection_key(store->keyring, collection->number, COF_KEY_COLLECTION_META,
                                       &key, err));
    return cof_row_put(store, txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}

static enum cof_status apply_creation(struct cof_write_batch *batch, void *context,
                                      struct cof_error *err)
{
    struct creation *creation = context;
    creation->outcome = (struct cof_write_outcome){.kind = COF_WRITE_CREATED,
                                                   .collection = creation->collection->number};
    COF_TRY(cof_collection_row_put(batch->store, &batch->txn, creation->collection, err));
    return put_new_usage(batch->store, &batch->txn, creation->collection, err);
}

static enum cof_status apply_update(struct cof_write_batch *batch, void *context,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct change *change = context;
    struct cof_collection collection;
    struct cof_usage *usage = NULL;
    change->outcome =
        (struct cof_write_outcome){.kind = COF_WRITE_REPLACED, .collection = change->number};
    COF_TRY(cof_collection_row_load(batch->store, &batch->txn, change->number, &arena, &collection,
                                    err));
    if (change->name != NULL)
        collection.name = *change->name;
    if (change->metadata != NULL)
        collection.metadata = or_empty_object(*change->metadata);
    COF_TRY(cof_batch_usage(batch, change->number, &usage, err));
    usage->last_active_ns = batch->now_ns;
    return cof_collection_row_put(batch->store, &batch->txn, &collection, err);
}

static enum cof_status apply_deletion(struct cof_write_batch *batch, void *context,
                                      struct cof_error *err)
{
    struct change *change = context;
    struct cof_row_key row = cof_row_key_number(COF_TABLE_COLLECTION, change->number);
    struct cof_row_key usage = cof_row_key_number(COF_TABLE_USAGE, change->number);
    change->outcome =
        (struct cof_write_outcome){.kind = COF_WRITE_DELETED, .collection = change->number};
    bool exists = cof_row_exists(&batch->txn, &row);
    COF_TRY(cof_txn_status(&batch->txn, err));
    if (!exists)
        return cof_collection_row_fail_missing(change->number, err);
    cof_batch_forget_usage(batch, change->number);
    cof_txn_delete(&batch->txn, cof_row_key_bytes(&row));
    cof_txn_delete(&batch->txn, cof_row_key_bytes(&usage));
    return cof_garbage_add(batch->store, &batch->txn, change->number, err);
}

static enum cof_status run_change(struct cof_store *store, cof_write_apply_fn apply,
                                  struct change *change, const struct cof_outbox *outbox,
                                  struct cof_error *err)
{
    struct cof_write_job job = {.apply = apply,
                                .context = change,
                                .outbox = outbox,
                                .outcomes = &change->outcome,
                                .outcome_count = 1};
    return cof_writer_run(store->writer, &job, err);
}

static enum cof_status copy_into(struct cof_arena *arena, const struct cof_collection_write *write,
                                 struct cof_collection *collection, struct cof_error *err)
{
    collection->name = cof_arena_copy_text(arena, write->name);
    collection->metadata = cof_arena_copy_text(arena, or_empty_object(write->metadata));
    collection->model_name = cof_arena_copy_text(arena, write->model_name);
    if (collection->name.data == NULL || collection->metadata.data == NULL ||
        collection->model_name.data == NULL)
        return COF_FAIL_MEMORY(err);
    return COF_OK;
}

/* A creation that failed leaves a key without a collection. It is not destroyed: after a failed
 * header write nobody knows whether the collection is on the disk. Where more is written afterwards
 * it is not, and then the next creation takes the number, and with it the key, over. */
static void give_back(struct cof_store *store, uint64_t number)
{
    uint_fast64_t next = number + 1;
    (void)atomic_compare_exchange_strong(&store->counters.collection, &next, number);
}

enum cof_status cof_store_create_collection(struct cof_store *store,
                                            const struct cof_collection_write *write,
                                            const struct cof_outbox *outbox,
                                            struct cof_arena *arena,
                                            struct cof_collection *out_collection,
                                            struct cof_error *err)
{
    COF_TRY(check_write(write, err));
    struct cof_collection collection = {
        .number = atomic_fetch_add(&store->counters.collection, 1),
        .created_ns = cof_clock_wall_ns(store->clock),
        .dimension = write->dimension,
        .precision = write->precision,
        .max_chunk_tokens = write->max_chunk_tokens,
        .chunk_overlap_tokens = write->chunk_overlap_tokens,
    };
    collection.last_active_ns = collection.created_ns;
    make_public_id(store, collection.public_id);
    memcpy(collection.model_fingerprint, write->model_fingerprint,
           sizeof(collection.model_fingerprint));
    COF_TRY(copy_into(arena, write, &collection, err));
    COF_TRY(cof_keyring_add_collection(store->keyring, collection.number, err));
    struct creation creation = {.collection = &collection};
    struct cof_write_job job = {.apply = apply_creation,
                                .context = &creation,
                                .size_bytes = 4096 + write->metadata.size,
                                .outbox = outbox,
                                .outcomes = &creation.outcome,
                                .outcome_count = 1};
    enum cof_status status = cof_writer_run(store->writer, &job, err);
    if (status != COF_OK) {
        give_back(store, collection.number);
        return status;
    }
    *out_collection = collection;
    return COF_OK;
}

enum cof_status cof_store_update_collection(struct cof_store *store, uint64_t number,
                                            const struct cof_text *name,
                                            const struct cof_text *metadata,
                                            const struct cof_outbox *outbox, struct cof_error *err)
{
    if (name != NULL)
        COF_TRY(cof_label_check(*name, "a collection's name", 1, MAX_NAME_SIZE, err));
    if (metadata != NULL)
        COF_TRY(check_metadata(*metadata, err));
    struct change change = {.number = number, .name = name, .metadata = metadata};
    return run_change(store, apply_update, &change, outbox, err);
}

enum cof_status cof_store_delete_collection(struct cof_store *store, uint64_t number,
                                            const struct cof_outbox *outbox, struct cof_error *err)
{
    struct change change = {.number = number};
    struct cof_error failure = {0};
    COF_TRY(run_change(store, apply_deletion, &change, outbox, err));
    enum cof_status status = cof_keyring_destroy_collection(store->keyring, number, &failure);
    if (status != COF_OK && status != COF_NOT_FOUND)
        return COF_FAIL(err, status,
                        "collection %llu is deleted, but its keys are not destroyed yet (tried "
                        "again at the next start): %.100s",
                        (unsigned long long)number, failure.message);
    cof_writer_collect_garbage(store->writer);
    return COF_OK;
}

enum cof_status cof_store_get_collection(struct cof_store *store, uint64_t number,
                                         struct cof_arena *arena,
                                         struct cof_collection *out_collection,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    return cof_collection_row_load_whole(store, &txn, number, arena, out_collection, err);
}

enum cof_status cof_store_list_collections(struct cof_store *store, struct cof_arena *arena,
                                           struct cof_collection **out_collections,
                                           size_t *out_count, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer found = {0};
    struct cof_row_key prefix = cof_row_key_table(COF_TABLE_COLLECTION);
    struct cof_row_key from = prefix;
    struct cof_bytes key;
    struct cof_bytes value;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    while (cof_txn_seek(&txn, cof_row_key_bytes(&from), cof_row_key_bytes(&prefix), &key, &value)) {
        struct cof_collection collection;
        struct cof_error failure = {0};
        uint64_t number = cof_row_key_number_at(key, 0);
        enum cof_status status =
            cof_collection_row_load_whole(store, &txn, number, arena, &collection, &failure);
        if (status == COF_OK)
            cof_buffer_append(&found, &collection, sizeof(collection));
        else if (status != COF_NOT_FOUND) { /* not found: deleted since the snapshot */
            if (err != NULL)
                *err = failure;
            return status;
        }
        from = cof_row_key_number(COF_TABLE_COLLECTION, number + 1);
    }
    COF_TRY(cof_txn_status(&txn, err));
    COF_TRY(cof_buffer_status(&found, err));
    size_t count = found.size / sizeof(struct cof_collection);
    struct cof_collection *collections = cof_arena_array(arena, count, sizeof(*collections));
    if (collections == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0)
        memcpy(collections, found.data, found.size);
    *out_collections = collections;
    *out_count = count;
    return COF_OK;
}
