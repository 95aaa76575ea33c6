/* OpenSSL's algorithms, fetched once, and its contexts, kept per thread. */
#include "crypto.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <cof/base/alloc.h>
#include <cof/keys/hash.h>

/* EVP takes its sizes as int */
#define MAX_STEP ((size_t)1 << 30)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static struct cof_crypto_algorithms algorithms;
static EVP_MAC *hmac;
static EVP_CIPHER *aes_256_ecb;
static _Thread_local struct cof_crypto_contexts *thread_contexts;

static void contexts_destroy(void *object)
{
    struct cof_crypto_contexts *contexts = object;
    EVP_MD_CTX_free(contexts->digest);
    EVP_MAC_CTX_free(contexts->hmac_sha256);
    EVP_MAC_CTX_free(contexts->hmac_sha512);
    EVP_CIPHER_CTX_free(contexts->block);
    EVP_CIPHER_CTX_free(contexts->encrypt);
    EVP_CIPHER_CTX_free(contexts->decrypt);
    free(contexts);
    thread_contexts = NULL;
}

static void fetch_algorithms(void)
{
    algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithms.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    aes_256_ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    cof_crypto_require(algorithms.sha256 != NULL && algorithms.aes_256_gcm != NULL &&
                       aes_256_ecb != NULL && hmac != NULL);
    cof_crypto_require(pthread_key_create(&contexts_key, contexts_destroy) == 0);
}

static EVP_MAC_CTX *make_hmac(const char *digest_name)
{
    char name[8];
    (void)strncpy(name, digest_name, sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    cof_crypto_require(context != NULL && EVP_MAC_CTX_set_params(context, parameters) == 1);
    return context;
}

static struct cof_crypto_contexts *contexts_create(void)
{
    /* Past cof_calloc's door: an injected failure here would end the process. */
    struct cof_crypto_contexts *contexts = calloc(1, sizeof(*contexts));
    cof_crypto_require(contexts != NULL);
    contexts->digest = EVP_MD_CTX_new();
    contexts->hmac_sha256 = make_hmac("SHA256");
    contexts->hmac_sha512 = make_hmac("SHA512");
    contexts->block = EVP_CIPHER_CTX_new();
    contexts->encrypt = EVP_CIPHER_CTX_new();
    contexts->decrypt = EVP_CIPHER_CTX_new();
    cof_crypto_require(contexts->digest != NULL && contexts->block != NULL &&
                       contexts->encrypt != NULL && contexts->decrypt != NULL);
    cof_crypto_require(EVP_EncryptInit_ex2(contexts->block, aes_256_ecb, NULL, NULL, NULL) == 1);
    cof_crypto_require(EVP_CIPHER_CTX_set_padding(contexts->block, 0) == 1);
    cof_crypto_require(
        EVP_EncryptInit_ex2(contexts->encrypt, algorithms.aes_256_gcm, NULL, NULL, NULL) == 1);
    cof_crypto_require(
        EVP_DecryptInit_ex2(contexts->decrypt, algorithms.aes_256_gcm, NULL, NULL, NULL) == 1);
    cof_crypto_require(pthread_setspecific(contexts_key, contexts) == 0);
    return contexts;
}

void cof_crypto_require(bool holds)
{
    if (!holds)
        abort();
}

const struct cof_crypto_algorithms *cof_crypto_algorithms(void)
{
    cof_crypto_require(pthread_once(&once, fetch_algorithms) == 0);
    return &algorithms;
}

const struct cof_crypto_contexts *cof_crypto_contexts(void)
{
    if (thread_contexts == NULL) {
        (void)cof_crypto_algorithms();
        thread_contexts = contexts_create();
    }
    return thread_contexts;
}

void cof_hmac_parts(EVP_MAC_CTX *context, struct cof_bytes key, const struct cof_bytes *parts,
                    size_t part_count, uint8_t *out_tag, size_t tag_size)
{
    size_t size = 0;
    /* a NULL key would mean "the last one" to EVP_MAC_init */
    const uint8_t *bytes = key.data != NULL ? key.data : (const uint8_t *)"";
    cof_crypto_require(EVP_MAC_init(context, bytes, key.size, NULL) == 1);
    for (size_t i = 0; i < part_count; i++)
        cof_crypto_require(EVP_MAC_update(context, parts[i].data, parts[i].size) == 1);
    cof_crypto_require(EVP_MAC_final(context, out_tag, &size, tag_size) == 1 && size == tag_size);
}

void cof_hkdf_expand_parts(struct cof_bytes key, const struct cof_bytes *parts, size_t part_count,
                           uint8_t *out, size_t out_size)
{
    enum { MAX_PARTS = 8 };
    EVP_MAC_CTX *context = cof_crypto_contexts()->hmac_sha512;
    struct cof_bytes input[MAX_PARTS + 2];
    uint8_t block[COF_SHA512_SIZE];
    uint8_t counter = 0;
    size_t done = 0;

    cof_crypto_require(part_count <= MAX_PARTS && out_size <= (size_t)COF_SHA512_SIZE * 255);
    input[0] = (struct cof_bytes){.data = block, .size = 0};
    for (size_t i = 0; i < part_count; i++)
        input[i + 1] = parts[i];
    input[part_count + 1] = (struct cof_bytes){.data = &counter, .size = 1};
    while (done < out_size) {
        size_t step = out_size - done < sizeof(block) ? out_size - done : sizeof(block);
        counter++;
        cof_hmac_parts(context, key, input, part_count + 2, block, sizeof(block));
        input[0].size = sizeof(block);
        memcpy(out + done, block, step);
        done += step;
    }
    cof_wipe(block, sizeof(block));
}

void cof_gcm_encrypt(EVP_CIPHER_CTX *context, const uint8_t nonce[COF_GCM_NONCE_SIZE],
                     const struct cof_bytes *associated, size_t associated_count,
                     struct cof_bytes plaintext, uint8_t *out, uint8_t out_tag[COF_GCM_TAG_SIZE])
{
    int size = 0;
    cof_crypto_require(EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) == 1);
    for (size_t i = 0; i < associated_count; i++) {
        if (associated[i].size > 0)
            cof_crypto_require(EVP_EncryptUpdate(context, NULL, &size, associated[i].data,
                                                 (int)associated[i].size) == 1);
    }
    for (size_t done = 0; done < plaintext.size;) {
        size_t step = plaintext.size - done < MAX_STEP ? plaintext.size - done : MAX_STEP;
        cof_crypto_require(
            EVP_EncryptUpdate(context, out + done, &size, plaintext.data + done, (int)step) == 1);
        done += step;
    }
    cof_crypto_require(EVP_EncryptFinal_ex(context, out_tag, &size) == 1);
    cof_crypto_require(
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, COF_GCM_TAG_SIZE, out_tag) == 1);
}

