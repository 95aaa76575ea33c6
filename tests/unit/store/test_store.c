/* Opening and closing: creation, modes, options, a folder that cannot be written. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "folder_print.h"
#include "store_fixture.h"

static void expect_mode(const char *folder, const char *name, unsigned mode)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct stat info;
    temp_dir_join(folder, name, path, sizeof(path));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, mode);
}

static void folder__is_0700_and_files_are_0600_whatever_the_umask(void **state)
{
    struct store_fixture fixture;
    mode_t old = umask(0);
    store_fixture_setup(&fixture);
    expect_mode(fixture.root, "store", 0700);
    expect_mode(fixture.folder, "data.mdb", 0600);
    expect_mode(fixture.folder, "lock.mdb", 0600);
    store_fixture_close(&fixture);
    expect_mode(fixture.folder, "state", 0600);
    (void)umask(old);
    store_fixture_teardown(&fixture);
}

static void count_notice(void *context, const char *message)
{
    assert_true(strlen(message) > 0);
    ++*(int *)context;
}

static void folder__open_to_others_is_closed_with_a_notice(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    int notice_count = 0;
    store_fixture_setup(&fixture);
    cof_store_close(fixture.store);
    fixture.store = NULL;
    assert_int_equal(chmod(fixture.folder, 0755), 0);
    struct cof_store_options options = store_fixture_options(&fixture);
    options.notice = count_notice;
    options.notice_context = &notice_count;
    expect_ok(cof_store_open(&options, &fixture.store, &err), err);
    assert_int_equal(notice_count, 1);
    expect_mode(fixture.root, "store", 0700);
    store_fixture_teardown(&fixture);
}

static void store__that_is_absent_is_made_only_when_allowed(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    store_fixture_setup(&fixture);
    struct cof_store_options options = store_fixture_options(&fixture);
    char elsewhere[TEMP_DIR_PATH_SIZE];
    temp_dir_join(fixture.root, "elsewhere", elsewhere, sizeof(elsewhere));
    options.folder = elsewhere;
    options.may_create = false;
    assert_int_equal(cof_store_open(&options, &store, &err), COF_NOT_FOUND);
    assert_false(cof_path_exists(elsewhere));
    options.may_create = true;
    expect_ok(cof_store_open(&options, &store, &err), err);
    cof_store_close(store);
    options.may_create = false;
    expect_ok(cof_store_open(&options, &store, &err), err);
    assert_true(cof_store_is_writable(store));
    cof_store_close(store);
    store_fixture_teardown(&fixture);
}

static void creation__interrupted_before_its_first_commit_is_begun_again(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    char elsewhere[TEMP_DIR_PATH_SIZE];
    char path[TEMP_DIR_PATH_SIZE];
    store_fixture_setup(&fixture);
    temp_dir_join(fixture.root, "elsewhere", elsewhere, sizeof(elsewhere));
    temp_dir_join(elsewhere, "data.mdb", path, sizeof(path));
    expect_ok(cof_folder_create(elsewhere, 0700, &err), err);
    expect_ok(cof_file_write_atomic(path, (struct cof_bytes){0}, 0600, &err), err);
    struct cof_store_options options = store_fixture_options(&fixture);
    options.folder = elsewhere;
    options.may_create = false;
    assert_int_equal(cof_store_open(&options, &store, &err), COF_NOT_FOUND);
    options.may_create = true;
    expect_ok(cof_store_open(&options, &store, &err), err);
    cof_store_close(store);
    store_fixture_teardown(&fixture);
}

static void options__out_of_bounds_are_refused(void **state)
{
    struct store_fixture fixture;
    store_fixture_setup(&fixture);
    for (int i = 0; i < 6; i++) {
        struct cof_error err = {0};
        struct cof_store *store = NULL;
        struct cof_store_options options = store_fixture_options(&fixture);
        if (i == 0)
            options.folder = NULL;
        if (i == 1)
            options.folder = "";
        if (i == 2)
            options.keyring = NULL;
        if (i == 3)
            options.max_bytes = 4096;
        if (i == 4)
            options.max_bytes = ((uint64_t)64 << 20) + 1;
        if (i == 5)
            options.random = NULL;
        assert_int_equal(cof_store_open(&options, &store, &err), COF_INVALID);
    }
    cof_store_close(NULL);
    store_fixture_teardown(&fixture);
}

/* In a child without privileges: root may write everywhere. Exit code 0 = as expected. */
static int open_read_only(struct store_fixture *fixture)
{
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    struct cof_store_options options = store_fixture_options(fixture);
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    struct folder_print before = folder_print_take(fixture->folder);
    enum cof_status status = cof_store_open(&options, &store, &err);
    struct folder_print after = folder_print_take(fixture->folder);
    if (memcmp(before.digest, after.digest, sizeof(before.digest)) != 0)
        return 3;
    if (status != COF_IO || strstr(err.message, "ermission denied") == NULL)
        return 4;
    return 0;
}

static void folder__that_cannot_be_written_is_a_clear_error(void **state)
{
    struct store_fixture fixture;
    const char *const names[] = {"data.mdb", "lock.mdb", "state", "."};
    char path[TEMP_DIR_PATH_SIZE];
    int code = 0;
    store_fixture_setup(&fixture);
    cof_store_close(fixture.store);
    fixture.store = NULL;
    for (size_t i = 0; geteuid() == 0 && i < 4; i++) {
        temp_dir_join(fixture.folder, names[i], path, sizeof(path));
        assert_int_equal(chown(path, 65534, 65534), 0);
    }
    assert_int_equal(chmod(fixture.root, 0755), 0);
    assert_int_equal(chmod(fixture.folder, 0500), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(open_read_only(&fixture));
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    assert_int_equal(chmod(fixture.folder, 0700), 0);
    for (size_t i = 0; geteuid() == 0 && i < 4; i++) {
        temp_dir_join(fixture.folder, names[i], path, sizeof(path));
        assert_int_equal(chown(path, 0, 0), 0);
    }
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder__is_0700_and_files_are_0600_whatever_the_umask),
        cmocka_unit_test(folder__open_to_others_is_closed_with_a_notice),
        cmocka_unit_test(store__that_is_absent_is_made_only_when_allowed),
        cmocka_unit_test(creation__interrupted_before_its_first_commit_is_begun_again),
        cmocka_unit_test(options__out_of_bounds_are_refused),
        cmocka_unit_test(folder__that_cannot_be_written_is_a_clear_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
