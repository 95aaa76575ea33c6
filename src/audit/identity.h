/* Whose log a folder holds: the store, the origin line, the key that signs.
 *
 * `origin` holds "coffer/<store uuid, 32 hex digits>/audit", which is also the key's name; `vkey`
 * the verifier key. Both are written when the folder is made, `vkey` last: with it the log exists,
 * and then it has at least one checkpoint, that of the empty tree. */
#ifndef COF_AUDIT_IDENTITY_PRIVATE_H
#define COF_AUDIT_IDENTITY_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/keys/keyring.h>

#include "note.h"

#define COF_ORIGIN_NAME "origin"
#define COF_VKEY_NAME "vkey"

struct cof_log_identity {
    uint8_t store_uuid[16];
    struct cof_note_key key; /* its name is the origin */
};

/* Of the store that the keyring belongs to. */
void cof_log_identity_init(struct cof_log_identity *identity, const struct cof_keyring *keyring);
/* Of a verifier key; COF_CORRUPT when it is none, or its name is not the origin of a store. */
COF_MUST_USE enum cof_status cof_log_identity_from_vkey(struct cof_text vkey,
                                                        struct cof_log_identity *out_identity,
                                                        struct cof_error *err);

/* Signs a checkpoint with the keyring's key. */
void cof_log_sign(const struct cof_log_identity *identity, const struct cof_keyring *keyring,
                  const struct cof_checkpoint *checkpoint, struct cof_buffer *out_note);

/* Makes the folder's files unless they are there. COF_CONFLICT when it holds another store's log,
 * COF_CORRUPT when it holds entries but no vkey. */
COF_MUST_USE enum cof_status cof_log_folder_prepare(const char *folder,
                                                    const struct cof_log_identity *identity,
                                                    const struct cof_keyring *keyring,
                                                    struct cof_error *err);

#endif
