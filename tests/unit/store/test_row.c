/* Rows: values moved, replayed, altered or missing are COF_CORRUPT, and the message says where. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lmdb_env.h"
#include "row.h"
#include "row_key.h"
#include "store_fixture.h"

struct setting {
    struct store_fixture fixture;
    struct sample *a;
    struct sample *b;
    uint64_t a_number;
    uint64_t b_number;
};

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    struct store_fixture *fixture = &setting->fixture;
    store_fixture_setup(fixture);
    setting->a = sample_create(fixture->store, fixture->collection, "a", 1, 2);
    setting->b = sample_create(fixture->store, fixture->collection, "b", 1, 2);
    setting->a_number = sample_put(fixture->store, setting->a).document_number;
    setting->b_number = sample_put(fixture->store, setting->b).document_number;
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    sample_destroy(setting->a);
    sample_destroy(setting->b);
    store_fixture_teardown(&setting->fixture);
    free(setting);
    return 0;
}

/* As an attacker would: with LMDB, without keys, and without the state file. */
static struct cof_lmdb *break_in(struct setting *setting)
{
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    char path[TEMP_DIR_PATH_SIZE];
    store_fixture_close(&setting->fixture);
    temp_dir_join(setting->fixture.folder, "state", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    struct cof_lmdb_options options = {.folder = setting->fixture.folder,
                                       .max_bytes = (uint64_t)64 << 20};
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    return lmdb;
}

static void leave(struct setting *setting, struct cof_lmdb *lmdb)
{
    cof_lmdb_close(lmdb);
    store_fixture_open(&setting->fixture);
}

/* A copy of a stored value. */
static size_t take_value(struct cof_txn *txn, const struct cof_row_key *key, uint8_t *out,
                         size_t room)
{
    struct cof_bytes value;
    assert_true(cof_txn_get(txn, cof_row_key_bytes(key), &value));
    assert_true(value.size <= room);
    memcpy(out, value.data, value.size);
    return value.size;
}

static void swap_values(struct setting *setting, struct cof_row_key one, struct cof_row_key other)
{
    static uint8_t a[65536];
    static uint8_t b[65536];
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_lmdb *lmdb = break_in(setting);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    size_t a_size = take_value(&txn, &one, a, sizeof(a));
    size_t b_size = take_value(&txn, &other, b, sizeof(b));
    cof_txn_put(&txn, cof_row_key_bytes(&one), (struct cof_bytes){.data = b, .size = b_size});
    cof_txn_put(&txn, cof_row_key_bytes(&other), (struct cof_bytes){.data = a, .size = a_size});
    expect_ok(cof_txn_commit(&txn, &err), err);
    leave(setting, lmdb);
}

static void flip_bit(struct setting *setting, struct cof_row_key key, size_t at)
{
    static uint8_t bytes[65536];
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_lmdb *lmdb = break_in(setting);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    size_t size = take_value(&txn, &key, bytes, sizeof(bytes));
    bytes[at % size] ^= 0x10;
    cof_txn_put(&txn, cof_row_key_bytes(&key), (struct cof_bytes){.data = bytes, .size = size});
    expect_ok(cof_txn_commit(&txn, &err), err);
    leave(setting, lmdb);
}

static enum cof_status find(struct setting *setting, const char *id, struct cof_error *err)
{
    struct cof_arena arena = {0};
    struct cof_document document;
    enum cof_status status =
        cof_store_find_document(setting->fixture.store, setting->fixture.collection,
                                cof_text_from(id), &arena, &document, err);
    cof_arena_deinit(&arena);
    return status;
}

static enum cof_status chunks(struct setting *setting, uint64_t number, struct cof_error *err)
{
    struct cof_arena arena = {0};
    struct cof_chunk *found = NULL;
    size_t count = 0;
    enum cof_status status = cof_store_get_chunks(
        setting->fixture.store, setting->fixture.collection, number, &arena, &found, &count, err);
    cof_arena_deinit(&arena);
    return status;
}

static enum cof_status accept_any(void *context, const struct cof_document *document,
                                  const struct cof_chunk *found, const float *vectors,
                                  struct cof_error *err)
{
    (void)context;
    (void)document;
    (void)found;
    (void)vectors;
    (void)err;
    return COF_OK;
}

static enum cof_status walk(struct setting *setting, struct cof_error *err)
{
    return cof_store_each_document(setting->fixture.store, setting->fixture.collection, accept_any,
                                   NULL, err);
}

static void chunks__swapped_within_a_document_do_not_authenticate(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    uint64_t collection = setting->fixture.collection;
    swap_values(setting, cof_row_key_part(COF_TABLE_CHUNK, collection, setting->a_number, 1, 0),
                cof_row_key_part(COF_TABLE_CHUNK, collection, setting->a_number, 1, 1));
    assert_int_equal(chunks(setting, setting->a_number, &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "chunk 1/1/1/0"));
    assert_null(strstr(err.message, "plainwords"));
    assert_int_equal(chunks(setting, setting->b_number, &err), COF_OK);
}

static void values__swapped_between_documents_do_not_authenticate(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    uint64_t collection = setting->fixture.collection;
    swap_values(setting, cof_row_key_part(COF_TABLE_VECTORS, collection, setting->a_number, 1, 0),
                cof_row_key_part(COF_TABLE_VECTORS, collection, setting->b_number, 1, 0));
    assert_int_equal(walk(setting, &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "vectors 1/1/1/0"));
    swap_values(setting, cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number),
                cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->b_number));
    assert_int_equal(find(setting, "a", &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "document 1/1"));
}

static void values__swapped_between_tables_do_not_authenticate(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    uint64_t collection = setting->fixture.collection;
    swap_values(setting, cof_row_key_version(COF_TABLE_VERSION, collection, setting->a_number, 1),
                cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number));
    assert_int_equal(find(setting, "a", &err), COF_CORRUPT);
}

