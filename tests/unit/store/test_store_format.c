/* What is refused at open, with one sentence and without touching anything. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/cbor.h>
#include <cof/base/file.h>

#include "folder_print.h"
#include "lmdb_env.h"
#include "row.h"
#include "row_key.h"
#include "store_fixture.h"

static int set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    store_fixture_setup(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_teardown(*state);
    free(*state);
    return 0;
}

static void close_store(struct store_fixture *fixture, bool with_state)
{
    char path[TEMP_DIR_PATH_SIZE];
    cof_store_close(fixture->store);
    fixture->store = NULL;
    temp_dir_join(fixture->folder, "state", path, sizeof(path));
    if (!with_state)
        assert_int_equal(unlink(path), 0);
}

static void expect_refusal(struct store_fixture *fixture, struct cof_keyring *keyring,
                           enum cof_status status, const char *part)
{
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    struct cof_store_options options = store_fixture_options(fixture);
    options.keyring = keyring;
    struct folder_print before = folder_print_take(fixture->folder);
    assert_int_equal(cof_store_open(&options, &store, &err), status);
    assert_null(store);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, part);
    struct folder_print after = folder_print_take(fixture->folder);
    assert_memory_equal(before.digest, after.digest, sizeof(before.digest));
}

static void put_raw(struct store_fixture *fixture, struct cof_row_key key, struct cof_bytes value)
{
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    struct cof_txn txn;
    struct cof_lmdb_options options = {.folder = fixture->folder, .max_bytes = (uint64_t)64 << 20};
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    cof_txn_put(&txn, cof_row_key_bytes(&key), value);
    expect_ok(cof_txn_commit(&txn, &err), err);
    cof_lmdb_close(lmdb);
}

static void other_keys__are_refused_and_nothing_is_touched(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_keyring *keyring = NULL;
    char keys[TEMP_DIR_PATH_SIZE];
    temp_dir_join(fixture->root, "other.keys", keys, sizeof(keys));
    struct cof_keyring_options options = {
        .folder = keys, .clock = cof_clock_system(), .random = cof_random_system()};
    expect_ok(cof_keyring_create(&options, &keyring, &err), err);
    close_store(fixture, true);
    expect_refusal(fixture, keyring, COF_CONFLICT, "other keys");
    close_store(fixture, false); /* only the file is left to be removed */
    expect_refusal(fixture, keyring, COF_CONFLICT, "other keys");
    cof_keyring_close(keyring);
}

static void newer_format__is_refused_and_nothing_is_touched(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t row[26] = "COFSTORE\x00\x02";
    close_store(fixture, false);
    cof_keyring_store_uuid(fixture->keyring, row + 10);
    put_raw(fixture, cof_row_key_meta(COF_META_FORMAT),
            (struct cof_bytes){.data = row, .size = sizeof(row)});
    expect_refusal(fixture, fixture->keyring, COF_CONFLICT, "format 2");
}

static void newer_state_file__is_refused_and_nothing_is_touched(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    char path[TEMP_DIR_PATH_SIZE];
    close_store(fixture, true);
    temp_dir_join(fixture->folder, "state", path, sizeof(path));
    expect_ok(cof_file_write_atomic(path, cof_text_bytes(COF_TEXT("COFSTATE\x00\x09 something")),
                                    0600, &err),
              err);
    expect_refusal(fixture, fixture->keyring, COF_CONFLICT, "format 9");
}

static void lmdb_file_of_somebody_else__is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    close_store(fixture, false);
    put_raw(fixture, cof_row_key_meta(COF_META_FORMAT), cof_text_bytes(COF_TEXT("not ours")));
    expect_refusal(fixture, fixture->keyring, COF_CORRUPT, "no store");
}

