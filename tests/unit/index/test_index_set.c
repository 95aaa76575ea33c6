/* The set of indexes: made of the store, kept by number, alive while somebody holds them. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/index/index_set.h>

#include "store_fixture.h"

static struct cof_index_set *open_set(struct store_fixture *fixture)
{
    struct cof_index_set_options options = {.store = fixture->store, .seal_count = 4};
    struct cof_index_set *set = NULL;
    struct cof_error err = {0};

    expect_ok(cof_index_set_open(&options, &set, &err), err);
    return set;
}

static struct cof_collection_index *acquire(struct cof_index_set *set, uint64_t collection)
{
    struct cof_collection_index *index = NULL;
    struct cof_error err = {0};

    expect_ok(cof_index_set_acquire(set, collection, &index, &err), err);
    return index;
}

static size_t count_words(struct cof_collection_index *index, const char *words)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_index_query query = {.words = cof_text_from(words), .k = 1000};
    struct cof_index_result result = {0};
    struct cof_error err = {0};

    expect_ok(cof_collection_index_search(index, &query, &arena, &result, &err), err);
    return result.word_count;
}

static void index_set__is_made_of_what_the_store_holds(void **state)
{
    struct store_fixture fixture;
    struct cof_collection_index_stats stats = {0};
    struct cof_error err = {0};

    store_fixture_setup(&fixture);
    uint64_t second = fixture_create_collection(fixture.store, "second", COF_VECTOR_F16);
    for (unsigned i = 0; i < 7; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "doc%u", i);
        struct sample *sample = sample_create(fixture.store, fixture.collection, id, i, i);
        (void)sample_put(fixture.store, sample);
        sample_destroy(sample);
    }
    struct sample *sample = sample_create(fixture.store, second, "other", 1, 3);
    (void)sample_put(fixture.store, sample);
    sample_destroy(sample);
    struct cof_write_outcome outcome = {0};
    expect_ok(cof_store_delete_document(fixture.store, fixture.collection, COF_TEXT("doc6"), NULL,
                                        &outcome, &err),
              err);

    struct cof_index_set *set = open_set(&fixture);
    struct cof_collection_index *index = acquire(set, fixture.collection);
    cof_collection_index_stats_get(index, &stats);
    assert_int_equal(stats.document_count, 6);
    assert_int_equal(stats.chunk_count, 0 + 1 + 2 + 3 + 4 + 5);
    assert_true(stats.segment_count > 2);
    assert_true(stats.memory_bytes > 0);
    assert_int_equal(count_words(index, "plainwords"), 15);
    assert_int_equal(count_words(index, "headingwords"), 15);
    assert_int_equal(count_words(index, "titlewords"), 15);
    assert_int_equal(count_words(index, "doc5"), 5);
    assert_int_equal(count_words(index, "doc6"), 0);
    cof_index_set_release(set, index);
    index = acquire(set, second);
    assert_int_equal(count_words(index, "plainwords"), 3);
    cof_index_set_release(set, index);
    cof_index_set_close(set);
    store_fixture_teardown(&fixture);
}

static void index_set__keeps_what_is_held(void **state)
{
    struct store_fixture fixture;
    struct cof_collection_index *none = NULL;
    struct cof_error err = {0};
    struct cof_collection late = {.number = 70, .dimension = FIXTURE_DIMENSION};

    store_fixture_setup(&fixture);
    struct cof_index_set *set = open_set(&fixture);
    assert_int_equal(cof_index_set_acquire(set, 70, &none, &err), COF_NOT_FOUND);
    expect_ok(cof_index_set_add(set, &late, &err), err);
    assert_int_equal(cof_index_set_add(set, &late, &err), COF_CONFLICT);
    struct cof_collection_index *held = acquire(set, 70);
    struct cof_collection_index *again = acquire(set, 70);
    assert_ptr_equal(held, again);
    cof_index_set_remove(set, 70);
    cof_index_set_remove(set, 70);
    assert_int_equal(cof_index_set_acquire(set, 70, &none, &err), COF_NOT_FOUND);
    assert_int_equal(count_words(held, "anything"), 0);
    cof_index_set_release(set, again);
    assert_int_equal(count_words(held, "anything"), 0);
    cof_index_set_release(set, held);
    assert_null(none);
    struct cof_collection flat = {.number = 71, .dimension = 0};
    assert_int_equal(cof_index_set_add(set, &flat, &err), COF_INVALID);
    cof_index_set_release(set, NULL);
    cof_index_set_close(set);
    cof_index_set_close(NULL);
    store_fixture_teardown(&fixture);
}

/* ---- Threads ---- */

struct contest {
    struct cof_index_set *set;
    atomic_bool is_over;
};

static void *run_holder(void *argument)
{
    struct contest *contest = argument;

    while (!atomic_load(&contest->is_over)) {
        for (uint64_t number = 100; number < 110; number++) {
            struct cof_collection_index *index = NULL;
            struct cof_collection_index_stats stats = {0};
            if (cof_index_set_acquire(contest->set, number, &index, NULL) != COF_OK)
                continue;
            cof_collection_index_stats_get(index, &stats);
            if (stats.document_count != 0)
                abort();
            cof_index_set_release(contest->set, index);
        }
    }
    return NULL;
}

static void index_set__adds_and_removes_under_its_readers(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    pthread_t threads[2];

    store_fixture_setup(&fixture);
    struct contest contest = {.set = open_set(&fixture)};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_holder, &contest), 0);
    for (uint64_t round = 0; round < 2000; round++) {
        struct cof_collection collection = {.number = 100 + round * 7 % 10,
                                            .dimension = FIXTURE_DIMENSION};
        if (cof_index_set_add(contest.set, &collection, &err) != COF_OK)
            cof_index_set_remove(contest.set, collection.number);
    }
    atomic_store(&contest.is_over, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    cof_index_set_close(contest.set);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_set__is_made_of_what_the_store_holds),
        cmocka_unit_test(index_set__keeps_what_is_held),
        cmocka_unit_test(index_set__adds_and_removes_under_its_readers),
    };

    return cmocka_run_group_tests_name("index_set", tests, NULL, NULL);
}
