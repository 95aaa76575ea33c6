/* The keyring as one object for all threads: lookups, and changes that are written before they are
 * seen.
 *
 * Lookups take the read lock for the time of a copy. A change is made under the mutex `change`: a
 * new tree is built beside the current one, written to disk, and swapped in under the write lock,
 * so that no lookup waits for the disk and no key is used that a crash could lose. Two processes
 * are kept apart by a lock file and by comparing the file with the one last seen. */
#include <cof/keys/keyring.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "keyring_bucket.h"
#include "keyring_file.h"
#include "secret_memory.h"

#define KEYRING_NAME "keyring"
#define LOCK_NAME "keyring.lock"
#define MAX_KEYRING_BYTES ((size_t)1 << 30)

/* Reached through a pointer, so that a const keyring can be locked. */
struct keyring_shared {
    pthread_mutex_t change;
    pthread_rwlock_t lock;
    struct cof_key_tree tree; /* under `lock`; replaced only under `change` too */
    bool has_noticed_unlocked;
};

struct cof_keyring {
    struct cof_keyring_head head;
    uint8_t *kek; /* in locked memory */
    struct keyring_shared *shared;
    uint8_t stamp[COF_KEYRING_STAMP_SIZE]; /* of the file last read or written; under `change` */
    const struct cof_random *random;
    cof_notice_fn notice;
    void *notice_context;
    char folder[COF_MAX_PATH];
    char path[COF_MAX_PATH];
    char lock_path[COF_MAX_PATH];
};

static void notice(const struct cof_keyring *keyring, const char *message)
{
    if (keyring->notice != NULL)
        keyring->notice(keyring->notice_context, message);
}

static void notice_unlocked(struct cof_keyring *keyring, bool is_unlocked)
{
    if (!is_unlocked || keyring->shared->has_noticed_unlocked)
        return;
    keyring->shared->has_noticed_unlocked = true;
    notice(keyring, "keys could not be locked into memory and may be swapped to disk: raise the "
                    "limit (LimitMEMLOCK=, ulimit -l) or encrypt the swap");
}

/* --- where the keys lie --- */

static bool is_inside(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    return strncmp(path, folder, size) == 0 &&
           (path[size] == '\0' || path[size] == '/' || folder[size - 1] == '/');
}

/* The path as the system sees it, also of a folder that is still to be made where the one above it
 * exists. False where neither does. */
static bool resolve(const char *path, char out_path[PATH_MAX])
{
    char parent[COF_MAX_PATH];
    if (realpath(path, out_path) != NULL)
        return true;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    int written = snprintf(parent, sizeof(parent), "%.*s", (int)begin, path);
    if (written < 0 || (size_t)written >= sizeof(parent) ||
        realpath(begin == 0 ? "." : parent, out_path) == NULL)
        return false;
    size_t size = strlen(out_path);
    written = snprintf(out_path + size, PATH_MAX - size, "/%.*s", (int)(end - begin), path + begin);
    return written > 0 && (size_t)written < PATH_MAX - size;
}

/* Both as the system sees them where it can tell, as written where it cannot. */
static enum cof_status check_apart(const struct cof_keyring_options *options, struct cof_error *err)
{
    char keys[PATH_MAX];
    char data[PATH_MAX];
    if (options->data_folder == NULL)
        return COF_OK;
    bool is_within = is_inside(options->folder, options->data_folder);
    if (resolve(options->folder, keys) && resolve(options->data_folder, data))
        is_within = is_inside(keys, data);
    if (is_within)
        return COF_FAIL(
            err, COF_INVALID,
            "the keys folder '%.80s' lies inside the data folder '%.80s': whoever copies "
            "the data would have the keys, name another with --keys",
            options->folder, options->data_folder);
    return COF_OK;
}

static void notice_same_device(const struct cof_keyring *keyring, const char *data_folder)
{
    struct stat keys;
    struct stat data;
    if (data_folder == NULL || stat(keyring->folder, &keys) != 0 || stat(data_folder, &data) != 0)
        return;
    if (keys.st_dev == data.st_dev)
        notice(keyring, "the keys lie on the same device as the data: whoever takes the disk has "
                        "both, move the keys folder to another device");
}

