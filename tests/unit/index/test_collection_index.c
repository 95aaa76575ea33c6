/* A collection index against a list of documents: after any order of writes, over any number of
 * segments, it answers as an index that was made of what is there. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/index/vector_backends.h>

#include "sample_documents.h"
#include "seeded_random.h"

enum { MAX_K = 64, WRITE_COUNT = 600 };

static struct cof_collection_index *create(size_t seal_count,
                                           const struct cof_vector_index_ops *ops,
                                           struct cof_pool *pool)
{
    struct cof_collection_index_options options = {.dimension = SAMPLE_DIMENSION,
                                                   .seal_count = seal_count,
                                                   .sealed_ops = ops,
                                                   .background = pool};
    struct cof_collection_index *index = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_collection_index_create(&options, &index, &err), COF_OK);
    return index;
}

static void put(struct cof_collection_index *index, const struct sample_document *sample)
{
    struct cof_error err = {0};

    if (cof_collection_index_put(index, &sample->document, sample->chunks, sample->vectors, &err) !=
        COF_OK)
        fail_msg("%s", err.message);
}

static void update(struct cof_collection_index *index, const struct sample_document *sample)
{
    struct cof_error err = {0};

    assert_int_equal(cof_collection_index_update(index, &sample->document, &err), COF_OK);
}

static void delete_document(struct cof_collection_index *index, uint64_t number)
{
    struct cof_error err = {0};

    assert_int_equal(cof_collection_index_delete(index, number, &err), COF_OK);
}

static struct cof_index_result search(struct cof_collection_index *index,
                                      const struct cof_index_query *query, struct cof_arena *arena)
{
    struct cof_index_result result = {0};
    struct cof_error err = {0};

    if (cof_collection_index_search(index, query, arena, &result, &err) != COF_OK)
        fail_msg("%s", err.message);
    return result;
}

static void expect_equal(const struct cof_candidate *found, size_t found_count,
                         const struct cof_candidate *expected, size_t expected_count)
{
    assert_int_equal(found_count, expected_count);
    for (size_t i = 0; i < found_count; i++) {
        assert_int_equal(found[i].chunk_id, expected[i].chunk_id);
        assert_int_equal(found[i].document_number, expected[i].document_number);
        assert_int_equal(found[i].version, expected[i].version);
        assert_int_equal(found[i].chunk_index, expected[i].chunk_index);
        assert_memory_equal(&found[i].score, &expected[i].score, sizeof(float));
    }
}

/* Vectors against the list, words against an index that holds only what is living. */
static void check_all(struct cof_collection_index *index, const struct sample_document *samples,
                      size_t count, uint64_t seed)
{
    static const char *const texts[] = {"leave", "expense travel", "A-113/b", "the safety badge",
                                        "contract contract invoice nothing"};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_collection_index *rebuilt = create(0, &cof_flat_index_ops, NULL);
    struct cof_candidate expected[MAX_K];
    float vector[SAMPLE_DIMENSION];
    uint64_t chunk_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (samples[i].is_living) {
            put(rebuilt, &samples[i]);
            chunk_count += samples[i].document.chunk_count;
        }
    }
    for (size_t round = 0; round < 10; round++) {
        int group_limit = (int)(round % 4) * 3;
        size_t k = 1 + (seed + round * 7) % MAX_K;
        sample_query(seed * 100 + round, vector);
        struct cof_index_query query = {
            .vector = vector,
            .words = cof_text_from(texts[round % 5]),
            .k = k,
            .permit = round % 3 == 0 ? NULL : sample_permit,
            .permit_context = &group_limit,
            .must_be_exact = true,
        };
        struct cof_index_result found = search(index, &query, &arena);
        struct cof_index_result same = search(rebuilt, &query, &arena);
        size_t expected_count = sample_search(samples, count, vector, k,
                                              query.permit != NULL ? &group_limit : NULL, expected);
        assert_int_equal(found.chunk_count, chunk_count);
        assert_int_equal(found.permitted_count, same.permitted_count);
        expect_equal(found.vector_candidates, found.vector_count, expected, expected_count);
        expect_equal(found.word_candidates, found.word_count, same.word_candidates,
                     same.word_count);
        for (size_t i = 0; i < found.word_count; i++) {
            assert_memory_equal(&found.word_candidates[i].coverage,
                                &same.word_candidates[i].coverage, sizeof(float));
            assert_memory_equal(&found.word_candidates[i].vector_score,
                                &same.word_candidates[i].vector_score, sizeof(float));
            assert_memory_equal(&found.word_candidates[i].word_score,
                                &found.word_candidates[i].score, sizeof(float));
        }
    }
    cof_collection_index_destroy(rebuilt);
}

