/* SHA-256, HMAC-SHA-256, HKDF-Expand with SHA-512 and Ed25519, all by OpenSSL. */
#include <cof/keys/hash.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cof/base/file.h>

#include "crypto.h"

#define FILE_STEP_BYTES ((size_t)64 * 1024)

static EVP_MD_CTX *digest_begin(void)
{
    EVP_MD_CTX *context = cof_crypto_contexts()->digest;
    cof_crypto_require(EVP_DigestInit_ex2(context, cof_crypto_algorithms()->sha256, NULL) == 1);
    return context;
}

static void digest_finish(EVP_MD_CTX *context, uint8_t out_digest[COF_SHA256_SIZE])
{
    cof_crypto_require(EVP_DigestFinal_ex(context, out_digest, NULL) == 1);
}

static void digest_update(EVP_MD_CTX *context, struct cof_bytes bytes)
{
    cof_crypto_require(EVP_DigestUpdate(context, bytes.data, bytes.size) == 1);
}

void cof_sha256(struct cof_bytes bytes, uint8_t out_digest[COF_SHA256_SIZE])
{
    EVP_MD_CTX *context = digest_begin();
    digest_update(context, bytes);
    digest_finish(context, out_digest);
}

void cof_sha256_prefixed(uint8_t prefix, struct cof_bytes a, struct cof_bytes b,
                         uint8_t out_digest[COF_SHA256_SIZE])
{
    EVP_MD_CTX *context = digest_begin();
    digest_update(context, (struct cof_bytes){.data = &prefix, .size = 1});
    digest_update(context, a);
    digest_update(context, b);
    digest_finish(context, out_digest);
}

enum cof_status cof_sha256_file(const char *path, uint8_t out_digest[COF_SHA256_SIZE],
                                struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer step = {0};
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;

    if (fd < 0 && errno == ENOENT)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no file '%s'", path);
    if (fd < 0 || fstat(fd, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return COF_FAIL(err, COF_IO, "'%s' is not a file", path);
    if (cof_buffer_extend(&step, FILE_STEP_BYTES) == NULL)
        return COF_FAIL_MEMORY(err);

    EVP_MD_CTX *context = digest_begin();
    uint64_t size = (uint64_t)info.st_size;
    for (uint64_t done = 0; done < size;) {
        size_t count = size - done < FILE_STEP_BYTES ? (size_t)(size - done) : FILE_STEP_BYTES;
        COF_TRY(cof_fd_read_at(fd, done, step.data, count, err));
        digest_update(context, (struct cof_bytes){.data = step.data, .size = count});
        done += count;
    }
    digest_finish(context, out_digest);
    return COF_OK;
}

void cof_hmac_sha256(struct cof_bytes key, const struct cof_bytes *parts, size_t part_count,
                     uint8_t out_tag[COF_SHA256_SIZE])
{
    cof_hmac_parts(cof_crypto_contexts()->hmac_sha256, key, parts, part_count, out_tag,
                   COF_SHA256_SIZE);
}

void cof_hkdf_expand_sha512(struct cof_bytes key, struct cof_bytes info, uint8_t *out,
                            size_t out_size)
{
    cof_hkdf_expand_parts(key, &info, 1, out, out_size);
}

bool cof_constant_time_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void cof_wipe(void *memory, size_t size)
{
    OPENSSL_cleanse(memory, size);
}

void cof_ed25519_public(const uint8_t seed[COF_ED25519_SEED_SIZE],
                        uint8_t out_public[COF_ED25519_PUBLIC_SIZE])
{
    size_t size = COF_ED25519_PUBLIC_SIZE;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, COF_ED25519_SEED_SIZE);
    cof_crypto_require(key != NULL && EVP_PKEY_get_raw_public_key(key, out_public, &size) == 1);
    EVP_PKEY_free(key);
}

void cof_ed25519_sign(const uint8_t seed[COF_ED25519_SEED_SIZE], struct cof_bytes message,
                      uint8_t out_signature[COF_ED25519_SIGNATURE_SIZE])
{
    size_t size = COF_ED25519_SIGNATURE_SIZE;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, COF_ED25519_SEED_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    cof_crypto_require(key != NULL && context != NULL);
    cof_crypto_require(EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1);
    cof_crypto_require(EVP_DigestSign(context, out_signature, &size, message.data, message.size) ==
                       1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

bool cof_ed25519_verify(const uint8_t public_key[COF_ED25519_PUBLIC_SIZE], struct cof_bytes message,
                        const uint8_t signature[COF_ED25519_SIGNATURE_SIZE])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, COF_ED25519_PUBLIC_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    cof_crypto_require(key != NULL && context != NULL);
    cof_crypto_require(EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1);
    bool is_right = EVP_DigestVerify(context, signature, COF_ED25519_SIGNATURE_SIZE, message.data,
                                     message.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_right;
}