static void lmdb_file_without_rows__is_no_store_and_with_other_rows_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_lmdb *lmdb = NULL;
    struct cof_store *store = NULL;
    cof_store_close(fixture->store);
    fixture->store = NULL;
    temp_dir_join(fixture->root, "fresh", folder, sizeof(folder));
    expect_ok(cof_folder_create(folder, 0700, &err), err);
    struct cof_lmdb_options options = {.folder = folder, .max_bytes = (uint64_t)64 << 20};
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    cof_lmdb_close(lmdb);
    struct cof_store_options store_options = store_fixture_options(fixture);
    store_options.folder = folder;
    store_options.may_create = false;
    assert_int_equal(cof_store_open(&store_options, &store, &err), COF_NOT_FOUND);
    memcpy(fixture->folder, folder, sizeof(folder));
    put_raw(fixture, cof_row_key_number(COF_TABLE_CHUNK, 1), cof_text_bytes(COF_TEXT("x")));
    expect_refusal(fixture, fixture->keyring, COF_CORRUPT, "no store");
}

static void junk__is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    char path[TEMP_DIR_PATH_SIZE];
    static uint8_t junk[20000];
    memset(junk, 0x5a, sizeof(junk));
    close_store(fixture, false);
    temp_dir_join(fixture->folder, "data.mdb", path, sizeof(path));
    const size_t sizes[] = {1, 100, 4096, 8192, 20000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        expect_ok(cof_file_write_atomic(path, (struct cof_bytes){.data = junk, .size = sizes[i]},
                                        0600, &err),
                  err);
        expect_refusal(fixture, fixture->keyring, COF_CORRUPT, "damaged");
    }
}

static void lost_data_file__is_not_taken_for_a_new_store(void **state)
{
    struct store_fixture *fixture = *state;
    char path[TEMP_DIR_PATH_SIZE];
    close_store(fixture, true);
    temp_dir_join(fixture->folder, "data.mdb", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    expect_refusal(fixture, fixture->keyring, COF_CORRUPT, "gone");
}

static void missing_counters__are_damage(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    struct cof_store_options options = store_fixture_options(fixture);
    close_store(fixture, false);
    put_raw(fixture, cof_row_key_meta(COF_META_COUNTERS), cof_text_bytes(COF_TEXT("x")));
    assert_int_equal(cof_store_open(&options, &store, &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "meta 1"));
}

static void counters__of_before_the_log_was_counted_are_read(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_store *store = NULL;
    struct cof_store_options options = store_fixture_options(fixture);
    struct cof_store sealer = {.keyring = fixture->keyring, .random = cof_random_system()};
    const struct cof_row row = {.key = cof_row_key_meta(COF_META_COUNTERS)};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    cof_store_note_audit(fixture->store, 9);
    close_store(fixture, false);
    cof_keyring_store_uuid(fixture->keyring, sealer.uuid);
    cof_keyring_system_key(fixture->keyring, COF_KEY_STORE_META, &key);
    cof_cbor_write_array(&plaintext, 6);
    for (uint64_t i = 0; i < 6; i++)
        cof_cbor_write_unsigned(&plaintext, 100 + i);
    expect_ok(cof_row_seal(&sealer, &row, &key, cof_buffer_bytes(&plaintext), &sealed, &err), err);
    put_raw(fixture, row.key, cof_buffer_bytes(&sealed));
    expect_ok(cof_store_open(&options, &store, &err), err);
    assert_int_equal(cof_store_audit_count(store), 0);
    cof_store_note_audit(store, 7);
    cof_store_note_audit(store, 5);
    cof_store_close(store);
    expect_ok(cof_store_open(&options, &store, &err), err);
    assert_int_equal(cof_store_audit_count(store), 7);
    cof_store_close(store);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(other_keys__are_refused_and_nothing_is_touched),
        CASE(newer_format__is_refused_and_nothing_is_touched),
        CASE(newer_state_file__is_refused_and_nothing_is_touched),
        CASE(lmdb_file_of_somebody_else__is_refused),
        CASE(lmdb_file_without_rows__is_no_store_and_with_other_rows_refused),
        CASE(junk__is_refused),
        CASE(lost_data_file__is_not_taken_for_a_new_store),
        CASE(missing_counters__are_damage),
        CASE(counters__of_before_the_log_was_counted_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