struct store {
    struct sample_document samples[WRITE_COUNT]; /* by number - 1; they point into themselves and
                                                    stay where they are */
    size_t count;
    uint64_t next_chunk_id;
};

static void create_sample(struct store *store, struct sample_document *out_sample, uint64_t number,
                          uint32_t version)
{
    sample_make(out_sample, number, version, store->next_chunk_id);
    store->next_chunk_id += out_sample->document.chunk_count;
}

/* A new version; then the old one comes late, which must change nothing. */
static void replace(struct store *store, struct cof_collection_index *index,
                    struct sample_document *sample, bool is_followed_by_old)
{
    struct cof_document before = sample->document;
    struct sample_document old;

    create_sample(store, sample, before.number, before.version + 1);
    put(index, sample);
    if (!is_followed_by_old)
        return;
    sample_make(&old, before.number, before.version, before.first_chunk_id);
    put(index, &old);
    sample_edit(&old, 5);
    update(index, &old);
}

/* An update overtakes the put of its version. */
static void update_too_soon(struct store *store, struct cof_collection_index *index,
                            struct sample_document *sample, unsigned edition)
{
    struct sample_document first;

    create_sample(store, sample, sample->document.number, sample->document.version + 1);
    sample_make(&first, sample->document.number, sample->document.version,
                sample->document.first_chunk_id);
    sample_edit(sample, edition);
    update(index, sample);
    put(index, &first);
}

/* One random write to both. */
static void write_something(struct store *store, struct cof_collection_index *index,
                            struct seeded_random *random)
{
    size_t which = seeded_random_below(random, store->count + 1);
    struct sample_document *sample = &store->samples[which];
    unsigned edition = (unsigned)seeded_random_below(random, 1000);
    uint64_t kind = seeded_random_below(random, 10);

    if (which == store->count) {
        create_sample(store, sample, which + 1, kind < 5 ? 1 : 0);
        store->count++;
        if (kind < 5)
            put(index, sample);
        else
            update_too_soon(store, index, sample, edition);
    } else if (!sample->is_living) {
        /* Late writes of a deleted document must not bring it back. */
        put(index, sample);
        update(index, sample);
    } else if (kind < 4) {
        replace(store, index, sample, kind == 0);
    } else if (kind < 6) {
        sample_edit(sample, edition);
        update(index, sample);
    } else if (kind < 7) {
        update_too_soon(store, index, sample, edition);
    } else {
        sample->is_living = false;
        delete_document(index, which + 1);
    }
}

static void run_writes(size_t seal_count, const struct cof_vector_index_ops *ops,
                       struct cof_pool *pool, uint64_t seed)
{
    struct store *store = cof_calloc(1, sizeof(*store));
    struct cof_collection_index *index = create(seal_count, ops, pool);
    struct seeded_random random;

    assert_non_null(store);
    store->next_chunk_id = 1;
    seeded_random_init(&random, seed);
    for (size_t i = 0; i < WRITE_COUNT; i++) {
        write_something(store, index, &random);
        if (i % 60 == 59)
            check_all(index, store->samples, store->count, seed + i);
    }
    cof_collection_index_destroy(index);
    cof_free(store);
}

