/* What a deleted collection leaves: rows that nobody can read any more, removed piece by piece. */
#ifndef COF_STORE_GARBAGE_H
#define COF_STORE_GARBAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

#include "lmdb_env.h"
#include "store_object.h"

/* Notes, in the transaction that deletes the collection, that its rows are to be removed. */
COF_MUST_USE enum cof_status cof_garbage_add(const struct cof_store *store, struct cof_txn *txn,
                                             uint64_t collection, struct cof_error *err);
/* Deletes at most max_count rows of collections whose keys are destroyed. *out_has_more is false
 * when there is nothing to do now. */
COF_MUST_USE enum cof_status cof_garbage_collect(const struct cof_store *store, struct cof_txn *txn,
                                                 size_t max_count, bool *out_has_more,
                                                 struct cof_error *err);
/* At open: destroys the keys of deleted collections that a crash left alive. */
COF_MUST_USE enum cof_status cof_garbage_resume(struct cof_store *store, struct cof_error *err);

#endif
