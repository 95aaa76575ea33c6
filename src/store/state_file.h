/* The state file of a clean close: whether data.mdb was changed while nobody had it open.
 *
 * Layout: "COFSTATE" | u16 format version | 16 bytes store uuid | u64 size of data.mdb |
 * 32 bytes HMAC-SHA-256 over all that and the first two pages (LMDB's headers) of data.mdb.
 * Written after the last commit, removed before the first; without it (a crash) nothing is said. */
#ifndef COF_STORE_STATE_FILE_H
#define COF_STORE_STATE_FILE_H

#include <stdbool.h>

#include <cof/base/status.h>
#include <cof/keys/keyring.h>

bool cof_state_file_exists(const char *folder);
/* COF_OK when it matches or there is none; COF_CONFLICT when it is of another store's keys or a
 * newer format; COF_CORRUPT when it does not match. Changes nothing. */
COF_MUST_USE enum cof_status cof_state_file_check(const char *folder,
                                                  const struct cof_keyring *keyring,
                                                  struct cof_error *err);
/* Durably, so that a crash after a later commit cannot bring it back. */
COF_MUST_USE enum cof_status cof_state_file_remove(const char *folder, struct cof_error *err);
COF_MUST_USE enum cof_status cof_state_file_write(const char *folder,
                                                  const struct cof_keyring *keyring,
                                                  struct cof_error *err);

#endif
