/* Every backend of vector_index against the same cases; `flat` is the oracle of the other. */
#include "testing.h"

#include <math.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/index/vector_backends.h>

#include "seeded_random.h"

enum { DIMENSION = 48 };

static const struct cof_vector_index_ops *ops_of(void **state)
{
    return *(const struct cof_vector_index_ops **)*state;
}

/* Unit vectors around a few centres. */
static float *make_vectors(size_t count, size_t centre_count, uint64_t seed)
{
    float *centres = cof_calloc(centre_count * DIMENSION, sizeof(float));
    float *vectors = cof_calloc(count * DIMENSION, sizeof(float));
    struct seeded_random random;

    assert_non_null(centres);
    assert_non_null(vectors);
    seeded_random_init(&random, seed);
    for (size_t i = 0; i < centre_count * DIMENSION; i++)
        centres[i] = (float)(seeded_random_unit(&random) - 0.5);
    for (size_t i = 0; i < count; i++) {
        const float *centre = centres + (i % centre_count) * DIMENSION;
        float *vector = vectors + i * DIMENSION;
        double sum = 0;
        for (size_t j = 0; j < DIMENSION; j++) {
            vector[j] = centre[j] + (float)(seeded_random_unit(&random) - 0.5) / 2;
            sum += (double)vector[j] * (double)vector[j];
        }
        for (size_t j = 0; j < DIMENSION; j++)
            vector[j] = (float)((double)vector[j] / sqrt(sum));
    }
    cof_free(centres);
    return vectors;
}

static struct cof_vector_index *build(const struct cof_vector_index_ops *ops, const float *vectors,
                                      size_t count)
{
    struct cof_vector_index *index = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_vector_index_build(ops, DIMENSION, vectors, count, NULL, &index, &err),
                     COF_OK);
    return index;
}

static size_t search(const struct cof_vector_index *index, const struct cof_vector_query *query,
                     struct cof_neighbor *neighbors)
{
    struct cof_error err = {0};
    size_t count = SIZE_MAX;

    assert_int_equal(cof_vector_index_search(index, query, neighbors, &count, &err), COF_OK);
    assert_true(count <= query->k);
    for (size_t i = 1; i < count; i++) {
        assert_true(neighbors[i - 1].score >= neighbors[i].score);
        if (!(neighbors[i - 1].score > neighbors[i].score))
            assert_true(neighbors[i - 1].ordinal < neighbors[i].ordinal);
    }
    return count;
}

static struct cof_bitmap *every_nth(uint32_t count, uint32_t step)
{
    struct cof_bitmap *bitmap = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_bitmap_create(&bitmap, &err), COF_OK);
    for (uint32_t ordinal = 0; ordinal < count; ordinal += step)
        cof_bitmap_add(bitmap, ordinal);
    return bitmap;
}

