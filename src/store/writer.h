/* The one thread that writes: whatever arrived while it synced goes into its next transaction.
 *
 * A job's `apply` runs on that thread inside the transaction. It may run twice: when a transaction
 * of several jobs fails, each is tried again alone, so that one job's trouble is not its
 * neighbours'. So it changes nothing but the transaction and its own outcomes.
 *
 * A job that fails before it wrote anything fails alone; one that fails later takes the transaction
 * with it. After COF_IO from a transaction nothing is written until restart: what a failed sync has
 * left on the disk is not known (Rebello et al., USENIX ATC 2020). */
#ifndef COF_STORE_WRITER_H
#define COF_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/store/store.h>

#include "collection_record.h"
#include "lmdb_env.h"
#include "outbox.h"
#include "store_object.h"

/* What the jobs of one transaction share. */
struct cof_write_batch {
    struct cof_store *store;
    struct cof_txn txn;
    int64_t now_ns;
    uint64_t added_bytes; /* by the jobs so far */
    /* The usage of the collection in hand, written back when another takes its place. */
    struct cof_usage usage;
    uint64_t usage_collection; /* 0 = none */
};

typedef enum cof_status (*cof_write_apply_fn)(struct cof_write_batch *batch, void *context,
                                              struct cof_error *err);

struct cof_write_job {
    cof_write_apply_fn apply;
    void *context;
    /* About what it adds to the store; 0 = it frees or rewrites, and so may use the reserve that
     * is kept for getting out of a full store. */
    size_t size_bytes;
    const struct cof_outbox *outbox;    /* may be NULL: nothing to record */
    struct cof_write_outcome *outcomes; /* filled by apply, read by the outbox's encoder */
    size_t outcome_count;
};

struct cof_writer;

/* Loads the outbox and starts the thread. */
COF_MUST_USE enum cof_status cof_writer_create(struct cof_store *store,
                                               struct cof_writer **out_writer,
                                               struct cof_error *err);
/* Writes what waits, deletes done outbox rows, joins. Returns whether it was healthy to the end.
 * NULL is fine. */
bool cof_writer_destroy(struct cof_writer *writer);
/* Waits until the job is durable or has failed. */
COF_MUST_USE enum cof_status cof_writer_run(struct cof_writer *writer,
                                            const struct cof_write_job *job, struct cof_error *err);
/* Jobs that wait for the next transaction. */
size_t cof_writer_waiting_count(struct cof_writer *writer);
bool cof_writer_is_healthy(const struct cof_writer *writer);
struct cof_outbox_list *cof_writer_outbox(struct cof_writer *writer);
/* There are rows of a deleted collection whose keys are destroyed. */
void cof_writer_collect_garbage(struct cof_writer *writer);

/* For `apply`: the usage of a collection, to be changed in place. COF_NOT_FOUND when there is no
 * such collection. */
COF_MUST_USE enum cof_status cof_batch_usage(struct cof_write_batch *batch, uint64_t collection,
                                             struct cof_usage **out_usage, struct cof_error *err);
/* The collection is deleted in this transaction: its usage is not written back. */
void cof_batch_forget_usage(struct cof_write_batch *batch, uint64_t collection);

#endif