/* --- making and releasing the object --- */

static enum cof_status keyring_alloc(const struct cof_keyring_options *options,
                                     struct cof_keyring **out_keyring, struct cof_error *err)
{
    bool is_locked = false;
    struct cof_keyring *keyring = cof_calloc(1, sizeof(*keyring));
    if (keyring == NULL)
        return COF_FAIL_MEMORY(err);
    keyring->random = options->random;
    keyring->notice = options->notice;
    keyring->notice_context = options->notice_context;
    keyring->shared = cof_calloc(1, sizeof(*keyring->shared));
    keyring->kek = cof_secret_alloc(COF_KEY_SIZE, &is_locked);
    if (keyring->shared == NULL || keyring->kek == NULL) {
        cof_free(keyring->shared);
        keyring->shared = NULL;
        cof_keyring_close(keyring);
        return COF_FAIL_MEMORY(err);
    }
    (void)pthread_mutex_init(&keyring->shared->change, NULL);
    (void)pthread_rwlock_init(&keyring->shared->lock, NULL);
    notice_unlocked(keyring, !is_locked);
    int size = snprintf(keyring->folder, sizeof(keyring->folder), "%s", options->folder);
    enum cof_status status = COF_OK;
    if (size < 0 || (size_t)size >= sizeof(keyring->folder))
        status = COF_FAIL(err, COF_INVALID, "the keys folder's path is too long");
    if (status == COF_OK)
        status = cof_path_join(keyring->path, options->folder, KEYRING_NAME, err);
    if (status == COF_OK)
        status = cof_path_join(keyring->lock_path, options->folder, LOCK_NAME, err);
    if (status != COF_OK) {
        cof_keyring_close(keyring);
        return status;
    }
    *out_keyring = keyring;
    return COF_OK;
}

static enum cof_status keyring_make(struct cof_keyring *keyring,
                                    const struct cof_keyring_options *options,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int lock = -1;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    COF_TRY(check_apart(options, err)); /* before anything is made */
    if (!cof_path_exists(options->folder))
        COF_TRY(cof_folder_create(options->folder, 0700, err));
    COF_TRY(cof_unlock_check_folder(options->folder, err));
    COF_TRY(cof_lock_open(keyring->lock_path, &lock, err));
    if (cof_path_exists(keyring->path))
        return COF_FAIL(
            err, COF_CONFLICT,
            "'%.120s' has a keyring already, which is never overwritten: name another keys "
            "folder, or open that store",
            options->folder);

    cof_uuid7(options->clock, options->random, keyring->head.store_uuid);
    cof_unlock_init(&keyring->head.unlock, options->passphrase, options->random);
    if (options->passphrase.size == 0)
        COF_TRY(cof_unlock_make_key_file(options->folder, options->random, err));
    COF_TRY(cof_unlock_key(&keyring->head.unlock, options->folder, options->passphrase,
                           keyring->kek, err));
    COF_TRY(cof_key_tree_create(options->random, &keyring->shared->tree, err));
    COF_TRY(cof_keyring_file_make(&keyring->head, keyring->kek, &keyring->shared->tree,
                                  options->random, &file, err));
    COF_TRY(cof_file_write_atomic(keyring->path, cof_buffer_bytes(&file), 0600, err));
    memcpy(keyring->stamp, file.data, sizeof(keyring->stamp));
    return COF_OK;
}

