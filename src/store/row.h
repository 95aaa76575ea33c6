/* Rows: a value sealed for the place where it lies, written and read back. */
#ifndef COF_STORE_ROW_H
#define COF_STORE_ROW_H

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/keys/seal.h>

#include "lmdb_env.h"
#include "row_key.h"
#include "store_object.h"

/* Schema of every plaintext of format version 1. */
#define COF_ROW_SCHEMA 1

/* Where a value lies and what else it is bound to. */
struct cof_row {
    struct cof_row_key key;
    uint64_t collection; /* 0 = of the store itself */
    uint64_t version;    /* of the document, for version, chunk and vectors; otherwise 0 */
};

/* The first bytes of a sealed value hold its nonce, so equal stamps mean the same writing of it. */
#define COF_STAMP_SIZE 36
struct cof_stamp {
    uint8_t bytes[COF_STAMP_SIZE];
};

/* Appends the sealed value to `out`. */
COF_MUST_USE enum cof_status cof_row_seal(const struct cof_store *store, const struct cof_row *row,
                                          const struct cof_key *key, struct cof_bytes plaintext,
                                          struct cof_buffer *out, struct cof_error *err);
/* Appends the plaintext to `out`. COF_CORRUPT names the row. */
COF_MUST_USE enum cof_status cof_row_unseal(const struct cof_store *store,
                                            const struct cof_row *row, const struct cof_key *key,
                                            struct cof_bytes sealed, struct cof_buffer *out,
                                            struct cof_error *err);
COF_MUST_USE enum cof_status cof_row_put(const struct cof_store *store, struct cof_txn *txn,
                                         const struct cof_row *row, const struct cof_key *key,
                                         struct cof_bytes plaintext, struct cof_error *err);
/* The plaintext of a row, in the arena. COF_NOT_FOUND (with a plain message: the caller has a
 * better one) when there is none. out_stamp may be NULL. */
COF_MUST_USE enum cof_status cof_row_load(const struct cof_store *store, struct cof_txn *txn,
                                          const struct cof_row *row, const struct cof_key *key,
                                          struct cof_arena *arena, struct cof_bytes *out_plaintext,
                                          struct cof_stamp *out_stamp, struct cof_error *err);
bool cof_row_exists(struct cof_txn *txn, const struct cof_row_key *key);
/* Whether the row is there and is still the writing that the stamp was taken of. */
bool cof_row_has_stamp(struct cof_txn *txn, const struct cof_row_key *key,
                       const struct cof_stamp *stamp);

/* The one message for a row that authenticates but does not make sense, or is missing though
 * another row speaks of it. */
enum cof_status cof_row_corrupt(const struct cof_row_key *key, const char *what,
                                struct cof_error *err);

/* Sealed rows waiting for their transaction, one after the other in a buffer. */
struct cof_row_list {
    struct cof_buffer bytes;
    size_t count;
};
COF_MUST_USE enum cof_status cof_row_list_add(const struct cof_store *store,
                                              struct cof_row_list *list, const struct cof_row *row,
                                              const struct cof_key *key, struct cof_bytes plaintext,
                                              struct cof_error *err);
void cof_row_list_put(const struct cof_row_list *list, struct cof_txn *txn);
void cof_row_list_deinit(struct cof_row_list *list);

#endif
