/* Sealed values: XAES-256-GCM bound to where the value belongs. */
#include <cof/keys/seal.h>

#include <string.h>

#include <cof/keys/hash.h>

#include "crypto.h"
#include "xaes.h"

#define HEADER_SIZE 12
#define CLEAR_SIZE (HEADER_SIZE + COF_XAES_NONCE_SIZE)
#define OVERHEAD_SIZE (CLEAR_SIZE + COF_XAES_TAG_SIZE)
#define LENGTH_SIZE 4
#define FORMAT_VERSION 1
#define ALGORITHM_XAES_256_GCM 1
#define MAX_PLAINTEXT_SIZE (((size_t)1 << 31) - 8192)

/* Everything a value is bound to but the LMDB key, which lies between the two halves. */
struct value_context {
    uint8_t before[45];
    uint8_t after[8 + HEADER_SIZE];
};

static void put_big_endian(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get_big_endian(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static size_t padded_size(size_t plaintext_size)
{
    size_t size = LENGTH_SIZE + plaintext_size;
    size_t step = 4096;
    if (size <= 1024)
        step = 64;
    else if (size <= 16384)
        step = 256;
    return (size + step - 1) / step * step;
}

static void value_context_init(struct value_context *bound, const struct cof_seal_context *context,
                               const uint8_t header[HEADER_SIZE])
{
    memcpy(bound->before, "coffer/v1/val", 14); /* with its NUL */
    memcpy(bound->before + 14, context->store_uuid, 16);
    put_big_endian(bound->before + 30, context->collection, 8);
    bound->before[38] = context->table;
    put_big_endian(bound->before + 39, context->schema, 2);
    put_big_endian(bound->before + 41, context->stored_key.size, 4);
    put_big_endian(bound->after, context->record_version, 8);
    memcpy(bound->after + 8, header, HEADER_SIZE);
}

static void associated_parts(const struct value_context *bound,
                             const struct cof_seal_context *context, struct cof_bytes out_parts[3])
{
    out_parts[0] = (struct cof_bytes){.data = bound->before, .size = sizeof(bound->before)};
    out_parts[1] = context->stored_key;
    out_parts[2] = (struct cof_bytes){.data = bound->after, .size = sizeof(bound->after)};
}

void cof_key_wipe(struct cof_key *key)
{
    cof_wipe(key, sizeof(*key));
}

size_t cof_sealed_size(size_t plaintext_size)
{
    return OVERHEAD_SIZE + padded_size(plaintext_size);
}

enum cof_status cof_seal(const struct cof_key *key, const struct cof_seal_context *context,
                         struct cof_bytes plaintext, const struct cof_random *random,
                         struct cof_buffer *out, struct cof_error *err)
{
    if (plaintext.size > MAX_PLAINTEXT_SIZE || context->stored_key.size > UINT16_MAX)
        return COF_FAIL(err, COF_TOO_LARGE, "a value of %zu bytes is too large to be sealed",
                        plaintext.size);
    size_t inner_size = padded_size(plaintext.size);
    uint8_t *sealed = cof_buffer_extend(out, OVERHEAD_SIZE + inner_size);
    if (sealed == NULL)
        return COF_FAIL_MEMORY(err);

    memcpy(sealed, (const uint8_t[4]){'C', 'V', FORMAT_VERSION, ALGORITHM_XAES_256_GCM}, 4);
    put_big_endian(sealed + 4, key->id, 8);
    cof_random_fill(random, sealed + HEADER_SIZE, COF_XAES_NONCE_SIZE);
    uint8_t *inner = sealed + CLEAR_SIZE;
    put_big_endian(inner, plaintext.size, LENGTH_SIZE);
    if (plaintext.size > 0)
        memcpy(inner + LENGTH_SIZE, plaintext.data, plaintext.size);
    memset(inner + LENGTH_SIZE + plaintext.size, 0, inner_size - LENGTH_SIZE - plaintext.size);

    struct value_context bound;
    struct cof_bytes parts[3];
    value_context_init(&bound, context, sealed);
    associated_parts(&bound, context, parts);
    cof_xaes_encrypt_parts(key->bytes, sealed + HEADER_SIZE, parts, 3,
                           (struct cof_bytes){.data = inner, .size = inner_size}, inner,
                           inner + inner_size);
    return COF_OK;
}

enum cof_status cof_sealed_key_id(struct cof_bytes sealed, uint64_t *out_key_id,
                                  struct cof_error *err)
{
    if (sealed.size < OVERHEAD_SIZE + padded_size(0) || sealed.data[0] != 'C' ||
        sealed.data[1] != 'V')
        return COF_FAIL(err, COF_CORRUPT, "not a sealed value");
    if (sealed.data[2] != FORMAT_VERSION || sealed.data[3] != ALGORITHM_XAES_256_GCM)
        return COF_FAIL(err, COF_CORRUPT, "a sealed value of unknown version %u, algorithm %u",
                        sealed.data[2], sealed.data[3]);
    *out_key_id = get_big_endian(sealed.data + 4, 8);
    return COF_OK;
}

enum cof_status cof_unseal(const struct cof_key *key, const struct cof_seal_context *context,
                           struct cof_bytes sealed, struct cof_buffer *out, struct cof_error *err)
{
    uint64_t key_id = 0;
    COF_TRY(cof_sealed_key_id(sealed, &key_id, err));
    if (key_id != key->id)
        return COF_FAIL(err, COF_CORRUPT,
                        "a value is sealed under another key than its place asks");

    size_t old_size = out->size;
    size_t inner_size = sealed.size - OVERHEAD_SIZE;
    uint8_t *inner = cof_buffer_extend(out, inner_size);
    if (inner == NULL)
        return COF_FAIL_MEMORY(err);
    struct value_context bound;
    struct cof_bytes parts[3];
    value_context_init(&bound, context, sealed.data);
    associated_parts(&bound, context, parts);
    bool is_right = cof_xaes_decrypt_parts(
        key->bytes, sealed.data + HEADER_SIZE, parts, 3,
        (struct cof_bytes){.data = sealed.data + CLEAR_SIZE, .size = inner_size},
        sealed.data + CLEAR_SIZE + inner_size, inner);
    out->size = old_size;
    if (!is_right)
        return COF_FAIL(err, COF_CORRUPT,
                        "a sealed value does not authenticate: altered, moved, or of another key");

    size_t size = (size_t)get_big_endian(inner, LENGTH_SIZE);
    if (size > inner_size - LENGTH_SIZE || padded_size(size) != inner_size) {
        cof_wipe(inner, inner_size);
        return COF_FAIL(err, COF_CORRUPT, "a sealed value says a size it has not");
    }
    memmove(inner, inner + LENGTH_SIZE, size);
    cof_wipe(inner + size, LENGTH_SIZE);
    out->size += size;
    return COF_OK;
}