static enum cof_status keyring_load(struct cof_keyring *keyring,
                                    const struct cof_keyring_options *options,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    COF_TRY(check_apart(options, err));
    COF_TRY(cof_unlock_check_folder(options->folder, err));
    if (!cof_path_exists(keyring->path))
        return COF_FAIL(
            err, COF_NOT_FOUND,
            "there is no keyring in '%.120s': name the right keys folder with --keys, or "
            "make a new store with coffer init",
            options->folder);
    COF_TRY(cof_unlock_read_private(keyring->path, MAX_KEYRING_BYTES, &file, err));
    const struct cof_bytes bytes = cof_buffer_bytes(&file);
    COF_TRY(cof_keyring_file_parse(bytes, keyring->path, &keyring->head, err));
    COF_TRY(cof_unlock_key(&keyring->head.unlock, options->folder, options->passphrase,
                           keyring->kek, err));
    COF_TRY(cof_keyring_file_open(bytes, keyring->path, &keyring->head, keyring->kek,
                                  &keyring->shared->tree, err));
    memcpy(keyring->stamp, file.data, sizeof(keyring->stamp));
    return COF_OK;
}

static enum cof_status keyring_begin(const struct cof_keyring_options *options,
                                     enum cof_status (*begin)(struct cof_keyring *,
                                                              const struct cof_keyring_options *,
                                                              struct cof_error *),
                                     struct cof_keyring **out_keyring, struct cof_error *err)
{
    struct cof_keyring *keyring = NULL;
    COF_TRY(keyring_alloc(options, &keyring, err));
    assert(keyring != NULL);
    enum cof_status status = begin(keyring, options, err);
    if (status != COF_OK) {
        cof_keyring_close(keyring);
        return status;
    }
    notice_unlocked(keyring, keyring->shared->tree.is_unlocked);
    notice_same_device(keyring, options->data_folder);
    *out_keyring = keyring;
    return COF_OK;
}

/* --- changes --- */

