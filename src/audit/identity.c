/* The origin and the keys of a log's folder. */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include <cof/base/arena.h>
#include <cof/base/file.h>

#include "checkpoints.h"
#include "segment.h"

#define ORIGIN_PREFIX "coffer/"
#define ORIGIN_SUFFIX "/audit"
#define MAX_VKEY_BYTES ((size_t)4096)

static enum cof_status write_line(const char *folder, const char *name, struct cof_text line,
                                  struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    cof_buffer_append_text(&content, line);
    cof_buffer_append_byte(&content, '\n');
    COF_TRY(cof_buffer_status(&content, err));
    COF_TRY(cof_path_join(path, folder, name, err));
    return cof_file_write_atomic(path, cof_buffer_bytes(&content), 0600, err);
}

static enum cof_status make_files(const char *folder, const struct cof_log_identity *identity,
                                  const struct cof_keyring *keyring, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    struct cof_checkpoint empty = {0};
    const struct cof_merkle tree = {0};
    cof_merkle_root(&tree, &empty.root);
    cof_log_sign(identity, keyring, &empty, &note);
    COF_TRY(cof_buffer_status(&note, err));
    COF_TRY(cof_path_join(path, folder, COF_CHECKPOINT_LOG_NAME, err));
    COF_TRY(cof_file_write_atomic(path, cof_buffer_bytes(&note), 0600, err));
    COF_TRY(cof_path_join(path, folder, COF_CHECKPOINT_NAME, err));
    COF_TRY(cof_file_write_atomic(path, cof_buffer_bytes(&note), 0600, err));
    COF_TRY(write_line(folder, COF_ORIGIN_NAME, cof_text_from(identity->key.name), err));
    cof_vkey_append(&vkey, &identity->key);
    COF_TRY(cof_buffer_status(&vkey, err));
    return write_line(folder, COF_VKEY_NAME, cof_buffer_text(&vkey), err);
}

static enum cof_status check_vkey(const char *path, const struct cof_log_identity *identity,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    struct cof_note_key key;
    COF_TRY(cof_file_read(path, MAX_VKEY_BYTES, &vkey, err));
    enum cof_status status = cof_vkey_parse(cof_buffer_text(&vkey), &key, err);
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_CORRUPT,
                        "'%.120s' is damaged: put back the copy kept of it, and run coffer audit "
                        "verify",
                        path);
    COF_TRY(status);
    if (strcmp(key.name, identity->key.name) != 0 ||
        memcmp(key.public_key, identity->key.public_key, sizeof(key.public_key)) != 0)
        return COF_FAIL(
            err, COF_CONFLICT,
            "'%.120s' is of another store's audit log: the data and the keys do not belong "
            "together, name the right ones",
            path);
    return COF_OK;
}

void cof_log_identity_init(struct cof_log_identity *identity, const struct cof_keyring *keyring)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key seed = {0};
    uint8_t public_key[COF_ED25519_PUBLIC_SIZE];
    char uuid_hex[33];
    char origin[COF_NOTE_MAX_NAME];
    cof_keyring_store_uuid(keyring, identity->store_uuid);
    cof_hex_encode((struct cof_bytes){.data = identity->store_uuid, .size = 16}, uuid_hex);
    (void)snprintf(origin, sizeof(origin), ORIGIN_PREFIX "%s" ORIGIN_SUFFIX, uuid_hex);
    cof_keyring_system_key(keyring, COF_KEY_AUDIT_SIGN, &seed);
    cof_ed25519_public(seed.bytes, public_key);
    (void)cof_note_key_init(&identity->key, cof_text_from(origin), public_key);
}

enum cof_status cof_log_identity_from_vkey(struct cof_text vkey,
                                           struct cof_log_identity *out_identity,
                                           struct cof_error *err)
{
    struct cof_log_identity identity;
    COF_TRY(cof_vkey_parse(vkey, &identity.key, err));
    struct cof_text name = cof_text_from(identity.key.name);
    size_t begin = sizeof(ORIGIN_PREFIX) - 1;
    size_t uuid_size = 2 * sizeof(identity.store_uuid);
    if (name.size != begin + uuid_size + sizeof(ORIGIN_SUFFIX) - 1 ||
        !cof_text_has_prefix(name, COF_TEXT(ORIGIN_PREFIX)) ||
        !cof_text_has_suffix(name, COF_TEXT(ORIGIN_SUFFIX)) ||
        !cof_hex_decode(cof_text_slice(name, begin, begin + uuid_size), identity.store_uuid,
                        sizeof(identity.store_uuid)))
        return COF_FAIL(err, COF_CORRUPT, "not the key of an audit log of Coffer");
    *out_identity = identity;
    return COF_OK;
}

void cof_log_sign(const struct cof_log_identity *identity, const struct cof_keyring *keyring,
                  const struct cof_checkpoint *checkpoint, struct cof_buffer *out_note)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key seed = {0};
    cof_keyring_system_key(keyring, COF_KEY_AUDIT_SIGN, &seed);
    cof_checkpoint_append(out_note, checkpoint, &identity->key, seed.bytes);
}

enum cof_status cof_log_folder_prepare(const char *folder, const struct cof_log_identity *identity,
                                       const struct cof_keyring *keyring, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    uint64_t *first_seqs = NULL;
    size_t count = 0;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_TRY(cof_path_join(path, folder, COF_VKEY_NAME, err));
    if (cof_path_exists(path))
        return check_vkey(path, identity, err);

    COF_TRY(cof_path_join(path, folder, COF_SEGMENT_FOLDER, err));
    COF_TRY(cof_folder_create(path, 0700, err));
    COF_TRY(cof_segment_list(folder, &arena, &first_seqs, &count, err));
    if (count > 0)
        return COF_FAIL(
            err, COF_CORRUPT,
            "the audit log in '%.120s' has entries but no vkey: put back the copy kept of "
            "it, and run coffer audit verify",
            folder);
    return make_files(folder, identity, keyring, err);
}
