/* Documents in the store: put, replaced, unchanged, relabelled, deleted, read. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/store/store.h>

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

static struct cof_collection usage_of(struct store_fixture *fixture)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection collection;
    expect_ok(
        cof_store_get_collection(fixture->store, fixture->collection, &arena, &collection, &err),
        err);
    cof_arena_deinit(&arena);
    return collection;
}

static void documents__come_back_as_they_went_in(void **state)
{
    struct store_fixture *fixture = *state;
    const size_t counts[] = {0, 1, 4, 63, 64, 65, 200};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "doc-%zu", counts[i]);
        struct sample *sample =
            sample_create(fixture->store, fixture->collection, id, 1, counts[i]);
        struct cof_write_outcome outcome = sample_put(fixture->store, sample);
        assert_int_equal(outcome.kind, COF_WRITE_CREATED);
        assert_int_equal(outcome.version, 1);
        assert_int_equal(outcome.chunk_count, counts[i]);
        assert_true(outcome.document_number > 0);
        assert_true(sample_is_stored(fixture->store, sample, true));
        sample_destroy(sample);
    }
}

static void documents__survive_closing_and_opening(void **state)
{
    struct store_fixture *fixture = *state;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "kept", 1, 5);
    struct cof_write_outcome first = sample_put(fixture->store, sample);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    assert_true(sample_is_stored(fixture->store, sample, true));
    struct sample *other = sample_create(fixture->store, fixture->collection, "other", 1, 5);
    struct cof_write_outcome second = sample_put(fixture->store, other);
    assert_true(second.document_number > first.document_number);
    assert_true(second.first_chunk_id >= first.first_chunk_id + first.chunk_count);
    sample_destroy(sample);
    sample_destroy(other);
}

static void documents__replaced_get_a_new_version_and_new_chunk_ids(void **state)
{
    struct store_fixture *fixture = *state;
    struct sample *old = sample_create(fixture->store, fixture->collection, "a", 1, 70);
    struct sample *fresh = sample_create(fixture->store, fixture->collection, "a", 2, 3);
    struct cof_write_outcome first = sample_put(fixture->store, old);
    struct cof_write_outcome second = sample_put(fixture->store, fresh);
    assert_int_equal(second.kind, COF_WRITE_REPLACED);
    assert_int_equal(second.document_number, first.document_number);
    assert_int_equal(second.version, 2);
    assert_true(second.first_chunk_id >= first.first_chunk_id + 70);
    assert_true(sample_is_stored(fixture->store, fresh, true));
    struct cof_collection usage = usage_of(fixture);
    assert_int_equal(usage.document_count, 1);
    assert_int_equal(usage.chunk_count, 3);
    assert_int_equal(usage.source_bytes, 300);
    sample_destroy(old);
    sample_destroy(fresh);
}

static void documents__with_the_same_content_are_unchanged_for_free(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 4);
    struct cof_write_outcome first = sample_put(fixture->store, sample);
    struct cof_write_outcome second = sample_put(fixture->store, sample);
    assert_int_equal(second.kind, COF_WRITE_UNCHANGED);
    assert_int_equal(second.version, 1);
    assert_int_equal(second.document_number, first.document_number);
    assert_int_equal(second.first_chunk_id, first.first_chunk_id);
    assert_int_equal(second.chunk_count, 4);
    struct cof_document_write bare = sample->write;
    bare.has_content = false;
    bare.chunks = NULL;
    bare.chunk_count = 0;
    bare.vectors = NULL;
    expect_ok(cof_store_put_documents(fixture->store, &bare, 1, NULL, &outcome, &err), err);
    assert_int_equal(outcome.kind, COF_WRITE_UNCHANGED);
    assert_true(sample_is_stored(fixture->store, sample, true));
    sample_destroy(sample);
}

static void documents__relabelled_keep_their_version_and_content(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 4);
    (void)sample_put(fixture->store, sample);
    sample->write.title = COF_TEXT("another title");
    sample->write.acl.allow_count = 0;
    struct cof_document_write bare = sample->write;
    bare.has_content = false;
    bare.chunks = NULL;
    bare.vectors = NULL;
    expect_ok(cof_store_put_documents(fixture->store, &bare, 1, NULL, &outcome, &err), err);
    assert_int_equal(outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(outcome.version, 1);
    assert_int_equal(outcome.chunk_count, 4);
    assert_true(sample_is_stored(fixture->store, sample, true));
    sample->write.acl = (struct cof_acl){0};
    bare.acl = sample->write.acl;
    expect_ok(cof_store_put_documents(fixture->store, &bare, 1, NULL, &outcome, &err), err);
    assert_int_equal(outcome.kind, COF_WRITE_REPLACED);
    assert_true(sample_is_stored(fixture->store, sample, true));
    assert_int_equal(usage_of(fixture).chunk_count, 4);
    sample_destroy(sample);
}

static void documents__without_content_conflict_when_the_stored_hash_differs(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 1);
    sample->write.has_content = false;
    for (int round = 0; round < 2; round++) { /* absent, then of other content */
        expect_ok(cof_store_put_documents(fixture->store, &sample->write, 1, NULL, &outcome, &err),
                  err);
        assert_int_equal(outcome.kind, COF_WRITE_FAILED);
        assert_int_equal(outcome.error.status, COF_CONFLICT);
        struct sample *other = sample_create(fixture->store, fixture->collection, "a", 9, 1);
        (void)sample_put(fixture->store, other);
        sample_destroy(other);
    }
    sample_destroy(sample);
}

