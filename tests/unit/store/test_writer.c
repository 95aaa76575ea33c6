/* The writer: what waits while it is busy goes into one transaction, and each job has its own fate.
 *
 * The writer is kept busy by an outbox encoder that waits until the test lets it go; meanwhile the
 * jobs of other threads pile up, prepared against what was there before. */
#include "testing.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"
#include "store_object.h"
#include "writer.h"

struct gate {
    struct cof_outbox outbox;
    atomic_bool is_reached;
    atomic_bool is_open;
};

struct put_thread {
    pthread_t thread;
    struct store_fixture *fixture;
    struct sample *sample;
    struct fixture_outbox outbox;
    struct cof_write_outcome outcome;
    enum cof_status status;
    struct cof_error error;
};

struct gated {
    pthread_t thread;
    struct store_fixture *fixture;
    struct gate gate;
    struct sample *sample; /* put it, or, when NULL, delete the collection */
    enum cof_status status;
    struct cof_write_outcome outcome;
};

static enum cof_status wait_at_gate(void *context, const struct cof_write_outcome *outcomes,
                                    size_t count, struct cof_buffer *out, struct cof_error *err)
{
    struct gate *gate = context;
    (void)outcomes;
    (void)count;
    (void)err;
    atomic_store(&gate->is_reached, true);
    while (!atomic_load(&gate->is_open))
        (void)sched_yield();
    cof_buffer_append_text(out, COF_TEXT("gate"));
    return COF_OK;
}

static void *run_gated(void *context)
{
    struct gated *gated = context;
    struct store_fixture *fixture = gated->fixture;
    struct cof_error err = {0};
    if (gated->sample == NULL)
        gated->status = cof_store_delete_collection(fixture->store, fixture->collection,
                                                    &gated->gate.outbox, &err);
    else
        gated->status = cof_store_put_documents(fixture->store, &gated->sample->write, 1,
                                                &gated->gate.outbox, &gated->outcome, &err);
    return NULL;
}

static void start_gated(struct gated *gated, struct store_fixture *fixture, struct sample *sample)
{
    *gated = (struct gated){.fixture = fixture, .sample = sample};
    memcpy(gated->gate.outbox.id, "gate", 4);
    gated->gate.outbox.encode = wait_at_gate;
    gated->gate.outbox.context = &gated->gate;
    assert_int_equal(pthread_create(&gated->thread, NULL, run_gated, gated), 0);
    while (!atomic_load(&gated->gate.is_reached))
        (void)sched_yield();
}

static void open_gate(struct gated *gated)
{
    atomic_store(&gated->gate.is_open, true);
    (void)pthread_join(gated->thread, NULL);
    assert_int_equal(gated->status, COF_OK);
}

static void *run_put(void *context)
{
    struct put_thread *put = context;
    put->status = cof_store_put_documents(put->fixture->store, &put->sample->write, 1,
                                          &put->outbox.outbox, &put->outcome, &put->error);
    return NULL;
}

/* Returns when the job waits for the writer. */
static void start_put(struct put_thread *put, struct store_fixture *fixture, const char *id,
                      unsigned edition)
{
    size_t waiting_count = cof_writer_waiting_count(fixture->store->writer);
    enum cof_status fail_with = put->outbox.fail_with;
    put->fixture = fixture;
    put->sample = sample_create(fixture->store, fixture->collection, id, edition, 3);
    fixture_outbox_init(&put->outbox, edition, "record");
    put->outbox.fail_with = fail_with;
    assert_int_equal(pthread_create(&put->thread, NULL, run_put, put), 0);
    while (cof_writer_waiting_count(fixture->store->writer) == waiting_count)
        (void)sched_yield();
}

static void finish_put(struct put_thread *put)
{
    (void)pthread_join(put->thread, NULL);
}

static void jobs__that_wait_are_committed_together(void **state)
{
    struct store_fixture fixture;
    struct gated gated;
    struct put_thread puts[5] = {0};
    char id[16];
    store_fixture_setup(&fixture);
    struct sample *first = sample_create(fixture.store, fixture.collection, "first", 1, 1);
    start_gated(&gated, &fixture, first);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(id, sizeof(id), "d%u", i);
        start_put(&puts[i], &fixture, id, i + 1);
    }
    open_gate(&gated);
    for (unsigned i = 0; i < 5; i++) {
        finish_put(&puts[i]);
        assert_int_equal(puts[i].status, COF_OK);
        assert_int_equal(puts[i].outbox.encode_count, 1);
        assert_true(sample_is_stored(fixture.store, puts[i].sample, true));
        assert_int_equal(fixture_outbox_count(fixture.store, puts[i].outbox.outbox.id), 1);
        sample_destroy(puts[i].sample);
    }
    sample_destroy(first);
    store_fixture_teardown(&fixture);
}

