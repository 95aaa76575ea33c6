/* The key-encryption key: from `root.key`, or from a passphrase through OpenSSL's scrypt. */
#include "unlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "crypto.h"

#define KEY_FILE_NAME "root.key"
#define NEW_LOG2_N 17
#define NEW_R 8
#define NEW_P 1
/* Bounds of what is accepted from a file, so that a forged one cannot ask for all memory. */
#define MIN_LOG2_N 10
#define MAX_LOG2_N 20
#define MAX_R 16
#define MAX_P 16

static bool is_trusted_owner(uid_t owner)
{
    return owner == geteuid() || owner == 0;
}

static enum cof_status check_owner(const char *path, const struct stat *info, struct cof_error *err)
{
    if (!is_trusted_owner(info->st_uid))
        return COF_FAIL(
            err, COF_DENIED,
            "'%.120s' belongs to user %u, not to the one that runs Coffer: chown it to %u", path,
            (unsigned)info->st_uid, (unsigned)geteuid());
    return COF_OK;
}

static enum cof_status derive_from_passphrase(const struct cof_unlock *unlock,
                                              struct cof_text passphrase,
                                              uint8_t out_kek[COF_KEY_SIZE], struct cof_error *err)
{
    uint64_t n = (uint64_t)1 << unlock->log2_n;
    uint32_t r = unlock->r;
    uint32_t p = unlock->p;
    uint64_t max_bytes = 128 * n * r + (uint64_t)128 * r * p + ((uint64_t)1 << 20);
    uint8_t salt[COF_UNLOCK_SALT_SIZE];
    EVP_KDF *scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(scrypt);
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer copy = {0};

    cof_crypto_require(context != NULL);
    memcpy(salt, unlock->salt, sizeof(salt));
    cof_buffer_append_text(&copy, passphrase);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, copy.data, copy.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof(salt)),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max_bytes),
        OSSL_PARAM_construct_end(),
    };
    enum cof_status status = cof_buffer_status(&copy, err);
    if (status == COF_OK && EVP_KDF_derive(context, out_kek, COF_KEY_SIZE, parameters) != 1)
        status = COF_FAIL(err, COF_NO_MEMORY,
                          "the passphrase cannot be tried: scrypt needs %llu MiB of memory",
                          (unsigned long long)(max_bytes >> 20));
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(scrypt);
    return status;
}

static enum cof_status read_key_file(const char *folder, uint8_t out_kek[COF_KEY_SIZE],
                                     struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer content = {0};
    COF_TRY(cof_path_join(path, folder, KEY_FILE_NAME, err));
    if (!cof_path_exists(path))
        return COF_FAIL(
            err, COF_NOT_FOUND,
            "the key file '%.120s' is missing: put back the copy kept from init, without "
            "it the store cannot be opened",
            path);
    COF_TRY(cof_unlock_read_private(path, 4096, &content, err));
    if (content.size != COF_KEY_SIZE)
        return COF_FAIL(err, COF_CORRUPT,
                        "the key file '%.120s' has %zu bytes instead of 32: put back the right one",
                        path, content.size);
    memcpy(out_kek, content.data, COF_KEY_SIZE);
    return COF_OK;
}

void cof_unlock_init(struct cof_unlock *unlock, struct cof_text passphrase,
                     const struct cof_random *random)
{
    *unlock = (struct cof_unlock){.method = COF_UNLOCK_KEY_FILE};
    if (passphrase.size == 0)
        return;
    unlock->method = COF_UNLOCK_PASSPHRASE;
    unlock->log2_n = NEW_LOG2_N;
    unlock->r = NEW_R;
    unlock->p = NEW_P;
    cof_random_fill(random, unlock->salt, sizeof(unlock->salt));
}

