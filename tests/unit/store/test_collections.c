/* Collections: made, changed, listed, deleted with their keys and every row. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lmdb_env.h"
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

static struct cof_collection_write valid_write(void)
{
    static const uint8_t fingerprint[32] = {7, 8, 9};
    return (struct cof_collection_write){
        .name = COF_TEXT("Ärzte · 手册"),
        .metadata = COF_TEXT("{\"owner\":\"legal\"}"),
        .model_name = COF_TEXT("all-MiniLM-L6-v2"),
        .model_fingerprint = fingerprint,
        .dimension = 384,
        .precision = COF_VECTOR_F16,
        .max_chunk_tokens = 256,
        .chunk_overlap_tokens = 32,
    };
}

static void collection__comes_back_as_it_was_made(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection made;
    struct cof_collection found;
    struct cof_collection_write write = valid_write();
    expect_ok(cof_store_create_collection(fixture->store, &write, NULL, &arena, &made, &err), err);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    expect_ok(cof_store_get_collection(fixture->store, made.number, &arena, &found, &err), err);
    assert_string_equal(found.public_id, made.public_id);
    assert_int_equal(strlen(found.public_id), 27);
    assert_memory_equal(found.public_id, "vs_", 3);
    assert_true(cof_text_equal(found.name, write.name));
    assert_true(cof_text_equal(found.metadata, write.metadata));
    assert_true(cof_text_equal(found.model_name, write.model_name));
    assert_memory_equal(found.model_fingerprint, write.model_fingerprint, 32);
    assert_int_equal(found.dimension, 384);
    assert_int_equal(found.precision, COF_VECTOR_F16);
    assert_int_equal(found.max_chunk_tokens, 256);
    assert_int_equal(found.chunk_overlap_tokens, 32);
    assert_true(found.created_ns == made.created_ns && found.created_ns > 0);
    assert_int_equal(found.document_count, 0);
    cof_arena_deinit(&arena);
}

static void collection__with_bad_parts_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    char long_name[257];
    memset(long_name, 'n', sizeof(long_name));
    for (int i = 0; i < 8; i++) {
        struct cof_error err = {0};
        struct cof_arena arena = {0};
        struct cof_collection made;
        struct cof_collection_write write = valid_write();
        if (i == 0)
            write.name = (struct cof_text){0};
        if (i == 1)
            write.name = (struct cof_text){.data = long_name, .size = 257};
        if (i == 2)
            write.name = COF_TEXT("a\nb");
        if (i == 3)
            write.name = COF_TEXT("\xff");
        if (i == 4)
            write.dimension = 0;
        if (i == 5)
            write.precision = (enum cof_vector_precision)3;
        if (i == 6)
            write.model_fingerprint = NULL;
        if (i == 7)
            write.metadata = COF_TEXT("\xc0\x80");
        assert_int_equal(
            cof_store_create_collection(fixture->store, &write, NULL, &arena, &made, &err),
            COF_INVALID);
        cof_arena_deinit(&arena);
    }
}

static void update__changes_only_what_is_given(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection found;
    struct cof_text name = COF_TEXT("renamed");
    struct cof_text metadata = COF_TEXT("{\"a\":1}");
    struct cof_text control = COF_TEXT("\x7f");
    expect_ok(
        cof_store_update_collection(fixture->store, fixture->collection, &name, NULL, NULL, &err),
        err);
    expect_ok(cof_store_get_collection(fixture->store, fixture->collection, &arena, &found, &err),
              err);
    assert_true(cof_text_equal(found.name, name));
    assert_true(cof_text_equal(found.metadata, COF_TEXT("{}")));
    expect_ok(cof_store_update_collection(fixture->store, fixture->collection, NULL, &metadata,
                                          NULL, &err),
              err);
    expect_ok(cof_store_get_collection(fixture->store, fixture->collection, &arena, &found, &err),
              err);
    assert_true(cof_text_equal(found.name, name));
    assert_true(cof_text_equal(found.metadata, metadata));
    assert_int_equal(cof_store_update_collection(fixture->store, fixture->collection, &control,
                                                 NULL, NULL, &err),
                     COF_INVALID);
    assert_int_equal(cof_store_update_collection(fixture->store, 99, &name, NULL, NULL, &err),
                     COF_NOT_FOUND);
    cof_arena_deinit(&arena);
}

static void list__is_by_number_and_allows_equal_names(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection *listed = NULL;
    size_t count = 0;
    for (int i = 0; i < 5; i++)
        (void)fixture_create_collection(fixture->store, "handbook", COF_VECTOR_F32);
    expect_ok(cof_store_list_collections(fixture->store, &arena, &listed, &count, &err), err);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(listed[i].number, i + 1);
        assert_true(cof_text_equal(listed[i].name, COF_TEXT("handbook")));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(listed[i].public_id, listed[j].public_id);
    }
    cof_arena_deinit(&arena);
}

/* Rows in the tables that hold a collection's number. */
static size_t count_rows(struct store_fixture *fixture, uint64_t collection)
{
    static const enum cof_table tables[] = {
        COF_TABLE_COLLECTION, COF_TABLE_USAGE,   COF_TABLE_DOCUMENT, COF_TABLE_VERSION,
        COF_TABLE_CHUNK,      COF_TABLE_VECTORS, COF_TABLE_BLIND,    COF_TABLE_GARBAGE};
    struct cof_error err = {0};
    struct cof_lmdb *lmdb = NULL;
    struct cof_lmdb_options options = {.folder = fixture->folder, .is_read_only = true};
    struct cof_txn txn;
    size_t count = 0;
    expect_ok(cof_lmdb_open(&options, &lmdb, &err), err);
    expect_ok(cof_txn_begin_read(lmdb, &txn, &err), err);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct cof_row_key prefix = cof_row_key_number(tables[i], collection);
        struct cof_bytes key;
        struct cof_bytes value;
        uint8_t from[64];
        memcpy(from, prefix.bytes, prefix.size);
        size_t from_size = prefix.size;
        while (cof_txn_seek(&txn, (struct cof_bytes){.data = from, .size = from_size},
                            cof_row_key_bytes(&prefix), &key, &value)) {
            memcpy(from, key.data, key.size);
            from[key.size] = 0;
            from_size = key.size + 1;
            count++;
        }
    }
    cof_txn_abort(&txn);
    cof_lmdb_close(lmdb);
    return count;
}

