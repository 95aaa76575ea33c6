/* The file `keyring`: clear head, wrapped epoch root, sealed tree. */
#include "keyring_file.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "crypto.h"
#include "xaes.h"

#define CHECK_AT (COF_SEALED_HEADER_SIZE + 64)
#define NONCE_AT (COF_SEALED_HEADER_SIZE + 96)
#define WRAPPED_AT (COF_SEALED_HEADER_SIZE + 120)
#define CHECK_SIZE 32

static void kek_check(const uint8_t kek[COF_KEY_SIZE], const uint8_t store_uuid[16],
                      uint8_t out_check[CHECK_SIZE])
{
    const struct cof_bytes info[] = {
        {.data = (const uint8_t *)"coffer/v1/kek-check", .size = 20}, /* with its NUL */
        {.data = store_uuid, .size = 16},
    };
    cof_hkdf_expand_parts((struct cof_bytes){.data = kek, .size = COF_KEY_SIZE}, info, 2, out_check,
                          CHECK_SIZE);
}

static void wrap_context(const uint8_t *clear, struct cof_bytes out_parts[2])
{
    out_parts[0] = (struct cof_bytes){.data = (const uint8_t *)"coffer/v1/root", .size = 15};
    out_parts[1] = (struct cof_bytes){.data = clear, .size = NONCE_AT};
}

static void body_context(const uint8_t *clear, struct cof_bytes out_parts[2])
{
    out_parts[0] = (struct cof_bytes){.data = (const uint8_t *)"coffer/v1/keyring", .size = 18};
    out_parts[1] = (struct cof_bytes){.data = clear, .size = COF_KEYRING_CLEAR_SIZE};
}

static void append_head(const struct cof_keyring_head *head, struct cof_buffer *out)
{
    static const uint8_t zeros[2];
    cof_buffer_append(out, head->store_uuid, sizeof(head->store_uuid));
    cof_buffer_append_u64(out, head->epoch);
    cof_buffer_append_byte(out, (uint8_t)head->unlock.method);
    cof_buffer_append_byte(out, head->unlock.log2_n);
    cof_buffer_append_u16(out, head->unlock.r);
    cof_buffer_append_u16(out, head->unlock.p);
    cof_buffer_append(out, zeros, sizeof(zeros));
    cof_buffer_append(out, head->unlock.salt, sizeof(head->unlock.salt));
}

static enum cof_status append_body(const struct cof_key_tree *tree, const struct cof_random *random,
                                   struct cof_buffer *out, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    struct cof_bytes context[2];
    uint8_t salt[COF_COBBLESTONE_SALT_SIZE];
    cof_buffer_reserve(&body, cof_key_tree_encoded_size(tree));
    cof_key_tree_encode(tree, &body);
    COF_TRY(cof_buffer_status(&body, err));
    cof_random_fill(random, salt, sizeof(salt));
    /* the context points into `out`, which must not move while it grows */
    cof_buffer_reserve(out, COF_COBBLESTONE_PREFIX_SIZE + body.size +
                                (body.size / COF_COBBLESTONE_CHUNK_SIZE + 1) * COF_GCM_TAG_SIZE);
    COF_TRY(cof_buffer_status(out, err));
    body_context(out->data + out->size - COF_KEYRING_CLEAR_SIZE, context);
    return cof_cobblestone_seal(tree->root->epoch_root, salt, context, 2, cof_buffer_bytes(&body),
                                out, err);
}

enum cof_status cof_keyring_file_parse(struct cof_bytes file, const char *path,
                                       struct cof_keyring_head *out_head, struct cof_error *err)
{
    struct cof_keyring_head head = {0};
    uint16_t version = 0;
    if (file.size < COF_SEALED_HEADER_SIZE)
        return COF_FAIL(err, COF_CORRUPT,
                        "the keyring '%.120s' is truncated: restore it from a backup", path);
    COF_TRY(cof_sealed_header_read(file.data, COF_SEALED_KEYRING, COF_KEYRING_FORMAT_VERSION, path,
                                   &version, err));
    if (file.size < COF_KEYRING_STAMP_SIZE)
        return COF_FAIL(err, COF_CORRUPT,
                        "the keyring '%.120s' is truncated: restore it from a backup", path);
    struct cof_reader reader = cof_reader_from(file);
    (void)cof_reader_bytes(&reader, COF_SEALED_HEADER_SIZE);
    memcpy(head.store_uuid, cof_reader_bytes(&reader, 16).data, 16);
    head.epoch = cof_reader_u64(&reader);
    uint8_t method = cof_reader_u8(&reader);
    head.unlock.method = method;
    head.unlock.log2_n = cof_reader_u8(&reader);
    head.unlock.r = cof_reader_u16(&reader);
    head.unlock.p = cof_reader_u16(&reader);
    (void)cof_reader_u16(&reader); /* authenticated with the rest of the clear part */
    memcpy(head.unlock.salt, cof_reader_bytes(&reader, COF_UNLOCK_SALT_SIZE).data,
           COF_UNLOCK_SALT_SIZE);
    COF_TRY(cof_unlock_check(&head.unlock, err));
    *out_head = head;
    return COF_OK;
}