static void documents__deleted_and_made_again_get_a_new_number(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    struct cof_arena arena = {0};
    struct cof_document document;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 4);
    struct cof_write_outcome first = sample_put(fixture->store, sample);
    expect_ok(cof_store_delete_document(fixture->store, fixture->collection, COF_TEXT("a"), NULL,
                                        &outcome, &err),
              err);
    assert_int_equal(outcome.kind, COF_WRITE_DELETED);
    assert_int_equal(outcome.document_number, first.document_number);
    assert_int_equal(outcome.first_chunk_id, first.first_chunk_id);
    assert_int_equal(outcome.chunk_count, 4);
    assert_int_equal(cof_store_find_document(fixture->store, fixture->collection, COF_TEXT("a"),
                                             &arena, &document, &err),
                     COF_NOT_FOUND);
    assert_int_equal(cof_store_get_document(fixture->store, fixture->collection,
                                            first.document_number, &arena, &document, &err),
                     COF_NOT_FOUND);
    assert_int_equal(cof_store_delete_document(fixture->store, fixture->collection, COF_TEXT("a"),
                                               NULL, &outcome, &err),
                     COF_NOT_FOUND);
    struct cof_collection usage = usage_of(fixture);
    assert_int_equal(usage.document_count, 0);
    assert_int_equal(usage.chunk_count, 0);
    assert_int_equal(usage.source_bytes, 0);
    struct cof_write_outcome second = sample_put(fixture->store, sample);
    assert_int_equal(second.kind, COF_WRITE_CREATED);
    assert_true(second.document_number > first.document_number);
    assert_int_equal(second.version, 1);
    sample_destroy(sample);
    cof_arena_deinit(&arena);
}

static void documents__fail_alone_when_the_fault_is_theirs(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct sample *samples[8];
    struct cof_document_write writes[8];
    struct cof_write_outcome outcomes[8];
    for (size_t i = 0; i < 8; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "d%zu", i);
        samples[i] = sample_create(fixture->store, fixture->collection, id, 1, 2);
    }
    samples[1]->write.external_id = COF_TEXT("../etc");
    samples[2]->write.collection = fixture->collection + 99;
    samples[3]->vectors[3] = NAN;
    samples[4]->write.title = (struct cof_text){.data = "\xff\xfe", .size = 2};
    samples[5]->vectors[0] = INFINITY;
    samples[6]->chunks[1].text = (struct cof_text){.data = "\xc3", .size = 1};
    for (size_t i = 0; i < 8; i++)
        writes[i] = samples[i]->write;
    expect_ok(cof_store_put_documents(fixture->store, writes, 8, NULL, outcomes, &err), err);
    const enum cof_status expected[] = {COF_OK,      COF_INVALID, COF_NOT_FOUND, COF_INVALID,
                                        COF_INVALID, COF_INVALID, COF_INVALID,   COF_OK};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(outcomes[i].error.status, expected[i]);
        assert_int_equal(outcomes[i].kind,
                         expected[i] == COF_OK ? COF_WRITE_CREATED : COF_WRITE_FAILED);
    }
    assert_true(sample_is_stored(fixture->store, samples[0], true));
    assert_true(sample_is_stored(fixture->store, samples[7], true));
    assert_int_equal(usage_of(fixture).document_count, 2);
    for (size_t i = 0; i < 8; i++)
        sample_destroy(samples[i]);
}

