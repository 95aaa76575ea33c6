/* XAES-256-GCM (C2SP XAES-256-GCM.md) with associated data in parts. */
#ifndef COF_KEYS_XAES_PRIVATE_H
#define COF_KEYS_XAES_PRIVATE_H

#include <cof/keys/seal.h>

/* `out_ciphertext` may be plaintext.data. */
void cof_xaes_encrypt_parts(const uint8_t key[COF_KEY_SIZE],
                            const uint8_t nonce[COF_XAES_NONCE_SIZE],
                            const struct cof_bytes *associated, size_t associated_count,
                            struct cof_bytes plaintext, uint8_t *out_ciphertext,
                            uint8_t out_tag[COF_XAES_TAG_SIZE]);
/* False, with the output wiped, when the tag is wrong. */
bool cof_xaes_decrypt_parts(const uint8_t key[COF_KEY_SIZE],
                            const uint8_t nonce[COF_XAES_NONCE_SIZE],
                            const struct cof_bytes *associated, size_t associated_count,
                            struct cof_bytes ciphertext, const uint8_t tag[COF_XAES_TAG_SIZE],
                            uint8_t *out_plaintext);

#endif