enum cof_status cof_keyring_file_open(struct cof_bytes file, const char *path,
                                      const struct cof_keyring_head *head,
                                      const uint8_t kek[COF_KEY_SIZE],
                                      struct cof_key_tree *out_tree, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    uint8_t check[CHECK_SIZE];
    uint8_t root[COF_KEY_SIZE];
    struct cof_bytes context[2];
    struct cof_key_tree tree = {0};

    kek_check(kek, head->store_uuid, check);
    if (!cof_constant_time_equal(check, file.data + CHECK_AT, sizeof(check)))
        return head->unlock.method == COF_UNLOCK_PASSPHRASE
                   ? COF_FAIL(err, COF_DENIED, "the passphrase does not open the keyring '%.120s'",
                              path)
                   : COF_FAIL(err, COF_DENIED,
                              "root.key does not open the keyring '%.120s': it belongs to another "
                              "store, put back the right one",
                              path);
    wrap_context(file.data, context);
    bool is_right = cof_xaes_decrypt_parts(
        kek, file.data + NONCE_AT, context, 2,
        (struct cof_bytes){.data = file.data + WRAPPED_AT, .size = COF_KEY_SIZE},
        file.data + WRAPPED_AT + COF_KEY_SIZE, root);
    enum cof_status status = COF_CORRUPT;
    if (is_right) {
        const struct cof_bytes sealed = {.data = file.data + COF_KEYRING_CLEAR_SIZE,
                                         .size = file.size - COF_KEYRING_CLEAR_SIZE};
        body_context(file.data, context);
        status = cof_cobblestone_open(root, context, 2, sealed, &body, err);
    }
    if (status == COF_OK)
        status = cof_key_tree_decode(cof_buffer_bytes(&body), &tree, err);
    if (status == COF_OK) {
        tree.epoch = head->epoch;
        memcpy(tree.root->epoch_root, root, sizeof(root));
        *out_tree = tree;
    }
    cof_wipe(root, sizeof(root));
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_CORRUPT,
                        "the keyring '%.120s' was altered: restore it from a backup", path);
    return status;
}

enum cof_status cof_keyring_file_make(const struct cof_keyring_head *head,
                                      const uint8_t kek[COF_KEY_SIZE],
                                      const struct cof_key_tree *tree,
                                      const struct cof_random *random, struct cof_buffer *out,
                                      struct cof_error *err)
{
    struct cof_keyring_head written = *head;
    uint8_t wrapped[COF_KEY_SIZE + COF_XAES_TAG_SIZE];
    uint8_t nonce[COF_XAES_NONCE_SIZE];
    uint8_t check[CHECK_SIZE];
    struct cof_bytes context[2];
    size_t begin = out->size;

    written.epoch = tree->epoch;
    uint8_t *header = cof_buffer_extend(out, COF_SEALED_HEADER_SIZE);
    if (header == NULL)
        return COF_FAIL_MEMORY(err);
    cof_sealed_header_write(COF_SEALED_KEYRING, COF_KEYRING_FORMAT_VERSION, header);
    append_head(&written, out);
    kek_check(kek, head->store_uuid, check);
    cof_buffer_append(out, check, sizeof(check));
    COF_TRY(cof_buffer_status(out, err));

    cof_random_fill(random, nonce, sizeof(nonce));
    wrap_context(out->data + begin, context);
    cof_xaes_encrypt_parts(kek, nonce, context, 2,
                           (struct cof_bytes){.data = tree->root->epoch_root, .size = COF_KEY_SIZE},
                           wrapped, wrapped + COF_KEY_SIZE);
    cof_buffer_append(out, nonce, sizeof(nonce));
    cof_buffer_append(out, wrapped, sizeof(wrapped));
    COF_TRY(cof_buffer_status(out, err));
    return append_body(tree, random, out, err);
}
