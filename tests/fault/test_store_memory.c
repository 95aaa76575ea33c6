/* Memory that runs out at every single allocation: a status, nothing half, and the store goes on.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "store_fixture.h"

struct setting {
    struct store_fixture fixture;
    struct sample *kept;
};

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    struct store_fixture *fixture = &setting->fixture;
    store_fixture_setup(fixture);
    setting->kept = sample_create(fixture->store, fixture->collection, "kept", 1, 70);
    (void)sample_put(fixture->store, setting->kept);
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    cof_alloc_fail_after(-1);
    sample_destroy(setting->kept);
    store_fixture_teardown(&setting->fixture);
    free(setting);
    return 0;
}

/* Runs `step` with the n-th allocation failing, for n = 1, 2, … until none fails any more. */
static void torture(struct setting *setting, enum cof_status (*step)(struct setting *, long n),
                    void (*check)(struct setting *, long n, enum cof_status status))
{
    for (long n = 1;; n++) {
        cof_alloc_fail_after(n);
        enum cof_status status = step(setting, n);
        bool is_over = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_true(status == COF_OK || (!is_over && status == COF_NO_MEMORY));
        assert_true(cof_store_is_writable(setting->fixture.store));
        check(setting, n, status);
        if (is_over) {
            print_message("%ld allocations\n", n - 1);
            return;
        }
    }
}

static void check_kept(struct setting *setting, long n, enum cof_status status)
{
    (void)n;
    (void)status;
    assert_true(sample_is_stored(setting->fixture.store, setting->kept, true));
}

static struct sample *torture_sample;
static struct sample *torture_old;

static enum cof_status step_put(struct setting *setting, long n)
{
    struct fixture_outbox outbox;
    struct cof_write_outcome outcome = {0};
    fixture_outbox_init(&outbox, (uint64_t)n, "record");
    enum cof_status status = cof_store_put_documents(setting->fixture.store, &torture_sample->write,
                                                     1, &outbox.outbox, &outcome, NULL);
    assert_true(status != COF_OK || outcome.kind != COF_WRITE_FAILED);
    return status;
}

static void check_new(struct setting *setting, long n, enum cof_status status)
{
    struct cof_store *store = setting->fixture.store;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_document document;
    struct cof_write_outcome outcome;
    uint8_t id[16] = {0};
    uint64_t number = (uint64_t)n;
    memcpy(id, &number, sizeof(number));
    assert_int_equal(fixture_outbox_count(store, id), status == COF_OK ? 1 : 0);
    cof_store_outbox_done(store, id);
    enum cof_status found =
        cof_store_find_document(store, setting->fixture.collection,
                                torture_sample->write.external_id, &arena, &document, &err);
    cof_arena_deinit(&arena);
    assert_int_equal(found, status == COF_OK ? COF_OK : COF_NOT_FOUND);
    if (status != COF_OK)
        return;
    assert_true(sample_is_stored(store, torture_sample, true));
    expect_ok(cof_store_delete_document(store, setting->fixture.collection,
                                        torture_sample->write.external_id, NULL, &outcome, &err),
              err);
}

static void memory__that_runs_out_while_putting_leaves_nothing_half(void **state)
{
    struct setting *setting = *state;
    struct store_fixture *fixture = &setting->fixture;
    torture_sample = sample_create(fixture->store, fixture->collection, "new", 1, 66);
    torture(setting, step_put, check_new);
    check_kept(setting, 0, COF_OK);
    sample_destroy(torture_sample);
}

static void check_replaced(struct setting *setting, long n, enum cof_status status)
{
    (void)n;
    assert_true(sample_is_stored(setting->fixture.store,
                                 status == COF_OK ? torture_sample : torture_old, true));
    if (status == COF_OK)
        (void)sample_put(setting->fixture.store, torture_old);
}

static void memory__that_runs_out_while_replacing_keeps_the_old_version(void **state)
{
    struct setting *setting = *state;
    struct store_fixture *fixture = &setting->fixture;
    torture_old = sample_create(fixture->store, fixture->collection, "doc", 1, 3);
    torture_sample = sample_create(fixture->store, fixture->collection, "doc", 2, 5);
    (void)sample_put(fixture->store, torture_old);
    torture(setting, step_put, check_replaced);
    sample_destroy(torture_sample);
    sample_destroy(torture_old);
}