static void job__that_fails_after_writing_does_not_take_its_neighbours_along(void **state)
{
    struct store_fixture fixture;
    struct gated gated;
    struct put_thread puts[3] = {0};
    store_fixture_setup(&fixture);
    struct sample *first = sample_create(fixture.store, fixture.collection, "first", 1, 1);
    start_gated(&gated, &fixture, first);
    puts[1].outbox.fail_with = COF_TOO_LARGE; /* after its rows are in the transaction */
    start_put(&puts[0], &fixture, "d0", 1);
    start_put(&puts[1], &fixture, "d1", 2);
    start_put(&puts[2], &fixture, "d2", 3);
    open_gate(&gated);
    for (unsigned i = 0; i < 3; i++) {
        finish_put(&puts[i]);
        assert_int_equal(puts[i].status, i == 1 ? COF_TOO_LARGE : COF_OK);
        assert_int_equal(fixture_outbox_count(fixture.store, puts[i].outbox.outbox.id),
                         i == 1 ? 0 : 1);
    }
    assert_string_equal(puts[1].error.message, "the record cannot be encoded");
    assert_true(puts[0].outbox.encode_count == 2); /* together, then alone */
    assert_true(sample_is_stored(fixture.store, puts[0].sample, true));
    assert_true(sample_is_stored(fixture.store, puts[2].sample, true));
    assert_false(sample_is_stored(fixture.store, puts[1].sample, false));
    struct cof_arena arena = {0};
    struct cof_error err = {0};
    struct cof_collection collection;
    expect_ok(
        cof_store_get_collection(fixture.store, fixture.collection, &arena, &collection, &err),
        err);
    assert_int_equal(collection.document_count, 3);
    assert_int_equal(collection.chunk_count, 7);
    cof_arena_deinit(&arena);
    for (unsigned i = 0; i < 3; i++)
        sample_destroy(puts[i].sample);
    sample_destroy(first);
    store_fixture_teardown(&fixture);
}

static void puts__prepared_before_another_won_are_done_again(void **state)
{
    struct store_fixture fixture;
    struct gated gated;
    struct put_thread puts[2] = {0};
    store_fixture_setup(&fixture);
    struct sample *first = sample_create(fixture.store, fixture.collection, "same", 1, 1);
    start_gated(&gated, &fixture, first);     /* makes the document … */
    start_put(&puts[0], &fixture, "same", 2); /* … that these saw absent */
    start_put(&puts[1], &fixture, "same", 3);
    open_gate(&gated);
    finish_put(&puts[0]);
    finish_put(&puts[1]);
    assert_int_equal(gated.outcome.kind, COF_WRITE_CREATED);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(puts[i].status, COF_OK);
        assert_int_equal(puts[i].outcome.kind, COF_WRITE_REPLACED);
        assert_int_equal(puts[i].outcome.document_number, gated.outcome.document_number);
        assert_int_equal(puts[i].outcome.version, 2 + i);
    }
    assert_true(sample_is_stored(fixture.store, puts[1].sample, true));
    sample_destroy(puts[0].sample);
    sample_destroy(puts[1].sample);
    sample_destroy(first);
    store_fixture_teardown(&fixture);
}

static void puts__prepared_against_an_older_version_are_done_again(void **state)
{
    struct store_fixture fixture;
    struct gated gated;
    struct put_thread puts[2] = {0};
    store_fixture_setup(&fixture);
    struct sample *old = sample_create(fixture.store, fixture.collection, "same", 1, 3);
    struct sample *winner = sample_create(fixture.store, fixture.collection, "same", 2, 70);
    (void)sample_put(fixture.store, old);
    start_gated(&gated, &fixture, winner);
    start_put(&puts[0], &fixture, "same", 1); /* unchanged, as it seems */
    start_put(&puts[1], &fixture, "same", 3); /* the second version, as it seems */
    open_gate(&gated);
    finish_put(&puts[0]);
    finish_put(&puts[1]);
    assert_int_equal(gated.outcome.version, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(puts[i].outcome.kind, COF_WRITE_REPLACED);
        assert_int_equal(puts[i].outcome.version, 3 + i);
        sample_destroy(puts[i].sample);
    }
    struct sample *last = sample_create(fixture.store, fixture.collection, "same", 3, 3);
    assert_true(sample_is_stored(fixture.store, last, true));
    sample_destroy(last);
    sample_destroy(old);
    sample_destroy(winner);
    store_fixture_teardown(&fixture);
}

static void put__into_a_collection_deleted_meanwhile_is_not_found(void **state)
{
    struct store_fixture fixture;
    struct gated gated;
    struct put_thread put = {0};
    store_fixture_setup(&fixture);
    start_gated(&gated, &fixture, NULL);
    start_put(&put, &fixture, "late", 1);
    open_gate(&gated);
    finish_put(&put);
    assert_int_equal(put.status, COF_OK);
    assert_int_equal(put.outcome.kind, COF_WRITE_FAILED);
    assert_int_equal(put.outcome.error.status, COF_NOT_FOUND);
    sample_destroy(put.sample);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs__that_wait_are_committed_together),
        cmocka_unit_test(job__that_fails_after_writing_does_not_take_its_neighbours_along),
        cmocka_unit_test(puts__prepared_before_another_won_are_done_again),
        cmocka_unit_test(puts__prepared_against_an_older_version_are_done_again),
        cmocka_unit_test(put__into_a_collection_deleted_meanwhile_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
