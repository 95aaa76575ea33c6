/* The counters of numbers that are never given twice: in memory, and one sealed row. */
#ifndef COF_STORE_COUNTERS_H
#define COF_STORE_COUNTERS_H

#include <stdbool.h>

#include <cof/base/status.h>

#include "lmdb_env.h"
#include "store_object.h"

/* All at 1: numbers of ours begin there, 0 means none. */
void cof_counters_init(struct cof_counters *counters);
/* COF_CORRUPT when the row is missing or does not authenticate. */
COF_MUST_USE enum cof_status cof_counters_load(struct cof_store *store, struct cof_txn *txn,
                                               struct cof_error *err);
/* Whether the audit log is known to be longer than the row says; the writer's to ask. */
bool cof_counters_are_behind(const struct cof_counters *counters);
/* Writes the counters as they are now: beyond every number that the transaction uses. */
COF_MUST_USE enum cof_status cof_counters_put(struct cof_store *store, struct cof_txn *txn,
                                              struct cof_error *err);

#endif
