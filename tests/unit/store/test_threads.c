/* Eight threads put, replace, delete and read at once; what was acknowledged can be read. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

#define WRITER_COUNT 5
#define READER_COUNT 3
#define ROUND_COUNT 30
#define SHARED_ID "shared"

struct shared {
    struct store_fixture fixture;
    atomic_bool is_over;
    atomic_uint failure_count;
    atomic_uint read_count;
    atomic_uint next_id;
};

static void note(struct shared *shared, bool is_right, const char *what)
{
    if (is_right)
        return;
    atomic_fetch_add(&shared->failure_count, 1);
    (void)fprintf(stderr, "failed: %s\n", what);
}

static void finish_outbox(struct shared *shared, const struct fixture_outbox *outbox)
{
    cof_store_outbox_done(shared->fixture.store, outbox->outbox.id);
}

static enum cof_write_kind put(struct shared *shared, const struct sample *sample)
{
    struct cof_write_outcome outcome = {.kind = COF_WRITE_FAILED};
    struct fixture_outbox outbox;
    struct cof_error err = {0};
    fixture_outbox_init(&outbox, atomic_fetch_add(&shared->next_id, 1), "record");
    enum cof_status status = cof_store_put_documents(shared->fixture.store, &sample->write, 1,
                                                     &outbox.outbox, &outcome, &err);
    note(shared, status == COF_OK && outcome.kind != COF_WRITE_FAILED, err.message);
    finish_outbox(shared, &outbox);
    return outcome.kind;
}

/* Own documents are exactly as put last; the shared one is whatever somebody put, but whole. */
static void *write_documents(void *context)
{
    struct shared *shared = context;
    struct store_fixture *fixture = &shared->fixture;
    unsigned self = atomic_fetch_add(&shared->next_id, 1);
    char id[32];
    (void)snprintf(id, sizeof(id), "own-%u", self);
    for (unsigned round = 1; round <= ROUND_COUNT; round++) {
        struct sample *own =
            sample_create(fixture->store, fixture->collection, id, round, round % 7);
        struct sample *common = sample_create(fixture->store, fixture->collection, SHARED_ID,
                                              self * 1000 + round, 1 + round % 3);
        note(shared, put(shared, own) != COF_WRITE_UNCHANGED, "own put");
        note(shared, sample_is_stored(fixture->store, own, false), "own document");
        (void)put(shared, common);
        if (round % 10 == 0) {
            struct cof_write_outcome outcome;
            struct cof_error err = {0};
            note(shared,
                 cof_store_delete_document(fixture->store, fixture->collection,
                                           own->write.external_id, NULL, &outcome, &err) == COF_OK,
                 "own delete");
        }
        sample_destroy(own);
        sample_destroy(common);
    }
    return NULL;
}

static enum cof_status check_whole(void *context, const struct cof_document *document,
                                   const struct cof_chunk *chunks, const float *vectors,
                                   struct cof_error *err)
{
    struct shared *shared = context;
    (void)err;
    char expected[64];
    unsigned edition = 0;
    (void)sscanf(document->title.data + strlen("titlewords "), "%*s %u", &edition);
    for (uint32_t i = 0; i < document->chunk_count; i++) {
        int length = snprintf(expected, sizeof(expected), "plainwords of %.*s edition %u part %u:",
                              COF_TEXT_ARG(document->external_id), edition, i);
        note(shared,
             cof_text_has_prefix(chunks[i].text,
                                 (struct cof_text){.data = expected, .size = (size_t)length}),
             "a chunk of another version");
        note(shared, vectors[(size_t)i * FIXTURE_DIMENSION] <= 1, "a vector");
    }
    return COF_OK;
}

