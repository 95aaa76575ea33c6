/* Deleted collections: a deletion cut short by a crash is finished, one that is forged is not done.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "garbage.h"
#include "lmdb_env.h"
#include "row_key.h"
#include "store_fixture.h"
#include "store_object.h"

static int set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    store_fixture_setup(fixture);
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 3);
    (void)sample_put(fixture->store, sample);
    sample_destroy(sample);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_teardown(*state);
    free(*state);
    return 0;
}

static bool has_key(struct store_fixture *fixture)
{
    struct cof_key key;
    return cof_keyring_collection_key(fixture->keyring, fixture->collection,
                                      COF_KEY_COLLECTION_META, &key, NULL) == COF_OK;
}

static struct cof_lmdb *break_in(struct store_fixture *fixture)
{
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    char path[TEMP_DIR_PATH_SIZE];
    temp_dir_join(fixture->folder, "state", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    struct cof_lmdb_options options = {.folder = fixture->folder, .max_bytes = (uint64_t)64 << 20};
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    return lmdb;
}

static bool has_chunks(struct store_fixture *fixture)
{
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    struct cof_txn txn;
    struct cof_bytes key;
    struct cof_bytes value;
    struct cof_lmdb_options options = {.folder = fixture->folder, .is_read_only = true};
    struct cof_row_key prefix = cof_row_key_number(COF_TABLE_CHUNK, fixture->collection);
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    expect_ok(cof_txn_begin_read(lmdb, &txn, &err), err);
    bool is_there =
        cof_txn_seek(&txn, cof_row_key_bytes(&prefix), cof_row_key_bytes(&prefix), &key, &value);
    cof_txn_abort(&txn);
    cof_lmdb_close(lmdb);
    return is_there;
}

/* What a crash between the transaction of a deletion and the destruction of the keys leaves. */
static void deletion__cut_short_is_finished_at_the_next_open(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_row_key row = cof_row_key_number(COF_TABLE_COLLECTION, fixture->collection);
    struct cof_row_key usage = cof_row_key_number(COF_TABLE_USAGE, fixture->collection);
    cof_store_close(fixture->store);
    struct cof_lmdb *lmdb = break_in(fixture);
    struct cof_store half = {.lmdb = lmdb,
                             .keyring = fixture->keyring,
                             .clock = cof_clock_system(),
                             .random = cof_random_system()};
    cof_keyring_store_uuid(fixture->keyring, half.uuid);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    cof_txn_delete(&txn, cof_row_key_bytes(&row));
    cof_txn_delete(&txn, cof_row_key_bytes(&usage));
    expect_ok(cof_garbage_add(&half, &txn, fixture->collection, &err), err);
    expect_ok(cof_txn_commit(&txn, &err), err);
    cof_lmdb_close(lmdb);
    assert_true(has_key(fixture));
    assert_true(has_chunks(fixture));
    cof_keyring_close(fixture->keyring);
    store_fixture_open(fixture);
    assert_false(has_key(fixture));
    (void)fixture_create_collection(fixture->store, "other", COF_VECTOR_F32);
    cof_store_close(fixture->store);
    fixture->store = NULL;
    assert_false(has_chunks(fixture));
}

static void deletion__forged_on_disk_destroys_no_key(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_row_key row = cof_row_key_number(COF_TABLE_COLLECTION, fixture->collection);
    struct cof_row_key garbage = cof_row_key_number(COF_TABLE_GARBAGE, fixture->collection);
    struct cof_bytes value;
    struct cof_store_options options = store_fixture_options(fixture);
    cof_store_close(fixture->store);
    fixture->store = NULL;
    struct cof_lmdb *lmdb = break_in(fixture);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    assert_true(cof_txn_get(&txn, cof_row_key_bytes(&row), &value));
    uint8_t copy[4096];
    memcpy(copy, value.data, value.size);
    cof_txn_put(&txn, cof_row_key_bytes(&garbage),
                (struct cof_bytes){.data = copy, .size = value.size});
    expect_ok(cof_txn_commit(&txn, &err), err);
    cof_lmdb_close(lmdb);
    assert_int_equal(cof_store_open(&options, &fixture->store, &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "garbage 1"));
    assert_true(has_key(fixture));
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(deletion__cut_short_is_finished_at_the_next_open),
        CASE(deletion__forged_on_disk_destroys_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