static enum cof_status check_unchanged(const struct cof_keyring *keyring, struct cof_error *err)
{
    uint8_t stamp[COF_KEYRING_STAMP_SIZE];
    COF_CLEANUP(cof_fd_close) int fd = open(keyring->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return COF_FAIL(err, COF_IO, "cannot open '%.120s': %s", keyring->path, strerror(errno));
    enum cof_status status = cof_fd_read_at(fd, 0, stamp, sizeof(stamp), NULL);
    if (status != COF_OK || memcmp(stamp, keyring->stamp, sizeof(stamp)) != 0)
        return COF_FAIL(err, COF_CONFLICT,
                        "the keyring '%.120s' was changed by another process: restart this one",
                        keyring->path);
    return COF_OK;
}

/* Best effort against whoever undeletes the replaced file; journals and flash keep what they keep.
 * The wrapped root is what every key in it hangs on. */
static void overwrite_replaced(const struct cof_keyring *keyring, int fd)
{
    static const uint8_t zeros[COF_KEYRING_CLEAR_SIZE];
    const struct cof_bytes bytes = {.data = zeros, .size = sizeof(zeros)};
    if (fd < 0 || cof_fd_write_at(fd, 0, bytes, NULL) != COF_OK || cof_fd_sync(fd, NULL) != COF_OK)
        notice(keyring, "the replaced keyring could not be overwritten on disk");
}

/* Writes `next` and makes it the current tree; the caller holds `change`. On success `next` owns
 * nothing any more and holds the replaced tree's shell, to be released. */
static enum cof_status commit_tree(struct cof_keyring *keyring, struct cof_key_tree *next,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int lock = -1;
    COF_CLEANUP(cof_fd_close) int replaced = -1;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    struct keyring_shared *shared = keyring->shared;
    bool is_new_epoch = next->epoch != shared->tree.epoch;

    COF_TRY(cof_lock_open(keyring->lock_path, &lock, err));
    COF_TRY(check_unchanged(keyring, err));
    COF_TRY(cof_keyring_file_make(&keyring->head, keyring->kek, next, keyring->random, &file, err));
    if (is_new_epoch)
        replaced = open(keyring->path, O_WRONLY | O_CLOEXEC);
    COF_TRY(cof_file_write_atomic(keyring->path, cof_buffer_bytes(&file), 0600, err));
    if (is_new_epoch)
        overwrite_replaced(keyring, replaced);
    memcpy(keyring->stamp, file.data, sizeof(keyring->stamp));

    (void)pthread_rwlock_wrlock(&shared->lock);
    struct cof_key_tree old = shared->tree;
    shared->tree = *next;
    (void)pthread_rwlock_unlock(&shared->lock);
    *next = old;
    return COF_OK;
}

/* Puts `added` into the tree or takes `removed` out, writes it, and releases what was replaced.
 * Owns `added`. */
static enum cof_status change_tree(struct cof_keyring *keyring, struct cof_collection_keys *added,
                                   uint64_t removed, struct cof_error *err)
{
    struct cof_key_tree next = {0};
    uint64_t gone = added != NULL ? added->number : removed;
    struct cof_collection_keys *replaced = cof_key_tree_find(&keyring->shared->tree, gone);
    enum cof_status status =
        cof_key_tree_derive(&keyring->shared->tree, added, removed, &next, err);
    if (status != COF_OK) {
        cof_collection_keys_destroy(added);
        return status;
    }
    if (removed != 0) {
        next.epoch++;
        cof_random_fill(keyring->random, next.root->epoch_root, sizeof(next.root->epoch_root));
    }
    status = commit_tree(keyring, &next, err);
    cof_collection_keys_destroy(status == COF_OK ? replaced : added);
    cof_key_tree_release_shell(&next);
    return status;
}

static enum cof_status add_collection(struct cof_keyring *keyring, uint64_t collection,
                                      struct cof_error *err)
{
    bool is_locked = false;
    if (cof_key_tree_find(&keyring->shared->tree, collection) != NULL)
        return COF_OK;
    struct cof_collection_keys *keys =
        cof_collection_keys_create(collection, keyring->random, &is_locked);
    if (keys == NULL)
        return COF_FAIL_MEMORY(err);
    notice_unlocked(keyring, !is_locked);
    return change_tree(keyring, keys, 0, err);
}

static enum cof_status fail_no_collection(uint64_t collection, struct cof_error *err)
{
    return COF_FAIL(err, COF_NOT_FOUND, "the keyring has no key of collection %llu",
                    (unsigned long long)collection);
}

static enum cof_status add_buckets(struct cof_keyring *keyring, uint64_t collection,
                                   struct cof_error *err)
{
    bool is_locked = false;
    const struct cof_collection_keys *current =
        cof_key_tree_find(&keyring->shared->tree, collection);
    if (current == NULL)
        return fail_no_collection(collection, err);
    if (current->has_buckets)
        return COF_OK;
    struct cof_collection_keys *keys =
        cof_collection_keys_with_buckets(current, keyring->random, &is_locked);
    if (keys == NULL)
        return COF_FAIL_MEMORY(err);
    notice_unlocked(keyring, !is_locked);
    return change_tree(keyring, keys, 0, err);
}

enum cof_status cof_keyring_bucket_key(const struct cof_keyring *keyring, uint64_t collection,
                                       uint64_t document_number, struct cof_key *out_key,
                                       struct cof_error *err)
{
    (void)pthread_rwlock_rdlock(&keyring->shared->lock);
    const struct cof_collection_keys *keys = cof_key_tree_find(&keyring->shared->tree, collection);
    bool has_buckets = keys != NULL && keys->has_buckets;
    if (has_buckets)
        *out_key = keys->buckets[document_number % COF_BUCKET_COUNT];
    (void)pthread_rwlock_unlock(&keyring->shared->lock);
    if (keys == NULL)
        return fail_no_collection(collection, err);
    if (!has_buckets)
        return COF_FAIL(err, COF_CONFLICT, "collection %llu has no bucket keys yet",
                        (unsigned long long)collection);
    return COF_OK;
}

const struct cof_random *cof_keyring_random(const struct cof_keyring *keyring)
{
    return keyring->random;
}

/* --- the public face --- */

enum cof_status cof_keyring_create(const struct cof_keyring_options *options,
                                   struct cof_keyring **out_keyring, struct cof_error *err)
{
    if (options->data_folder != NULL && is_inside(options->folder, options->data_folder))
        COF_TRY(check_apart(options, err));
    return keyring_begin(options, keyring_make, out_keyring, err);
}

enum cof_status cof_keyring_open(const struct cof_keyring_options *options,
                                 struct cof_keyring **out_keyring, struct cof_error *err)
{
    return keyring_begin(options, keyring_load, out_keyring, err);
}

void cof_keyring_close(struct cof_keyring *keyring)
{
    if (keyring == NULL)
        return;
    if (keyring->shared != NULL) {
        if (keyring->shared->tree.root != NULL)
            cof_key_tree_deinit(&keyring->shared->tree);
        (void)pthread_rwlock_destroy(&keyring->shared->lock);
        (void)pthread_mutex_destroy(&keyring->shared->change);
        cof_free(keyring->shared);
    }
    cof_secret_free(keyring->kek, COF_KEY_SIZE);
    cof_free(keyring);
}

void cof_keyring_store_uuid(const struct cof_keyring *keyring, uint8_t out_uuid[16])
{
    memcpy(out_uuid, keyring->head.store_uuid, 16);
}

uint64_t cof_keyring_epoch(const struct cof_keyring *keyring)
{
    (void)pthread_rwlock_rdlock(&keyring->shared->lock);
    uint64_t epoch = keyring->shared->tree.epoch;
    (void)pthread_rwlock_unlock(&keyring->shared->lock);
    return epoch;
}

void cof_keyring_system_key(const struct cof_keyring *keyring, enum cof_system_key purpose,
                            struct cof_key *out_key)
{
    (void)pthread_rwlock_rdlock(&keyring->shared->lock);
    *out_key = keyring->shared->tree.root->system[purpose];
    (void)pthread_rwlock_unlock(&keyring->shared->lock);
}

enum cof_status cof_keyring_add_collection(struct cof_keyring *keyring, uint64_t collection,
                                           struct cof_error *err)
{
    if (collection == 0)
        return COF_FAIL(err, COF_INVALID, "collection 0 is the store itself");
    (void)pthread_mutex_lock(&keyring->shared->change);
    enum cof_status status = add_collection(keyring, collection, err);
    (void)pthread_mutex_unlock(&keyring->shared->change);
    return status;
}

enum cof_status cof_keyring_destroy_collection(struct cof_keyring *keyring, uint64_t collection,
                                               struct cof_error *err)
{
    (void)pthread_mutex_lock(&keyring->shared->change);
    enum cof_status status = COF_OK;
    if (cof_key_tree_find(&keyring->shared->tree, collection) == NULL)
        status = fail_no_collection(collection, err);
    else
        status = change_tree(keyring, NULL, collection, err);
    (void)pthread_mutex_unlock(&keyring->shared->change);
    return status;
}

enum cof_status cof_keyring_collection_key(const struct cof_keyring *keyring, uint64_t collection,
                                           enum cof_collection_key purpose, struct cof_key *out_key,
                                           struct cof_error *err)
{
    (void)pthread_rwlock_rdlock(&keyring->shared->lock);
    const struct cof_collection_keys *keys = cof_key_tree_find(&keyring->shared->tree, collection);
    if (keys != NULL)
        *out_key = keys->derived[purpose];
    (void)pthread_rwlock_unlock(&keyring->shared->lock);
    return keys != NULL ? COF_OK : fail_no_collection(collection, err);
}

enum cof_status cof_keyring_ensure_buckets(struct cof_keyring *keyring, uint64_t collection,
                                           const uint64_t *document_numbers, size_t count,
                                           struct cof_error *err)
{
    (void)document_numbers; /* all of a collection's buckets are made together */
    if (count == 0)
        return COF_OK;
    (void)pthread_rwlock_rdlock(&keyring->shared->lock);
    const struct cof_collection_keys *keys = cof_key_tree_find(&keyring->shared->tree, collection);
    bool is_there = keys != NULL && keys->has_buckets;
    (void)pthread_rwlock_unlock(&keyring->shared->lock);
    if (is_there)
        return COF_OK;
    (void)pthread_mutex_lock(&keyring->shared->change);
    enum cof_status status = add_buckets(keyring, collection, err);
    (void)pthread_mutex_unlock(&keyring->shared->change);
    return status;
}
