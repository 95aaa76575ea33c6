/* The door to LMDB: sticky transactions, seeking, what it says of broken files. */
#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "lmdb_env.h"
#include "temp_dir.h"

struct setting {
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_lmdb *lmdb;
};

static struct cof_bytes bytes(const char *string)
{
    return cof_text_bytes(cof_text_from(string));
}

static enum cof_status try_open(struct setting *setting, uint64_t max_bytes, struct cof_error *err)
{
    struct cof_lmdb_options options = {.folder = setting->folder, .max_bytes = max_bytes};
    return cof_lmdb_open(&options, &setting->lmdb, err);
}

static int set_up(void **state)
{
    struct cof_error err = {0};
    struct setting *setting = calloc(1, sizeof(*setting));
    temp_dir_create(setting->folder);
    assert_int_equal(try_open(setting, 1 << 20, &err), COF_OK);
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    cof_lmdb_close(setting->lmdb);
    temp_dir_remove(setting->folder);
    free(setting);
    return 0;
}

static void put(struct setting *setting, const char *key, const char *value)
{
    struct cof_error err = {0};
    struct cof_txn txn;
    assert_int_equal(cof_txn_begin_write(setting->lmdb, &txn, &err), COF_OK);
    cof_txn_put(&txn, bytes(key), bytes(value));
    assert_int_equal(cof_txn_commit(&txn, &err), COF_OK);
}

static bool has(struct setting *setting, const char *key)
{
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes value;
    assert_int_equal(cof_txn_begin_read(setting->lmdb, &txn, &err), COF_OK);
    bool is_there = cof_txn_get(&txn, bytes(key), &value);
    assert_int_equal(cof_txn_status(&txn, &err), COF_OK);
    cof_txn_abort(&txn);
    return is_there;
}

static void txn__committed_is_seen_and_aborted_is_not(void **state)
{
    struct cof_error err = {0};
    struct cof_txn txn;
    put(*state, "kept", "1");
    assert_int_equal(cof_txn_begin_write(((struct setting *)*state)->lmdb, &txn, &err), COF_OK);
    cof_txn_put(&txn, bytes("lost"), bytes("1"));
    cof_txn_delete(&txn, bytes("kept"));
    cof_txn_delete(&txn, bytes("never there"));
    assert_int_equal(txn.change_count, 3);
    cof_txn_abort(&txn);
    cof_txn_abort(&txn);
    assert_true(has(*state, "kept"));
    assert_false(has(*state, "lost"));
}

static void txn__is_sticky_after_its_first_failure(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes value;
    struct cof_bytes key;
    char long_key[1000];
    memset(long_key, 'k', sizeof(long_key));
    put(setting, "a", "1");
    assert_int_equal(cof_txn_begin_write(setting->lmdb, &txn, &err), COF_OK);
    cof_txn_put(&txn, bytes("b"), bytes("1"));
    cof_txn_put(&txn, (struct cof_bytes){.data = (const uint8_t *)long_key, .size = 1000},
                bytes("1")); /* longer than LMDB allows */
    assert_int_equal(cof_txn_status(&txn, &err), COF_INTERNAL);
    assert_false(cof_txn_get(&txn, bytes("a"), &value));
    assert_false(cof_txn_seek(&txn, bytes("a"), bytes("a"), &key, &value));
    assert_int_equal(cof_txn_delete_prefix(&txn, bytes("a"), 10), 0);
    uint64_t changes = txn.change_count;
    cof_txn_put(&txn, bytes("c"), bytes("1"));
    cof_txn_delete(&txn, bytes("a"));
    assert_int_equal(txn.change_count, changes);
    struct cof_error again = {0};
    assert_int_equal(cof_txn_commit(&txn, &again), COF_INTERNAL);
    assert_string_equal(again.message, err.message);
    assert_true(has(setting, "a"));
    assert_false(has(setting, "b"));
    put(setting, "d", "1"); /* the next transaction is a new one */
}

static void seek__stays_within_its_prefix(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes key;
    struct cof_bytes value;
    put(setting, "a1", "1");
    put(setting, "b1", "2");
    put(setting, "b2", "3");
    put(setting, "c1", "4");
    assert_int_equal(cof_txn_begin_read(setting->lmdb, &txn, &err), COF_OK);
    assert_true(cof_txn_seek(&txn, bytes("b"), bytes("b"), &key, &value));
    assert_memory_equal(key.data, "b1", 2);
    assert_true(cof_txn_seek(&txn, bytes("b11"), bytes("b"), &key, &value));
    assert_memory_equal(key.data, "b2", 2);
    assert_false(cof_txn_seek(&txn, bytes("b3"), bytes("b"), &key, &value));
    assert_false(cof_txn_seek(&txn, bytes("d"), bytes("d"), &key, &value));
    assert_int_equal(cof_txn_status(&txn, &err), COF_OK);
    cof_txn_abort(&txn);
}

static void delete_prefix__stops_at_its_bound_and_at_the_prefix(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    put(setting, "a1", "1");
    put(setting, "b1", "2");
    put(setting, "b2", "3");
    put(setting, "b3", "3");
    put(setting, "c1", "4");
    assert_int_equal(cof_txn_begin_write(setting->lmdb, &txn, &err), COF_OK);
    assert_int_equal(cof_txn_delete_prefix(&txn, bytes("b"), 2), 2);
    assert_int_equal(cof_txn_delete_prefix(&txn, bytes("b"), 2), 1);
    assert_int_equal(cof_txn_delete_prefix(&txn, bytes("b"), 2), 0);
    assert_int_equal(cof_txn_commit(&txn, &err), COF_OK);
    assert_true(has(setting, "a1"));
    assert_false(has(setting, "b2"));
    assert_true(has(setting, "c1"));
}

