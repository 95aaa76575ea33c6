/* A collection as it stands in a transaction: its row, its usage, its keys. */
#ifndef COF_STORE_COLLECTION_ROW_H
#define COF_STORE_COLLECTION_ROW_H

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>
#include <cof/store/document.h>

#include "lmdb_env.h"
#include "store_object.h"

/* A key of a collection that exists in this transaction. COF_NOT_FOUND "no collection 3" otherwise;
 * COF_CORRUPT when the collection is there and the keyring has no key for it. */
COF_MUST_USE enum cof_status cof_collection_row_key(const struct cof_store *store,
                                                    struct cof_txn *txn, uint64_t collection,
                                                    enum cof_collection_key purpose,
                                                    struct cof_key *out_key, struct cof_error *err);
/* All but the usage; views in the arena. Statuses as above. */
COF_MUST_USE enum cof_status cof_collection_row_load(const struct cof_store *store,
                                                     struct cof_txn *txn, uint64_t collection,
                                                     struct cof_arena *arena,
                                                     struct cof_collection *out_collection,
                                                     struct cof_error *err);
/* The same with the usage. */
COF_MUST_USE enum cof_status cof_collection_row_load_whole(const struct cof_store *store,
                                                           struct cof_txn *txn, uint64_t collection,
                                                           struct cof_arena *arena,
                                                           struct cof_collection *out_collection,
                                                           struct cof_error *err);
COF_MUST_USE enum cof_status cof_collection_row_put(const struct cof_store *store,
                                                    struct cof_txn *txn,
                                                    const struct cof_collection *collection,
                                                    struct cof_error *err);
/* For a row that was there while its key is not in the keyring: COF_NOT_FOUND when the collection
 * has been deleted meanwhile (its row goes first), otherwise COF_CORRUPT. */
COF_MUST_USE enum cof_status cof_collection_row_fail_without_key(const struct cof_store *store,
                                                                 uint64_t collection,
                                                                 struct cof_error *err);
COF_MUST_USE enum cof_status cof_collection_row_fail_missing(uint64_t collection,
                                                             struct cof_error *err);

/* UTF-8 of min to max bytes without control characters; otherwise COF_INVALID naming `what`. */
COF_MUST_USE enum cof_status cof_label_check(struct cof_text label, const char *what,
                                             size_t min_size, size_t max_size,
                                             struct cof_error *err);

#endif
