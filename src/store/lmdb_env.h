/* The one door to LMDB: an environment and sticky transactions over one ordered key space.
 *
 * Sticky: after the first failure every later call of a transaction does nothing and says "not
 * found", and cof_txn_status() and cof_txn_commit() return that first failure. So a sequence of
 * steps is checked once, but whoever concludes something from "not found" asks cof_txn_status().
 *
 * Threads: any number of read transactions, each used by one thread at a time; one write
 * transaction at a time, begun and ended by the same thread. */
#ifndef COF_STORE_LMDB_ENV_H
#define COF_STORE_LMDB_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_lmdb;

struct cof_lmdb_options {
    const char *folder; /* exists; data.mdb and lock.mdb lie in it, mode 0600 */
    uint64_t max_bytes; /* of the map; ignored when read-only */
    /* Nothing is locked and no file is made: for the looks before the real open, and only while
     * nobody writes. */
    bool is_read_only;
};

/* COF_CORRUPT when data.mdb is no LMDB file, COF_CONFLICT when of another LMDB format, COF_IO,
 * COF_NO_MEMORY (also when the map finds no room in the address space), COF_UNAVAILABLE. */
COF_MUST_USE enum cof_status cof_lmdb_open(const struct cof_lmdb_options *options,
                                           struct cof_lmdb **out_lmdb, struct cof_error *err);
/* No transaction may be open. NULL is fine. */
void cof_lmdb_close(struct cof_lmdb *lmdb);
/* For COF_CLEANUP. */
void cof_lmdb_cleanup(struct cof_lmdb **lmdb);

/* Makes data.mdb as long as its header says. LMDB may leave pages at the end unwritten that it gave
 * out and took back within one transaction; after this the size is a fact that can be recorded. */
COF_MUST_USE enum cof_status cof_lmdb_cover(struct cof_lmdb *lmdb, struct cof_error *err);

/* How many bytes of the map are free: never used, and, when that is less than `enough`, also those
 * of pages that were freed (which a reader may still hold). As of the last commit. */
COF_MUST_USE enum cof_status cof_lmdb_free_bytes(struct cof_lmdb *lmdb, uint64_t enough,
                                                 uint64_t *out_bytes, struct cof_error *err);

/* Fields are private. Zero-initialised is a transaction that was never begun. */
struct cof_txn {
    struct cof_lmdb *lmdb;
    void *handle;
    void *cursor;
    bool is_write;
    uint64_t change_count; /* puts and deletes so far: tells whether a step wrote anything */
    struct cof_error failure;
};

/* A snapshot. COF_UNAVAILABLE when too many are open (512). */
COF_MUST_USE enum cof_status cof_txn_begin_read(struct cof_lmdb *lmdb, struct cof_txn *out_txn,
                                                struct cof_error *err);
COF_MUST_USE enum cof_status cof_txn_begin_write(struct cof_lmdb *lmdb, struct cof_txn *out_txn,
                                                 struct cof_error *err);

/* The view lives until the next change or the end of the transaction. */
bool cof_txn_get(struct cof_txn *txn, struct cof_bytes key, struct cof_bytes *out_value_view);
/* The first row whose key is >= `from` and begins with `prefix`. To go on, seek from the found key
 * with a zero byte appended, or from the number after it. */
bool cof_txn_seek(struct cof_txn *txn, struct cof_bytes from, struct cof_bytes prefix,
                  struct cof_bytes *out_key_view, struct cof_bytes *out_value_view);
void cof_txn_put(struct cof_txn *txn, struct cof_bytes key, struct cof_bytes value);
/* A row that is not there is fine. */
void cof_txn_delete(struct cof_txn *txn, struct cof_bytes key);
/* Deletes at most max_count rows whose keys begin with `prefix`; returns how many. */
size_t cof_txn_delete_prefix(struct cof_txn *txn, struct cof_bytes prefix, size_t max_count);

/* COF_OK or the first failure. */
COF_MUST_USE enum cof_status cof_txn_status(const struct cof_txn *txn, struct cof_error *err);

/* Durable when COF_OK. COF_UNAVAILABLE: disk or map full, nothing changed, another try is safe.
 * COF_IO: a write or sync failed in a way after which nothing more may be written; reading goes on.
 * The transaction is over in every case. */
COF_MUST_USE enum cof_status cof_txn_commit(struct cof_txn *txn, struct cof_error *err);
void cof_txn_abort(struct cof_txn *txn);

#endif