static void snapshot__is_not_disturbed_by_a_later_commit(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes value;
    assert_int_equal(cof_txn_begin_read(setting->lmdb, &txn, &err), COF_OK);
    put(setting, "later", "1");
    assert_false(cof_txn_get(&txn, bytes("later"), &value));
    cof_txn_abort(&txn);
    assert_true(has(setting, "later"));
}

static void readers__over_the_limit_are_told_so(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn *txns = calloc(513, sizeof(*txns));
    size_t count = 0;
    while (count < 513 && cof_txn_begin_read(setting->lmdb, &txns[count], &err) == COF_OK)
        count++;
    assert_int_equal(count, 512);
    assert_int_equal(err.status, COF_UNAVAILABLE);
    for (size_t i = 0; i < count; i++)
        cof_txn_abort(&txns[i]);
    assert_false(has(setting, "x"));
    free(txns);
}

static void full_map__is_disk_full_and_the_next_smaller_write_works(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    size_t size = 2 << 20;
    uint8_t *large = calloc(size, 1);
    assert_int_equal(cof_txn_begin_write(setting->lmdb, &txn, &err), COF_OK);
    cof_txn_put(&txn, bytes("large"), (struct cof_bytes){.data = large, .size = size});
    assert_int_equal(cof_txn_commit(&txn, &err), COF_UNAVAILABLE);
    assert_memory_equal(err.message, "disk full", 9);
    put(setting, "small", "1");
    assert_true(has(setting, "small"));
    free(large);
}

static void read_only__touches_nothing_and_sees_everything(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    char lock_path[TEMP_DIR_PATH_SIZE];
    put(setting, "a", "1");
    cof_lmdb_close(setting->lmdb);
    setting->lmdb = NULL;
    temp_dir_join(setting->folder, "lock.mdb", lock_path, sizeof(lock_path));
    assert_int_equal(unlink(lock_path), 0);
    struct cof_lmdb_options options = {.folder = setting->folder, .is_read_only = true};
    assert_int_equal(cof_lmdb_open(&options, &setting->lmdb, &err), COF_OK);
    assert_true(has(setting, "a"));
    assert_false(cof_path_exists(lock_path));
}

static void damage(struct setting *setting, off_t offset, const void *what, size_t size)
{
    char path[TEMP_DIR_PATH_SIZE];
    cof_lmdb_close(setting->lmdb);
    setting->lmdb = NULL;
    temp_dir_join(setting->folder, "data.mdb", path, sizeof(path));
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, what, size, offset), (ssize_t)size);
    (void)close(fd);
}

static void file__that_is_no_lmdb_file_is_refused(void **state)
{
    struct cof_error err = {0};
    char junk[8192];
    memset(junk, 'j', sizeof(junk));
    damage(*state, 0, junk, sizeof(junk));
    assert_int_equal(try_open(*state, 1 << 20, &err), COF_CORRUPT);
}

static void file__of_another_lmdb_format_is_refused(void **state)
{
    struct cof_error err = {0};
    const uint8_t version[4] = {2, 0, 0, 0}; /* after the page header and the magic number */
    damage(*state, 16 + 4, version, sizeof(version));
    assert_int_equal(try_open(*state, 1 << 20, &err), COF_CONFLICT);
}

static void file__cut_short_gives_errors_and_no_signal(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes value;
    char path[TEMP_DIR_PATH_SIZE];
    char name[8];
    static char filler[3000];
    memset(filler, 'f', sizeof(filler) - 1);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof(name), "k%03d", i);
        put(setting, name, filler);
    }
    cof_lmdb_close(setting->lmdb);
    setting->lmdb = NULL;
    temp_dir_join(setting->folder, "data.mdb", path, sizeof(path));
    assert_int_equal(truncate(path, 3 * 4096 + 100), 0);
    assert_int_equal(try_open(setting, 1 << 20, &err), COF_OK);
    size_t failure_count = 0;
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof(name), "k%03d", i);
        assert_int_equal(cof_txn_begin_read(setting->lmdb, &txn, &err), COF_OK);
        bool is_found = cof_txn_get(&txn, bytes(name), &value);
        if (!is_found || memcmp(value.data, filler, 2999) != 0)
            failure_count++;
        assert_true(is_found || cof_txn_status(&txn, &err) == COF_CORRUPT);
        cof_txn_abort(&txn);
    }
    assert_true(failure_count > 0);
}

static void folder__that_is_not_there_is_an_error(void **state)
{
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    struct cof_lmdb_options options = {.folder = "/nonexistent/folder", .max_bytes = 1 << 20};
    assert_int_equal(cof_lmdb_open(&options, &lmdb, &err), COF_IO);
    assert_null(lmdb);
    cof_lmdb_close(NULL);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(txn__committed_is_seen_and_aborted_is_not),
        CASE(txn__is_sticky_after_its_first_failure),
        CASE(seek__stays_within_its_prefix),
        CASE(delete_prefix__stops_at_its_bound_and_at_the_prefix),
        CASE(snapshot__is_not_disturbed_by_a_later_commit),
        CASE(readers__over_the_limit_are_told_so),
        CASE(full_map__is_disk_full_and_the_next_smaller_write_works),
        CASE(read_only__touches_nothing_and_sees_everything),
        CASE(file__that_is_no_lmdb_file_is_refused),
        CASE(file__of_another_lmdb_format_is_refused),
        CASE(file__cut_short_gives_errors_and_no_signal),
        CASE(folder__that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