static void documents__of_impossible_shape_are_refused(void **state)
{
    struct store_fixture *fixture = *state;
    static char large[(1 << 20) + 1];
    memset(large, 'a', sizeof(large));
    for (int i = 0; i < 4; i++) {
        struct cof_error err = {0};
        struct cof_write_outcome outcome;
        struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 2);
        if (i == 0)
            sample->write.vectors = NULL;
        if (i == 1)
            sample->write.chunks = NULL;
        if (i == 2)
            sample->chunks[1].byte_end = sample->chunks[1].byte_begin - 1;
        if (i == 3)
            sample->write.title = (struct cof_text){.data = large, .size = sizeof(large)};
        expect_ok(cof_store_put_documents(fixture->store, &sample->write, 1, NULL, &outcome, &err),
                  err);
        assert_int_equal(outcome.error.status, i == 3 ? COF_TOO_LARGE : COF_INVALID);
        sample_destroy(sample);
    }
}

static void documents__of_one_id_in_one_call_follow_each_other(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_document_write writes[4];
    struct cof_write_outcome outcomes[4];
    struct sample *one = sample_create(fixture->store, fixture->collection, "a", 1, 2);
    struct sample *two = sample_create(fixture->store, fixture->collection, "a", 2, 66);
    writes[0] = one->write;
    writes[1] = one->write;
    writes[2] = two->write;
    writes[3] = one->write;
    expect_ok(cof_store_put_documents(fixture->store, writes, 4, NULL, outcomes, &err), err);
    assert_int_equal(outcomes[0].kind, COF_WRITE_CREATED);
    assert_int_equal(outcomes[1].kind, COF_WRITE_UNCHANGED);
    assert_int_equal(outcomes[2].kind, COF_WRITE_REPLACED);
    assert_int_equal(outcomes[3].kind, COF_WRITE_REPLACED);
    assert_int_equal(outcomes[3].version, 3);
    assert_int_equal(outcomes[3].document_number, outcomes[0].document_number);
    assert_true(sample_is_stored(fixture->store, one, true));
    assert_int_equal(usage_of(fixture).document_count, 1);
    assert_int_equal(usage_of(fixture).chunk_count, 2);
    sample_destroy(one);
    sample_destroy(two);
}

static void documents__of_several_collections_go_in_one_call(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct sample *samples[40];
    struct cof_document_write writes[40];
    struct cof_write_outcome outcomes[40];
    uint64_t other = fixture_create_collection(fixture->store, "second", COF_VECTOR_F16);
    for (size_t i = 0; i < 40; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "d%zu", i / 2);
        samples[i] =
            sample_create(fixture->store, i % 2 == 0 ? fixture->collection : other, id, 1, i % 5);
        writes[i] = samples[i]->write;
    }
    expect_ok(cof_store_put_documents(fixture->store, writes, 40, NULL, outcomes, &err), err);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(outcomes[i].kind, COF_WRITE_CREATED);
        assert_true(sample_is_stored(fixture->store, samples[i], true));
        sample_destroy(samples[i]);
    }
    assert_int_equal(usage_of(fixture).document_count, 20);
}

