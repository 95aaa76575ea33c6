/* The one door to LMDB: an environment and sticky transactions over one ordered key space.
 *
 * What LMDB 0.9.24 does not say by itself, and is settled here:
 *
 * - It reports a short write as EIO, and the last write before a disk is full is short. So after an
 *   EIO the file's end is asked for one more page: "no space" there means the disk is full and the
 *   transaction, whose pages nothing refers to, may be tried again. Anything else stays COF_IO.
 * - After a failed write of its header page it refuses even to read (MDB_PANIC). The data is intact
 *   and nobody will write any more, so a second, read-only, lock-free environment takes the readers
 *   that come after.
 * - It maps the file and trusts its length; reading a page beyond the end is SIGBUS. A file that is
 *   too short (truncated by somebody, or by LMDB itself, see cof_lmdb_cover) is therefore made as
 *   long as its header says before any page is read: a missing page is then zeros, which LMDB
 *   refuses as corrupt or which does not authenticate. */
#include "lmdb_env.h"

#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#define DATA_FILE "data.mdb"
#define MAX_READERS 512
#define FILE_MODE 0600

struct cof_lmdb {
    MDB_env *env;
    _Atomic(MDB_env *) reading; /* env, or the fallback after a panic */
    MDB_dbi table;              /* the unnamed database; the same number in every environment */
    bool is_read_only;
    char folder[COF_MAX_PATH];
};

static bool is_disk_full(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

static enum cof_status fail(struct cof_error *err, int code, const char *what)
{
    if (is_disk_full(code))
        return COF_FAIL(err, COF_UNAVAILABLE, "disk full (%s: %s): free space and try again", what,
                        strerror(code));
    switch (code) {
    case MDB_MAP_FULL:
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "disk full (the store has reached its largest size): free space in it, or "
                        "raise the limit, and try again");
    case MDB_READERS_FULL:
        return COF_FAIL(err, COF_UNAVAILABLE, "more than %d reads of the store at once",
                        MAX_READERS);
    case MDB_TXN_FULL:
        return COF_FAIL(err, COF_TOO_LARGE, "too much for one transaction of the store");
    case ENOMEM:
        return COF_FAIL_MEMORY(err);
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return COF_FAIL(err, COF_CORRUPT, "the store's file %s is damaged (%s: %s)", DATA_FILE,
                        what, mdb_strerror(code));
    case MDB_VERSION_MISMATCH:
        return COF_FAIL(err, COF_CONFLICT,
                        "the store's file %s is of another LMDB format than this program's",
                        DATA_FILE);
    case MDB_BAD_VALSIZE:
    case MDB_BAD_TXN:
    case MDB_BAD_DBI:
    case MDB_INCOMPATIBLE:
        return COF_FAIL(err, COF_INTERNAL, "the store misused LMDB (%s: %s)", what,
                        mdb_strerror(code));
    default:
        return COF_FAIL(err, COF_IO, "the store cannot %s: %s", what, mdb_strerror(code));
    }
}

/* LMDB takes bytes without const and does not change them. */
static MDB_val val_from(struct cof_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct cof_bytes bytes_from(MDB_val val)
{
    return (struct cof_bytes){.data = val.mv_data, .size = val.mv_size};
}

/* True when the kernel refuses another page at the end of the file for want of space. */
static bool has_no_space(MDB_env *env)
{
    static const uint8_t zeros[4096];
    int fd = -1;
    struct stat info;
    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &info) != 0)
        return false;
    ssize_t put = pwrite(fd, zeros, sizeof(zeros), info.st_size);
    if (put < 0)
        return is_disk_full(errno);
    return put < (ssize_t)sizeof(zeros);
}

/* Opens an environment without lock file; the caller knows that nobody writes. */
static int open_read_only(const char *folder, MDB_env **out_env)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_open(env, folder, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, FILE_MODE);
    if (code != 0) {
        mdb_env_close(env);
        return code;
    }
    *out_env = env;
    return 0;
}

static int open_writable(const struct cof_lmdb_options *options, MDB_env **out_env)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_set_mapsize(env, (size_t)options->max_bytes);
    if (code == 0)
        code = mdb_env_set_maxreaders(env, MAX_READERS);
    if (code == 0)
        code = mdb_env_open(env, options->folder, MDB_NOTLS, FILE_MODE);
    if (code != 0) {
        mdb_env_close(env);
        return code;
    }
    *out_env = env;
    return 0;
}

static int open_table(MDB_env *env, MDB_dbi *out_table)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, NULL, 0, out_table);
    mdb_txn_abort(txn);
    return code;
}

/* Later readers get an environment of their own when the first one has panicked. */
static void mend_reading(struct cof_lmdb *lmdb)
{
    MDB_txn *txn = NULL;
    MDB_env *fallback = NULL;
    MDB_dbi table = 0;
    if (atomic_load(&lmdb->reading) != lmdb->env)
        return;
    int code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        mdb_txn_abort(txn);
    if (code != MDB_PANIC || open_read_only(lmdb->folder, &fallback) != 0)
        return;
    if (open_table(fallback, &table) == 0)
        atomic_store(&lmdb->reading, fallback);
    else
        mdb_env_close(fallback);
}

