/* Retrieval metrics against values worked out by hand. */
#include "testing.h"

#include <math.h>

#include "eval_metrics.h"

static const struct cof_eval_judgment judgments[] = {
    {.document = COF_TEXT_INIT("a"), .grade = 1},
    {.document = COF_TEXT_INIT("b"), .grade = 2},
    {.document = COF_TEXT_INIT("c"), .grade = 1},
};
static const struct cof_eval_query query = {.judgments = judgments, .judgment_count = 3};

static void assert_close(double actual, double expected)
{
    assert_true(fabs(actual - expected) < 1e-12);
}

static void ndcg__is_one_for_the_best_order_and_zero_for_nothing(void **state)
{
    const struct cof_text best[] = {COF_TEXT("b"), COF_TEXT("c"), COF_TEXT("a")};
    const struct cof_text none[] = {COF_TEXT("x"), COF_TEXT("y")};
    assert_close(cof_eval_ndcg(&query, best, 3, 10), 1.0);
    assert_close(cof_eval_ndcg(&query, none, 2, 10), 0.0);
    assert_close(cof_eval_ndcg(&query, NULL, 0, 10), 0.0);
}

static void ndcg__discounts_by_rank_with_linear_gain(void **state)
{
    const struct cof_text ranking[] = {COF_TEXT("x"), COF_TEXT("b"), COF_TEXT("a")};
    double dcg = 2.0 / log2(3) + 1.0 / log2(4);
    double ideal = 2.0 / log2(2) + 1.0 / log2(3) + 1.0 / log2(4);
    assert_close(cof_eval_ndcg(&query, ranking, 3, 10), dcg / ideal);
}

static void ndcg__cuts_ranking_and_ideal_at_the_depth(void **state)
{
    const struct cof_text ranking[] = {COF_TEXT("a"), COF_TEXT("b")};
    assert_close(cof_eval_ndcg(&query, ranking, 2, 1), 0.5);
}

static void recall__counts_found_over_relevant(void **state)
{
    const struct cof_text ranking[] = {COF_TEXT("x"), COF_TEXT("b"), COF_TEXT("a")};
    assert_close(cof_eval_recall(&query, ranking, 3, 5), 2.0 / 3.0);
    assert_close(cof_eval_recall(&query, ranking, 3, 2), 1.0 / 3.0);
}

static void reciprocal_rank__is_of_the_first_relevant(void **state)
{
    const struct cof_text ranking[] = {COF_TEXT("x"), COF_TEXT("y"), COF_TEXT("c")};
    assert_close(cof_eval_reciprocal_rank(&query, ranking, 3, 10), 1.0 / 3.0);
    assert_close(cof_eval_reciprocal_rank(&query, ranking, 3, 2), 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ndcg__is_one_for_the_best_order_and_zero_for_nothing),
        cmocka_unit_test(ndcg__discounts_by_rank_with_linear_gain),
        cmocka_unit_test(ndcg__cuts_ranking_and_ideal_at_the_depth),
        cmocka_unit_test(recall__counts_found_over_relevant),
        cmocka_unit_test(reciprocal_rank__is_of_the_first_relevant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
