/* Encodings of rows: exact round trips, and refusal of everything else. */
#include "testing.h"

#include <string.h>

#include <cof/base/cbor.h>

#include "collection_record.h"
#include "document_record.h"
#include "document_row.h"
#include "store_fixture.h"
#include "store_object.h"

static const struct cof_text allow[] = {{.data = "user:a", .size = 6},
                                        {.data = "group:b", .size = 7}};

static struct cof_document_record full_record(void)
{
    return (struct cof_document_record){
        .document = {.external_id = COF_TEXT("id-1"),
                     .version = UINT32_MAX,
                     .created_ns = -5,
                     .updated_ns = INT64_MAX,
                     .content_hash = {1, 2, 3},
                     .source_bytes = UINT64_MAX,
                     .first_chunk_id = 77,
                     .chunk_count = 12,
                     .title = COF_TEXT("Titel · 标题"),
                     .filename = COF_TEXT("a/b.md"),
                     .media_type = COF_TEXT("text/markdown"),
                     .attributes = COF_TEXT("{\"a\":1}"),
                     .acl = {.is_set = true, .allow = allow, .allow_count = 2}},
        .wrapped_key = {9, 8, 7},
    };
}

static void document__comes_back_with_every_field(void **state)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_buffer bytes = {0};
    struct cof_document_record in = full_record();
    struct cof_document_record out;
    cof_document_record_encode(&in, &bytes);
    assert_int_equal(cof_document_record_decode(cof_buffer_bytes(&bytes), &arena, &out, &err),
                     COF_OK);
    assert_true(cof_text_equal(out.document.external_id, in.document.external_id));
    assert_int_equal(out.document.version, UINT32_MAX);
    assert_true(out.document.created_ns == -5);
    assert_true(out.document.updated_ns == INT64_MAX);
    assert_true(out.document.source_bytes == UINT64_MAX);
    assert_int_equal(out.document.first_chunk_id, 77);
    assert_int_equal(out.document.chunk_count, 12);
    assert_true(cof_text_equal(out.document.title, in.document.title));
    assert_true(cof_text_equal(out.document.media_type, in.document.media_type));
    assert_true(out.document.acl.is_set);
    assert_int_equal(out.document.acl.allow_count, 2);
    assert_int_equal(out.document.acl.deny_count, 0);
    assert_true(cof_text_equal(out.document.acl.allow[1], allow[1]));
    assert_memory_equal(out.document.content_hash, in.document.content_hash, 32);
    assert_memory_equal(out.wrapped_key, in.wrapped_key, sizeof(in.wrapped_key));
    cof_buffer_deinit(&bytes);
    cof_arena_deinit(&arena);
}

static void document__cut_or_lengthened_anywhere_is_refused(void **state)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_buffer bytes = {0};
    struct cof_document_record in = full_record();
    struct cof_document_record out;
    cof_document_record_encode(&in, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(
            cof_document_record_decode((struct cof_bytes){.data = bytes.data, .size = size}, &arena,
                                       &out, &err),
            COF_CORRUPT);
    cof_buffer_append_byte(&bytes, 0);
    assert_int_equal(cof_document_record_decode(cof_buffer_bytes(&bytes), &arena, &out, &err),
                     COF_CORRUPT);
    cof_buffer_deinit(&bytes);
    cof_arena_deinit(&arena);
}

static void labels__are_compared_field_by_field(void **state)
{
    const struct cof_text swapped[] = {allow[1], allow[0]};
    struct cof_document_record record = full_record();
    struct cof_document_write same = {.title = record.document.title,
                                      .filename = record.document.filename,
                                      .media_type = record.document.media_type,
                                      .attributes = record.document.attributes,
                                      .acl = record.document.acl};
    assert_true(cof_document_has_same_labels(&record.document, &same));
    for (int i = 0; i < 8; i++) {
        struct cof_document_write other = same;
        if (i == 0)
            other.title = COF_TEXT("x");
        if (i == 1)
            other.filename = COF_TEXT("x");
        if (i == 2)
            other.media_type = COF_TEXT("x");
        if (i == 3)
            other.attributes = COF_TEXT("{}");
        if (i == 4)
            other.acl.is_set = false;
        if (i == 5)
            other.acl.allow_count = 1;
        if (i == 6)
            other.acl.allow = swapped;
        if (i == 7) {
            other.acl.deny = allow;
            other.acl.deny_count = 1;
        }
        assert_false(cof_document_has_same_labels(&record.document, &other));
    }
}

