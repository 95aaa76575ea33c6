/* Cobblestone-256 (C2SP chunked-encryption.md) over OpenSSL's AES-256-GCM. */
#include "cobblestone.h"

#include <string.h>

#include <cof/keys/hash.h>

#define INFO_PREFIX "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" /* its NUL belongs to it */

static void chunk_nonce(const struct cof_cobblestone *stream, uint64_t chunk,
                        uint8_t out_nonce[COF_GCM_NONCE_SIZE])
{
    memcpy(out_nonce, stream->base_nonce, COF_GCM_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        out_nonce[COF_GCM_NONCE_SIZE - 1 - i] ^= (uint8_t)(chunk >> (8 * i));
}

static enum cof_status fail_altered(struct cof_error *err)
{
    return COF_FAIL(err, COF_CORRUPT, "a sealed message does not authenticate");
}

enum cof_status cof_cobblestone_init(struct cof_cobblestone *stream,
                                     enum cof_cobblestone_direction direction,
                                     const uint8_t key[COF_KEY_SIZE],
                                     const uint8_t salt[COF_COBBLESTONE_SALT_SIZE],
                                     const struct cof_bytes *context_parts, size_t part_count,
                                     struct cof_error *err)
{
    struct cof_bytes info[2 + COF_COBBLESTONE_MAX_PARTS] = {
        {.data = (const uint8_t *)INFO_PREFIX, .size = sizeof(INFO_PREFIX)},
        {.data = salt, .size = COF_COBBLESTONE_SALT_SIZE},
    };
    struct {
        uint8_t key[COF_KEY_SIZE];
        uint8_t base_nonce[COF_GCM_NONCE_SIZE];
        uint8_t commitment[COF_COBBLESTONE_COMMITMENT_SIZE];
    } derived;

    cof_crypto_require(part_count <= COF_COBBLESTONE_MAX_PARTS);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < part_count; i++)
        info[2 + i] = context_parts[i];
    cof_hkdf_expand_parts((struct cof_bytes){.data = key, .size = COF_KEY_SIZE}, info,
                          2 + part_count, (uint8_t *)&derived, sizeof(derived));
    const EVP_CIPHER *gcm = cof_crypto_algorithms()->aes_256_gcm;
    int is_encrypting = direction == COF_COBBLESTONE_ENCRYPT;
    cof_crypto_require(EVP_CipherInit_ex2(cipher, gcm, derived.key, NULL, is_encrypting, NULL) ==
                       1);
    stream->cipher = cipher;
    memcpy(stream->base_nonce, derived.base_nonce, sizeof(stream->base_nonce));
    memcpy(stream->commitment, derived.commitment, sizeof(stream->commitment));
    cof_wipe(&derived, sizeof(derived));
    return COF_OK;
}

void cof_cobblestone_deinit(struct cof_cobblestone *stream)
{
    if (stream == NULL)
        return;
    EVP_CIPHER_CTX_free(stream->cipher);
    cof_wipe(stream, sizeof(*stream));
}

void cof_cobblestone_encrypt_chunk(struct cof_cobblestone *stream, uint64_t chunk,
                                   struct cof_bytes plaintext, uint8_t *out)
{
    uint8_t nonce[COF_GCM_NONCE_SIZE];
    cof_crypto_require(chunk < COF_COBBLESTONE_MAX_CHUNKS);
    chunk_nonce(stream, chunk, nonce);
    cof_gcm_encrypt(stream->cipher, nonce, NULL, 0, plaintext, out, out + plaintext.size);
}

bool cof_cobblestone_decrypt_chunk(struct cof_cobblestone *stream, uint64_t chunk,
                                   struct cof_bytes sealed, uint8_t *out)
{
    uint8_t nonce[COF_GCM_NONCE_SIZE];
    if (sealed.size < COF_GCM_TAG_SIZE || chunk >= COF_COBBLESTONE_MAX_CHUNKS)
        return false;
    const struct cof_bytes ciphertext = {.data = sealed.data,
                                         .size = sealed.size - COF_GCM_TAG_SIZE};
    chunk_nonce(stream, chunk, nonce);
    return cof_gcm_decrypt(stream->cipher, nonce, NULL, 0, ciphertext,
                           sealed.data + ciphertext.size, out);
}

