/* Cobblestone-256: the chunked encryption of C2SP chunked-encryption.md with SHA-512 and
 * AES-256-GCM, chunk by chunk or a whole message in memory.
 *
 * Form: 24 B salt | 32 B commitment | chunks of 16 KiB with a 16 B tag, the last one shorter,
 * possibly empty. The context may be given in parts; their bytes are simply concatenated. */
#ifndef COF_KEYS_COBBLESTONE_PRIVATE_H
#define COF_KEYS_COBBLESTONE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/keys/seal.h>

#include "crypto.h"

#define COF_COBBLESTONE_SALT_SIZE 24
#define COF_COBBLESTONE_COMMITMENT_SIZE 32
#define COF_COBBLESTONE_PREFIX_SIZE (COF_COBBLESTONE_SALT_SIZE + COF_COBBLESTONE_COMMITMENT_SIZE)
#define COF_COBBLESTONE_CHUNK_SIZE ((size_t)16384)
#define COF_COBBLESTONE_SEALED_CHUNK_SIZE (COF_COBBLESTONE_CHUNK_SIZE + COF_GCM_TAG_SIZE)
#define COF_COBBLESTONE_MAX_CHUNKS ((uint64_t)1 << 38)
#define COF_COBBLESTONE_MAX_PARTS 4

struct cof_cobblestone {
    EVP_CIPHER_CTX *cipher;
    uint8_t base_nonce[COF_GCM_NONCE_SIZE];
    uint8_t commitment[COF_COBBLESTONE_COMMITMENT_SIZE];
};

enum cof_cobblestone_direction { COF_COBBLESTONE_ENCRYPT, COF_COBBLESTONE_DECRYPT };

/* Fails only with COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_cobblestone_init(struct cof_cobblestone *stream,
                                                  enum cof_cobblestone_direction direction,
                                                  const uint8_t key[COF_KEY_SIZE],
                                                  const uint8_t salt[COF_COBBLESTONE_SALT_SIZE],
                                                  const struct cof_bytes *context_parts,
                                                  size_t part_count, struct cof_error *err);
void cof_cobblestone_deinit(struct cof_cobblestone *stream);

/* `out` has room for plaintext.size + COF_GCM_TAG_SIZE; chunk < COF_COBBLESTONE_MAX_CHUNKS. */
void cof_cobblestone_encrypt_chunk(struct cof_cobblestone *stream, uint64_t chunk,
                                   struct cof_bytes plaintext, uint8_t *out);
/* False, with `out` wiped, when the chunk does not authenticate. */
COF_MUST_USE bool cof_cobblestone_decrypt_chunk(struct cof_cobblestone *stream, uint64_t chunk,
                                                struct cof_bytes sealed, uint8_t *out);

/* The plaintext's size of a message of `sealed_size` bytes; false when no message has that size. */
COF_MUST_USE bool cof_cobblestone_plaintext_size(uint64_t sealed_size, uint64_t *out_size);

/* A whole message, appended to `out`. */
COF_MUST_USE enum cof_status cof_cobblestone_seal(const uint8_t key[COF_KEY_SIZE],
                                                  const uint8_t salt[COF_COBBLESTONE_SALT_SIZE],
                                                  const struct cof_bytes *context_parts,
                                                  size_t part_count, struct cof_bytes plaintext,
                                                  struct cof_buffer *out, struct cof_error *err);
/* COF_CORRUPT, with nothing appended, when the message does not authenticate. */
COF_MUST_USE enum cof_status cof_cobblestone_open(const uint8_t key[COF_KEY_SIZE],
                                                  const struct cof_bytes *context_parts,
                                                  size_t part_count, struct cof_bytes sealed,
                                                  struct cof_buffer *out, struct cof_error *err);

#endif
