/* Putting and deleting documents: prepared on the caller's thread, laid down on the writer's. */
#include <cof/store/store.h>

#include <string.h>

#include <cof/base/alloc.h>

#include "collection_row.h"
#include "document_put.h"
#include "document_row.h"
#include "writer.h"

struct put_call {
    struct cof_put_scope scope;
    struct cof_document_put *puts;
    struct cof_write_outcome *outcomes;
    size_t count;
};

struct deletion {
    uint64_t collection;
    struct cof_text external_id;
    struct cof_write_outcome outcome;
};

static void put_call_deinit(struct put_call *call)
{
    for (size_t i = 0; call->puts != NULL && i < call->count; i++)
        cof_document_put_deinit(&call->puts[i]);
    cof_free(call->puts);
    cof_free(call->outcomes);
    cof_put_scope_wipe(&call->scope);
}

static enum cof_status put_call_init(struct put_call *call, const struct cof_document_write *writes,
                                     size_t count, struct cof_error *err)
{
    call->count = count;
    call->puts = cof_calloc(count, sizeof(*call->puts));
    call->outcomes = cof_calloc(count, sizeof(*call->outcomes));
    if (call->puts == NULL || call->outcomes == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++)
        call->puts[i].write = &writes[i];
    return COF_OK;
}

static enum cof_status prepare(struct cof_store *store, struct put_call *call,
                               struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    for (size_t i = 0; i < call->count; i++)
        COF_TRY(cof_document_put_look_up(store, &txn, &call->scope, &call->puts[i], err));
    COF_TRY(cof_document_puts_number(store, call->puts, call->count, err));
    for (size_t i = 0; i < call->count; i++)
        COF_TRY(cof_document_put_seal(store, &txn, &call->scope, &call->puts[i], err));
    return COF_OK;
}

static enum cof_status apply_puts(struct cof_write_batch *batch, void *context,
                                  struct cof_error *err)
{
    struct put_call *call = context;
    for (size_t i = 0; i < call->count; i++) {
        COF_TRY(cof_document_put_lay_down(batch, &call->scope, &call->puts[i], err));
        call->outcomes[i] = call->puts[i].outcome;
    }
    return COF_OK;
}

static enum cof_status apply_deletion(struct cof_write_batch *batch, void *context,
                                      struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    COF_CLEANUP(cof_key_wipe) struct cof_key blind_key;
    struct deletion *deletion = context;
    struct cof_document_record record;
    struct cof_usage *usage = NULL;
    const struct cof_document *document = &record.document;
    uint64_t collection = deletion->collection;
    COF_TRY(cof_collection_row_key(batch->store, &batch->txn, collection, COF_KEY_COLLECTION_META,
                                   &meta_key, err));
    COF_TRY(cof_collection_row_key(batch->store, &batch->txn, collection, COF_KEY_COLLECTION_BLIND,
                                   &blind_key, err));
    struct cof_row blind_row = cof_blind_row(collection, &blind_key, deletion->external_id);
    enum cof_status status =
        cof_document_row_load_by_id(batch->store, &batch->txn, collection, deletion->external_id,
                                    &blind_row, &meta_key, &arena, &record, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_document_row_fail_missing(err);
    COF_TRY(status);
    COF_TRY(cof_batch_usage(batch, collection, &usage, err));
    usage->last_active_ns = batch->now_ns;
    usage->document_count--;
    usage->chunk_count -= document->chunk_count;
    usage->source_bytes -= document->source_bytes;
    cof_document_rows_delete(&batch->txn, collection, document->number);
    cof_txn_delete(&batch->txn, cof_row_key_bytes(&blind_row.key));
    deletion->outcome = (struct cof_write_outcome){
        .kind = COF_WRITE_DELETED,
        .collection = collection,
        .document_number = document->number,
        .version = document->version,
        .first_chunk_id = document->first_chunk_id,
        .chunk_count = document->chunk_count,
    };
    return COF_OK;
}

enum cof_status cof_store_put_documents(struct cof_store *store,
                                        const struct cof_document_write *writes, size_t count,
                                        const struct cof_outbox *outbox,
                                        struct cof_write_outcome *out_outcomes,
                                        struct cof_error *err)
{
    COF_CLEANUP(put_call_deinit) struct put_call call = {0};
    struct cof_write_job job = {
        .apply = apply_puts, .context = &call, .outbox = outbox, .outcome_count = count};
    if (count == 0)
        return COF_FAIL(err, COF_INVALID, "there are no documents to put");
    if (!cof_writer_is_healthy(store->writer)) /* before the work, not after it */
        return cof_writer_run(store->writer, &job, err);
    COF_TRY(put_call_init(&call, writes, count, err));
    COF_TRY(prepare(store, &call, err));
    job.outcomes = call.outcomes;
    for (size_t i = 0; i < count; i++)
        job.size_bytes += call.puts[i].rows.bytes.size;
    COF_TRY(cof_writer_run(store->writer, &job, err));
    memcpy(out_outcomes, call.outcomes, count * sizeof(*out_outcomes));
    return COF_OK;
}

enum cof_status cof_store_delete_document(struct cof_store *store, uint64_t collection,
                                          struct cof_text external_id,
                                          const struct cof_outbox *outbox,
                                          struct cof_write_outcome *out_outcome,
                                          struct cof_error *err)
{
    COF_TRY(cof_external_id_check(external_id, err));
    struct deletion deletion = {.collection = collection, .external_id = external_id};
    struct cof_write_job job = {.apply = apply_deletion,
                                .context = &deletion,
                                .outbox = outbox,
                                .outcomes = &deletion.outcome,
                                .outcome_count = 1};
    COF_TRY(cof_writer_run(store->writer, &job, err));
    *out_outcome = deletion.outcome;
    return COF_OK;
}
