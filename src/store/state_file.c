/* The state file of a clean close: whether data.mdb was changed while nobody had it open. */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "store_format.h"

#define STATE_FILE "state"
#define MAGIC "COFSTATE"
#define MAGIC_SIZE 8
#define STATE_VERSION 1
#define CLEAR_SIZE (MAGIC_SIZE + 2 + 16 + 8)
#define HEADER_PAGES_SIZE 8192

struct state {
    uint8_t uuid[16];
    uint64_t size;
    uint8_t mac[COF_SHA256_SIZE];
};

static enum cof_status open_data(const char *folder, int *out_fd, uint64_t *out_size,
                                 struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct stat info;
    COF_TRY(cof_path_join(path, folder, COF_STORE_DATA_FILE, err));
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot open '%.120s': %s", path, strerror(errno));
    *out_fd = fd;
    *out_size = (uint64_t)info.st_size;
    fd = -1;
    return COF_OK;
}

static void append_clear(const struct state *state, struct cof_buffer *out)
{
    cof_buffer_append(out, MAGIC, MAGIC_SIZE);
    cof_buffer_append_u16(out, STATE_VERSION);
    cof_buffer_append(out, state->uuid, sizeof(state->uuid));
    cof_buffer_append_u64(out, state->size);
}

static enum cof_status compute_mac(const char *folder, const struct cof_keyring *keyring,
                                   struct state *state, struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int fd = -1;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bytes = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    uint8_t mac_key[COF_KEY_SIZE];
    COF_TRY(open_data(folder, &fd, &state->size, err));
    cof_keyring_store_uuid(keyring, state->uuid);
    append_clear(state, &bytes);
    size_t pages_size = state->size < HEADER_PAGES_SIZE ? (size_t)state->size : HEADER_PAGES_SIZE;
    uint8_t *pages = cof_buffer_extend(&bytes, pages_size);
    COF_TRY(cof_buffer_status(&bytes, err));
    COF_TRY(cof_fd_read_at(fd, 0, pages, pages_size, err));
    struct cof_bytes all = cof_buffer_bytes(&bytes);
    cof_keyring_system_key(keyring, COF_KEY_STORE_META, &key);
    cof_hkdf_expand_sha512((struct cof_bytes){.data = key.bytes, .size = sizeof(key.bytes)},
                           cof_text_bytes(COF_TEXT("coffer/v1/store-state")), mac_key,
                           sizeof(mac_key));
    cof_hmac_sha256((struct cof_bytes){.data = mac_key, .size = sizeof(mac_key)}, &all, 1,
                    state->mac);
    cof_wipe(mac_key, sizeof(mac_key));
    return COF_OK;
}

static enum cof_status parse(struct cof_bytes bytes, struct state *out_state, struct cof_error *err)
{
    struct cof_reader reader = cof_reader_from(bytes);
    struct cof_bytes magic = cof_reader_bytes(&reader, MAGIC_SIZE);
    uint16_t version = cof_reader_u16(&reader);
    if (reader.has_failed || memcmp(magic.data, MAGIC, MAGIC_SIZE) != 0)
        return COF_FAIL(err, COF_CORRUPT, "the store's file '%s' is damaged", STATE_FILE);
    if (version > STATE_VERSION)
        return cof_store_format_fail_newer(version, STATE_VERSION, err);
    struct cof_bytes uuid = cof_reader_bytes(&reader, sizeof(out_state->uuid));
    uint64_t size = cof_reader_u64(&reader);
    struct cof_bytes mac = cof_reader_bytes(&reader, sizeof(out_state->mac));
    if (reader.has_failed || reader.rest.size != 0 || version == 0)
        return COF_FAIL(err, COF_CORRUPT, "the store's file '%s' is damaged", STATE_FILE);
    memcpy(out_state->uuid, uuid.data, uuid.size);
    memcpy(out_state->mac, mac.data, mac.size);
    out_state->size = size;
    return COF_OK;
}

bool cof_state_file_exists(const char *folder)
{
    char path[COF_MAX_PATH];
    return cof_path_join(path, folder, STATE_FILE, NULL) == COF_OK && cof_path_exists(path);
}

enum cof_status cof_state_file_check(const char *folder, const struct cof_keyring *keyring,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bytes = {0};
    char path[COF_MAX_PATH];
    struct state stored;
    struct state actual;
    COF_TRY(cof_path_join(path, folder, STATE_FILE, err));
    if (!cof_path_exists(path))
        return COF_OK;
    COF_TRY(cof_file_read(path, 4096, &bytes, err));
    COF_TRY(parse(cof_buffer_bytes(&bytes), &stored, err));
    COF_TRY(compute_mac(folder, keyring, &actual, err));
    if (memcmp(stored.uuid, actual.uuid, sizeof(stored.uuid)) != 0)
        return cof_store_format_fail_other_keys(err);
    if (stored.size != actual.size ||
        !cof_constant_time_equal(stored.mac, actual.mac, sizeof(stored.mac)))
        return COF_FAIL(err, COF_CORRUPT,
                        "the store was changed while it was closed (its file '%s' does not match)",
                        STATE_FILE);
    return COF_OK;
}

enum cof_status cof_state_file_remove(const char *folder, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, folder, STATE_FILE, err));
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            return COF_OK;
        return COF_FAIL(err, COF_IO, "cannot remove '%.120s': %s", path, strerror(errno));
    }
    return cof_folder_sync(folder, err);
}

enum cof_status cof_state_file_write(const char *folder, const struct cof_keyring *keyring,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bytes = {0};
    char path[COF_MAX_PATH];
    struct state state;
    COF_TRY(cof_path_join(path, folder, STATE_FILE, err));
    COF_TRY(compute_mac(folder, keyring, &state, err));
    append_clear(&state, &bytes);
    cof_buffer_append(&bytes, state.mac, sizeof(state.mac));
    COF_TRY(cof_buffer_status(&bytes, err));
    return cof_file_write_atomic(path, cof_buffer_bytes(&bytes), 0600, err);
}
