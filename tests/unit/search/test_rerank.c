/* The second stage: who has how much say, and what happens when it is late, busy or not there. */
#include "rerank.h"

#include <math.h>
#include <string.h>

#include "search_scene.h"
#include "testing.h"

/* A reranker that likes one word. */
struct liking {
    struct cof_reranker base;
    const char *word;
    enum cof_status failure;
    struct cof_cancel *cancels; /* the client leaves while it ranks */
    size_t text_count;          /* of the last call */
    bool has_deadline;
    bool has_titles;
};

static enum cof_status like(struct cof_reranker *reranker, struct cof_text query,
                            const struct cof_text *texts, size_t count,
                            const struct cof_cancel *cancel, float *out_scores,
                            size_t *out_token_count, struct cof_error *err)
{
    struct liking *liking = (struct liking *)reranker;
    (void)query;
    (void)out_token_count;
    liking->text_count = count;
    liking->has_deadline = cancel->deadline_steady_ns != 0;
    liking->has_titles = true;
    if (liking->cancels != NULL)
        cof_cancel_request(liking->cancels);
    if (liking->failure != COF_OK)
        return COF_FAIL(err, liking->failure, "ordered");
    for (size_t i = 0; i < count; i++) {
        bool is_liked = cof_text_index_of(texts[i], cof_text_from(liking->word)) != SIZE_MAX;
        out_scores[i] = is_liked ? 0.9F : 0.2F;
        liking->has_titles &= cof_text_has_prefix(texts[i], COF_TEXT("Badges "));
    }
    return COF_OK;
}

static const struct cof_reranker_ops LIKING_OPS = {.name = "liking", .rank = like};
static struct search_scene scene;
static struct liking liking;
static struct cof_principal principal;

static void open_searcher(float weight, size_t count)
{
    scene.reranker = &liking.base;
    scene.rerank_weight = weight;
    scene.rerank_count = count;
    scene.rerank_budget_ms = 1000;
    scene_rebuild(&scene);
}

static int set_up(void **state)
{
    static const struct scene_document badges = {
        .id = "badges",
        .title = "Badges",
        .texts = {"A badge, a badge: every badge is worn.", "A badge that is lost is blocked.",
                  "Visitors get a badge for the day.", "Nothing else."},
        .text_count = 4,
    };
    scene_open(&scene, 0);
    (void)scene_put(&scene, scene.collection, &badges);
    liking = (struct liking){.base = {.ops = &LIKING_OPS}, .word = "Visitors"};
    principal = scene_principal("ann", NULL, 0);
    open_searcher(0.9F, 50);
    return 0;
}

static int tear_down(void **state)
{
    scene_close(&scene);
    return 0;
}

static struct cof_search_request request_of(const char *query)
{
    struct cof_search_request request = scene_request(&scene, query, &principal);
    request.must_rerank = true;
    return request;
}

static void expect_ordered(const struct cof_search_result *result)
{
    for (size_t i = 0; i < result->hit_count; i++) {
        assert_true(result->hits[i].score >= 0 && result->hits[i].score <= 1);
        assert_true(i == 0 || result->hits[i - 1].score >= result->hits[i].score);
    }
}

static void rerank__brings_up_what_the_reranker_likes(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    request.must_rerank = false;
    struct cof_search_result plain = scene_search(&scene, &request, &arena);
    assert_true(isnan(plain.hits[0].rerank_score));
    assert_null(plain.trace.rerank);
    assert_true(cof_text_index_of(plain.hits[0].chunk.text, COF_TEXT("Visitors")) == SIZE_MAX);

    request.must_rerank = true;
    struct cof_search_result result = scene_search(&scene, &request, &arena);
    assert_int_equal(result.hit_count, plain.hit_count);
    assert_true(cof_text_index_of(result.hits[0].chunk.text, COF_TEXT("Visitors")) == 0);
    assert_true(result.hits[0].rerank_score > 0.8F);
    assert_string_equal(result.trace.rerank, "applied");
    assert_int_equal(result.trace.rerank_count, result.hit_count);
    assert_true(liking.has_deadline && liking.has_titles);
    expect_ordered(&result);
}

static void rerank__reads_more_than_it_returns(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    request.k = 1;
    struct cof_search_result result = scene_search(&scene, &request, &arena);
    assert_int_equal(result.hit_count, 1);
    assert_true(liking.text_count > 1);
    assert_true(cof_text_index_of(result.hits[0].chunk.text, COF_TEXT("Visitors")) == 0);
}

static void rerank__leaves_what_it_does_not_read_behind(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    open_searcher(0.9F, 2);
    struct cof_search_result result = scene_search(&scene, &request, &arena);
    assert_int_equal(liking.text_count, 2);
    assert_true(result.hit_count > 2);
    assert_true(!isnan(result.hits[1].rerank_score));
    assert_true(isnan(result.hits[2].rerank_score));
    expect_ordered(&result);
}

static void rerank__without_weight_changes_nothing(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    open_searcher(0, 50);
    struct cof_search_result result = scene_search(&scene, &request, &arena);
    request.must_rerank = false;
    struct cof_search_result plain = scene_search(&scene, &request, &arena);
    assert_int_equal(result.hit_count, plain.hit_count);
    for (size_t i = 0; i < plain.hit_count; i++) {
        assert_int_equal(result.hits[i].chunk.chunk_id, plain.hits[i].chunk.chunk_id);
        assert_true(fabsf(result.hits[i].score - plain.hits[i].score) < 1e-6F);
    }
}

