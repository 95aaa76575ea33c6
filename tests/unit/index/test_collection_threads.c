/* Writers, deleters and searchers at once: nobody sees half a document, a deleted one or a
 * forbidden one, and at the end the index answers as the list does. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/index/vector_backends.h>

#include "sample_documents.h"
#include "seeded_random.h"

enum { WRITER_COUNT = 2, SEARCHER_COUNT = 3, DOCUMENTS_PER_WRITER = 60, WRITES_PER_WRITER = 700 };

/* cmocka's assertions jump, which must not happen on a thread of ours. */
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct scene {
    struct cof_collection_index *index;
    atomic_bool is_over;
    /* By document: versions below are gone when a search begins after this was read. */
    atomic_uint oldest_version[WRITER_COUNT * DOCUMENTS_PER_WRITER];
};

struct writer {
    struct scene *scene;
    size_t number;
    struct sample_document samples[DOCUMENTS_PER_WRITER]; /* point into themselves */
};

/* Chunk ids say document and version, so that a searcher can check what it got. */
static uint64_t chunk_id_of(size_t document, uint32_t version)
{
    return ((uint64_t)document << 32 | version) * SAMPLE_MAX_CHUNKS;
}

static void write_one(struct writer *writer, size_t which, uint64_t kind)
{
    struct scene *scene = writer->scene;
    struct sample_document *sample = &writer->samples[which];
    size_t document = writer->number * DOCUMENTS_PER_WRITER + which;
    uint32_t version = sample->document.version;
    struct cof_error err = {0};

    if (version > 0 && !sample->is_living)
        return;
    if (version > 0 && kind == 0) {
        require(cof_collection_index_delete(scene->index, document + 1, &err) == COF_OK);
        sample->is_living = false;
        atomic_store(&scene->oldest_version[document], UINT32_MAX);
    } else if (version > 0 && kind < 4) {
        sample_edit(sample, (unsigned)kind);
        require(cof_collection_index_update(scene->index, &sample->document, &err) == COF_OK);
    } else {
        sample_make(sample, document + 1, version + 1, chunk_id_of(document, version + 1));
        require(cof_collection_index_put(scene->index, &sample->document, sample->chunks,
                                         sample->vectors, &err) == COF_OK);
        atomic_store(&scene->oldest_version[document], version + 1);
    }
}

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    struct seeded_random random;

    seeded_random_init(&random, 50 + writer->number);
    for (size_t i = 0; i < WRITES_PER_WRITER; i++)
        write_one(writer, seeded_random_below(&random, DOCUMENTS_PER_WRITER),
                  seeded_random_below(&random, 25));
    return NULL;
}

static void check_candidates(const unsigned *oldest, const struct cof_candidate *candidates,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct cof_candidate *candidate = &candidates[i];
        size_t document = (size_t)candidate->document_number - 1;
        require(document < WRITER_COUNT * DOCUMENTS_PER_WRITER);
        require(candidate->version >= oldest[document]);
        require(candidate->chunk_id ==
                chunk_id_of(document, candidate->version) + candidate->chunk_index);
        /* Whole or not at all: one version of a document. */
        for (size_t j = 0; j < i; j++) {
            if (candidates[j].document_number == candidate->document_number)
                require(candidates[j].version == candidate->version);
        }
    }
}

static void *run_searcher(void *argument)
{
    struct scene *scene = argument;
    unsigned oldest[WRITER_COUNT * DOCUMENTS_PER_WRITER];
    float vector[SAMPLE_DIMENSION];
    int limit = 7;

    for (uint64_t round = 0; !atomic_load(&scene->is_over); round++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_index_result result = {0};
        struct cof_error err = {0};
        sample_query(round, vector);
        for (size_t i = 0; i < WRITER_COUNT * DOCUMENTS_PER_WRITER; i++)
            oldest[i] = atomic_load(&scene->oldest_version[i]);
        struct cof_index_query query = {
            .vector = vector,
            .words = COF_TEXT("leave travel A-113/b"),
            .k = 40,
            .permit = round % 2 == 0 ? NULL : sample_permit,
            .permit_context = &limit,
        };
        require(cof_collection_index_search(scene->index, &query, &arena, &result, &err) == COF_OK);
        require(result.vector_count == (result.permitted_count < 40 ? result.permitted_count : 40));
        check_candidates(oldest, result.vector_candidates, result.vector_count);
        check_candidates(oldest, result.word_candidates, result.word_count);
        if (round % 16 == 0) {
            struct cof_collection_index_stats stats = {0};
            cof_collection_index_stats_get(scene->index, &stats);
            require(stats.document_count <= WRITER_COUNT * DOCUMENTS_PER_WRITER);
        }
    }
    return NULL;
}