static void delete__takes_keys_and_rows_and_nothing_of_others(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection found;
    struct cof_document document;
    struct cof_write_outcome outcome;
    struct fixture_outbox outbox;
    uint64_t other = fixture_create_collection(fixture->store, "other", COF_VECTOR_F32);
    struct sample *kept = sample_create(fixture->store, other, "kept", 1, 3);
    (void)sample_put(fixture->store, kept);
    struct sample *gone = sample_create(fixture->store, fixture->collection, "gone", 1, 700);
    (void)sample_put(fixture->store, gone);
    fixture_outbox_init(&outbox, 1, "deleted");
    expect_ok(
        cof_store_delete_collection(fixture->store, fixture->collection, &outbox.outbox, &err),
        err);
    assert_int_equal(outbox.last[0].kind, COF_WRITE_DELETED);
    assert_int_equal(outbox.last[0].collection, fixture->collection);
    assert_int_equal(
        cof_store_get_collection(fixture->store, fixture->collection, &arena, &found, &err),
        COF_NOT_FOUND);
    assert_int_equal(cof_store_find_document(fixture->store, fixture->collection, COF_TEXT("gone"),
                                             &arena, &document, &err),
                     COF_NOT_FOUND);
    expect_ok(cof_store_put_documents(fixture->store, &gone->write, 1, NULL, &outcome, &err), err);
    assert_int_equal(outcome.error.status, COF_NOT_FOUND);
    assert_int_equal(cof_store_delete_collection(fixture->store, fixture->collection, NULL, &err),
                     COF_NOT_FOUND);
    struct cof_key key;
    assert_int_equal(cof_keyring_collection_key(fixture->keyring, fixture->collection,
                                                COF_KEY_COLLECTION_META, &key, &err),
                     COF_NOT_FOUND);
    /* every transaction collects some hundred rows beside its own work */
    for (int i = 0; i < 8; i++)
        (void)fixture_create_collection(fixture->store, "later", COF_VECTOR_F32);
    store_fixture_close(fixture);
    size_t left = count_rows(fixture, fixture->collection);
    store_fixture_open(fixture);
    assert_true(left == 0);
    assert_true(sample_is_stored(fixture->store, kept, true));
    sample_destroy(kept);
    sample_destroy(gone);
    cof_arena_deinit(&arena);
}

static void number__of_a_deleted_collection_is_not_used_again(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    uint64_t first = fixture_create_collection(fixture->store, "a", COF_VECTOR_F32);
    expect_ok(cof_store_delete_collection(fixture->store, first, NULL, &err), err);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    assert_true(fixture_create_collection(fixture->store, "b", COF_VECTOR_F32) > first);
}

static void creation__that_cannot_be_recorded_leaves_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection made = {.number = 77};
    struct cof_collection *listed = NULL;
    size_t count = 0;
    struct fixture_outbox outbox;
    struct cof_collection_write write = valid_write();
    fixture_outbox_init(&outbox, 1, "never");
    outbox.fail_with = COF_UNAVAILABLE;
    assert_int_equal(
        cof_store_create_collection(fixture->store, &write, &outbox.outbox, &arena, &made, &err),
        COF_UNAVAILABLE);
    assert_int_equal(made.number, 77);
    expect_ok(cof_store_list_collections(fixture->store, &arena, &listed, &count, &err), err);
    assert_int_equal(count, 1);
    expect_ok(cof_store_create_collection(fixture->store, &write, NULL, &arena, &made, &err), err);
    assert_int_equal(made.number, fixture->collection + 1);
    cof_arena_deinit(&arena);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(collection__comes_back_as_it_was_made),
        CASE(collection__with_bad_parts_is_refused),
        CASE(update__changes_only_what_is_given),
        CASE(list__is_by_number_and_allows_equal_names),
        CASE(delete__takes_keys_and_rows_and_nothing_of_others),
        CASE(number__of_a_deleted_collection_is_not_used_again),
        CASE(creation__that_cannot_be_recorded_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
