/* XAES-256-GCM: AES-256-GCM under a key derived by SP 800-108 with CMAC from half the nonce.
 *
 * The derivation is written out as the specification's "detailed algorithm": one CMAC block each
 * for two counters, so three AES calls. CMAC and GCM themselves are OpenSSL's AES. */
#include "xaes.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "crypto.h"

#define BLOCK_SIZE 16
#define NONCE_HALF 12

static void encrypt_blocks(EVP_CIPHER_CTX *context, uint8_t *blocks, int size)
{
    int written = 0;
    cof_crypto_require(EVP_EncryptUpdate(context, blocks, &written, blocks, size) == 1);
    cof_crypto_require(written == size);
}

static void derive_subkey(const uint8_t key[COF_KEY_SIZE], const uint8_t nonce[COF_XAES_NONCE_SIZE],
                          uint8_t out_subkey[COF_KEY_SIZE])
{
    EVP_CIPHER_CTX *context = cof_crypto_contexts()->block;
    uint8_t mask[BLOCK_SIZE] = {0};

    cof_crypto_require(EVP_EncryptInit_ex2(context, NULL, key, NULL, NULL) == 1);
    encrypt_blocks(context, mask, sizeof(mask));
    /* CMAC's K1: doubling in GF(2^128), without a branch on the secret bit */
    uint8_t carry = (uint8_t)(0x87 & -(mask[0] >> 7));
    for (unsigned i = 0; i + 1 < BLOCK_SIZE; i++)
        mask[i] = (uint8_t)(mask[i] << 1 | mask[i + 1] >> 7);
    mask[BLOCK_SIZE - 1] = (uint8_t)(mask[BLOCK_SIZE - 1] << 1 ^ carry);

    for (uint8_t counter = 1; counter <= 2; counter++) {
        uint8_t *block = out_subkey + (size_t)(counter - 1) * BLOCK_SIZE;
        memcpy(block, (const uint8_t[4]){0, counter, 'X', 0}, 4);
        memcpy(block + 4, nonce, NONCE_HALF);
        for (unsigned i = 0; i < BLOCK_SIZE; i++)
            block[i] ^= mask[i];
    }
    encrypt_blocks(context, out_subkey, COF_KEY_SIZE);
    cof_wipe(mask, sizeof(mask));
}

void cof_xaes_encrypt_parts(const uint8_t key[COF_KEY_SIZE],
                            const uint8_t nonce[COF_XAES_NONCE_SIZE],
                            const struct cof_bytes *associated, size_t associated_count,
                            struct cof_bytes plaintext, uint8_t *out_ciphertext,
                            uint8_t out_tag[COF_XAES_TAG_SIZE])
{
    EVP_CIPHER_CTX *context = cof_crypto_contexts()->encrypt;
    uint8_t subkey[COF_KEY_SIZE];
    derive_subkey(key, nonce, subkey);
    cof_crypto_require(EVP_EncryptInit_ex2(context, NULL, subkey, NULL, NULL) == 1);
    cof_wipe(subkey, sizeof(subkey));
    cof_gcm_encrypt(context, nonce + NONCE_HALF, associated, associated_count, plaintext,
                    out_ciphertext, out_tag);
}

bool cof_xaes_decrypt_parts(const uint8_t key[COF_KEY_SIZE],
                            const uint8_t nonce[COF_XAES_NONCE_SIZE],
                            const struct cof_bytes *associated, size_t associated_count,
                            struct cof_bytes ciphertext, const uint8_t tag[COF_XAES_TAG_SIZE],
                            uint8_t *out_plaintext)
{
    EVP_CIPHER_CTX *context = cof_crypto_contexts()->decrypt;
    uint8_t subkey[COF_KEY_SIZE];
    derive_subkey(key, nonce, subkey);
    cof_crypto_require(EVP_DecryptInit_ex2(context, NULL, subkey, NULL, NULL) == 1);
    cof_wipe(subkey, sizeof(subkey));
    return cof_gcm_decrypt(context, nonce + NONCE_HALF, associated, associated_count, ciphertext,
                           tag, out_plaintext);
}

void cof_xaes_encrypt(const uint8_t key[COF_KEY_SIZE], const uint8_t nonce[COF_XAES_NONCE_SIZE],
                      struct cof_bytes plaintext, struct cof_bytes associated_data,
                      uint8_t *out_ciphertext_and_tag)
{
    cof_xaes_encrypt_parts(key, nonce, &associated_data, 1, plaintext, out_ciphertext_and_tag,
                           out_ciphertext_and_tag + plaintext.size);
}

enum cof_status cof_xaes_decrypt(const uint8_t key[COF_KEY_SIZE],
                                 const uint8_t nonce[COF_XAES_NONCE_SIZE],
                                 struct cof_bytes ciphertext_and_tag,
                                 struct cof_bytes associated_data, uint8_t *out_plaintext,
                                 struct cof_error *err)
{
    if (ciphertext_and_tag.size < COF_XAES_TAG_SIZE)
        return COF_FAIL(err, COF_CORRUPT, "a ciphertext is shorter than its tag");
    struct cof_bytes ciphertext = {.data = ciphertext_and_tag.data,
                                   .size = ciphertext_and_tag.size - COF_XAES_TAG_SIZE};
    if (!cof_xaes_decrypt_parts(key, nonce, &associated_data, 1, ciphertext,
                                ciphertext.data + ciphertext.size, out_plaintext))
        return COF_FAIL(err, COF_CORRUPT, "a ciphertext does not authenticate");
    return COF_OK;
}
