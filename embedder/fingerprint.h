/* A 32-byte identity of everything that decides what vectors an embedder gives (SHA-256).
 *
 * It tells models apart, it guards nothing: the hashes that security rests on are OpenSSL's, two
 * floors up from what this folder may use. Each part is added with its length, so that two
 * different splits of the same bytes differ. Not thread-safe. */
#ifndef COF_EMBEDDER_FINGERPRINT_H
#define COF_EMBEDDER_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

#define COF_FINGERPRINT_SIZE 32

struct cof_fingerprint {
    uint32_t state[8];
    uint64_t size; /* bytes taken so far */
    uint8_t block[64];
};

void cof_fingerprint_begin(struct cof_fingerprint *fingerprint);
/* The bytes alone, as SHA-256 takes them. */
void cof_fingerprint_add_raw(struct cof_fingerprint *fingerprint, struct cof_bytes bytes);
/* The length as 8 bytes, then the bytes. */
void cof_fingerprint_add(struct cof_fingerprint *fingerprint, struct cof_bytes bytes);
void cof_fingerprint_add_text(struct cof_fingerprint *fingerprint, struct cof_text text);
void cof_fingerprint_add_number(struct cof_fingerprint *fingerprint, uint64_t number);
void cof_fingerprint_finish(struct cof_fingerprint *fingerprint,
                            uint8_t out_digest[COF_FINGERPRINT_SIZE]);

#endif