static void documents__are_refused_a_vector_that_does_not_fit_half_precision(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    uint64_t other = fixture_create_collection(fixture->store, "second", COF_VECTOR_F16);
    struct sample *sample = sample_create(fixture->store, other, "a", 1, 1);
    sample->vectors[0] = 70000.0F;
    expect_ok(cof_store_put_documents(fixture->store, &sample->write, 1, NULL, &outcome, &err),
              err);
    assert_int_equal(outcome.error.status, COF_INVALID);
    sample_destroy(sample);
}

static void put__of_nothing_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    assert_int_equal(cof_store_put_documents(fixture->store, NULL, 0, NULL, &outcome, &err),
                     COF_INVALID);
}

static void read_chunks__finds_current_versions_and_drops_others(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct sample *a = sample_create(fixture->store, fixture->collection, "a", 1, 3);
    struct sample *a2 = sample_create(fixture->store, fixture->collection, "a", 2, 3);
    struct sample *b = sample_create(fixture->store, fixture->collection, "b", 1, 100);
    uint64_t a_number = sample_put(fixture->store, a).document_number;
    (void)sample_put(fixture->store, a2);
    struct cof_write_outcome b_outcome = sample_put(fixture->store, b);
    const struct cof_chunk_ref refs[] = {
        {.document_number = a_number, .version = 2, .chunk_index = 2},
        {.document_number = a_number, .version = 1, .chunk_index = 0},
        {.document_number = b_outcome.document_number, .version = 1, .chunk_index = 99},
        {.document_number = a_number, .version = 2, .chunk_index = 0},
        {.document_number = b_outcome.document_number, .version = 1, .chunk_index = 100},
        {.document_number = 4711, .version = 1, .chunk_index = 0},
    };
    struct cof_chunk_read reads[6];
    expect_ok(
        cof_store_read_chunks(fixture->store, fixture->collection, refs, 6, &arena, reads, &err),
        err);
    const bool expected[] = {true, false, true, true, false, false};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(reads[i].is_found, expected[i]);
    assert_true(cof_text_equal(reads[0].chunk.text, a2->chunks[2].text));
    assert_true(cof_text_equal(reads[0].document.external_id, COF_TEXT("a")));
    assert_true(cof_text_equal(reads[2].chunk.text, b->chunks[99].text));
    assert_int_equal(reads[2].chunk.chunk_id, b_outcome.first_chunk_id + 99);
    assert_true(cof_text_equal(reads[3].chunk.text, a2->chunks[0].text));
    assert_int_equal(cof_store_read_chunks(fixture->store, 99, refs, 1, &arena, reads, &err),
                     COF_NOT_FOUND);
    sample_destroy(a);
    sample_destroy(a2);
    sample_destroy(b);
    cof_arena_deinit(&arena);
}

static void list__goes_page_by_page_through_one_collection(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    uint64_t other = fixture_create_collection(fixture->store, "second", COF_VECTOR_F32);
    for (int i = 0; i < 10; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "d%d", i);
        struct sample *sample =
            sample_create(fixture->store, i % 2 == 0 ? fixture->collection : other, id, 1, 1);
        (void)sample_put(fixture->store, sample);
        sample_destroy(sample);
    }
    uint64_t after = 0;
    size_t seen = 0;
    for (;;) {
        struct cof_arena arena = {0};
        struct cof_document *page = NULL;
        size_t count = 0;
        expect_ok(cof_store_list_documents(fixture->store, fixture->collection, after, 2, &arena,
                                           &page, &count, &err),
                  err);
        for (size_t i = 0; i < count; i++) {
            assert_true(page[i].number > after);
            assert_int_equal(page[i].external_id.data[1] - '0', 2 * (int)seen);
            after = page[i].number;
            seen++;
        }
        cof_arena_deinit(&arena);
        if (count < 2)
            break;
    }
    assert_int_equal(seen, 5);
}

static enum cof_status refuse(void *context, const struct cof_document *document,
                              const struct cof_chunk *chunks, const float *vectors,
                              struct cof_error *err)
{
    (void)document;
    (void)chunks;
    (void)vectors;
    ++*(int *)context;
    return COF_FAIL(err, COF_CANCELED, "enough");
}