bool cof_cobblestone_plaintext_size(uint64_t sealed_size, uint64_t *out_size)
{
    if (sealed_size < COF_COBBLESTONE_PREFIX_SIZE + COF_GCM_TAG_SIZE)
        return false;
    uint64_t chunks_size = sealed_size - COF_COBBLESTONE_PREFIX_SIZE;
    uint64_t full_count = chunks_size / COF_COBBLESTONE_SEALED_CHUNK_SIZE;
    uint64_t last_size = chunks_size % COF_COBBLESTONE_SEALED_CHUNK_SIZE;
    if (last_size < COF_GCM_TAG_SIZE || full_count >= COF_COBBLESTONE_MAX_CHUNKS)
        return false;
    *out_size = full_count * COF_COBBLESTONE_CHUNK_SIZE + last_size - COF_GCM_TAG_SIZE;
    return true;
}

enum cof_status cof_cobblestone_seal(const uint8_t key[COF_KEY_SIZE],
                                     const uint8_t salt[COF_COBBLESTONE_SALT_SIZE],
                                     const struct cof_bytes *context_parts, size_t part_count,
                                     struct cof_bytes plaintext, struct cof_buffer *out,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_cobblestone_deinit) struct cof_cobblestone stream = {0};
    COF_TRY(cof_cobblestone_init(&stream, COF_COBBLESTONE_ENCRYPT, key, salt, context_parts,
                                 part_count, err));
    size_t full_count = plaintext.size / COF_COBBLESTONE_CHUNK_SIZE;
    uint8_t *sealed = cof_buffer_extend(out, COF_COBBLESTONE_PREFIX_SIZE + plaintext.size +
                                                 (full_count + 1) * COF_GCM_TAG_SIZE);
    if (sealed == NULL)
        return COF_FAIL_MEMORY(err);
    memcpy(sealed, salt, COF_COBBLESTONE_SALT_SIZE);
    memcpy(sealed + COF_COBBLESTONE_SALT_SIZE, stream.commitment, sizeof(stream.commitment));
    sealed += COF_COBBLESTONE_PREFIX_SIZE;
    for (size_t i = 0; i <= full_count; i++) {
        size_t begin = i * COF_COBBLESTONE_CHUNK_SIZE;
        size_t size = i < full_count ? COF_COBBLESTONE_CHUNK_SIZE : plaintext.size - begin;
        const struct cof_bytes chunk = {.data = size > 0 ? plaintext.data + begin : NULL,
                                        .size = size};
        cof_cobblestone_encrypt_chunk(&stream, i, chunk, sealed);
        sealed += size + COF_GCM_TAG_SIZE;
    }
    return COF_OK;
}

enum cof_status cof_cobblestone_open(const uint8_t key[COF_KEY_SIZE],
                                     const struct cof_bytes *context_parts, size_t part_count,
                                     struct cof_bytes sealed, struct cof_buffer *out,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_cobblestone_deinit) struct cof_cobblestone stream = {0};
    uint64_t plaintext_size = 0;
    if (!cof_cobblestone_plaintext_size(sealed.size, &plaintext_size))
        return COF_FAIL(err, COF_CORRUPT, "a sealed message is truncated");
    COF_TRY(cof_cobblestone_init(&stream, COF_COBBLESTONE_DECRYPT, key, sealed.data, context_parts,
                                 part_count, err));
    if (!cof_constant_time_equal(stream.commitment, sealed.data + COF_COBBLESTONE_SALT_SIZE,
                                 sizeof(stream.commitment)))
        return fail_altered(err);

    size_t old_size = out->size;
    uint8_t *plaintext = cof_buffer_extend(out, (size_t)plaintext_size);
    if (plaintext == NULL)
        return COF_FAIL_MEMORY(err);
    struct cof_bytes rest = {.data = sealed.data + COF_COBBLESTONE_PREFIX_SIZE,
                             .size = sealed.size - COF_COBBLESTONE_PREFIX_SIZE};
    for (uint64_t i = 0; rest.size > 0; i++) {
        struct cof_bytes chunk = rest;
        if (chunk.size > COF_COBBLESTONE_SEALED_CHUNK_SIZE)
            chunk.size = COF_COBBLESTONE_SEALED_CHUNK_SIZE;
        if (!cof_cobblestone_decrypt_chunk(&stream, i, chunk, plaintext)) {
            out->size = old_size;
            cof_wipe(out->data + old_size, (size_t)plaintext_size);
            return fail_altered(err);
        }
        plaintext += chunk.size - COF_GCM_TAG_SIZE;
        rest.data += chunk.size;
        rest.size -= chunk.size;
    }
    return COF_OK;
}
