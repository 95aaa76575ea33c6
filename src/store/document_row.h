/* Documents as they stand in a transaction: found by id or number, their parts, their removal. */
#ifndef COF_STORE_DOCUMENT_ROW_H
#define COF_STORE_DOCUMENT_ROW_H

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>
#include <cof/store/document.h>

#include "document_record.h"
#include "lmdb_env.h"
#include "row.h"
#include "store_object.h"

struct cof_row cof_document_row(uint64_t collection, uint64_t document);
struct cof_row cof_version_row(uint64_t collection, uint64_t document, uint32_t version);
struct cof_row cof_chunk_row(uint64_t collection, uint64_t document, uint32_t version,
                             uint32_t index);
struct cof_row cof_vectors_row(uint64_t collection, uint64_t document, uint32_t version,
                               uint32_t block);
struct cof_row cof_blind_row(uint64_t collection, const struct cof_key *blind_key,
                             struct cof_text external_id);

/* The number of a document by its blinded id. COF_NOT_FOUND without a document of that id. */
COF_MUST_USE enum cof_status cof_document_row_find(const struct cof_store *store,
                                                   struct cof_txn *txn,
                                                   const struct cof_row *blind_row,
                                                   const struct cof_key *meta_key,
                                                   uint64_t *out_number, struct cof_error *err);
/* Views in the arena. COF_NOT_FOUND. out_stamp may be NULL. */
COF_MUST_USE enum cof_status cof_document_row_load(
    const struct cof_store *store, struct cof_txn *txn, uint64_t collection, uint64_t number,
    const struct cof_key *meta_key, struct cof_arena *arena, struct cof_document_record *out_record,
    struct cof_stamp *out_stamp, struct cof_error *err);
/* Both, and the check that the document found bears the id that was asked for. */
COF_MUST_USE enum cof_status cof_document_row_load_by_id(
    const struct cof_store *store, struct cof_txn *txn, uint64_t collection,
    struct cof_text external_id, const struct cof_row *blind_row, const struct cof_key *meta_key,
    struct cof_arena *arena, struct cof_document_record *out_record, struct cof_stamp *out_stamp,
    struct cof_error *err);
COF_MUST_USE enum cof_status cof_document_row_fail_missing(struct cof_error *err);

COF_MUST_USE enum cof_status cof_document_key(const struct cof_store *store,
                                              const struct cof_document_record *record,
                                              struct cof_key *out_key, struct cof_error *err);
/* One chunk of the current version; views in the arena. */
COF_MUST_USE enum cof_status cof_chunk_row_load(const struct cof_store *store, struct cof_txn *txn,
                                                const struct cof_document *document, uint32_t index,
                                                const struct cof_key *document_key,
                                                struct cof_arena *arena,
                                                struct cof_chunk *out_chunk, struct cof_error *err);
/* All chunks of the current version, in the arena. */
COF_MUST_USE enum cof_status cof_chunk_rows_load(const struct cof_store *store, struct cof_txn *txn,
                                                 const struct cof_document *document,
                                                 const struct cof_key *document_key,
                                                 struct cof_arena *arena,
                                                 struct cof_chunk **out_chunks,
                                                 struct cof_error *err);
/* chunk_count * dimension floats, in the arena. */
COF_MUST_USE enum cof_status cof_vectors_rows_load(
    const struct cof_store *store, struct cof_txn *txn, const struct cof_document *document,
    uint32_t dimension, const struct cof_key *document_key, struct cof_arena *arena,
    float **out_vectors, struct cof_error *err);

/* Deletes the rows of a version's content, or everything of a document but its blind row. */
void cof_content_rows_delete(struct cof_txn *txn, uint64_t collection, uint64_t document,
                             uint32_t version);
void cof_document_rows_delete(struct cof_txn *txn, uint64_t collection, uint64_t document);

#endif
