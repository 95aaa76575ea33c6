/* The store's own struct, for the files of this folder. */
#ifndef COF_STORE_STORE_OBJECT_H
#define COF_STORE_STORE_OBJECT_H

#include <stdatomic.h>
#include <stdint.h>

#include <cof/store/store.h>

#include "lmdb_env.h"

struct cof_writer;

/* The next number of each kind. Taken without a lock by whoever prepares a write, written in the
 * same transaction as what uses them; numbers taken for a write that came to nothing are gaps. */
struct cof_counters {
    atomic_uint_fast64_t collection;
    atomic_uint_fast64_t document;
    atomic_uint_fast64_t chunk;
    atomic_uint_fast64_t credential;
    atomic_uint_fast64_t outbox;
    atomic_uint_fast64_t job;
    /* Not a number to give: how many entries the audit log is known to hold. Goes to disk with
     * whatever else does, and at close. */
    atomic_uint_fast64_t audit;
    uint64_t written_audit; /* the writer's: what the row says */
};

/* Everything but the counters and the writer is read-only after open. */
struct cof_store {
    char *folder;
    struct cof_lmdb *lmdb;
    struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
    cof_notice_fn notice;
    void *notice_context;
    uint8_t uuid[16];
    uint64_t max_bytes;
    struct cof_counters counters;
    struct cof_writer *writer;
};

/* Tells the operator, where there is one. */
void cof_store_notice(const struct cof_store *store, const char *format, ...) COF_PRINTF(2, 3);

#endif