static void check_end(struct scene *scene, const struct writer *writers)
{
    static struct sample_document all[WRITER_COUNT * DOCUMENTS_PER_WRITER];
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_candidate expected[100];
    float vector[SAMPLE_DIMENSION];
    struct cof_index_result found = {0};
    struct cof_error err = {0};

    for (size_t i = 0; i < WRITER_COUNT * DOCUMENTS_PER_WRITER; i++)
        all[i] = writers[i / DOCUMENTS_PER_WRITER].samples[i % DOCUMENTS_PER_WRITER];
    sample_query(5, vector);
    struct cof_index_query query = {.vector = vector, .k = 100, .must_be_exact = true};
    assert_int_equal(cof_collection_index_search(scene->index, &query, &arena, &found, &err),
                     COF_OK);
    size_t count =
        sample_search(all, WRITER_COUNT * DOCUMENTS_PER_WRITER, vector, 100, NULL, expected);
    assert_int_equal(found.vector_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(found.vector_candidates[i].chunk_id, expected[i].chunk_id);
}

static void run_scene(const struct cof_vector_index_ops *ops)
{
    static struct writer writers[WRITER_COUNT];
    struct cof_pool_options pool_options = {
        .name = "build", .thread_count = 1, .max_queue_count = 4};
    struct scene scene = {0};
    pthread_t threads[WRITER_COUNT + SEARCHER_COUNT];
    struct cof_pool *pool = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_pool_create(&pool_options, &pool, &err), COF_OK);
    struct cof_collection_index_options options = {
        .dimension = SAMPLE_DIMENSION, .seal_count = 64, .sealed_ops = ops, .background = pool};
    assert_int_equal(cof_collection_index_create(&options, &scene.index, &err), COF_OK);
    memset(writers, 0, sizeof(writers));
    for (size_t i = 0; i < WRITER_COUNT; i++) {
        writers[i].scene = &scene;
        writers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run_writer, &writers[i]), 0);
    }
    for (size_t i = WRITER_COUNT; i < WRITER_COUNT + SEARCHER_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_searcher, &scene), 0);
    for (size_t i = 0; i < WRITER_COUNT; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    atomic_store(&scene.is_over, true);
    for (size_t i = WRITER_COUNT; i < WRITER_COUNT + SEARCHER_COUNT; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    check_end(&scene, writers);
    cof_collection_index_destroy(scene.index);
    cof_pool_destroy(pool);
}

static void collection_index__shows_searches_whole_documents_only(void **state)
{
    run_scene(&cof_flat_index_ops);
    run_scene(cof_default_index_ops());
}

static void collection_index__goes_while_a_build_is_under_way(void **state)
{
    struct cof_pool_options pool_options = {
        .name = "build", .thread_count = 1, .max_queue_count = 4};
    struct cof_pool *pool = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_pool_create(&pool_options, &pool, &err), COF_OK);
    for (size_t round = 0; round < 20; round++) {
        struct cof_collection_index_options options = {
            .dimension = SAMPLE_DIMENSION, .seal_count = 300, .background = pool};
        struct cof_collection_index *index = NULL;
        assert_int_equal(cof_collection_index_create(&options, &index, &err), COF_OK);
        for (uint64_t number = 1; number <= 150; number++) {
            struct sample_document sample;
            sample_make(&sample, number, 1, number * SAMPLE_MAX_CHUNKS);
            assert_int_equal(cof_collection_index_put(index, &sample.document, sample.chunks,
                                                      sample.vectors, &err),
                             COF_OK);
        }
        cof_collection_index_destroy(index);
    }
    cof_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collection_index__shows_searches_whole_documents_only),
        cmocka_unit_test(collection_index__goes_while_a_build_is_under_way),
    };

    return cmocka_run_group_tests_name("collection_threads", tests, NULL, NULL);
}
