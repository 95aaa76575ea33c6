/* OpenSSL's algorithms, fetched once, and its contexts, kept per thread.
 *
 * Fetching an algorithm and making a context cost more than sealing a small value, so both are
 * reused. A context keeps the last key it was given until its thread uses it again or ends; that
 * is process memory, which the threat model leaves to the operating system. */
#ifndef COF_KEYS_CRYPTO_PRIVATE_H
#define COF_KEYS_CRYPTO_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include <cof/base/text.h>

#define COF_GCM_NONCE_SIZE 12
#define COF_GCM_TAG_SIZE 16
#define COF_SHA512_SIZE 64

struct cof_crypto_algorithms {
    EVP_MD *sha256;
    EVP_CIPHER *aes_256_gcm;
};

struct cof_crypto_contexts {
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac_sha256;
    EVP_MAC_CTX *hmac_sha512;
    EVP_CIPHER_CTX *block;   /* AES-256 on single blocks, without padding */
    EVP_CIPHER_CTX *encrypt; /* AES-256-GCM */
    EVP_CIPHER_CTX *decrypt; /* AES-256-GCM */
};

const struct cof_crypto_algorithms *cof_crypto_algorithms(void);
/* Of the calling thread; made on its first call, released when it ends. */
const struct cof_crypto_contexts *cof_crypto_contexts(void);

/* Ends the process when OpenSSL refused what it cannot refuse: going on would mean weak results. */
void cof_crypto_require(bool holds);

/* HMAC by one of the thread's contexts over parts in order. */
void cof_hmac_parts(EVP_MAC_CTX *context, struct cof_bytes key, const struct cof_bytes *parts,
                    size_t part_count, uint8_t *out_tag, size_t tag_size);

/* HKDF-Expand with SHA-512 over an info given in parts. */
void cof_hkdf_expand_parts(struct cof_bytes key, const struct cof_bytes *parts, size_t part_count,
                           uint8_t *out, size_t out_size);

/* One GCM message on a context that has its key already. `out` has room for plaintext.size bytes
 * and may be plaintext.data; the tag goes to out_tag. */
void cof_gcm_encrypt(EVP_CIPHER_CTX *context, const uint8_t nonce[COF_GCM_NONCE_SIZE],
                     const struct cof_bytes *associated, size_t associated_count,
                     struct cof_bytes plaintext, uint8_t *out, uint8_t out_tag[COF_GCM_TAG_SIZE]);
/* False, with `out` wiped, when the tag is wrong. */
bool cof_gcm_decrypt(EVP_CIPHER_CTX *context, const uint8_t nonce[COF_GCM_NONCE_SIZE],
                     const struct cof_bytes *associated, size_t associated_count,
                     struct cof_bytes ciphertext, const uint8_t tag[COF_GCM_TAG_SIZE],
                     uint8_t *out);

#endif