static void each_document__stops_at_the_first_failure_and_returns_it(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    int calls = 0;
    for (int i = 0; i < 2; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "d%d", i);
        struct sample *sample = sample_create(fixture->store, fixture->collection, id, 1, 1);
        (void)sample_put(fixture->store, sample);
        sample_destroy(sample);
    }
    assert_int_equal(
        cof_store_each_document(fixture->store, fixture->collection, refuse, &calls, &err),
        COF_CANCELED);
    assert_int_equal(calls, 1);
}

static void outbox__gets_one_record_of_all_outcomes(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_write_outcome outcomes[2];
    struct sample *good = sample_create(fixture->store, fixture->collection, "good", 1, 1);
    struct sample *bad = sample_create(fixture->store, fixture->collection, "bad", 1, 1);
    bad->write.external_id = COF_TEXT("not allowed");
    struct cof_document_write writes[] = {good->write, bad->write};
    fixture_outbox_init(&outbox, 7, "record");
    expect_ok(cof_store_put_documents(fixture->store, writes, 2, &outbox.outbox, outcomes, &err),
              err);
    assert_int_equal(outbox.last_count, 2);
    assert_int_equal(outbox.last[0].kind, COF_WRITE_CREATED);
    assert_int_equal(outbox.last[0].document_number, outcomes[0].document_number);
    assert_int_equal(outbox.last[1].kind, COF_WRITE_FAILED);
    assert_int_equal(fixture_outbox_count(fixture->store, outbox.outbox.id), 1);
    /* unchanged and failed still get a record */
    fixture_outbox_init(&outbox, 8, "record");
    expect_ok(cof_store_put_documents(fixture->store, writes, 2, &outbox.outbox, outcomes, &err),
              err);
    assert_int_equal(outbox.last[0].kind, COF_WRITE_UNCHANGED);
    assert_int_equal(fixture_outbox_count(fixture->store, outbox.outbox.id), 1);
    sample_destroy(good);
    sample_destroy(bad);
}

static void outbox__that_cannot_be_encoded_aborts_the_mutation(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_write_outcome outcome = {.version = 77};
    struct cof_arena arena = {0};
    struct cof_document document;
    struct sample *sample = sample_create(fixture->store, fixture->collection, "a", 1, 1);
    fixture_outbox_init(&outbox, 7, "record");
    outbox.fail_with = COF_TOO_LARGE;
    assert_int_equal(
        cof_store_put_documents(fixture->store, &sample->write, 1, &outbox.outbox, &outcome, &err),
        COF_TOO_LARGE);
    assert_int_equal(outcome.version, 77);
    assert_int_equal(cof_store_find_document(fixture->store, fixture->collection, COF_TEXT("a"),
                                             &arena, &document, &err),
                     COF_NOT_FOUND);
    assert_int_equal(fixture_outbox_count(fixture->store, NULL), 0);
    assert_true(cof_store_is_writable(fixture->store));
    sample_destroy(sample);
    cof_arena_deinit(&arena);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(documents__come_back_as_they_went_in),
        CASE(documents__survive_closing_and_opening),
        CASE(documents__replaced_get_a_new_version_and_new_chunk_ids),
        CASE(documents__with_the_same_content_are_unchanged_for_free),
        CASE(documents__relabelled_keep_their_version_and_content),
        CASE(documents__without_content_conflict_when_the_stored_hash_differs),
        CASE(documents__deleted_and_made_again_get_a_new_number),
        CASE(documents__fail_alone_when_the_fault_is_theirs),
        CASE(documents__of_impossible_shape_are_refused),
        CASE(documents__of_one_id_in_one_call_follow_each_other),
        CASE(documents__of_several_collections_go_in_one_call),
        CASE(documents__are_refused_a_vector_that_does_not_fit_half_precision),
        CASE(put__of_nothing_is_refused),
        CASE(read_chunks__finds_current_versions_and_drops_others),
        CASE(list__goes_page_by_page_through_one_collection),
        CASE(each_document__stops_at_the_first_failure_and_returns_it),
        CASE(outbox__gets_one_record_of_all_outcomes),
        CASE(outbox__that_cannot_be_encoded_aborts_the_mutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