static void collection_index__answers_as_if_made_anew(void **state)
{
    run_writes(0, NULL, NULL, 1);
    run_writes(40, &cof_flat_index_ops, NULL, 2);
    run_writes(40, NULL, NULL, 3);
    run_writes(1, &cof_flat_index_ops, NULL, 4);
    run_writes(7, &cof_flat_index_ops, NULL, 5);
}

static void collection_index__answers_the_same_while_building_in_the_background(void **state)
{
    struct cof_pool_options options = {.name = "build", .thread_count = 1, .max_queue_count = 4};
    struct cof_pool *pool = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_pool_create(&options, &pool, &err), COF_OK);
    run_writes(40, NULL, pool, 6);
    run_writes(5, &cof_flat_index_ops, pool, 7);
    cof_pool_destroy(pool);
}

static void check_ties(size_t seal_count)
{
    struct cof_collection_index *index = create(seal_count, &cof_flat_index_ops, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chunk chunk = {.text = COF_TEXT("same words here")};
    float vector[SAMPLE_DIMENSION] = {1};
    struct cof_error err = {0};

    /* Chunk ids fall while numbers rise: the order of arrival must not show. */
    for (uint64_t number = 1; number <= 300; number++) {
        struct cof_document document = {
            .number = number, .version = 1, .first_chunk_id = 1000 - number, .chunk_count = 1};
        assert_int_equal(cof_collection_index_put(index, &document, &chunk, vector, &err), COF_OK);
    }
    struct cof_index_query query = {.vector = vector, .words = COF_TEXT("words"), .k = 5};
    struct cof_index_result found = search(index, &query, &arena);
    assert_int_equal(found.vector_count, 5);
    assert_int_equal(found.word_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(found.vector_candidates[i].chunk_id, 700 + i);
        assert_int_equal(found.word_candidates[i].chunk_id, 700 + i);
    }
    cof_collection_index_destroy(index);
}

static void collection_index__orders_ties_by_chunk_id_within_and_across_segments(void **state)
{
    check_ties(10);
    check_ties(250);
    check_ties(1000);
}

static void collection_index__keeps_an_update_until_its_version_comes(void **state)
{
    static struct sample_document samples[1];
    struct cof_collection_index *index = create(0, &cof_flat_index_ops, NULL);
    struct sample_document later;

    sample_make(&samples[0], 9, 1, 1);
    put(index, &samples[0]);
    sample_make(&later, 9, 3, 100);
    sample_edit(&later, 8);
    update(index, &later);
    check_all(index, samples, 1, 1);
    sample_make(&samples[0], 9, 2, 50);
    put(index, &samples[0]);
    check_all(index, samples, 1, 2);
    sample_make(&later, 9, 3, 100);
    put(index, &later);
    sample_make(&samples[0], 9, 3, 100);
    sample_edit(&samples[0], 8);
    check_all(index, samples, 1, 3);
    cof_collection_index_destroy(index);
}

static void put_plain(struct cof_collection_index *index, uint64_t number, uint32_t version,
                      uint64_t first_chunk_id, size_t chunk_count)
{
    struct cof_chunk *chunks = cof_calloc(chunk_count, sizeof(*chunks));
    float *vectors = cof_calloc(chunk_count * SAMPLE_DIMENSION, sizeof(float));
    struct cof_document document = {.number = number,
                                    .version = version,
                                    .first_chunk_id = first_chunk_id,
                                    .chunk_count = (uint32_t)chunk_count};
    struct cof_error err = {0};

    assert_non_null(chunks);
    assert_non_null(vectors);
    for (size_t i = 0; i < chunk_count; i++) {
        chunks[i].text = COF_TEXT("plain");
        vectors[i * SAMPLE_DIMENSION + i % SAMPLE_DIMENSION] = 1;
    }
    assert_int_equal(cof_collection_index_put(index, &document, chunks, vectors, &err), COF_OK);
    cof_free(chunks);
    cof_free(vectors);
}

static struct cof_collection_index_stats stats_of(struct cof_collection_index *index)
{
    struct cof_collection_index_stats stats = {0};

    cof_collection_index_stats_get(index, &stats);
    return stats;
}

static void collection_index__does_not_grow_when_documents_are_replaced(void **state)
{
    struct cof_collection_index *index = create(64, NULL, NULL);
    uint64_t next_chunk_id = 1;
    size_t memory_early = 0;

    for (uint32_t version = 1; version <= 2000; version++) {
        for (uint64_t number = 1; number <= 3; number++) {
            put_plain(index, number, version, next_chunk_id, 2);
            next_chunk_id += 2;
        }
        if (version == 200)
            memory_early = stats_of(index).memory_bytes;
    }
    struct cof_collection_index_stats stats = stats_of(index);
    assert_int_equal(stats.document_count, 3);
    assert_int_equal(stats.chunk_count, 6);
    assert_true(stats.tombstone_count <= 64 + 6);
    assert_true(stats.segment_count <= 3);
    assert_true(stats.memory_bytes < 2 * memory_early);
    cof_collection_index_destroy(index);
}

static void collection_index__forgets_segments_in_which_nothing_is_left(void **state)
{
    struct cof_collection_index *index = create(16, NULL, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    float vector[SAMPLE_DIMENSION] = {1};

    for (uint64_t number = 1; number <= 100; number++)
        put_plain(index, number, 1, 10 * number, 4);
    assert_true(stats_of(index).segment_count > 10);
    for (uint64_t number = 1; number <= 100; number++)
        delete_document(index, number);
    struct cof_collection_index_stats stats = stats_of(index);
    assert_int_equal(stats.document_count, 0);
    assert_int_equal(stats.chunk_count, 0);
    assert_true(stats.segment_count <= 1);
    struct cof_index_query query = {.vector = vector, .words = COF_TEXT("plain"), .k = 3};
    struct cof_index_result found = search(index, &query, &arena);
    assert_int_equal(found.vector_count + found.word_count, 0);
    put_plain(index, 101, 1, 5000, 1);
    found = search(index, &query, &arena);
    assert_int_equal(found.vector_count, 1);
    assert_int_equal(found.word_count, 1);
    cof_collection_index_destroy(index);
}

static void collection_index__takes_documents_larger_than_a_segment(void **state)
{
    struct cof_collection_index *index = create(8, NULL, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    float vector[SAMPLE_DIMENSION] = {1};

    put_plain(index, 1, 1, 1, 3);
    put_plain(index, 2, 1, 100, 500);
    put_plain(index, 3, 1, 900, 3);
    struct cof_index_query query = {.vector = vector, .k = 1000};
    assert_int_equal(search(index, &query, &arena).vector_count, 506);
    put_plain(index, 2, 2, 2000, 1);
    assert_int_equal(search(index, &query, &arena).vector_count, 7);
    cof_collection_index_destroy(index);
}

static void collection_index__refuses_what_it_cannot_keep(void **state)
{
    struct cof_collection_index *index = create(0, NULL, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct sample_document sample;
    struct cof_index_result result = {0};
    struct cof_error err = {0};

    sample_make(&sample, 3, 2, 1);
    assert_true(sample.document.chunk_count > 0);
    sample.vectors[3] = NAN;
    assert_int_equal(
        cof_collection_index_put(index, &sample.document, sample.chunks, sample.vectors, &err),
        COF_INVALID);
    sample.vectors[3] = 0;
    sample.chunks[0].text = COF_TEXT("\xff");
    assert_int_equal(
        cof_collection_index_put(index, &sample.document, sample.chunks, sample.vectors, &err),
        COF_INVALID);
    sample.chunks[0].text = COF_TEXT("right");
    sample.document.attributes = COF_TEXT("[1]");
    assert_int_equal(
        cof_collection_index_put(index, &sample.document, sample.chunks, sample.vectors, &err),
        COF_INVALID);
    assert_int_equal(stats_of(index).document_count, 0);

    struct cof_index_query query = {.vector = sample.vectors, .k = 0};
    assert_int_equal(cof_collection_index_search(index, &query, &arena, &result, &err),
                     COF_INVALID);
    sample.vectors[0] = INFINITY;
    query.k = 1;
    assert_int_equal(cof_collection_index_search(index, &query, &arena, &result, &err),
                     COF_INVALID);
    struct cof_collection_index_options options = {.dimension = 0};
    struct cof_collection_index *none = NULL;
    assert_int_equal(cof_collection_index_create(&options, &none, &err), COF_INVALID);
    assert_null(none);
    cof_collection_index_destroy(NULL);
    cof_collection_index_destroy(index);
}

static void collection_index__stops_when_canceled(void **state)
{
    struct cof_collection_index *index = create(0, NULL, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_cancel cancel = {0};
    struct cof_index_result result = {0};
    struct cof_error err = {0};

    put_plain(index, 1, 1, 1, 3);
    cof_cancel_request(&cancel);
    struct cof_index_query query = {.words = COF_TEXT("plain"), .k = 1, .cancel = &cancel};
    assert_int_equal(cof_collection_index_search(index, &query, &arena, &result, &err),
                     COF_CANCELED);
    cof_collection_index_destroy(index);
}

static void collection_index__names_its_plan(void **state)
{
    struct cof_collection_index *index = create(4, NULL, NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    float vector[SAMPLE_DIMENSION] = {1};
    int nobody = 0;

    put_plain(index, 1, 1, 1, 4);
    struct cof_index_query query = {.vector = vector, .k = 1};
    assert_string_equal(search(index, &query, &arena).plan, cof_default_index_ops()->name);
    query.must_be_exact = true;
    assert_string_equal(search(index, &query, &arena).plan, "exact");
    query.must_be_exact = false;
    query.permit = sample_permit;
    query.permit_context = &nobody;
    assert_string_equal(search(index, &query, &arena).plan, "exact over permitted");
    query.vector = NULL;
    query.words = COF_TEXT("plain");
    assert_string_equal(search(index, &query, &arena).plan, "words over permitted");
    assert_int_equal(search(index, &query, &arena).permitted_count, 0);
    cof_collection_index_destroy(index);
}

/* ---- A backend that cannot build ---- */

static enum cof_status fail_to_build(size_t dimension, const float *vectors, size_t count,
                                     const struct cof_cancel *cancel,
                                     struct cof_vector_index **out_index, struct cof_error *err)
{
    return COF_FAIL(err, COF_NO_MEMORY, "no room for the graph");
}

struct notices {
    size_t count;
    char last[256];
};

static void take_notice(void *context, const char *message)
{
    struct notices *notices = context;

    notices->count++;
    (void)snprintf(notices->last, sizeof(notices->last), "%s", message);
}

static void collection_index__stays_exact_when_a_segment_cannot_be_built(void **state)
{
    static const struct cof_vector_index_ops ops = {.name = "broken", .build = fail_to_build};
    struct notices notices = {0};
    struct cof_collection_index_options options = {.dimension = SAMPLE_DIMENSION,
                                                   .seal_count = 8,
                                                   .sealed_ops = &ops,
                                                   .notice = take_notice,
                                                   .notice_context = &notices};
    struct cof_collection_index *index = NULL;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_error err = {0};
    float vector[SAMPLE_DIMENSION] = {1};

    assert_int_equal(cof_collection_index_create(&options, &index, &err), COF_OK);
    for (uint64_t number = 1; number <= 4; number++)
        put_plain(index, number, 1, 10 * number, 4);
    assert_int_equal(notices.count, 2);
    assert_non_null(strstr(notices.last, "no room for the graph"));
    struct cof_index_query query = {.vector = vector, .k = 100};
    assert_int_equal(search(index, &query, &arena).vector_count, 16);
    delete_document(index, 1);
    delete_document(index, 2);
    assert_int_equal(search(index, &query, &arena).vector_count, 8);
    assert_int_equal(notices.count, 2);
    cof_collection_index_destroy(index);
}

/* ---- Memory ---- */

struct scene {
    struct cof_collection_index *index;
    struct sample_document sample;
    const struct sample_document *others;
    size_t other_count;
};

/* Runs one write with the n-th allocation failing, for every n; a write that failed changed
 * nothing that a search can see. */
static void torture_write(struct scene *scene,
                          enum cof_status (*write)(struct scene *scene, struct cof_error *err))
{
    for (long n = 1;; n++) {
        struct cof_error err = {0};
        cof_alloc_fail_after(n);
        enum cof_status status = write(scene, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            return;
        }
        assert_int_equal(status, COF_NO_MEMORY);
        check_all(scene->index, scene->others, scene->other_count, (uint64_t)n);
    }
}

static enum cof_status put_sample(struct scene *scene, struct cof_error *err)
{
    return cof_collection_index_put(scene->index, &scene->sample.document, scene->sample.chunks,
                                    scene->sample.vectors, err);
}

static enum cof_status update_sample(struct scene *scene, struct cof_error *err)
{
    return cof_collection_index_update(scene->index, &scene->sample.document, err);
}

static void collection_index__is_untouched_by_writes_that_run_out_of_memory(void **state)
{
    static struct sample_document samples[20];
    struct cof_collection_index *index = create(0, &cof_flat_index_ops, NULL);
    struct scene scene = {.index = index, .others = samples, .other_count = 20};

    for (size_t i = 0; i < 20; i++) {
        sample_make(&samples[i], i + 1, 1, 10 * i + 1);
        put(index, &samples[i]);
    }
    sample_make(&scene.sample, 7, 2, 1000);
    torture_write(&scene, put_sample);
    sample_make(&samples[6], 7, 2, 1000);
    check_all(index, samples, 20, 1);
    sample_edit(&scene.sample, 3);
    torture_write(&scene, update_sample);
    sample_edit(&samples[6], 3);
    check_all(index, samples, 20, 2);
    cof_collection_index_destroy(index);
}

static void collection_index__searches_report_running_out_of_memory(void **state)
{
    static struct sample_document samples[10];
    struct cof_collection_index *index = create(16, &cof_flat_index_ops, NULL);
    float vector[SAMPLE_DIMENSION];
    int limit = 9;

    for (size_t i = 0; i < 10; i++) {
        sample_make(&samples[i], i + 1, 1, 10 * i + 1);
        put(index, &samples[i]);
    }
    sample_query(1, vector);
    struct cof_index_query query = {.vector = vector,
                                    .words = COF_TEXT("leave travel"),
                                    .k = 5,
                                    .permit = sample_permit,
                                    .permit_context = &limit};
    for (long n = 1;; n++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_index_result result = {0};
        struct cof_error err = {0};
        cof_alloc_fail_after(n);
        enum cof_status status = cof_collection_index_search(index, &query, &arena, &result, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            break;
        }
        assert_int_equal(status, COF_NO_MEMORY);
        assert_int_equal(result.vector_count, 0);
    }
    cof_collection_index_destroy(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collection_index__answers_as_if_made_anew),
        cmocka_unit_test(collection_index__answers_the_same_while_building_in_the_background),
        cmocka_unit_test(collection_index__orders_ties_by_chunk_id_within_and_across_segments),
        cmocka_unit_test(collection_index__keeps_an_update_until_its_version_comes),
        cmocka_unit_test(collection_index__does_not_grow_when_documents_are_replaced),
        cmocka_unit_test(collection_index__forgets_segments_in_which_nothing_is_left),
        cmocka_unit_test(collection_index__takes_documents_larger_than_a_segment),
        cmocka_unit_test(collection_index__refuses_what_it_cannot_keep),
        cmocka_unit_test(collection_index__stops_when_canceled),
        cmocka_unit_test(collection_index__names_its_plan),
        cmocka_unit_test(collection_index__stays_exact_when_a_segment_cannot_be_built),
        cmocka_unit_test(collection_index__is_untouched_by_writes_that_run_out_of_memory),
        cmocka_unit_test(collection_index__searches_report_running_out_of_memory),
    };

    return cmocka_run_group_tests_name("collection_index", tests, NULL, NULL);
}
