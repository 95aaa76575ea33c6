/* One document on its way into the store: looked up, numbered, sealed, laid down.
 *
 * The first three steps need no write transaction and run on the caller's thread. Laying down
 * checks that what was looked up is still so; when another writer was faster, the steps are done
 * again inside the transaction.
 *
 *   look_up  what the store has under this id, and so what is to be done
 *   number   a number for a new document, chunk ids for new content
 *   seal     the rows
 *   lay_down the rows into the transaction, the usage of the collection */
#ifndef COF_STORE_DOCUMENT_PUT_H
#define COF_STORE_DOCUMENT_PUT_H

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/store/store.h>

#include "document_record.h"
#include "lmdb_env.h"
#include "row.h"
#include "store_object.h"
#include "writer.h"

/* What documents of one collection share; holds keys. */
struct cof_put_scope {
    uint64_t collection; /* 0 = empty */
    struct cof_key meta_key;
    struct cof_key blind_key;
    uint32_t dimension;
    enum cof_vector_precision precision;
};
void cof_put_scope_wipe(struct cof_put_scope *scope);

struct cof_document_put {
    const struct cof_document_write *write;
    struct cof_write_outcome outcome;
    bool has_content; /* a new version is written */
    bool is_stored;   /* there is a document of this id, in `base` */
    struct cof_document_record base;
    struct cof_stamp base_stamp;
    struct cof_row blind_row;
    struct cof_row_list rows;
    struct cof_arena arena; /* of the base's views */
};
void cof_document_put_deinit(struct cof_document_put *put);

/* COF_OK also when the document's own fault (id, collection, vectors, conflict, damaged rows) makes
 * it fail: then its outcome is COF_WRITE_FAILED and the other steps do nothing. Fails when
 * nobody's document could be put (memory, disk). The scope is reused or replaced. */
COF_MUST_USE enum cof_status cof_document_put_look_up(struct cof_store *store, struct cof_txn *txn,
                                                      struct cof_put_scope *scope,
                                                      struct cof_document_put *put,
                                                      struct cof_error *err);
bool cof_document_put_needs_number(const struct cof_document_put *put);
/* Numbers those of `puts` that need one, in order, and makes the bucket keys they need. */
COF_MUST_USE enum cof_status cof_document_puts_number(struct cof_store *store,
                                                      struct cof_document_put *puts, size_t count,
                                                      struct cof_error *err);
COF_MUST_USE enum cof_status cof_document_put_seal(struct cof_store *store, struct cof_txn *txn,
                                                   struct cof_put_scope *scope,
                                                   struct cof_document_put *put,
                                                   struct cof_error *err);
COF_MUST_USE enum cof_status cof_document_put_lay_down(struct cof_write_batch *batch,
                                                       struct cof_put_scope *scope,
                                                       struct cof_document_put *put,
                                                       struct cof_error *err);

#endif