/* Pages on LMDB's list of free ones: the table 0 has, for each transaction that freed any, a count
 * and then so many page numbers. Only a reading transaction may look at it. */
static int count_freed_pages(MDB_env *env, uint64_t *out_count)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    uint64_t count = 0;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_cursor_open(txn, 0, &cursor);
    while (code == 0) {
        size_t in_row = 0;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (code == 0 && value.mv_size >= sizeof(in_row)) {
            memcpy(&in_row, value.mv_data, sizeof(in_row));
            count += in_row;
        }
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    *out_count = count;
    return code == MDB_NOTFOUND ? 0 : code;
}

static bool has_failed(const struct cof_txn *txn)
{
    return txn->failure.status != COF_OK;
}

static void keep_failure(struct cof_txn *txn, int code, const char *what)
{
    if (code == EIO && txn->is_write && has_no_space(txn->lmdb->env))
        code = ENOSPC;
    (void)fail(&txn->failure, code, what);
}

static enum cof_status begin(struct cof_lmdb *lmdb, MDB_env *env, bool is_write,
                             struct cof_txn *out_txn, struct cof_error *err)
{
    MDB_txn *handle = NULL;
    int code = mdb_txn_begin(env, NULL, is_write ? 0 : MDB_RDONLY, &handle);
    if (code != 0)
        return fail(err, code, is_write ? "begin to write" : "begin to read");
    *out_txn = (struct cof_txn){.lmdb = lmdb, .handle = handle, .is_write = is_write};
    return COF_OK;
}

static MDB_cursor *cursor_of(struct cof_txn *txn)
{
    if (txn->cursor == NULL) {
        MDB_cursor *cursor = NULL;
        int code = mdb_cursor_open(txn->handle, txn->lmdb->table, &cursor);
        if (code != 0)
            keep_failure(txn, code, "open a cursor");
        txn->cursor = cursor;
    }
    return txn->cursor;
}

static void close_cursor(struct cof_txn *txn)
{
    if (txn->cursor != NULL)
        mdb_cursor_close(txn->cursor);
    txn->cursor = NULL;
}

enum cof_status cof_lmdb_open(const struct cof_lmdb_options *options, struct cof_lmdb **out_lmdb,
                              struct cof_error *err)
{
    COF_CLEANUP(cof_lmdb_cleanup) struct cof_lmdb *lmdb = cof_calloc(1, sizeof(*lmdb));
    if (lmdb == NULL)
        return COF_FAIL_MEMORY(err);
    lmdb->is_read_only = options->is_read_only;
    size_t length = strlen(options->folder);
    if (length + sizeof(DATA_FILE) + 1 > sizeof(lmdb->folder))
        return COF_FAIL(err, COF_INVALID, "the path of the store is longer than %d bytes",
                        COF_MAX_PATH - 1);
    memcpy(lmdb->folder, options->folder, length + 1);
    int code = options->is_read_only ? open_read_only(options->folder, &lmdb->env)
                                     : open_writable(options, &lmdb->env);
    if (code != 0)
        return fail(err, code, "be opened");
    atomic_store(&lmdb->reading, lmdb->env);
    COF_TRY(cof_lmdb_cover(lmdb, err));
    code = open_table(lmdb->env, &lmdb->table);
    if (code != 0)
        return fail(err, code, "be opened");
    *out_lmdb = lmdb;
    lmdb = NULL;
    return COF_OK;
}

void cof_lmdb_close(struct cof_lmdb *lmdb)
{
    if (lmdb == NULL)
        return;
    MDB_env *reading = atomic_load(&lmdb->reading);
    if (reading != NULL && reading != lmdb->env)
        mdb_env_close(reading);
    if (lmdb->env != NULL)
        mdb_env_close(lmdb->env);
    cof_free(lmdb);
}

void cof_lmdb_cleanup(struct cof_lmdb **lmdb)
{
    cof_lmdb_close(*lmdb);
    *lmdb = NULL;
}

enum cof_status cof_lmdb_cover(struct cof_lmdb *lmdb, struct cof_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, lmdb->folder, DATA_FILE, err));
    int code = mdb_env_info(lmdb->env, &info);
    if (code == 0)
        code = mdb_env_stat(lmdb->env, &stat);
    if (code == 0 && lstat(path, &file) != 0)
        code = errno;
    if (code != 0)
        return fail(err, code, "be looked at");
    size_t page_count = info.me_last_pgno + 1;
    if (page_count == 0 || page_count > info.me_mapsize / stat.ms_psize)
        return fail(err, MDB_CORRUPTED, "the header names a page beyond the map");
    off_t size = (off_t)(page_count * stat.ms_psize);
    if (file.st_size >= size)
        return COF_OK;
    /* By path: closing another descriptor of a file of LMDB's would release its locks. */
    if (truncate(path, size) != 0)
        return fail(err, errno, "be made as long as its header says");
    return COF_OK;
}

