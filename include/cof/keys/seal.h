/* Sealed values: one LMDB value or audit payload, encrypted and bound to where it belongs.
 *
 * XAES-256-GCM (C2SP XAES-256-GCM.md: AES-256-GCM under a key derived from the first half of a
 * 24-byte random nonce). Layout, 52 bytes more than the padded plaintext:
 *   0  2  'C' 'V'         magic
 *   2  1  1               format version
 *   3  1  1               algorithm: 1 = XAES-256-GCM
 *   4  8  key id          big-endian; for finding the key, authenticated through the context
 *   12 24 nonce
 *   36 n  ciphertext of   u32 BE true size | plaintext | zero padding
 *                         (to 64 B up to 1 KiB, 256 B up to 16 KiB, 4 KiB above)
 *   .. 16 tag
 * Associated data: "coffer/v1/val" 0x00 | store uuid | collection | table | schema |
 * u32 size and bytes of the stored LMDB key | record version | the first 12 bytes above.
 * So no value can be moved to another key, table, collection, store or version.
 *
 * Safe from any thread. */
#ifndef COF_KEYS_SEAL_H
#define COF_KEYS_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_KEY_SIZE 32

/* A symmetric key. Wipe it (cof_key_wipe, usable with COF_CLEANUP) when done. `id` names it in
 * sealed values so that rotation can tell old from new. */
struct cof_key {
    uint64_t id;
    uint8_t bytes[COF_KEY_SIZE];
};
void cof_key_wipe(struct cof_key *key);

struct cof_seal_context {
    uint8_t store_uuid[16];
    uint64_t collection; /* 0 = the store itself */
    uint8_t table;
    uint16_t schema;             /* of the plaintext's encoding */
    struct cof_bytes stored_key; /* the LMDB key under which the value lies */
    uint64_t record_version;
};

/* Appends the sealed form to `out`. Fails only with COF_NO_MEMORY or COF_TOO_LARGE (2 GiB). */
COF_MUST_USE enum cof_status cof_seal(const struct cof_key *key,
                                      const struct cof_seal_context *context,
                                      struct cof_bytes plaintext, const struct cof_random *random,
                                      struct cof_buffer *out, struct cof_error *err);
/* Appends the plaintext to `out`; nothing is appended unless the tag is right. COF_CORRUPT when the
 * value was altered, moved, or sealed under another key. Wipe `out` when done with it. */
COF_MUST_USE enum cof_status cof_unseal(const struct cof_key *key,
                                        const struct cof_seal_context *context,
                                        struct cof_bytes sealed, struct cof_buffer *out,
                                        struct cof_error *err);
/* The key id a sealed value names; COF_CORRUPT when it is no sealed value of a known version. */
COF_MUST_USE enum cof_status cof_sealed_key_id(struct cof_bytes sealed, uint64_t *out_key_id,
                                               struct cof_error *err);
/* Size of the sealed form of `plaintext_size` bytes. */
size_t cof_sealed_size(size_t plaintext_size);

/* The bare AEAD underneath (for test vectors and wrapping): ciphertext || 16-byte tag. */
#define COF_XAES_NONCE_SIZE 24
#define COF_XAES_TAG_SIZE 16
void cof_xaes_encrypt(const uint8_t key[COF_KEY_SIZE], const uint8_t nonce[COF_XAES_NONCE_SIZE],
                      struct cof_bytes plaintext, struct cof_bytes associated_data,
                      uint8_t *out_ciphertext_and_tag);
COF_MUST_USE enum cof_status cof_xaes_decrypt(const uint8_t key[COF_KEY_SIZE],
                                              const uint8_t nonce[COF_XAES_NONCE_SIZE],
                                              struct cof_bytes ciphertext_and_tag,
                                              struct cof_bytes associated_data,
                                              uint8_t *out_plaintext, struct cof_error *err);

#endif
