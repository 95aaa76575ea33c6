/* The judge of citations: what a passage must contain to support a claim. */
#include "testing.h"

#include "eval_answers.h"

static bool contains(const char *passage, const char *claim)
{
    bool result = false;
    struct cof_error error = {0};
    assert_int_equal(
        cof_eval_contains_claim(cof_text_from(passage), cof_text_from(claim), &result, &error),
        COF_OK);
    return result;
}

static void claim__is_contained_when_its_words_and_numbers_are(void **state)
{
    assert_true(contains("Full-time staff have 30 days of paid leave a year.",
                         "Staff have 30 days of paid leave."));
}

static void claim__is_not_contained_when_a_number_differs(void **state)
{
    assert_false(contains("Full-time staff have 30 days of paid leave a year.",
                          "Staff have 28 days of paid leave."));
    assert_false(contains("Use form F-27 for expenses.", "Use form F-28 for expenses."));
}

static void claim__is_not_contained_when_most_words_are_foreign(void **state)
{
    assert_false(contains("Full-time staff have paid leave every year.",
                          "Every volcano erupts beneath the frozen ocean."));
}

static void claim__is_judged_by_bigrams_in_chinese(void **state)
{
    assert_true(contains("员工每年享有十五天带薪年假。", "员工享有十五天带薪年假"));
    assert_false(contains("员工每年享有十五天带薪年假。", "高铁票价由公司全额报销"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim__is_contained_when_its_words_and_numbers_are),
        cmocka_unit_test(claim__is_not_contained_when_a_number_differs),
        cmocka_unit_test(claim__is_not_contained_when_most_words_are_foreign),
        cmocka_unit_test(claim__is_judged_by_bigrams_in_chinese),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
