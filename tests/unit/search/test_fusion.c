/* Fusion is arithmetic: order, bounds and the odd cases. */
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fusion.h"
#include "seeded_random.h"

enum { COUNT = 60 };

static void make_items(struct cof_fusable *items, size_t count, uint64_t seed)
{
    struct seeded_random random;

    seeded_random_init(&random, seed);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct cof_fusable){.collection = 1,
                                        .chunk_id = i,
                                        .cosine = (float)seeded_random_unit(&random),
                                        .word_share = (float)seeded_random_unit(&random) / 2,
                                        .vector_rank = i % 3 == 0 ? 0 : i + 1,
                                        .word_rank = i % 2 == 0 ? 0 : i + 1,
                                        .tag = i};
}

static double mean_of(const double *values)
{
    double sum = 0;

    for (size_t i = 0; i < COUNT; i++)
        sum += values[i];
    return sum / COUNT;
}

static void standardise(double *values)
{
    double mean = mean_of(values);
    double squares[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        squares[i] = (values[i] - mean) * (values[i] - mean);
    double deviation = sqrt(mean_of(squares));
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (values[i] - mean) / deviation;
}

static void fusion__orders_as_weighted_z_scores_do(void **state)
{
    static const float weights[] = {0.1F, 0.5F, 0.8F};

    for (size_t w = 0; w < 3; w++) {
        struct cof_fusable items[COUNT];
        double cosines[COUNT];
        double shares[COUNT];
        make_items(items, COUNT, 20 + w);
        for (size_t i = 0; i < COUNT; i++) {
            cosines[i] = (double)items[i].cosine;
            shares[i] = (double)items[i].word_share;
        }
        standardise(cosines);
        standardise(shares);
        cof_fuse_weighted(items, COUNT, weights[w]);
        cof_fuse_sort(items, COUNT);
        for (size_t i = 1; i < COUNT; i++) {
            size_t a = items[i - 1].tag;
            size_t b = items[i].tag;
            double weight = (double)weights[w];
            double first = weight * cosines[a] + (1 - weight) * shares[a];
            double second = weight * cosines[b] + (1 - weight) * shares[b];
            assert_true(first > second - 1e-5);
        }
    }
}

static void fusion__scores_lie_between_the_halves(void **state)
{
    struct cof_fusable items[COUNT];

    make_items(items, COUNT, 2);
    cof_fuse_weighted(items, COUNT, 0.5F);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(items[i].score >= fminf(items[i].cosine, items[i].word_share) - 1e-6F);
        assert_true(items[i].score <= fmaxf(items[i].cosine, items[i].word_share) + 1e-6F);
    }
}

static void fusion__at_the_ends_is_one_half_alone(void **state)
{
    struct cof_fusable items[COUNT];

    make_items(items, COUNT, 3);
    cof_fuse_weighted(items, COUNT, 1);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabsf(items[i].score - items[i].cosine) < 1e-6F);
    cof_fuse_weighted(items, COUNT, 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabsf(items[i].score - items[i].word_share) < 1e-6F);
}

static void fusion__leaves_a_half_out_that_says_nothing(void **state)
{
    struct cof_fusable items[COUNT];

    make_items(items, COUNT, 4);
    for (size_t i = 0; i < COUNT; i++)
        items[i].word_share = 0; /* no word of the query was found */
    cof_fuse_weighted(items, COUNT, 0.5F);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabsf(items[i].score - items[i].cosine) < 1e-6F);
    for (size_t i = 0; i < COUNT; i++)
        items[i].word_share = NAN;
    cof_fuse_weighted(items, COUNT, 0.5F);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabsf(items[i].score - items[i].cosine) < 1e-6F);
    make_items(items, COUNT, 4);
    for (size_t i = 0; i < COUNT; i++)
        items[i].cosine = NAN;
    cof_fuse_weighted(items, COUNT, 0.5F);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabsf(items[i].score - items[i].word_share) < 1e-6F);
}

