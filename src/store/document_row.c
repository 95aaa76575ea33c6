/* Documents as they stand in a transaction: found by id or number, their parts, their removal. */
#include "document_row.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "collection_row.h"
#include "vector_block.h"

static size_t block_count_of(size_t chunk_count)
{
    return (chunk_count + COF_VECTOR_BLOCK_COUNT - 1) / COF_VECTOR_BLOCK_COUNT;
}

/* A row that another row says is there. */
static enum cof_status load_part(const struct cof_store *store, struct cof_txn *txn,
                                 const struct cof_row *row, const struct cof_key *key,
                                 struct cof_arena *arena, struct cof_bytes *out_plaintext,
                                 struct cof_error *err)
{
    enum cof_status status = cof_row_load(store, txn, row, key, arena, out_plaintext, NULL, err);
    if (status == COF_NOT_FOUND)
        return cof_row_corrupt(&row->key, "is missing", err);
    return status;
}

struct cof_row cof_document_row(uint64_t collection, uint64_t document)
{
    return (struct cof_row){.key = cof_row_key_document(COF_TABLE_DOCUMENT, collection, document),
                            .collection = collection};
}

struct cof_row cof_version_row(uint64_t collection, uint64_t document, uint32_t version)
{
    return (struct cof_row){
        .key = cof_row_key_version(COF_TABLE_VERSION, collection, document, version),
        .collection = collection,
        .version = version};
}

struct cof_row cof_chunk_row(uint64_t collection, uint64_t document, uint32_t version,
                             uint32_t index)
{
    return (struct cof_row){
        .key = cof_row_key_part(COF_TABLE_CHUNK, collection, document, version, index),
        .collection = collection,
        .version = version};
}

struct cof_row cof_vectors_row(uint64_t collection, uint64_t document, uint32_t version,
                               uint32_t block)
{
    return (struct cof_row){
        .key = cof_row_key_part(COF_TABLE_VECTORS, collection, document, version, block),
        .collection = collection,
        .version = version};
}

struct cof_row cof_blind_row(uint64_t collection, const struct cof_key *blind_key,
                             struct cof_text external_id)
{
    uint8_t tag[COF_SHA256_SIZE];
    const uint8_t prefix[] = {COF_TABLE_BLIND, 0};
    const struct cof_bytes parts[] = {{.data = prefix, .size = sizeof(prefix)},
                                      cof_text_bytes(external_id)};
    cof_hmac_sha256((struct cof_bytes){.data = blind_key->bytes, .size = sizeof(blind_key->bytes)},
                    parts, 2, tag);
    return (struct cof_row){.key = cof_row_key_blind(collection, tag), .collection = collection};
}

enum cof_status cof_document_row_find(const struct cof_store *store, struct cof_txn *txn,
                                      const struct cof_row *blind_row,
                                      const struct cof_key *meta_key, uint64_t *out_number,
                                      struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_bytes plaintext;
    COF_TRY(cof_row_load(store, txn, blind_row, meta_key, &arena, &plaintext, NULL, err));
    struct cof_reader reader = cof_reader_from(plaintext);
    uint64_t number = cof_reader_u64(&reader);
    if (reader.has_failed || reader.rest.size != 0)
        return cof_row_corrupt(&blind_row->key, "does not parse", err);
    *out_number = number;
    return COF_OK;
}

enum cof_status cof_document_row_load(const struct cof_store *store, struct cof_txn *txn,
                                      uint64_t collection, uint64_t number,
                                      const struct cof_key *meta_key, struct cof_arena *arena,
                                      struct cof_document_record *out_record,
                                      struct cof_stamp *out_stamp, struct cof_error *err)
{
    struct cof_row row = cof_document_row(collection, number);
    struct cof_bytes plaintext;
    struct cof_document_record record;
    COF_TRY(cof_row_load(store, txn, &row, meta_key, arena, &plaintext, out_stamp, err));
    enum cof_status status = cof_document_record_decode(plaintext, arena, &record, err);
    if (status == COF_CORRUPT)
        return cof_row_corrupt(&row.key, "does not parse", err);
    COF_TRY(status);
    record.document.collection = collection;
    record.document.number = number;
    *out_record = record;
    return COF_OK;
}

enum cof_status cof_document_row_load_by_id(const struct cof_store *store, struct cof_txn *txn,
                                            uint64_t collection, struct cof_text external_id,
                                            const struct cof_row *blind_row,
                                            const struct cof_key *meta_key, struct cof_arena *arena,
                                            struct cof_document_record *out_record,
                                            struct cof_stamp *out_stamp, struct cof_error *err)
{
    uint64_t number = 0;
    struct cof_document_record record;
    COF_TRY(cof_document_row_find(store, txn, blind_row, meta_key, &number, err));
    enum cof_status status = cof_document_row_load(store, txn, collection, number, meta_key, arena,
                                                   &record, out_stamp, err);
    if (status == COF_NOT_FOUND)
        return cof_row_corrupt(&blind_row->key, "names a document that is missing", err);
    COF_TRY(status);
    if (!cof_text_equal(record.document.external_id, external_id))
        return cof_row_corrupt(&blind_row->key, "names a document of another id", err);
    *out_record = record;
    return COF_OK;
}