static void any_flipped_bit__is_noticed(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    uint64_t collection = setting->fixture.collection;
    for (size_t at = 0; at < 400; at += 37) {
        flip_bit(setting, cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number),
                 at);
        assert_int_equal(find(setting, "a", &err), COF_CORRUPT);
        flip_bit(setting, cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number),
                 at); /* and back */
        assert_int_equal(find(setting, "a", &err), COF_OK);
    }
}

static void damaged_document__fails_alone_in_a_put(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcomes[2];
    uint64_t collection = setting->fixture.collection;
    flip_bit(setting, cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number), 60);
    struct sample *fresh = sample_create(setting->fixture.store, collection, "b", 2, 3);
    struct cof_document_write writes[] = {setting->a->write, fresh->write};
    expect_ok(cof_store_put_documents(setting->fixture.store, writes, 2, NULL, outcomes, &err),
              err);
    assert_int_equal(outcomes[0].error.status, COF_CORRUPT);
    assert_int_equal(outcomes[1].kind, COF_WRITE_REPLACED);
    assert_true(sample_is_stored(setting->fixture.store, fresh, false));
    sample_destroy(fresh);
}

static void content_of_an_older_version__is_refused_under_the_new(void **state)
{
    struct setting *setting = *state;
    static uint8_t old[65536];
    struct cof_error err = {0};
    struct cof_txn txn;
    uint64_t collection = setting->fixture.collection;
    struct cof_row_key old_key =
        cof_row_key_part(COF_TABLE_CHUNK, collection, setting->a_number, 1, 0);
    struct cof_row_key new_key =
        cof_row_key_part(COF_TABLE_CHUNK, collection, setting->a_number, 2, 0);
    struct cof_lmdb *lmdb = break_in(setting);
    expect_ok(cof_txn_begin_read(lmdb, &txn, &err), err);
    size_t old_size = take_value(&txn, &old_key, old, sizeof(old));
    cof_txn_abort(&txn);
    leave(setting, lmdb);
    struct sample *fresh = sample_create(setting->fixture.store, collection, "a", 2, 2);
    (void)sample_put(setting->fixture.store, fresh);
    lmdb = break_in(setting);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    cof_txn_put(&txn, cof_row_key_bytes(&new_key),
                (struct cof_bytes){.data = old, .size = old_size});
    expect_ok(cof_txn_commit(&txn, &err), err);
    leave(setting, lmdb);
    assert_int_equal(chunks(setting, setting->a_number, &err), COF_CORRUPT);
    sample_destroy(fresh);
}

static void delete_row(struct setting *setting, struct cof_row_key key)
{
    struct cof_error err = {0};
    struct cof_txn txn;
    struct cof_bytes value;
    struct cof_lmdb *lmdb = break_in(setting);
    expect_ok(cof_txn_begin_write(lmdb, &txn, &err), err);
    assert_true(cof_txn_get(&txn, cof_row_key_bytes(&key), &value));
    cof_txn_delete(&txn, cof_row_key_bytes(&key));
    expect_ok(cof_txn_commit(&txn, &err), err);
    leave(setting, lmdb);
}

static void missing_parts__are_damage_and_not_absence(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    uint64_t collection = setting->fixture.collection;
    delete_row(setting, cof_row_key_part(COF_TABLE_CHUNK, collection, setting->b_number, 1, 1));
    assert_int_equal(chunks(setting, setting->b_number, &err), COF_CORRUPT);
    assert_non_null(strstr(err.message, "is missing"));
    delete_row(setting, cof_row_key_part(COF_TABLE_VECTORS, collection, setting->a_number, 1, 0));
    assert_int_equal(walk(setting, &err), COF_CORRUPT);
    delete_row(setting, cof_row_key_document(COF_TABLE_DOCUMENT, collection, setting->a_number));
    assert_int_equal(find(setting, "a", &err), COF_CORRUPT);
}

/* Bound on their own, beside the numbers in the key. */
static void value__of_another_version_or_collection_does_not_unseal(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_buffer sealed = {0};
    struct cof_buffer plaintext = {0};
    struct cof_key key;
    struct cof_row row = {
        .key = cof_row_key_document(COF_TABLE_DOCUMENT, 1, 1), .collection = 1, .version = 1};
    const struct cof_store *store = setting->fixture.store;
    cof_keyring_system_key(setting->fixture.keyring, COF_KEY_STORE_META, &key);
    expect_ok(cof_row_seal(store, &row, &key, cof_text_bytes(COF_TEXT("x")), &sealed, &err), err);
    expect_ok(cof_row_unseal(store, &row, &key, cof_buffer_bytes(&sealed), &plaintext, &err), err);
    struct cof_row other = row;
    other.version = 2;
    assert_int_equal(
        cof_row_unseal(store, &other, &key, cof_buffer_bytes(&sealed), &plaintext, &err),
        COF_CORRUPT);
    other = row;
    other.collection = 2;
    assert_int_equal(
        cof_row_unseal(store, &other, &key, cof_buffer_bytes(&sealed), &plaintext, &err),
        COF_CORRUPT);
    cof_buffer_deinit(&sealed);
    cof_buffer_deinit(&plaintext);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(chunks__swapped_within_a_document_do_not_authenticate),
        CASE(values__swapped_between_documents_do_not_authenticate),
        CASE(values__swapped_between_tables_do_not_authenticate),
        CASE(any_flipped_bit__is_noticed),
        CASE(damaged_document__fails_alone_in_a_put),
        CASE(content_of_an_older_version__is_refused_under_the_new),
        CASE(value__of_another_version_or_collection_does_not_unseal),
        CASE(missing_parts__are_damage_and_not_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
