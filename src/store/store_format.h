/* What says that a folder holds a store of this format and these keys. */
#ifndef COF_STORE_STORE_FORMAT_H
#define COF_STORE_STORE_FORMAT_H

#include <stdbool.h>

#include <cof/base/status.h>
#include <cof/keys/keyring.h>

#include "lmdb_env.h"

#define COF_STORE_DATA_FILE "data.mdb"
#define COF_STORE_FORMAT_VERSION 1

/* Looks at the folder without changing it. *out_exists is false where there is no store yet, not
 * even an interrupted beginning of one that holds anything. COF_CONFLICT for a newer format or
 * other keys, COF_CORRUPT for what is no store. */
COF_MUST_USE enum cof_status cof_store_format_look(const char *folder,
                                                   const struct cof_keyring *keyring,
                                                   bool *out_exists, struct cof_error *err);
/* The clear row of a new store. */
void cof_store_format_put(struct cof_txn *txn, const uint8_t uuid[16]);

COF_MUST_USE enum cof_status cof_store_format_fail_newer(unsigned version, unsigned known,
                                                         struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_format_fail_other_keys(struct cof_error *err);

#endif