static void *read_documents(void *context)
{
    struct shared *shared = context;
    struct store_fixture *fixture = &shared->fixture;
    do {
        struct cof_error err = {0};
        struct cof_arena arena = {0};
        struct cof_document document;
        struct cof_chunk_read read;
        note(shared,
             cof_store_each_document(fixture->store, fixture->collection, check_whole, shared,
                                     &err) == COF_OK,
             err.message);
        enum cof_status status = cof_store_find_document(
            fixture->store, fixture->collection, COF_TEXT(SHARED_ID), &arena, &document, &err);
        note(shared, status == COF_OK || status == COF_NOT_FOUND, err.message);
        if (status == COF_OK) {
            struct cof_chunk_ref ref = {.document_number = document.number,
                                        .version = document.version};
            status = cof_store_read_chunks(fixture->store, fixture->collection, &ref, 1, &arena,
                                           &read, &err);
            note(shared, status == COF_OK, err.message);
        }
        atomic_fetch_add(&shared->read_count, 1);
        cof_arena_deinit(&arena);
    } while (!atomic_load(&shared->is_over));
    return NULL;
}

static void threads__see_whole_documents_and_lose_no_acknowledged_write(void **state)
{
    struct shared shared = {.next_id = 1};
    struct cof_arena arena = {0};
    struct cof_error err = {0};
    struct cof_collection collection;
    pthread_t threads[WRITER_COUNT + READER_COUNT];
    store_fixture_setup(&shared.fixture);
    for (int i = 0; i < WRITER_COUNT + READER_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < WRITER_COUNT ? write_documents : read_documents,
                                        &shared),
                         0);
    for (int i = 0; i < WRITER_COUNT; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&shared.is_over, true);
    for (int i = WRITER_COUNT; i < WRITER_COUNT + READER_COUNT; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.failure_count), 0);
    assert_true(atomic_load(&shared.read_count) >= READER_COUNT);
    /* every thread deleted its own document in its last round */
    expect_ok(cof_store_get_collection(shared.fixture.store, shared.fixture.collection, &arena,
                                       &collection, &err),
              err);
    assert_int_equal(collection.document_count, 1);
    assert_int_equal(collection.chunk_count * 100, collection.source_bytes);
    store_fixture_close(&shared.fixture);
    store_fixture_open(&shared.fixture);
    assert_int_equal(fixture_outbox_count(shared.fixture.store, NULL), 0);
    cof_arena_deinit(&arena);
    store_fixture_teardown(&shared.fixture);
}

static void *delete_and_make(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < 10; i++) {
        struct cof_error err = {0};
        uint64_t number = fixture_create_collection(shared->fixture.store, "brief", COF_VECTOR_F16);
        struct sample *sample = sample_create(shared->fixture.store, number, "x", 1, 2);
        note(shared, put(shared, sample) == COF_WRITE_CREATED, "put");
        note(shared, sample_is_stored(shared->fixture.store, sample, true), "brief document");
        note(shared,
             cof_store_delete_collection(shared->fixture.store, number, NULL, &err) == COF_OK,
             err.message);
        sample_destroy(sample);
    }
    return NULL;
}

static void *list_collections(void *context)
{
    struct shared *shared = context;
    do {
        struct cof_error err = {0};
        struct cof_arena arena = {0};
        struct cof_collection *collections = NULL;
        size_t count = 0;
        note(shared,
             cof_store_list_collections(shared->fixture.store, &arena, &collections, &count,
                                        &err) == COF_OK,
             err.message);
        for (size_t i = 0; i < count; i++) {
            struct cof_document *documents = NULL;
            size_t document_count = 0;
            enum cof_status status =
                cof_store_list_documents(shared->fixture.store, collections[i].number, 0, 10,
                                         &arena, &documents, &document_count, &err);
            note(shared, status == COF_OK || status == COF_NOT_FOUND, err.message);
        }
        cof_arena_deinit(&arena);
    } while (!atomic_load(&shared->is_over));
    return NULL;
}

static void collections__come_and_go_under_readers(void **state)
{
    struct shared shared = {.next_id = 1};
    pthread_t threads[4];
    store_fixture_setup(&shared.fixture);
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < 2 ? delete_and_make : list_collections, &shared),
            0);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    atomic_store(&shared.is_over, true);
    (void)pthread_join(threads[2], NULL);
    (void)pthread_join(threads[3], NULL);
    assert_int_equal(atomic_load(&shared.failure_count), 0);
    store_fixture_teardown(&shared.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads__see_whole_documents_and_lose_no_acknowledged_write),
        cmocka_unit_test(collections__come_and_go_under_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