enum cof_status cof_document_row_fail_missing(struct cof_error *err)
{
    return COF_FAIL(err, COF_NOT_FOUND, "there is no such document in the collection");
}

enum cof_status cof_document_key(const struct cof_store *store,
                                 const struct cof_document_record *record, struct cof_key *out_key,
                                 struct cof_error *err)
{
    enum cof_status status =
        cof_keyring_unwrap_document_key(store->keyring, record->document.collection,
                                        record->document.number, record->wrapped_key, out_key, err);
    if (status == COF_NOT_FOUND)
        return cof_collection_row_fail_without_key(store, record->document.collection, err);
    return status;
}

enum cof_status cof_chunk_row_load(const struct cof_store *store, struct cof_txn *txn,
                                   const struct cof_document *document, uint32_t index,
                                   const struct cof_key *document_key, struct cof_arena *arena,
                                   struct cof_chunk *out_chunk, struct cof_error *err)
{
    struct cof_row row =
        cof_chunk_row(document->collection, document->number, document->version, index);
    struct cof_bytes plaintext;
    struct cof_chunk chunk;
    COF_TRY(load_part(store, txn, &row, document_key, arena, &plaintext, err));
    if (cof_chunk_record_decode(plaintext, &chunk, err) != COF_OK)
        return cof_row_corrupt(&row.key, "does not parse", err);
    chunk.chunk_id = document->first_chunk_id + index;
    chunk.index = index;
    *out_chunk = chunk;
    return COF_OK;
}

enum cof_status cof_chunk_rows_load(const struct cof_store *store, struct cof_txn *txn,
                                    const struct cof_document *document,
                                    const struct cof_key *document_key, struct cof_arena *arena,
                                    struct cof_chunk **out_chunks, struct cof_error *err)
{
    struct cof_chunk *chunks = cof_arena_array(arena, document->chunk_count, sizeof(*chunks));
    if (chunks == NULL)
        return COF_FAIL_MEMORY(err);
    for (uint32_t i = 0; i < document->chunk_count; i++)
        COF_TRY(cof_chunk_row_load(store, txn, document, i, document_key, arena, &chunks[i], err));
    *out_chunks = chunks;
    return COF_OK;
}

enum cof_status cof_vectors_rows_load(const struct cof_store *store, struct cof_txn *txn,
                                      const struct cof_document *document, uint32_t dimension,
                                      const struct cof_key *document_key, struct cof_arena *arena,
                                      float **out_vectors, struct cof_error *err)
{
    size_t count = document->chunk_count;
    float *vectors = cof_arena_array(arena, count * dimension, sizeof(*vectors));
    if (vectors == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t block = 0; block < block_count_of(count); block++) {
        size_t begin = block * COF_VECTOR_BLOCK_COUNT;
        size_t in_block = count - begin;
        if (in_block > COF_VECTOR_BLOCK_COUNT)
            in_block = COF_VECTOR_BLOCK_COUNT;
        COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
        struct cof_row row = cof_vectors_row(document->collection, document->number,
                                             document->version, (uint32_t)block);
        struct cof_bytes plaintext;
        COF_TRY(load_part(store, txn, &row, document_key, &scratch, &plaintext, err));
        if (cof_vector_block_decode(plaintext, in_block, dimension, vectors + begin * dimension,
                                    err) != COF_OK)
            return cof_row_corrupt(&row.key, "does not parse", err);
    }
    *out_vectors = vectors;
    return COF_OK;
}

void cof_content_rows_delete(struct cof_txn *txn, uint64_t collection, uint64_t document,
                             uint32_t version)
{
    struct cof_row_key chunks = cof_row_key_version(COF_TABLE_CHUNK, collection, document, version);
    struct cof_row_key vectors =
        cof_row_key_version(COF_TABLE_VECTORS, collection, document, version);
    (void)cof_txn_delete_prefix(txn, cof_row_key_bytes(&chunks), SIZE_MAX);
    (void)cof_txn_delete_prefix(txn, cof_row_key_bytes(&vectors), SIZE_MAX);
}

void cof_document_rows_delete(struct cof_txn *txn, uint64_t collection, uint64_t document)
{
    static const enum cof_table tables[] = {COF_TABLE_DOCUMENT, COF_TABLE_VERSION, COF_TABLE_CHUNK,
                                            COF_TABLE_VECTORS};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct cof_row_key prefix = cof_row_key_document(tables[i], collection, document);
        (void)cof_txn_delete_prefix(txn, cof_row_key_bytes(&prefix), SIZE_MAX);
    }
}