enum cof_status cof_unlock_check(const struct cof_unlock *unlock, struct cof_error *err)
{
    if (unlock->method == COF_UNLOCK_KEY_FILE && unlock->log2_n == 0 && unlock->r == 0 &&
        unlock->p == 0)
        return COF_OK;
    if (unlock->method == COF_UNLOCK_PASSPHRASE && unlock->log2_n >= MIN_LOG2_N &&
        unlock->log2_n <= MAX_LOG2_N && unlock->r >= 1 && unlock->r <= MAX_R && unlock->p >= 1 &&
        unlock->p <= MAX_P)
        return COF_OK;
    return COF_FAIL(err, COF_CORRUPT,
                    "the keyring is damaged: it asks to be opened in an unknown way");
}

enum cof_status cof_unlock_make_key_file(const char *folder, const struct cof_random *random,
                                         struct cof_error *err)
{
    char path[COF_MAX_PATH];
    uint8_t key[COF_KEY_SIZE];
    COF_TRY(cof_path_join(path, folder, KEY_FILE_NAME, err));
    if (cof_path_exists(path))
        return COF_OK;
    cof_random_fill(random, key, sizeof(key));
    enum cof_status status = cof_file_write_atomic(
        path, (struct cof_bytes){.data = key, .size = sizeof(key)}, 0400, err);
    cof_wipe(key, sizeof(key));
    return status;
}

enum cof_status cof_unlock_key(const struct cof_unlock *unlock, const char *folder,
                               struct cof_text passphrase, uint8_t out_kek[COF_KEY_SIZE],
                               struct cof_error *err)
{
    if (unlock->method == COF_UNLOCK_KEY_FILE) {
        if (passphrase.size > 0)
            return COF_FAIL(err, COF_INVALID,
                            "the keyring in '%.120s' opens with its root.key: give no passphrase",
                            folder);
        return read_key_file(folder, out_kek, err);
    }
    if (passphrase.size == 0)
        return COF_FAIL(
            err, COF_INVALID,
            "the keyring in '%.120s' opens with a passphrase: name the file that holds it in "
            "the setting passphrase_file",
            folder);
    return derive_from_passphrase(unlock, passphrase, out_kek, err);
}

enum cof_status cof_unlock_check_folder(const char *folder, struct cof_error *err)
{
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return COF_FAIL(
            err, COF_NOT_FOUND,
            "there is no keys folder '%.120s': name the right one with --keys, or make a "
            "new store with coffer init",
            folder);
    COF_TRY(check_owner(folder, &info, err));
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return COF_FAIL(err, COF_DENIED,
                        "others may write to the keys folder '%.120s' (mode %04o): chmod it to 700",
                        folder, (unsigned)(info.st_mode & 07777));
    return COF_OK;
}

enum cof_status cof_unlock_read_private(const char *path, size_t max_size, struct cof_buffer *out,
                                        struct cof_error *err)
{
    struct stat info;
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no file '%.120s'", path);
    if (fd < 0 && errno == EACCES)
        return COF_FAIL(
            err, COF_DENIED,
            "'%.120s' may not be read by user %u: chown it to the user that runs Coffer", path,
            (unsigned)geteuid());
    if (fd < 0 || fstat(fd, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot open '%.120s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return COF_FAIL(err, COF_CORRUPT, "'%.120s' is not a file", path);
    COF_TRY(check_owner(path, &info, err));
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return COF_FAIL(err, COF_DENIED,
                        "others may use '%.120s' (mode %04o): chmod it to 600, and think about who "
                        "may have read it",
                        path, (unsigned)(info.st_mode & 07777));
    if ((uint64_t)info.st_size > max_size)
        return COF_FAIL(err, COF_TOO_LARGE, "'%.120s' is %lld bytes, more than the %zu allowed",
                        path, (long long)info.st_size, max_size);
    size_t size = (size_t)info.st_size;
    uint8_t *bytes = cof_buffer_extend(out, size);
    if (bytes == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = cof_fd_read_at(fd, 0, bytes, size, err);
    if (status != COF_OK)
        out->size -= size;
    return status;
}