static void vector_index__finds_a_vector_by_itself(void **state)
{
    float *vectors = make_vectors(500, 9, 1);
    struct cof_vector_index *index = build(ops_of(state), vectors, 500);
    struct cof_neighbor found[1];

    for (size_t i = 0; i < 500; i += 50) {
        struct cof_vector_query query = {.vector = vectors + i * DIMENSION, .k = 1};
        assert_int_equal(search(index, &query, found), 1);
        assert_int_equal(found[0].ordinal, i);
        assert_true(fabsf(found[0].score - 1) < 1e-5F);
    }
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__returns_all_when_k_is_over_the_count(void **state)
{
    float *vectors = make_vectors(30, 3, 2);
    struct cof_vector_index *index = build(ops_of(state), vectors, 30);
    struct cof_vector_query query = {.vector = vectors, .k = 100};
    struct cof_neighbor found[100];
    bool seen[30] = {false};

    assert_int_equal(search(index, &query, found), 30);
    for (size_t i = 0; i < 30; i++) {
        assert_false(seen[found[i].ordinal]);
        seen[found[i].ordinal] = true;
    }
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__may_be_empty(void **state)
{
    float query_vector[DIMENSION] = {1};
    struct cof_vector_index *index = build(ops_of(state), query_vector, 0);
    struct cof_vector_query query = {.vector = query_vector, .k = 3};
    struct cof_neighbor found[3];

    assert_int_equal(index->count, 0);
    assert_int_equal(search(index, &query, found), 0);
    cof_vector_index_destroy(index);
}

static void vector_index__returns_full_k_however_few_are_permitted(void **state)
{
    enum { COUNT = 9000 };
    static const uint32_t steps[] = {1, 2, 3, 10, 100, 700, 4000};
    float *vectors = make_vectors(COUNT, 40, 3);
    struct cof_vector_index *index = build(ops_of(state), vectors, COUNT);
    struct cof_neighbor found[25];

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct cof_bitmap *permitted = every_nth(COUNT, steps[i]);
        uint64_t permitted_count = cof_bitmap_count(permitted);
        for (size_t q = 0; q < 20; q++) {
            struct cof_vector_query query = {
                .vector = vectors + (q * 31 + 7) * DIMENSION, .k = 25, .permitted = permitted};
            size_t count = search(index, &query, found);
            assert_int_equal(count, permitted_count < 25 ? permitted_count : 25);
            for (size_t j = 0; j < count; j++)
                assert_int_equal(found[j].ordinal % steps[i], 0);
        }
        cof_bitmap_destroy(permitted);
    }
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__ignores_permitted_ordinals_that_do_not_exist(void **state)
{
    float *vectors = make_vectors(50, 5, 4);
    struct cof_vector_index *index = build(ops_of(state), vectors, 50);
    struct cof_bitmap *permitted = every_nth(5000, 7);
    struct cof_vector_query query = {.vector = vectors, .k = 20, .permitted = permitted};
    struct cof_neighbor found[20];

    assert_int_equal(search(index, &query, found), 8);
    for (size_t i = 0; i < 8; i++)
        assert_true(found[i].ordinal < 50);
    cof_bitmap_destroy(permitted);
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__orders_equal_vectors_by_ordinal(void **state)
{
    enum { COUNT = 400 };
    float *vectors = make_vectors(COUNT, 4, 5);
    struct cof_neighbor found[COUNT];

    for (size_t i = 1; i < COUNT; i += 2)
        memcpy(vectors + i * DIMENSION, vectors + DIMENSION, DIMENSION * sizeof(float));
    struct cof_vector_index *index = build(ops_of(state), vectors, COUNT);
    struct cof_vector_query query = {.vector = vectors + DIMENSION, .k = COUNT / 2};
    assert_int_equal(search(index, &query, found), COUNT / 2);
    for (size_t i = 0; i < COUNT / 2; i++)
        assert_int_equal(found[i].ordinal, 2 * i + 1);
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__gives_full_k_among_thousands_of_equal_vectors(void **state)
{
    enum { COUNT = 2600 };
    float *vectors = make_vectors(1, 1, 6);
    float *copies = cof_calloc((size_t)COUNT * DIMENSION, sizeof(float));
    struct cof_neighbor found[64];

    assert_non_null(copies);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(copies + i * DIMENSION, vectors, DIMENSION * sizeof(float));
    struct cof_vector_index *index = build(ops_of(state), copies, COUNT);
    struct cof_vector_query query = {.vector = vectors, .k = 64};
    assert_int_equal(search(index, &query, found), 64);
    cof_vector_index_destroy(index);
    cof_free(copies);
    cof_free(vectors);
}

static void vector_index__is_exact_when_asked(void **state)
{
    enum { COUNT = 5000 };
    float *vectors = make_vectors(COUNT, 25, 7);
    struct cof_vector_index *index = build(ops_of(state), vectors, COUNT);
    struct cof_vector_index *oracle = build(&cof_flat_index_ops, vectors, COUNT);
    struct cof_neighbor found[50];
    struct cof_neighbor expected[50];

    for (size_t q = 0; q < 40; q++) {
        struct cof_vector_query query = {
            .vector = vectors + q * 101 * DIMENSION, .k = 50, .must_be_exact = true};
        assert_int_equal(search(index, &query, found), 50);
        assert_int_equal(search(oracle, &query, expected), 50);
        assert_memory_equal(found, expected, sizeof(found));
    }
    cof_vector_index_destroy(oracle);
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__agrees_with_a_double_precision_oracle(void **state)
{
    enum { COUNT = 300 };
    float *vectors = make_vectors(COUNT, 30, 8);
    struct cof_vector_index *index = build(ops_of(state), vectors, COUNT);
    struct cof_vector_query query = {.vector = vectors, .k = COUNT};
    struct cof_neighbor found[COUNT];

    assert_int_equal(search(index, &query, found), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double product = 0;
        for (size_t j = 0; j < DIMENSION; j++)
            product += (double)vectors[j] * (double)vectors[found[i].ordinal * DIMENSION + j];
        assert_true(fabs(product - (double)found[i].score) < 1e-5);
    }
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__builds_the_same_index_of_the_same_vectors(void **state)
{
    enum { COUNT = 4000 };
    float *vectors = make_vectors(COUNT, 20, 9);
    struct cof_vector_index *index = build(ops_of(state), vectors, COUNT);
    struct cof_vector_index *again = build(ops_of(state), vectors, COUNT);
    struct cof_neighbor found[30];
    struct cof_neighbor expected[30];

    for (size_t q = 0; q < 50; q++) {
        struct cof_vector_query query = {.vector = vectors + q * 71 * DIMENSION, .k = 30};
        assert_int_equal(search(index, &query, found), 30);
        assert_int_equal(search(again, &query, expected), 30);
        assert_memory_equal(found, expected, sizeof(found));
    }
    cof_vector_index_destroy(again);
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__refuses_what_is_no_number(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float *vectors = make_vectors(10, 2, 10);
    struct cof_vector_index *index = build(ops_of(state), vectors, 10);
    struct cof_vector_index *none = NULL;
    struct cof_neighbor found[1];
    struct cof_error err = {0};
    size_t count = 77;

    for (size_t i = 0; i < 3; i++) {
        float vector[DIMENSION] = {0};
        vector[DIMENSION - 1] = bad[i];
        struct cof_vector_query query = {.vector = vector, .k = 1};
        assert_int_equal(cof_vector_index_search(index, &query, found, &count, &err), COF_INVALID);
        assert_int_equal(
            cof_vector_index_build(ops_of(state), DIMENSION, vector, 1, NULL, &none, &err),
            COF_INVALID);
    }
    struct cof_vector_query query = {.vector = vectors, .k = 0};
    assert_int_equal(cof_vector_index_search(index, &query, found, &count, &err), COF_INVALID);
    assert_int_equal(count, 77);
    assert_int_equal(cof_vector_index_build(ops_of(state), 0, vectors, 1, NULL, &none, &err),
                     COF_INVALID);
    assert_int_equal(
        cof_vector_index_build(ops_of(state), DIMENSION, vectors, SIZE_MAX / 8, NULL, &none, &err),
        COF_TOO_LARGE);
    assert_null(none);
    cof_vector_index_destroy(index);
    cof_free(vectors);
}

static void vector_index__stops_building_when_canceled(void **state)
{
    float *vectors = make_vectors(100, 2, 11);
    struct cof_vector_index *index = NULL;
    struct cof_cancel cancel = {0};
    struct cof_error err = {0};

    cof_cancel_request(&cancel);
    assert_int_equal(
        cof_vector_index_build(ops_of(state), DIMENSION, vectors, 100, &cancel, &index, &err),
        COF_CANCELED);
    assert_null(index);
    cof_free(vectors);
}

static void vector_index__gives_its_vectors_back(void **state)
{
    float *vectors = make_vectors(2500, 4, 12);
    struct cof_vector_index *index = build(ops_of(state), vectors, 2500);

    assert_memory_equal(cof_vector_index_vectors(index), vectors, 2500 * DIMENSION * sizeof(float));
    assert_true(cof_vector_index_memory_bytes(index) > 2500 * DIMENSION * sizeof(float));
    cof_vector_index_destroy(index);
    cof_vector_index_destroy(NULL);
    cof_free(vectors);
}

#define CASE(name, ops) cmocka_unit_test_prestate(name, ops)
#define CASES(ops)                                                                                 \
    CASE(vector_index__finds_a_vector_by_itself, ops),                                             \
        CASE(vector_index__returns_all_when_k_is_over_the_count, ops),                             \
        CASE(vector_index__may_be_empty, ops),                                                     \
        CASE(vector_index__returns_full_k_however_few_are_permitted, ops),                         \
        CASE(vector_index__ignores_permitted_ordinals_that_do_not_exist, ops),                     \
        CASE(vector_index__orders_equal_vectors_by_ordinal, ops),                                  \
        CASE(vector_index__gives_full_k_among_thousands_of_equal_vectors, ops),                    \
        CASE(vector_index__is_exact_when_asked, ops),                                              \
        CASE(vector_index__agrees_with_a_double_precision_oracle, ops),                            \
        CASE(vector_index__builds_the_same_index_of_the_same_vectors, ops),                        \
        CASE(vector_index__refuses_what_is_no_number, ops),                                        \
        CASE(vector_index__stops_building_when_canceled, ops),                                     \
        CASE(vector_index__gives_its_vectors_back, ops)

int main(void)
{
    static const struct cof_vector_index_ops *flat = &cof_flat_index_ops;
    static const struct cof_vector_index_ops *other;
    other = cof_default_index_ops();
    const struct CMUnitTest tests[] = {CASES(&flat), CASES(&other)};

    return cmocka_run_group_tests_name("vector_index", tests, NULL, NULL);
}
