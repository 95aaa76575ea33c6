/* Weights of words against the formula, over a real store and index. */
#include "testing.h"

#include <math.h>

#include <cof/base/alloc.h>
#include <cof/search/word_weights.h>

#include "search_scene.h"

static const struct scene_document leave = {
    .id = "leave",
    .title = "Leave",
    .texts = {"Everyone has annual leave.", "Leave lapses in March.", "员工每年享有带薪年假。"},
    .text_count = 3,
};

static int set_up(void **state)
{
    static struct search_scene scene;

    scene_open(&scene, 0);
    (void)scene_put(&scene, scene.collection, &leave);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_close(*state);
    return 0;
}

static enum cof_status weigh(struct search_scene *scene, const uint64_t *collections, size_t count,
                             const struct cof_text *words, size_t word_count,
                             struct cof_word_weight *weights)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};

    return cof_search_weigh_words(scene->searcher, collections, count, words, word_count, &arena,
                                  weights, NULL);
}

static void expect_weight(struct cof_word_weight weight, double chunk_count, double frequency)
{
    double expected = log1p((chunk_count - frequency + 0.5) / (frequency + 0.5));

    assert_true(fabs((double)weight.weight - expected) < 1e-6);
    assert_int_equal(weight.occurs, frequency > 0);
}

static void word_weights__are_inverse_document_frequencies(void **state)
{
    struct search_scene *scene = *state;
    const struct cof_text words[] = {COF_TEXT("leave"), COF_TEXT("march"), COF_TEXT("opera"),
                                     COF_TEXT("年假"), COF_TEXT("假年")};
    struct cof_word_weight weights[5];

    assert_int_equal(weigh(scene, &scene->collection, 1, words, 5, weights), COF_OK);
    expect_weight(weights[0], 3, 3); /* the title belongs to every chunk */
    expect_weight(weights[1], 3, 1);
    expect_weight(weights[2], 3, 0);
    expect_weight(weights[3], 3, 1);
    expect_weight(weights[4], 3, 0); /* both characters occur, the pair does not */
}

static void word_weights__count_all_collections_together(void **state)
{
    struct search_scene *scene = *state;
    const uint64_t collections[] = {scene->collection, scene_add_collection(scene, "other")};
    const struct cof_text word = COF_TEXT("march");
    struct cof_word_weight weight;

    (void)scene_put(scene, collections[1], &leave);
    assert_int_equal(weigh(scene, collections, 2, &word, 1, &weight), COF_OK);
    expect_weight(weight, 6, 2);
}

static void word_weights__need_a_collection_that_exists(void **state)
{
    struct search_scene *scene = *state;
    const uint64_t nowhere = scene->collection + 1000;
    const struct cof_text word = COF_TEXT("march");
    struct cof_word_weight weight;

    assert_int_equal(weigh(scene, &nowhere, 1, &word, 1, &weight), COF_NOT_FOUND);
}

static void word_weights__report_running_out_of_memory(void **state)
{
    struct search_scene *scene = *state;
    const struct cof_text words[] = {COF_TEXT("leave"), COF_TEXT("march")};
    struct cof_word_weight weights[2];

    for (long n = 1;; n++) {
        cof_alloc_fail_after(n);
        enum cof_status status = weigh(scene, &scene->collection, 1, words, 2, weights);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_pending ? COF_OK : COF_NO_MEMORY);
        if (is_pending)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(word_weights__are_inverse_document_frequencies, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(word_weights__count_all_collections_together, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(word_weights__need_a_collection_that_exists, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(word_weights__report_running_out_of_memory, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("word_weights", tests, NULL, NULL);
}
