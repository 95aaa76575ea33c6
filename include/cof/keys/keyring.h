/* The key tree: key-encryption key (KEK) → epoch root → collection keys → 256 bucket keys →
 * one key per document.
 *
 * The KEK comes from a key file (`root.key`, 32 random bytes, mode 0400 or 0600, owner only) or
 * from a passphrase (OpenSSL scrypt, parameters recorded). Everything down to the buckets lives in
 * one sealed file `keyring` beside it, rewritten atomically at each change; document keys are
 * wrapped by their bucket's key and kept by the store. So a copy of the data folder of any age
 * holds no key above the document level.
 *
 * Errors are one clear sentence each, naming the cure: COF_NOT_FOUND (no folder, keyring or key
 * file), COF_DENIED (another owner, readable by others, wrong key or passphrase), COF_INVALID (a
 * passphrase missing or not wanted, keys inside the data folder), COF_CONFLICT (a keyring of a
 * newer format, or changed by another process since it was opened), COF_CORRUPT (altered). Opening
 * changes nothing on disk. A root.key of another store is a wrong key; that a whole keys folder
 * belongs to another store only the store can tell, by cof_keyring_store_uuid().
 *
 * One keyring object serves all threads; lookups never wait for the disk. Keys live in memory that
 * is locked where the system allows it (a notice says when not) and excluded from core dumps. */
#ifndef COF_KEYS_KEYRING_H
#define COF_KEYS_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/seal.h>

struct cof_keyring;

struct cof_keyring_options {
    const char *folder;         /* the keys folder, never inside the data folder */
    const char *data_folder;    /* checked and warned about; NULL = not known here */
    struct cof_text passphrase; /* empty = key file `root.key` in the folder */
    const struct cof_clock *clock;
    const struct cof_random *random;
    cof_notice_fn notice; /* e.g. keys lie on the same device as the data; may be NULL */
    void *notice_context;
};

/* Makes the folder (0700), root.key (unless a passphrase is given; one that lies there is used) and
 * an empty keyring with a new store uuid. COF_CONFLICT when a keyring is already there: keys are
 * never overwritten. */
COF_MUST_USE enum cof_status cof_keyring_create(const struct cof_keyring_options *options,
                                                struct cof_keyring **out_keyring,
                                                struct cof_error *err);
COF_MUST_USE enum cof_status cof_keyring_open(const struct cof_keyring_options *options,
                                              struct cof_keyring **out_keyring,
                                              struct cof_error *err);
void cof_keyring_close(struct cof_keyring *keyring);

void cof_keyring_store_uuid(const struct cof_keyring *keyring, uint8_t out_uuid[16]);
uint64_t cof_keyring_epoch(const struct cof_keyring *keyring);

/* Keys of the store itself, one per purpose; they exist from creation. */
enum cof_system_key {
    COF_KEY_STORE_META = 1,  /* rows that belong to no collection */
    COF_KEY_STORE_BLIND,     /* their blinded LMDB keys */
    COF_KEY_CREDENTIAL,      /* pepper of API key hashes */
    COF_KEY_AUDIT_SIGN,      /* Ed25519 seed */
    COF_KEY_AUDIT_PSEUDONYM, /* actor_ref */
    COF_KEY_AUDIT_PAYLOAD,   /* sealed payloads */
    COF_KEY_OUTBOX,
};
void cof_keyring_system_key(const struct cof_keyring *keyring, enum cof_system_key purpose,
                            struct cof_key *out_key);

/* Makes the key of a new collection and writes the keyring. Idempotent. */
COF_MUST_USE enum cof_status cof_keyring_add_collection(struct cof_keyring *keyring,
                                                        uint64_t collection, struct cof_error *err);
/* Destroys a collection's key and its buckets and writes a new keyring epoch: what was sealed under
 * them cannot be opened again, in this data folder or in a copy of it (but by whoever kept both an
 * old keyring and the KEK). COF_NOT_FOUND when the collection has no key. */
COF_MUST_USE enum cof_status cof_keyring_destroy_collection(struct cof_keyring *keyring,
                                                            uint64_t collection,
                                                            struct cof_error *err);

/* Keys derived from a collection's key (HKDF-Expand, purpose bound). COF_NOT_FOUND when the
 * collection has none. */
enum cof_collection_key {
    COF_KEY_COLLECTION_META = 1, /* document rows: ACL, attributes, names */
    COF_KEY_COLLECTION_BLIND,    /* blinded external ids */
    COF_KEY_COLLECTION_HASH,     /* keyed content hashes */
    COF_KEY_COLLECTION_SNAPSHOT, /* sealed index segments */
    COF_KEY_COLLECTION_UPLOAD,
};
COF_MUST_USE enum cof_status cof_keyring_collection_key(const struct cof_keyring *keyring,
                                                        uint64_t collection,
                                                        enum cof_collection_key purpose,
                                                        struct cof_key *out_key,
                                                        struct cof_error *err);

/* Document keys. The bucket of a document is the low 8 bits of its number. `ensure` makes the
 * bucket keys that are missing for these documents and writes the keyring at most once (in fact
 * once per collection: its 256 are made together); call it before wrapping, which is COF_CONFLICT
 * otherwise. Wrapped form: 12-byte header, nonce, ciphertext, key commitment, whose first 8 bytes
 * are the document key's id. Unwrapping is COF_CORRUPT when the wrapped form was altered, belongs
 * to another document, or was wrapped by a bucket key that is no longer there. */
#define COF_WRAPPED_KEY_SIZE 116
COF_MUST_USE enum cof_status cof_keyring_ensure_buckets(struct cof_keyring *keyring,
                                                        uint64_t collection,
                                                        const uint64_t *document_numbers,
                                                        size_t count, struct cof_error *err);
/* A fresh random key for the document, together with its wrapped form. */
COF_MUST_USE enum cof_status cof_keyring_make_document_key(
    const struct cof_keyring *keyring, uint64_t collection, uint64_t document_number,
    struct cof_key *out_key, uint8_t out_wrapped[COF_WRAPPED_KEY_SIZE], struct cof_error *err);
COF_MUST_USE enum cof_status cof_keyring_unwrap_document_key(
    const struct cof_keyring *keyring, uint64_t collection, uint64_t document_number,
    const uint8_t wrapped[COF_WRAPPED_KEY_SIZE], struct cof_key *out_key, struct cof_error *err);

#endif