static void rerank__gives_way_when_it_is_late_or_busy(void **state)
{
    static const struct {
        enum cof_status failure;
        const char *reason;
    } cases[] = {{COF_TIMEOUT, "late"}, {COF_LIMITED, "busy"}};
    for (size_t i = 0; i < 2; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_search_request request = request_of("badge");
        liking.failure = cases[i].failure;
        struct cof_search_result result = scene_search(&scene, &request, &arena);
        assert_string_equal(result.trace.rerank, cases[i].reason);
        assert_int_equal(result.trace.rerank_count, 0);
        request.must_rerank = false;
        struct cof_search_result plain = scene_search(&scene, &request, &arena);
        assert_int_equal(result.hit_count, plain.hit_count);
        for (size_t j = 0; j < plain.hit_count; j++) {
            assert_int_equal(result.hits[j].chunk.chunk_id, plain.hits[j].chunk.chunk_id);
            assert_true(isnan(result.hits[j].rerank_score));
        }
    }
}

static void rerank__does_not_hide_other_failures(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    struct cof_search_result result = {0};
    struct cof_cancel cancel = {0};
    liking.failure = COF_CORRUPT;
    assert_int_equal(cof_search(scene.searcher, &request, &arena, &result, NULL), COF_CORRUPT);
    liking.failure = COF_TIMEOUT;
    liking.cancels = &cancel;
    request.cancel = &cancel;
    assert_int_equal(cof_search(scene.searcher, &request, &arena, &result, NULL), COF_CANCELED);
}

static void rerank__says_when_there_is_nothing_to_rank_by(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("");
    struct cof_search_result result = {0};
    struct cof_error err = {0};
    float vector[SCENE_DIMENSION] = {1};
    request.query_vector = vector;
    request.query_vector_count = SCENE_DIMENSION;
    assert_int_equal(cof_search(scene.searcher, &request, &arena, &result, &err), COF_INVALID);
    scene.reranker = NULL;
    scene_rebuild(&scene);
    request = request_of("badge");
    assert_int_equal(cof_search(scene.searcher, &request, &arena, &result, &err), COF_UNAVAILABLE);
    assert_non_null(strstr(err.message, "reranker.model"));
}

static void rerank__of_nothing_found_is_nothing(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_request request = request_of("badge");
    request.mode = COF_SEARCH_LEXICAL;
    request.query = COF_TEXT("xylophone");
    struct cof_search_result result = scene_search(&scene, &request, &arena);
    assert_int_equal(result.hit_count, 0);
}

/* ---- The blend ---- */

static double z_score(const float *values, size_t count, size_t place)
{
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)values[i] - mean) * ((double)values[i] - mean);
    return ((double)values[place] - mean) / sqrt(squares / (double)count);
}

static void blend__is_in_the_order_of_weighted_z_scores(void **state)
{
    static const float first[] = {0.9F, 0.7F, 0.65F, 0.6F, 0.2F};
    static const float second[] = {0.31F, 0.36F, 0.30F, 0.39F, 0.33F};
    for (size_t quarters = 0; quarters <= 4; quarters++) {
        float weight = (float)quarters / 4;
        float scores[5];
        cof_rerank_blend(first, second, 5, weight, scores);
        for (size_t i = 0; i < 5; i++) {
            assert_true(scores[i] >= 0 && scores[i] <= 1);
            for (size_t j = 0; j < 5; j++) {
                double difference =
                    (1 - (double)weight) * (z_score(first, 5, i) - z_score(first, 5, j)) +
                    (double)weight * (z_score(second, 5, i) - z_score(second, 5, j));
                if (fabs(difference) > 1e-6)
                    assert_true((scores[i] > scores[j]) == (difference > 0));
            }
        }
    }
}

static void blend__leaves_the_choice_to_the_one_that_can_tell(void **state)
{
    static const float flat[] = {0.5F, 0.5F, 0.5F};
    static const float steep[] = {0.1F, 0.9F, 0.4F};
    float scores[3];
    cof_rerank_blend(flat, steep, 3, 0.2F, scores);
    assert_memory_equal(scores, steep, sizeof(scores));
    cof_rerank_blend(steep, flat, 3, 0.2F, scores);
    assert_memory_equal(scores, steep, sizeof(scores));
    cof_rerank_blend(flat, flat, 3, 0.2F, scores);
    assert_memory_equal(scores, flat, sizeof(scores));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rerank__brings_up_what_the_reranker_likes),
        CASE(rerank__reads_more_than_it_returns),
        CASE(rerank__leaves_what_it_does_not_read_behind),
        CASE(rerank__without_weight_changes_nothing),
        CASE(rerank__gives_way_when_it_is_late_or_busy),
        CASE(rerank__does_not_hide_other_failures),
        CASE(rerank__says_when_there_is_nothing_to_rank_by),
        CASE(rerank__of_nothing_found_is_nothing),
        cmocka_unit_test(blend__is_in_the_order_of_weighted_z_scores),
        cmocka_unit_test(blend__leaves_the_choice_to_the_one_that_can_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