bool cof_gcm_decrypt(EVP_CIPHER_CTX *context, const uint8_t nonce[COF_GCM_NONCE_SIZE],
                     const struct cof_bytes *associated, size_t associated_count,
                     struct cof_bytes ciphertext, const uint8_t tag[COF_GCM_TAG_SIZE], uint8_t *out)
{
    int size = 0;
    uint8_t expected_tag[COF_GCM_TAG_SIZE];
    uint8_t none[COF_GCM_TAG_SIZE];

    memcpy(expected_tag, tag, sizeof(expected_tag));
    cof_crypto_require(EVP_DecryptInit_ex2(context, NULL, NULL, nonce, NULL) == 1);
    for (size_t i = 0; i < associated_count; i++) {
        if (associated[i].size > 0)
            cof_crypto_require(EVP_DecryptUpdate(context, NULL, &size, associated[i].data,
                                                 (int)associated[i].size) == 1);
    }
    for (size_t done = 0; done < ciphertext.size;) {
        size_t step = ciphertext.size - done < MAX_STEP ? ciphertext.size - done : MAX_STEP;
        cof_crypto_require(
            EVP_DecryptUpdate(context, out + done, &size, ciphertext.data + done, (int)step) == 1);
        done += step;
    }
    cof_crypto_require(
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, COF_GCM_TAG_SIZE, expected_tag) == 1);
    if (EVP_DecryptFinal_ex(context, none, &size) == 1)
        return true;
    cof_wipe(out, ciphertext.size);
    return false;
}