static void fusion__takes_few_and_equal_items(void **state)
{
    struct cof_fusable one = {.chunk_id = 1, .cosine = 0.8F, .word_share = 0.4F};
    struct cof_fusable two[2] = {{.chunk_id = 2, .cosine = 0.5F, .word_share = 0.5F},
                                 {.chunk_id = 1, .cosine = 0.5F, .word_share = 0.5F}};

    cof_fuse_weighted(NULL, 0, 0.5F);
    cof_fuse_by_rank(NULL, 0);
    cof_fuse_sort(NULL, 0);
    cof_fuse_weighted(&one, 1, 0.5F);
    assert_true(fabsf(one.score - 0.6F) < 1e-6F);
    cof_fuse_weighted(two, 2, 0.3F);
    cof_fuse_sort(two, 2);
    assert_true(fabsf(two[0].score - 0.5F) < 1e-6F);
    assert_int_equal(two[0].chunk_id, 1);
}

static void fusion__never_leaves_the_unit_interval(void **state)
{
    struct cof_fusable items[4] = {{.cosine = -1, .word_share = 0},
                                   {.cosine = 1.0001F, .word_share = 1},
                                   {.cosine = -0.2F, .word_share = 0.1F},
                                   {.cosine = 0, .word_share = 0}};

    for (int step = 0; step <= 10; step++) {
        cof_fuse_weighted(items, 4, (float)step / 10);
        for (size_t i = 0; i < 4; i++)
            assert_true(items[i].score >= 0 && items[i].score <= 1);
    }
}

static void fusion__by_rank_is_the_sum_of_reciprocals(void **state)
{
    struct cof_fusable items[4] = {{.chunk_id = 1, .vector_rank = 1, .word_rank = 1},
                                   {.chunk_id = 2, .vector_rank = 2},
                                   {.chunk_id = 3, .word_rank = 2},
                                   {.chunk_id = 4, .vector_rank = 3, .word_rank = 40}};

    cof_fuse_by_rank(items, 4);
    assert_true(fabsf(items[0].score - 1) < 1e-6F);
    assert_true(fabsf(items[1].score - 61.0F / 62 / 2) < 1e-6F);
    assert_memory_equal(&items[1].score, &items[2].score, sizeof(float));
    assert_true(fabsf(items[3].score - (61.0F / 63 + 61.0F / 100) / 2) < 1e-6F);
    items[0].word_rank = items[2].word_rank = items[3].word_rank = 0;
    cof_fuse_by_rank(items, 4);
    assert_true(fabsf(items[0].score - 1) < 1e-6F);
    assert_true(items[2].score <= 0);
}

static void fusion__sorts_ties_by_chunk_then_collection(void **state)
{
    struct cof_fusable items[4] = {{.collection = 2, .chunk_id = 5, .score = 0.5F},
                                   {.collection = 1, .chunk_id = 5, .score = 0.5F},
                                   {.collection = 9, .chunk_id = 4, .score = 0.5F},
                                   {.collection = 1, .chunk_id = 9, .score = 0.6F}};

    cof_fuse_sort(items, 4);
    assert_int_equal(items[0].chunk_id, 9);
    assert_int_equal(items[1].chunk_id, 4);
    assert_int_equal(items[2].collection, 1);
    assert_int_equal(items[3].collection, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fusion__orders_as_weighted_z_scores_do),
        cmocka_unit_test(fusion__scores_lie_between_the_halves),
        cmocka_unit_test(fusion__at_the_ends_is_one_half_alone),
        cmocka_unit_test(fusion__leaves_a_half_out_that_says_nothing),
        cmocka_unit_test(fusion__takes_few_and_equal_items),
        cmocka_unit_test(fusion__never_leaves_the_unit_interval),
        cmocka_unit_test(fusion__by_rank_is_the_sum_of_reciprocals),
        cmocka_unit_test(fusion__sorts_ties_by_chunk_then_collection),
    };

    return cmocka_run_group_tests_name("fusion", tests, NULL, NULL);
}
