/* One key per document, wrapped by its bucket's key and kept by the store.
 *
 * Wrapped form, 116 bytes:
 *   0  2  'C' 'W'   2 1 format version 1   3 1 algorithm 1 = XAES-256-GCM
 *   4  8  id of the bucket key, big-endian
 *   12 24 nonce
 *   36 48 document key, sealed with its tag
 *   84 32 commitment: HKDF-Expand(document key, "coffer/v1/commit" 0x00)
 * Associated data: "coffer/v1/wrap" 0x00 | store uuid | collection | document number | the 12-byte
 * header | commitment. The first 8 bytes of the commitment are the document key's id. */
#include <string.h>

#include <cof/base/buffer.h>
#include <cof/keys/hash.h>
#include <cof/keys/keyring.h>

#include "crypto.h"
#include "keyring_bucket.h"
#include "xaes.h"

#define HEADER_SIZE 12
#define SEALED_AT (HEADER_SIZE + COF_XAES_NONCE_SIZE)
#define COMMITMENT_AT (SEALED_AT + COF_KEY_SIZE + COF_XAES_TAG_SIZE)
#define COMMITMENT_SIZE 32

_Static_assert(COMMITMENT_AT + COMMITMENT_SIZE == COF_WRAPPED_KEY_SIZE, "layout and header agree");

struct wrap_context {
    uint8_t place[15 + 16 + 8 + 8];
    struct cof_bytes parts[3];
};

static void put_u64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void wrap_context_init(struct wrap_context *context, const struct cof_keyring *keyring,
                              uint64_t collection, uint64_t document_number,
                              const uint8_t wrapped[COF_WRAPPED_KEY_SIZE])
{
    memcpy(context->place, "coffer/v1/wrap", 15); /* with its NUL */
    cof_keyring_store_uuid(keyring, context->place + 15);
    put_u64(context->place + 31, collection);
    put_u64(context->place + 39, document_number);
    context->parts[0] = (struct cof_bytes){.data = context->place, .size = sizeof(context->place)};
    context->parts[1] = (struct cof_bytes){.data = wrapped, .size = HEADER_SIZE};
    context->parts[2] =
        (struct cof_bytes){.data = wrapped + COMMITMENT_AT, .size = COMMITMENT_SIZE};
}

static void commit_to(const uint8_t key[COF_KEY_SIZE], uint8_t out_commitment[COMMITMENT_SIZE])
{
    cof_hkdf_expand_sha512(
        (struct cof_bytes){.data = key, .size = COF_KEY_SIZE},
        (struct cof_bytes){.data = (const uint8_t *)"coffer/v1/commit", .size = 17}, out_commitment,
        COMMITMENT_SIZE);
}

static enum cof_status unwrap_with(const struct cof_key *bucket, const struct wrap_context *context,
                                   const uint8_t wrapped[COF_WRAPPED_KEY_SIZE],
                                   struct cof_key *out_key, struct cof_error *err)
{
    struct cof_key key;
    uint8_t commitment[COMMITMENT_SIZE];
    const struct cof_bytes sealed = {.data = wrapped + SEALED_AT, .size = COF_KEY_SIZE};
    bool is_right = cof_xaes_decrypt_parts(bucket->bytes, wrapped + HEADER_SIZE, context->parts, 3,
                                           sealed, sealed.data + sealed.size, key.bytes);
    if (is_right) {
        commit_to(key.bytes, commitment);
        is_right = cof_constant_time_equal(commitment, wrapped + COMMITMENT_AT, COMMITMENT_SIZE);
    }
    if (is_right) {
        key.id = get_u64(commitment);
        *out_key = key;
    }
    cof_key_wipe(&key);
    if (!is_right)
        return COF_FAIL(err, COF_CORRUPT, "a wrapped document key was altered or moved");
    return COF_OK;
}

enum cof_status cof_keyring_make_document_key(const struct cof_keyring *keyring,
                                              uint64_t collection, uint64_t document_number,
                                              struct cof_key *out_key,
                                              uint8_t out_wrapped[COF_WRAPPED_KEY_SIZE],
                                              struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key bucket = {0};
    struct wrap_context context;
    struct cof_key key;
    const struct cof_random *random = cof_keyring_random(keyring);

    COF_TRY(cof_keyring_bucket_key(keyring, collection, document_number, &bucket, err));
    cof_random_fill(random, key.bytes, sizeof(key.bytes));
    memcpy(out_wrapped, (const uint8_t[4]){'C', 'W', 1, 1}, 4);
    put_u64(out_wrapped + 4, bucket.id);
    cof_random_fill(random, out_wrapped + HEADER_SIZE, COF_XAES_NONCE_SIZE);
    commit_to(key.bytes, out_wrapped + COMMITMENT_AT);
    key.id = get_u64(out_wrapped + COMMITMENT_AT);
    wrap_context_init(&context, keyring, collection, document_number, out_wrapped);
    cof_xaes_encrypt_parts(bucket.bytes, out_wrapped + HEADER_SIZE, context.parts, 3,
                           (struct cof_bytes){.data = key.bytes, .size = COF_KEY_SIZE},
                           out_wrapped + SEALED_AT, out_wrapped + SEALED_AT + COF_KEY_SIZE);
    *out_key = key;
    cof_key_wipe(&key);
    return COF_OK;
}

enum cof_status cof_keyring_unwrap_document_key(const struct cof_keyring *keyring,
                                                uint64_t collection, uint64_t document_number,
                                                const uint8_t wrapped[COF_WRAPPED_KEY_SIZE],
                                                struct cof_key *out_key, struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key bucket = {0};
    struct wrap_context context;
    if (memcmp(wrapped, (const uint8_t[4]){'C', 'W', 1, 1}, 4) != 0)
        return COF_FAIL(err, COF_CORRUPT, "not a wrapped document key of a known version");
    COF_TRY(cof_keyring_bucket_key(keyring, collection, document_number, &bucket, err));
    if (get_u64(wrapped + 4) != bucket.id)
        return COF_FAIL(err, COF_CORRUPT,
                        "a document key is wrapped by a bucket key that the keyring no longer has: "
                        "erased, or the keyring is of another age than the data");
    wrap_context_init(&context, keyring, collection, document_number, wrapped);
    return unwrap_with(&bucket, &context, wrapped, out_key, err);
}
