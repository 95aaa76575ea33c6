/* Reading documents: each call sees one snapshot and never waits for the writer. */
#include <cof/store/store.h>

#include <string.h>

#include "collection_row.h"
#include "document_row.h"
#include "row.h"

/* Where to go on after document `number` of a collection; false at the end of all numbers. */
static bool can_go_after(uint64_t collection, uint64_t number, struct cof_row_key *out_from)
{
    if (number == UINT64_MAX)
        return false;
    *out_from = cof_row_key_document(COF_TABLE_DOCUMENT, collection, number + 1);
    return true;
}

static bool find_next(struct cof_txn *txn, uint64_t collection, uint64_t after_number,
                      uint64_t *out_number)
{
    struct cof_row_key prefix = cof_row_key_number(COF_TABLE_DOCUMENT, collection);
    struct cof_row_key from;
    struct cof_bytes key;
    struct cof_bytes value;
    if (!can_go_after(collection, after_number, &from) ||
        !cof_txn_seek(txn, cof_row_key_bytes(&from), cof_row_key_bytes(&prefix), &key, &value))
        return false;
    *out_number = cof_row_key_number_at(key, 1);
    return true;
}

static enum cof_status load(struct cof_store *store, struct cof_txn *txn, uint64_t collection,
                            uint64_t number, struct cof_arena *arena,
                            struct cof_document_record *out_record, struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    COF_TRY(
        cof_collection_row_key(store, txn, collection, COF_KEY_COLLECTION_META, &meta_key, err));
    enum cof_status status = cof_document_row_load(store, txn, collection, number, &meta_key, arena,
                                                   out_record, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_document_row_fail_missing(err);
    return status;
}

/* Fills every read of one document: its row is opened once however many hits it has. */
static enum cof_status read_document(struct cof_store *store, struct cof_txn *txn,
                                     uint64_t collection, const struct cof_key *meta_key,
                                     uint64_t number, const struct cof_chunk_ref *refs,
                                     size_t count, struct cof_arena *arena,
                                     struct cof_chunk_read *reads, struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key document_key;
    struct cof_document_record record;
    struct cof_error missing = {0};
    bool has_key = false;
    enum cof_status status = cof_document_row_load(store, txn, collection, number, meta_key, arena,
                                                   &record, NULL, &missing);
    if (status == COF_NOT_FOUND)
        return COF_OK;
    if (status != COF_OK) {
        if (err != NULL)
            *err = missing;
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (refs[i].document_number != number || refs[i].version != record.document.version ||
            refs[i].chunk_index >= record.document.chunk_count)
            continue;
        if (!has_key)
            COF_TRY(cof_document_key(store, &record, &document_key, err));
        has_key = true;
        COF_TRY(cof_chunk_row_load(store, txn, &record.document, refs[i].chunk_index, &document_key,
                                   arena, &reads[i].chunk, err));
        reads[i].document = record.document;
        reads[i].is_found = true;
    }
    return COF_OK;
}

static bool is_first_of_its_document(const struct cof_chunk_ref *refs, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (refs[j].document_number == refs[i].document_number)
            return false;
    }
    return true;
}

static enum cof_status visit(struct cof_store *store, struct cof_txn *txn, uint64_t number,
                             const struct cof_collection *collection,
                             const struct cof_key *meta_key, cof_document_each_fn each,
                             void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key document_key;
    struct cof_document_record record;
    struct cof_chunk *chunks = NULL;
    float *vectors = NULL;
    COF_TRY(cof_document_row_load(store, txn, collection->number, number, meta_key, &arena, &record,
                                  NULL, err));
    COF_TRY(cof_document_key(store, &record, &document_key, err));
    COF_TRY(cof_chunk_rows_load(store, txn, &record.document, &document_key, &arena, &chunks, err));
    COF_TRY(cof_vectors_rows_load(store, txn, &record.document, collection->dimension,
                                  &document_key, &arena, &vectors, err));
    return each(context, &record.document, chunks, vectors, err);
}

