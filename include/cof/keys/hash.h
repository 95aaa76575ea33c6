/* Hashes, keyed hashes and key derivation: SHA-256, HMAC-SHA-256 (RFC 2104), HKDF-Expand with
 * SHA-512 (RFC 5869), Ed25519 (RFC 8032); all by OpenSSL.
 *
 * Every function is safe from any thread. Those that cannot fail on valid arguments abort on a
 * broken OpenSSL instead of returning weak results. */
#ifndef COF_KEYS_HASH_H
#define COF_KEYS_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_SHA256_SIZE 32

void cof_sha256(struct cof_bytes bytes, uint8_t out_digest[COF_SHA256_SIZE]);
/* SHA-256 of prefix byte || a || b, as RFC 6962 trees need. b may be empty. */
void cof_sha256_prefixed(uint8_t prefix, struct cof_bytes a, struct cof_bytes b,
                         uint8_t out_digest[COF_SHA256_SIZE]);
/* Of a whole file, streamed. COF_NOT_FOUND, COF_IO. */
COF_MUST_USE enum cof_status cof_sha256_file(const char *path, uint8_t out_digest[COF_SHA256_SIZE],
                                             struct cof_error *err);

/* HMAC over parts in order; give each variable-length part a length prefix yourself where two
 * different splits must differ. */
void cof_hmac_sha256(struct cof_bytes key, const struct cof_bytes *parts, size_t part_count,
                     uint8_t out_tag[COF_SHA256_SIZE]);
/* out_size <= 64 * 255. */
void cof_hkdf_expand_sha512(struct cof_bytes key, struct cof_bytes info, uint8_t *out,
                            size_t out_size);
/* Constant time in `size`. */
bool cof_constant_time_equal(const uint8_t *a, const uint8_t *b, size_t size);
/* Overwrites memory in a way the compiler keeps. */
void cof_wipe(void *memory, size_t size);

#define COF_ED25519_SEED_SIZE 32
#define COF_ED25519_PUBLIC_SIZE 32
#define COF_ED25519_SIGNATURE_SIZE 64
void cof_ed25519_public(const uint8_t seed[COF_ED25519_SEED_SIZE],
                        uint8_t out_public[COF_ED25519_PUBLIC_SIZE]);
void cof_ed25519_sign(const uint8_t seed[COF_ED25519_SEED_SIZE], struct cof_bytes message,
                      uint8_t out_signature[COF_ED25519_SIGNATURE_SIZE]);
bool cof_ed25519_verify(const uint8_t public_key[COF_ED25519_PUBLIC_SIZE], struct cof_bytes message,
                        const uint8_t signature[COF_ED25519_SIGNATURE_SIZE]);

#endif
