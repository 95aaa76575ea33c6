/* The outbox: audit records that are not in the audit log yet, in the order of their arrival.
 *
 * Every row on disk has an entry here, made before its transaction so that nothing can fail after
 * the commit. cof_store_outbox_done() marks an entry; the next transaction deletes the rows of the
 * marked ones. Any thread may mark; the writer alone adds and drops. */
#ifndef COF_STORE_OUTBOX_H
#define COF_STORE_OUTBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "lmdb_env.h"
#include "store_object.h"

struct cof_outbox_entry {
    struct cof_outbox_entry *next;
    uint64_t number; /* in the row's key */
    uint8_t id[16];
    bool is_done;
    bool is_dropping; /* its row is deleted in the transaction under way */
};

struct cof_outbox_list {
    pthread_mutex_t lock;
    struct cof_outbox_entry *oldest;
    struct cof_outbox_entry **end;
    size_t done_count;
};

void cof_outbox_list_init(struct cof_outbox_list *list);
void cof_outbox_list_deinit(struct cof_outbox_list *list);
/* NULL when out of memory. */
COF_MUST_USE struct cof_outbox_entry *cof_outbox_entry_create(const uint8_t id[16]);
/* Takes the entry. */
void cof_outbox_list_add(struct cof_outbox_list *list, struct cof_outbox_entry *entry);
void cof_outbox_list_mark_done(struct cof_outbox_list *list, const uint8_t id[16]);
bool cof_outbox_list_has_done(struct cof_outbox_list *list);
/* Deletes the rows of the marked entries; afterwards `finish` forgets those entries when the
 * transaction was committed, or keeps them for the next one. */
void cof_outbox_list_drop(struct cof_outbox_list *list, struct cof_txn *txn);
void cof_outbox_list_finish(struct cof_outbox_list *list, bool is_committed);

/* Makes entries of the rows on disk, at open. */
COF_MUST_USE enum cof_status cof_outbox_load(const struct cof_store *store,
                                             struct cof_outbox_list *list, struct cof_error *err);
COF_MUST_USE enum cof_status cof_outbox_put(const struct cof_store *store, struct cof_txn *txn,
                                            const struct cof_outbox_entry *entry,
                                            struct cof_bytes record, struct cof_error *err);

#endif