enum cof_status cof_store_find_document(struct cof_store *store, uint64_t collection,
                                        struct cof_text external_id, struct cof_arena *arena,
                                        struct cof_document *out_document, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    COF_CLEANUP(cof_key_wipe) struct cof_key blind_key;
    struct cof_document_record record;
    COF_TRY(cof_external_id_check(external_id, err));
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(
        cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_META, &meta_key, err));
    COF_TRY(
        cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_BLIND, &blind_key, err));
    struct cof_row blind_row = cof_blind_row(collection, &blind_key, external_id);
    enum cof_status status = cof_document_row_load_by_id(
        store, &txn, collection, external_id, &blind_row, &meta_key, arena, &record, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_document_row_fail_missing(err);
    COF_TRY(status);
    *out_document = record.document;
    return COF_OK;
}

enum cof_status cof_store_get_document(struct cof_store *store, uint64_t collection,
                                       uint64_t document_number, struct cof_arena *arena,
                                       struct cof_document *out_document, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    struct cof_document_record record;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(load(store, &txn, collection, document_number, arena, &record, err));
    *out_document = record.document;
    return COF_OK;
}

enum cof_status cof_store_get_chunks(struct cof_store *store, uint64_t collection,
                                     uint64_t document_number, struct cof_arena *arena,
                                     struct cof_chunk **out_chunks, size_t *out_count,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key document_key;
    struct cof_document_record record;
    struct cof_chunk *chunks = NULL;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(load(store, &txn, collection, document_number, arena, &record, err));
    COF_TRY(cof_document_key(store, &record, &document_key, err));
    COF_TRY(cof_chunk_rows_load(store, &txn, &record.document, &document_key, arena, &chunks, err));
    *out_chunks = chunks;
    *out_count = record.document.chunk_count;
    return COF_OK;
}

enum cof_status cof_store_read_chunks(struct cof_store *store, uint64_t collection,
                                      const struct cof_chunk_ref *refs, size_t count,
                                      struct cof_arena *arena, struct cof_chunk_read *out_reads,
                                      struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    struct cof_chunk_read *reads = cof_arena_array(arena, count, sizeof(*reads));
    if (reads == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(
        cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_META, &meta_key, err));
    for (size_t i = 0; i < count; i++) {
        if (is_first_of_its_document(refs, i))
            COF_TRY(read_document(store, &txn, collection, &meta_key, refs[i].document_number, refs,
                                  count, arena, reads, err));
    }
    COF_TRY(cof_txn_status(&txn, err));
    if (count > 0)
        memcpy(out_reads, reads, count * sizeof(*reads));
    return COF_OK;
}

enum cof_status cof_store_each_document(struct cof_store *store, uint64_t collection,
                                        cof_document_each_fn each, void *context,
                                        struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    struct cof_collection loaded;
    uint64_t number = 0;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(cof_collection_row_load(store, &txn, collection, &arena, &loaded, err));
    COF_TRY(
        cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_META, &meta_key, err));
    while (find_next(&txn, collection, number, &number))
        COF_TRY(visit(store, &txn, number, &loaded, &meta_key, each, context, err));
    return cof_txn_status(&txn, err);
}

enum cof_status cof_store_list_documents(struct cof_store *store, uint64_t collection,
                                         uint64_t after_number, size_t max_count,
                                         struct cof_arena *arena,
                                         struct cof_document **out_documents, size_t *out_count,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key meta_key;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer found = {0};
    size_t count = 0;
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    COF_TRY(
        cof_collection_row_key(store, &txn, collection, COF_KEY_COLLECTION_META, &meta_key, err));
    while (count < max_count && find_next(&txn, collection, after_number, &after_number)) {
        struct cof_document_record record;
        COF_TRY(cof_document_row_load(store, &txn, collection, after_number, &meta_key, arena,
                                      &record, NULL, err));
        cof_buffer_append(&found, &record.document, sizeof(record.document));
        count++;
    }
    COF_TRY(cof_txn_status(&txn, err));
    COF_TRY(cof_buffer_status(&found, err));
    struct cof_document *documents = cof_arena_array(arena, count, sizeof(*documents));
    if (documents == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0)
        memcpy(documents, found.data, found.size);
    *out_documents = documents;
    *out_count = count;
    return COF_OK;
}
