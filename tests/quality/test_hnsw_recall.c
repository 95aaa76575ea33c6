/* The approximate index finds what the exact one finds: recall@10 over clustered vectors, whole,
 * with a tenth deleted, and with half of it. */
#include "testing.h"

#include <math.h>

#include <cof/base/alloc.h>
#include <cof/index/vector_backends.h>

#include "seeded_random.h"

enum { DIMENSION = 64, COUNT = 20000, CENTRE_COUNT = 40, QUERY_COUNT = 200, K = 10 };

static const double MIN_RECALL = 0.95;

struct scene {
    float *vectors; /* COUNT, then QUERY_COUNT queries of the same kind */
    struct cof_vector_index *exact;
    struct cof_vector_index *approximate;
};

/* Sum of twelve uniform numbers: near enough to a normal distribution. */
static double normal(struct seeded_random *random)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += seeded_random_unit(random);
    return sum;
}

static float *make_vectors(void)
{
    static float centres[CENTRE_COUNT][DIMENSION];
    float *vectors = cof_calloc((COUNT + QUERY_COUNT) * DIMENSION, sizeof(float));
    struct seeded_random random;

    assert_non_null(vectors);
    seeded_random_init(&random, 2024);
    for (size_t i = 0; i < CENTRE_COUNT; i++) {
        for (size_t j = 0; j < DIMENSION; j++)
            centres[i][j] = (float)normal(&random);
    }
    for (size_t i = 0; i < COUNT + QUERY_COUNT; i++) {
        const float *centre = centres[seeded_random_below(&random, CENTRE_COUNT)];
        float *vector = vectors + i * DIMENSION;
        double sum = 0;
        for (size_t j = 0; j < DIMENSION; j++) {
            vector[j] = centre[j] + 0.7F * (float)normal(&random);
            sum += (double)vector[j] * (double)vector[j];
        }
        for (size_t j = 0; j < DIMENSION; j++)
            vector[j] = (float)((double)vector[j] / sqrt(sum));
    }
    return vectors;
}

static int set_up(void **state)
{
    static struct scene scene;
    struct cof_error err = {0};

    scene.vectors = make_vectors();
    assert_int_equal(cof_vector_index_build(&cof_flat_index_ops, DIMENSION, scene.vectors, COUNT,
                                            NULL, &scene.exact, &err),
                     COF_OK);
    assert_int_equal(cof_vector_index_build(cof_default_index_ops(), DIMENSION, scene.vectors,
                                            COUNT, NULL, &scene.approximate, &err),
                     COF_OK);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    cof_vector_index_destroy(scene->exact);
    cof_vector_index_destroy(scene->approximate);
    cof_free(scene->vectors);
    return 0;
}

static double recall(const struct scene *scene, const struct cof_bitmap *permitted)
{
    size_t hits = 0;

    for (size_t q = 0; q < QUERY_COUNT; q++) {
        struct cof_neighbor expected[K];
        struct cof_neighbor found[K];
        struct cof_error err = {0};
        size_t expected_count = 0;
        size_t found_count = 0;
        struct cof_vector_query query = {
            .vector = scene->vectors + (COUNT + q) * DIMENSION, .k = K, .permitted = permitted};
        assert_int_equal(
            cof_vector_index_search(scene->exact, &query, expected, &expected_count, &err), COF_OK);
        assert_int_equal(
            cof_vector_index_search(scene->approximate, &query, found, &found_count, &err), COF_OK);
        assert_int_equal(expected_count, K);
        assert_int_equal(found_count, K);
        for (size_t i = 0; i < K; i++) {
            for (size_t j = 0; j < K; j++)
                hits += found[i].ordinal == expected[j].ordinal;
        }
    }
    return (double)hits / (QUERY_COUNT * K);
}

static struct cof_bitmap *living(uint64_t one_in, bool are_deleted)
{
    struct cof_bitmap *bitmap = NULL;
    struct cof_error err = {0};
    struct seeded_random random;

    seeded_random_init(&random, one_in);
    assert_int_equal(cof_bitmap_create(&bitmap, &err), COF_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        if ((seeded_random_below(&random, one_in) == 0) != are_deleted)
            cof_bitmap_add(bitmap, i);
    }
    return bitmap;
}

static void check(const struct scene *scene, struct cof_bitmap *permitted, const char *what)
{
    double found = recall(scene, permitted);

    print_message("recall@%d %s: %.4f\n", K, what, found);
    assert_true(found >= MIN_RECALL);
    cof_bitmap_destroy(permitted);
}

static void hnsw__finds_what_the_exact_index_finds(void **state)
{
    check(*state, NULL, "of all");
}

static void hnsw__finds_it_among_tombstones(void **state)
{
    check(*state, living(10, true), "with a tenth deleted");
    check(*state, living(2, true), "with half deleted");
}

static void hnsw__finds_it_where_few_are_permitted(void **state)
{
    check(*state, living(5, false), "of a fifth");
    check(*state, living(50, false), "of a fiftieth");
    check(*state, living(1000, false), "of a thousandth");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hnsw__finds_what_the_exact_index_finds),
        cmocka_unit_test(hnsw__finds_it_among_tombstones),
        cmocka_unit_test(hnsw__finds_it_where_few_are_permitted),
    };

    return cmocka_run_group_tests_name("hnsw_recall", tests, set_up, tear_down);
}
