/* What the wrapping of document keys needs of a keyring. */
#ifndef COF_KEYS_KEYRING_BUCKET_PRIVATE_H
#define COF_KEYS_KEYRING_BUCKET_PRIVATE_H

#include <cof/keys/keyring.h>

/* The key of the document's bucket. COF_NOT_FOUND without the collection, COF_CONFLICT when its
 * buckets were never made. */
COF_MUST_USE enum cof_status cof_keyring_bucket_key(const struct cof_keyring *keyring,
                                                    uint64_t collection, uint64_t document_number,
                                                    struct cof_key *out_key, struct cof_error *err);
const struct cof_random *cof_keyring_random(const struct cof_keyring *keyring);

#endif
