/* What says that a folder holds a store of this format and these keys. */
#include "store_format.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "row_key.h"
#include "state_file.h"

#define MAGIC_SIZE 8
#define UUID_SIZE 16

static const uint8_t magic_number[MAGIC_SIZE] = {'C', 'O', 'F', 'S', 'T', 'O', 'R', 'E'};

static enum cof_status check_row(struct cof_bytes value, const struct cof_keyring *keyring,
                                 struct cof_error *err)
{
    struct cof_reader reader = cof_reader_from(value);
    struct cof_bytes magic = cof_reader_bytes(&reader, MAGIC_SIZE);
    uint16_t version = cof_reader_u16(&reader);
    uint8_t own_uuid[UUID_SIZE];
    if (reader.has_failed || memcmp(magic.data, magic_number, MAGIC_SIZE) != 0 || version == 0)
        return COF_FAIL(err, COF_CORRUPT, "the folder holds an LMDB file that is no store");
    if (version > COF_STORE_FORMAT_VERSION)
        return cof_store_format_fail_newer(version, COF_STORE_FORMAT_VERSION, err);
    struct cof_bytes uuid = cof_reader_bytes(&reader, UUID_SIZE);
    if (reader.has_failed)
        return COF_FAIL(err, COF_CORRUPT, "the store's format row is damaged");
    cof_keyring_store_uuid(keyring, own_uuid);
    if (memcmp(uuid.data, own_uuid, UUID_SIZE) != 0)
        return cof_store_format_fail_other_keys(err);
    return COF_OK;
}

static enum cof_status look_inside(const char *folder, const struct cof_keyring *keyring,
                                   bool *out_exists, struct cof_error *err)
{
    COF_CLEANUP(cof_lmdb_cleanup) struct cof_lmdb *lmdb = NULL;
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    struct cof_lmdb_options options = {.folder = folder, .is_read_only = true};
    struct cof_row_key key = cof_row_key_meta(COF_META_FORMAT);
    struct cof_bytes none = {.data = (const uint8_t *)"", .size = 1};
    struct cof_bytes value;
    COF_TRY(cof_lmdb_open(&options, &lmdb, err));
    COF_TRY(cof_txn_begin_read(lmdb, &txn, err));
    if (cof_txn_get(&txn, cof_row_key_bytes(&key), &value)) {
        COF_TRY(check_row(value, keyring, err));
        *out_exists = true;
        return COF_OK;
    }
    COF_TRY(cof_txn_status(&txn, err));
    struct cof_bytes first;
    bool has_rows = cof_txn_seek(&txn, none, (struct cof_bytes){0}, &first, &value);
    COF_TRY(cof_txn_status(&txn, err));
    if (has_rows)
        return COF_FAIL(err, COF_CORRUPT, "the folder holds an LMDB file that is no store");
    *out_exists = false; /* its first transaction was never committed */
    return COF_OK;
}

enum cof_status cof_store_format_look(const char *folder, const struct cof_keyring *keyring,
                                      bool *out_exists, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct stat info;
    COF_TRY(cof_path_join(path, folder, COF_STORE_DATA_FILE, err));
    if (lstat(path, &info) != 0 && errno != ENOENT)
        return COF_FAIL(err, COF_IO, "cannot look at '%.120s': %s", path, strerror(errno));
    if (!cof_path_exists(path) || info.st_size == 0) {
        if (cof_state_file_exists(folder))
            return COF_FAIL(err, COF_CORRUPT,
                            "the store's file %s is gone, though the store was closed with one",
                            COF_STORE_DATA_FILE);
        *out_exists = false;
        return COF_OK;
    }
    COF_TRY(cof_state_file_check(folder, keyring, err));
    return look_inside(folder, keyring, out_exists, err);
}

void cof_store_format_put(struct cof_txn *txn, const uint8_t uuid[16])
{
    uint8_t value[MAGIC_SIZE + 2 + UUID_SIZE];
    struct cof_row_key key = cof_row_key_meta(COF_META_FORMAT);
    memcpy(value, magic_number, MAGIC_SIZE);
    value[MAGIC_SIZE] = COF_STORE_FORMAT_VERSION >> 8;
    value[MAGIC_SIZE + 1] = COF_STORE_FORMAT_VERSION & 0xff;
    memcpy(value + MAGIC_SIZE + 2, uuid, UUID_SIZE);
    cof_txn_put(txn, cof_row_key_bytes(&key),
                (struct cof_bytes){.data = value, .size = sizeof(value)});
}

enum cof_status cof_store_format_fail_newer(unsigned version, unsigned known, struct cof_error *err)
{
    return COF_FAIL(
        err, COF_CONFLICT,
        "the store is of format %u and this program knows formats up to %u: use a newer "
        "program",
        version, known);
}

enum cof_status cof_store_format_fail_other_keys(struct cof_error *err)
{
    return COF_FAIL(err, COF_CONFLICT,
                    "the store belongs to other keys than these: give the keys folder it was made "
                    "with");
}