static void collection__of_wrong_shape_is_refused(void **state)
{
    for (int i = 0; i < 4; i++) {
        struct cof_error err = {0};
        struct cof_buffer bytes = {0};
        struct cof_collection out;
        struct cof_collection in = {.public_id = "vs_aaaaaaaaaaaaaaaaaaaaaaaa",
                                    .name = COF_TEXT("n"),
                                    .metadata = COF_TEXT("{}"),
                                    .dimension = 3,
                                    .precision = COF_VECTOR_F16};
        if (i == 1)
            in.public_id[5] = '\0';
        if (i == 2)
            in.dimension = 0;
        if (i == 3)
            in.precision = (enum cof_vector_precision)9;
        cof_collection_record_encode(&in, &bytes);
        assert_int_equal(cof_collection_record_decode(cof_buffer_bytes(&bytes), &out, &err),
                         i == 0 ? COF_OK : COF_CORRUPT);
        cof_buffer_deinit(&bytes);
    }
}

static void usage__comes_back_and_is_refused_when_cut(void **state)
{
    struct cof_error err = {0};
    struct cof_buffer bytes = {0};
    struct cof_usage in = {1, 2, UINT64_MAX, -4};
    struct cof_usage out;
    cof_usage_encode(&in, &bytes);
    assert_int_equal(cof_usage_decode(cof_buffer_bytes(&bytes), &out, &err), COF_OK);
    assert_memory_equal(&in, &out, sizeof(in));
    bytes.size--;
    assert_int_equal(cof_usage_decode(cof_buffer_bytes(&bytes), &out, &err), COF_CORRUPT);
    cof_buffer_deinit(&bytes);
}

static struct cof_version_record load_version(struct store_fixture *fixture, uint64_t number,
                                              uint32_t version)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_txn txn;
    struct cof_key key;
    struct cof_bytes plaintext;
    struct cof_version_record record;
    struct cof_row row = cof_version_row(fixture->collection, number, version);
    expect_ok(cof_keyring_collection_key(fixture->keyring, fixture->collection,
                                         COF_KEY_COLLECTION_META, &key, &err),
              err);
    expect_ok(cof_txn_begin_read(fixture->store->lmdb, &txn, &err), err);
    expect_ok(cof_row_load(fixture->store, &txn, &row, &key, &arena, &plaintext, NULL, &err), err);
    expect_ok(cof_version_record_decode(plaintext, &record, &err), err);
    cof_txn_abort(&txn);
    cof_arena_deinit(&arena);
    return record;
}

static void versions__say_from_when_to_when_they_were_valid(void **state)
{
    struct store_fixture fixture;
    store_fixture_setup(&fixture);
    struct sample *one = sample_create(fixture.store, fixture.collection, "a", 1, 2);
    struct sample *two = sample_create(fixture.store, fixture.collection, "a", 2, 3);
    uint64_t number = sample_put(fixture.store, one).document_number;
    assert_true(load_version(&fixture, number, 1).valid_to_ns == 0);
    (void)sample_put(fixture.store, two);
    struct cof_version_record old = load_version(&fixture, number, 1);
    struct cof_version_record current = load_version(&fixture, number, 2);
    assert_true(old.valid_from_ns > 0 && old.valid_from_ns <= old.valid_to_ns);
    assert_true(current.valid_from_ns == old.valid_to_ns && current.valid_to_ns == 0);
    assert_int_equal(old.chunk_count, 2);
    assert_int_equal(current.chunk_count, 3);
    assert_int_equal(current.precision, COF_VECTOR_F32);
    assert_memory_equal(old.content_hash, one->write.content_hash, 32);
    assert_memory_equal(current.content_hash, two->write.content_hash, 32);
    sample_destroy(one);
    sample_destroy(two);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document__comes_back_with_every_field),
        cmocka_unit_test(document__cut_or_lengthened_anywhere_is_refused),
        cmocka_unit_test(labels__are_compared_field_by_field),
        cmocka_unit_test(collection__of_wrong_shape_is_refused),
        cmocka_unit_test(usage__comes_back_and_is_refused_when_cut),
        cmocka_unit_test(versions__say_from_when_to_when_they_were_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