static enum cof_status step_read(struct setting *setting, long n)
{
    struct cof_store *store = setting->fixture.store;
    uint64_t collection = setting->fixture.collection;
    struct cof_arena arena = {0};
    struct cof_document document;
    struct cof_document *listed = NULL;
    struct cof_collection *collections = NULL;
    struct cof_chunk *chunks = NULL;
    struct cof_chunk_read read = {0};
    size_t count = 0;
    (void)n;
    enum cof_status status = cof_store_find_document(
        store, collection, setting->kept->write.external_id, &arena, &document, NULL);
    if (status == COF_OK)
        status =
            cof_store_get_chunks(store, collection, document.number, &arena, &chunks, &count, NULL);
    if (status == COF_OK) {
        struct cof_chunk_ref ref = {
            .document_number = document.number, .version = 1, .chunk_index = 69};
        status = cof_store_read_chunks(store, collection, &ref, 1, &arena, &read, NULL);
        assert_true(status != COF_OK || read.is_found);
    }
    if (status == COF_OK)
        status = cof_store_list_documents(store, collection, 0, 10, &arena, &listed, &count, NULL);
    if (status == COF_OK)
        status = cof_store_list_collections(store, &arena, &collections, &count, NULL);
    cof_arena_deinit(&arena);
    return status;
}

static void memory__that_runs_out_while_reading_is_a_status(void **state)
{
    torture(*state, step_read, check_kept);
}

static enum cof_status count_document(void *context, const struct cof_document *document,
                                      const struct cof_chunk *chunks, const float *vectors,
                                      struct cof_error *err)
{
    (void)context;
    (void)document;
    (void)chunks;
    (void)vectors;
    (void)err;
    return COF_OK;
}

static enum cof_status step_each(struct setting *setting, long n)
{
    (void)n;
    return cof_store_each_document(setting->fixture.store, setting->fixture.collection,
                                   count_document, NULL, NULL);
}

static void memory__that_runs_out_while_walking_is_a_status(void **state)
{
    torture(*state, step_each, check_kept);
}

/* Creation and deletion of a collection; what is left over from a failure is deleted. */
static enum cof_status step_collection(struct setting *setting, long n)
{
    struct cof_store *store = setting->fixture.store;
    struct cof_arena arena = {0};
    struct cof_collection collection;
    uint8_t fingerprint[32] = {1};
    struct cof_collection_write write = {.name = COF_TEXT("brief"),
                                         .model_fingerprint = fingerprint,
                                         .dimension = 4,
                                         .precision = COF_VECTOR_F16};
    (void)n;
    enum cof_status status =
        cof_store_create_collection(store, &write, NULL, &arena, &collection, NULL);
    if (status == COF_OK)
        status = cof_store_delete_collection(store, collection.number, NULL, NULL);
    cof_arena_deinit(&arena);
    return status;
}

static void check_collections(struct setting *setting, long n, enum cof_status status)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection *collections = NULL;
    size_t count = 0;
    (void)n;
    (void)status;
    expect_ok(
        cof_store_list_collections(setting->fixture.store, &arena, &collections, &count, &err),
        err);
    for (size_t i = 1; i < count; i++)
        expect_ok(
            cof_store_delete_collection(setting->fixture.store, collections[i].number, NULL, &err),
            err);
    assert_true(count == 1 || count == 2);
    cof_arena_deinit(&arena);
}

static void memory__that_runs_out_around_collections_is_a_status(void **state)
{
    torture(*state, step_collection, check_collections);
    check_kept(*state, 0, COF_OK);
}

static void memory__that_runs_out_at_open_or_close_is_survived(void **state)
{
    struct setting *setting = *state;
    struct store_fixture *fixture = &setting->fixture;
    struct cof_store_options options = store_fixture_options(fixture);
    for (long n = 1;; n++) {
        struct cof_store *store = NULL;
        cof_alloc_fail_after(n);
        cof_store_close(fixture->store); /* the state file may be missing afterwards */
        fixture->store = NULL;
        enum cof_status status = cof_store_open(&options, &store, NULL);
        bool is_over = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_true(status == COF_OK || (!is_over && status == COF_NO_MEMORY));
        if (status != COF_OK)
            assert_int_equal(cof_store_open(&options, &store, NULL), COF_OK);
        fixture->store = store;
        check_kept(setting, n, COF_OK);
        if (is_over)
            return;
    }
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(memory__that_runs_out_while_putting_leaves_nothing_half),
        CASE(memory__that_runs_out_while_replacing_keeps_the_old_version),
        CASE(memory__that_runs_out_while_reading_is_a_status),
        CASE(memory__that_runs_out_while_walking_is_a_status),
        CASE(memory__that_runs_out_around_collections_is_a_status),
        CASE(memory__that_runs_out_at_open_or_close_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
