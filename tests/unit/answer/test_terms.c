/* Words that carry meaning: folded, cut, CJK as bigrams, numbers exact. */
#include "testing.h"

#include "terms.h"

static struct cof_terms make(struct cof_arena *arena, const char *text)
{
    struct cof_terms terms = {0};
    struct cof_error error = {0};
    assert_int_equal(cof_terms_make(cof_text_from(text), arena, &terms, &error), COF_OK);
    return terms;
}

/* How many terms of `a` are in `b`. */
static size_t shared(const struct cof_terms *a, const struct cof_terms *b)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++) {
        count += cof_terms_has(b, a->items[i].hash) ? 1 : 0;
    }
    return count;
}

static void terms__match_across_inflection_and_case(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_terms a = make(&arena, "Employees travelled");
    struct cof_terms b = make(&arena, "the EMPLOYEE is travelling");
    assert_int_equal(shared(&a, &b), 2);
}

static void terms__keep_numbers_and_codes_exact(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_terms a = make(&arena, "1234567");
    struct cof_terms b = make(&arena, "1234568");
    assert_int_equal(shared(&a, &b), 0);
    assert_true(a.items[0].is_number);
}

static void terms__of_chinese_are_bigrams(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_terms a = make(&arena, "带薪年假");
    struct cof_terms b = make(&arena, "员工每年享有十五天带薪年假");
    assert_int_equal(a.count, 3);
    assert_int_equal(shared(&a, &b), 3);
}

static void terms__of_arabic_match_with_and_without_article(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_terms a = make(&arena, "العين بالماء");
    struct cof_terms b = make(&arena, "عين وماء الماء");
    assert_int_equal(shared(&a, &b), 2);
    /* Too short to lose two letters. */
    struct cof_terms word = make(&arena, "الى");
    struct cof_terms letter = make(&arena, "ى");
    assert_int_equal(shared(&word, &letter), 0);
}

static void terms__notice_negation(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    assert_true(make(&arena, "This is not allowed").has_negation);
    assert_true(make(&arena, "Das ist nicht erlaubt").has_negation);
    assert_true(make(&arena, "不允许").has_negation);
    assert_false(make(&arena, "This is allowed").has_negation);
}

static void terms__give_function_words_little_weight(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    assert_true(make(&arena, "the").items[0].weight < 0.5f);
    assert_true(make(&arena, "leave").items[0].weight == 1.0f);
    assert_int_equal(make(&arena, " \n … ").count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms__match_across_inflection_and_case),
        cmocka_unit_test(terms__keep_numbers_and_codes_exact),
        cmocka_unit_test(terms__of_chinese_are_bigrams),
        cmocka_unit_test(terms__of_arabic_match_with_and_without_article),
        cmocka_unit_test(terms__notice_negation),
        cmocka_unit_test(terms__give_function_words_little_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
