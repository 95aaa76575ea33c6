/* The state file: a store changed while closed is noticed, a crash is not an accusation. */
#include "testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "state_file.h"
#include "store_fixture.h"

struct setting {
    struct store_fixture fixture;
    char state_path[TEMP_DIR_PATH_SIZE];
    char data_path[TEMP_DIR_PATH_SIZE];
};

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    struct store_fixture *fixture = &setting->fixture;
    store_fixture_setup(fixture);
    temp_dir_join(fixture->folder, "state", setting->state_path, sizeof(setting->state_path));
    temp_dir_join(fixture->folder, "data.mdb", setting->data_path, sizeof(setting->data_path));
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    store_fixture_teardown(&setting->fixture);
    free(setting);
    return 0;
}

static void close_store(struct setting *setting)
{
    cof_store_close(setting->fixture.store);
    setting->fixture.store = NULL;
}

static enum cof_status check(struct setting *setting)
{
    struct cof_error err = {0};
    return cof_state_file_check(setting->fixture.folder, setting->fixture.keyring, &err);
}

static void flip(const char *path, off_t at)
{
    uint8_t byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static void state__is_there_only_while_the_store_is_closed(void **state)
{
    struct setting *setting = *state;
    struct stat info;
    assert_false(cof_path_exists(setting->state_path));
    close_store(setting);
    assert_int_equal(stat(setting->state_path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(check(setting), COF_OK);
}

static void change__of_a_closed_store_is_noticed_at_open(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    struct stat info;
    struct cof_store_options options = store_fixture_options(&setting->fixture);
    close_store(setting);
    assert_int_equal(stat(setting->data_path, &info), 0);
    const off_t places[] = {0, 100, 4095, 4096, 8191};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        flip(setting->data_path, places[i]);
        assert_int_equal(cof_store_open(&options, &store, &err), COF_CORRUPT);
        assert_non_null(strstr(err.message, "changed while it was closed"));
        flip(setting->data_path, places[i]);
    }
    assert_int_equal(truncate(setting->data_path, info.st_size - 1), 0);
    assert_int_equal(check(setting), COF_CORRUPT);
    assert_int_equal(truncate(setting->data_path, info.st_size + 4096), 0);
    assert_int_equal(check(setting), COF_CORRUPT);
    assert_int_equal(truncate(setting->data_path, info.st_size), 0);
    assert_int_equal(check(setting), COF_OK);
}

static void state_file__damaged_is_noticed(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    close_store(setting);
    for (off_t at = 0; at < 66; at++) {
        flip(setting->state_path, at);
        enum cof_status status = check(setting);
        assert_true(status == COF_CORRUPT || status == COF_CONFLICT);
        flip(setting->state_path, at);
    }
    for (off_t size = 65; size >= 0; size -= 13) {
        struct cof_buffer whole = {0};
        expect_ok(cof_file_read(setting->state_path, 100, &whole, &err), err);
        assert_int_equal(truncate(setting->state_path, size), 0);
        assert_int_equal(check(setting), COF_CORRUPT);
        expect_ok(cof_file_write_atomic(setting->state_path, cof_buffer_bytes(&whole), 0600, &err),
                  err);
        cof_buffer_deinit(&whole);
    }
    assert_int_equal(check(setting), COF_OK);
}

static void absent_state_file__after_a_crash_is_fine(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    close_store(setting);
    expect_ok(cof_state_file_remove(setting->fixture.folder, &err), err);
    expect_ok(cof_state_file_remove(setting->fixture.folder, &err), err);
    assert_false(cof_state_file_exists(setting->fixture.folder));
    assert_int_equal(check(setting), COF_OK);
    cof_keyring_close(setting->fixture.keyring);
    store_fixture_open(&setting->fixture);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(state__is_there_only_while_the_store_is_closed),
        CASE(change__of_a_closed_store_is_noticed_at_open),
        CASE(state_file__damaged_is_noticed),
        CASE(absent_state_file__after_a_crash_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
