/* Opening and closing the store.
 *
 * Order of opening: look without touching (format, keys, state of the last close) → remove the
 * state file → LMDB → counters → deleted collections' keys → the writer. Closing is the reverse;
 * the state file is written last, and only when every write is known to have succeeded. */
#include <cof/store/store.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "counters.h"
#include "garbage.h"
#include "state_file.h"
#include "store_format.h"
#include "store_object.h"
#include "writer.h"

#define DEFAULT_MAX_BYTES ((uint64_t)256 << 30)
#define MIN_MAX_BYTES ((uint64_t)1 << 20)

static void release(struct cof_store **store_pointer)
{
    struct cof_store *store = *store_pointer;
    *store_pointer = NULL;
    if (store == NULL)
        return;
    (void)cof_writer_destroy(store->writer);
    cof_lmdb_close(store->lmdb);
    cof_free(store->folder);
    cof_free(store);
}

static enum cof_status check_options(const struct cof_store_options *options, struct cof_error *err)
{
    if (options->folder == NULL || options->folder[0] == '\0')
        return COF_FAIL(err, COF_INVALID, "a store needs a folder");
    if (options->keyring == NULL || options->clock == NULL || options->random == NULL)
        return COF_FAIL(err, COF_INVALID, "a store needs a keyring, a clock and a random source");
    if (options->max_bytes != 0 &&
        (options->max_bytes < MIN_MAX_BYTES || options->max_bytes % 4096 != 0))
        return COF_FAIL(err, COF_INVALID,
                        "a store's largest size is a multiple of 4096 and at least %llu bytes",
                        (unsigned long long)MIN_MAX_BYTES);
    return COF_OK;
}

static enum cof_status create_object(const struct cof_store_options *options,
                                     struct cof_store **out_store, struct cof_error *err)
{
    COF_CLEANUP(release) struct cof_store *store = cof_calloc(1, sizeof(*store));
    if (store == NULL)
        return COF_FAIL_MEMORY(err);
    size_t size = strlen(options->folder) + 1;
    store->folder = cof_calloc(size, 1);
    if (store->folder == NULL)
        return COF_FAIL_MEMORY(err);
    memcpy(store->folder, options->folder, size);
    store->keyring = options->keyring;
    store->clock = options->clock;
    store->random = options->random;
    store->notice = options->notice;
    store->notice_context = options->notice_context;
    store->max_bytes = options->max_bytes != 0 ? options->max_bytes : DEFAULT_MAX_BYTES;
    cof_keyring_store_uuid(options->keyring, store->uuid);
    cof_counters_init(&store->counters);
    *out_store = store;
    store = NULL;
    return COF_OK;
}

/* A folder that others may enter is closed to them; what is in it is 0600 anyway. */
static enum cof_status close_folder_to_others(const struct cof_store *store, struct cof_error *err)
{
    struct stat info;
    if (stat(store->folder, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot look at '%.120s': %s", store->folder, strerror(errno));
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return COF_OK;
    if (chmod(store->folder, S_IRWXU) != 0)
        return COF_FAIL(err, COF_IO, "cannot close '%.120s' to other users: %s", store->folder,
                        strerror(errno));
    cof_store_notice(store, "the store's folder was open to other users and is closed to them now");
    return COF_OK;
}

static enum cof_status write_first_rows(struct cof_store *store, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_TRY(cof_txn_begin_write(store->lmdb, &txn, err));
    cof_store_format_put(&txn, store->uuid);
    COF_TRY(cof_counters_put(store, &txn, err));
    COF_TRY(cof_txn_commit(&txn, err));
    return cof_folder_sync(store->folder, err);
}

static enum cof_status load(struct cof_store *store, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    return cof_counters_load(store, &txn, err);
}

static enum cof_status open_files(const struct cof_store_options *options, struct cof_store *store,
                                  struct cof_error *err)
{
    bool exists = false;
    struct cof_lmdb_options lmdb_options = {
        .folder = options->folder,
        .max_bytes = store->max_bytes,
    };
    COF_TRY(cof_store_format_look(options->folder, options->keyring, &exists, err));
    if (!exists && !options->may_create)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no store in '%.160s'", options->folder);
    if (!exists)
        COF_TRY(cof_folder_create(options->folder, S_IRWXU, err));
    COF_TRY(close_folder_to_others(store, err));
    COF_TRY(cof_state_file_remove(options->folder, err));
    COF_TRY(cof_lmdb_open(&lmdb_options, &store->lmdb, err));
    if (!exists)
        COF_TRY(write_first_rows(store, err));
    return load(store, err);
}

void cof_store_notice(const struct cof_store *store, const char *format, ...)
{
    char message[512];
    va_list arguments;
    if (store->notice == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    store->notice(store->notice_context, message);
}

enum cof_status cof_store_open(const struct cof_store_options *options,
                               struct cof_store **out_store, struct cof_error *err)
{
    COF_CLEANUP(release) struct cof_store *store = NULL;
    COF_TRY(check_options(options, err));
    COF_TRY(create_object(options, &store, err));
    COF_TRY(open_files(options, store, err));
    COF_TRY(cof_garbage_resume(store, err));
    COF_TRY(cof_writer_create(store, &store->writer, err));
    *out_store = store;
    store = NULL;
    return COF_OK;
}

void cof_store_close(struct cof_store *store)
{
    if (store == NULL)
        return;
    struct cof_error failure = {0};
    bool is_clean = cof_writer_destroy(store->writer);
    store->writer = NULL;
    is_clean = is_clean && cof_lmdb_cover(store->lmdb, NULL) == COF_OK;
    cof_lmdb_close(store->lmdb);
    store->lmdb = NULL;
    if (is_clean && cof_state_file_write(store->folder, store->keyring, &failure) != COF_OK)
        cof_store_notice(store, "the store is closed, but its state could not be recorded: %s",
                         failure.message);
    release(&store);
}

bool cof_store_is_writable(const struct cof_store *store)
{
    return cof_writer_is_healthy(store->writer);
}