enum cof_status cof_lmdb_free_bytes(struct cof_lmdb *lmdb, uint64_t enough, uint64_t *out_bytes,
                                    struct cof_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t freed_count = 0;
    int code = mdb_env_info(lmdb->env, &info);
    if (code == 0)
        code = mdb_env_stat(lmdb->env, &stat);
    if (code != 0)
        return fail(err, code, "be looked at");
    uint64_t used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    uint64_t bytes = info.me_mapsize > used ? info.me_mapsize - used : 0;
    if (bytes < enough) {
        code = count_freed_pages(lmdb->env, &freed_count);
        if (code != 0)
            return fail(err, code, "be looked at");
        bytes += freed_count * stat.ms_psize;
    }
    *out_bytes = bytes;
    return COF_OK;
}

enum cof_status cof_txn_begin_read(struct cof_lmdb *lmdb, struct cof_txn *out_txn,
                                   struct cof_error *err)
{
    return begin(lmdb, atomic_load(&lmdb->reading), false, out_txn, err);
}

enum cof_status cof_txn_begin_write(struct cof_lmdb *lmdb, struct cof_txn *out_txn,
                                    struct cof_error *err)
{
    return begin(lmdb, lmdb->env, true, out_txn, err);
}

bool cof_txn_get(struct cof_txn *txn, struct cof_bytes key, struct cof_bytes *out_value_view)
{
    if (has_failed(txn))
        return false;
    MDB_val key_val = val_from(key);
    MDB_val value = {0};
    int code = mdb_get(txn->handle, txn->lmdb->table, &key_val, &value);
    if (code != 0) {
        if (code != MDB_NOTFOUND)
            keep_failure(txn, code, "read");
        return false;
    }
    *out_value_view = bytes_from(value);
    return true;
}

bool cof_txn_seek(struct cof_txn *txn, struct cof_bytes from, struct cof_bytes prefix,
                  struct cof_bytes *out_key_view, struct cof_bytes *out_value_view)
{
    if (has_failed(txn))
        return false;
    MDB_cursor *cursor = cursor_of(txn);
    if (cursor == NULL)
        return false;
    MDB_val key = val_from(from);
    MDB_val value = {0};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code != 0) {
        if (code != MDB_NOTFOUND)
            keep_failure(txn, code, "read");
        return false;
    }
    if (key.mv_size < prefix.size ||
        (prefix.size > 0 && memcmp(key.mv_data, prefix.data, prefix.size) != 0))
        return false;
    *out_key_view = bytes_from(key);
    *out_value_view = bytes_from(value);
    return true;
}

void cof_txn_put(struct cof_txn *txn, struct cof_bytes key, struct cof_bytes value)
{
    if (has_failed(txn))
        return;
    MDB_val key_val = val_from(key);
    MDB_val value_val = val_from(value);
    txn->change_count++;
    int code = mdb_put(txn->handle, txn->lmdb->table, &key_val, &value_val, 0);
    if (code != 0)
        keep_failure(txn, code, "write");
}

void cof_txn_delete(struct cof_txn *txn, struct cof_bytes key)
{
    if (has_failed(txn))
        return;
    MDB_val key_val = val_from(key);
    txn->change_count++;
    int code = mdb_del(txn->handle, txn->lmdb->table, &key_val, NULL);
    if (code != 0 && code != MDB_NOTFOUND)
        keep_failure(txn, code, "delete");
}

size_t cof_txn_delete_prefix(struct cof_txn *txn, struct cof_bytes prefix, size_t max_count)
{
    size_t count = 0;
    struct cof_bytes key;
    struct cof_bytes value;
    while (count < max_count && cof_txn_seek(txn, prefix, prefix, &key, &value)) {
        txn->change_count++;
        int code = mdb_cursor_del(txn->cursor, 0);
        if (code != 0) {
            keep_failure(txn, code, "delete");
            break;
        }
        count++;
    }
    return count;
}

enum cof_status cof_txn_status(const struct cof_txn *txn, struct cof_error *err)
{
    if (has_failed(txn) && err != NULL)
        *err = txn->failure;
    return txn->failure.status;
}

enum cof_status cof_txn_commit(struct cof_txn *txn, struct cof_error *err)
{
    if (has_failed(txn)) {
        enum cof_status status = cof_txn_status(txn, err);
        cof_txn_abort(txn);
        return status;
    }
    close_cursor(txn);
    int code = mdb_txn_commit(txn->handle); /* over, whatever it returns */
    txn->handle = NULL;
    if (code == 0)
        return COF_OK;
    keep_failure(txn, code, "commit");
    mend_reading(txn->lmdb);
    return cof_txn_status(txn, err);
}

void cof_txn_abort(struct cof_txn *txn)
{
    if (txn == NULL || txn->handle == NULL)
        return;
    close_cursor(txn);
    mdb_txn_abort(txn->handle);
    txn->handle = NULL;
}
