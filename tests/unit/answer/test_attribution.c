/* Which passage supports a sentence, and which sentences nothing supports. */
#include "testing.h"

#include <cof/embedder/hashing.h>

#include "attribution.h"

static const struct cof_search_hit hits[] = {
    {.document = {.title = COF_TEXT_INIT("Annual leave in Dublin")},
     .chunk = {.text = COF_TEXT_INIT("Full-time staff have 25 days of annual leave a year. Unused "
                                     "days lapse on 31 March. Leave must not be sold.")}},
    {.document = {.title = COF_TEXT_INIT("Expenses")},
     .chunk = {.text = COF_TEXT_INIT("Claims are made with form F-27 within 60 days. Alcohol is "
                                     "never reimbursed.")}},
    {.document = {.title = COF_TEXT_INIT("年假")},
     .chunk = {.text = COF_TEXT_INIT("上海员工每年享有十五天带薪年假。未休的假期不得折现。")}},
};

struct fixture {
    struct cof_arena arena;
    struct cof_embedder *embedder;
    struct cof_attribution *attribution;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    struct cof_error error = {0};
    assert_int_equal(cof_hashing_open(256, 512, &fixture.embedder, &error), COF_OK);
    assert_int_equal(cof_attribution_create(fixture.embedder, hits, 3, &fixture.arena,
                                            &fixture.attribution, &error),
                     COF_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    cof_arena_deinit(&fixture->arena);
    cof_embedder_close(fixture->embedder);
    return 0;
}

static struct cof_support attribute(struct fixture *fixture, const char *sentence, uint32_t claimed)
{
    struct cof_support support = {0};
    struct cof_error error = {0};
    assert_int_equal(cof_attribute(fixture->attribution, cof_text_from(sentence), claimed, NULL,
                                   &support, &error),
                     COF_OK);
    return support;
}

static void attribution__finds_the_sentence_that_supports(void **state)
{
    struct cof_support support = attribute(*state, "Staff have 25 days of annual leave.", 0);
    assert_true(support.is_supported);
    assert_int_equal(support.passage, 0);
    assert_int_equal(support.begin, 0);
    struct cof_text quote = cof_text_slice(hits[0].chunk.text, support.begin, support.end);
    assert_true(cof_text_has_suffix(quote, COF_TEXT("a year.")));
}

static void attribution__refuses_an_invented_number(void **state)
{
    assert_false(attribute(*state, "Staff have 28 days of annual leave.", 0).is_supported);
    assert_false(
        attribute(*state, "Claims are made with form F-28 within 60 days.", 0).is_supported);
}

static void attribution__refuses_a_flipped_negation(void **state)
{
    assert_true(attribute(*state, "Alcohol is never reimbursed.", 0).is_supported);
    assert_false(attribute(*state, "Alcohol is reimbursed.", 0).is_supported);
    assert_false(attribute(*state, "Leave must be sold.", 0).is_supported);
}

static void attribution__refuses_what_the_passages_do_not_say(void **state)
{
    assert_false(attribute(*state, "The moon is made of green cheese.", 0).is_supported);
    assert_false(attribute(*state, "Yes.", 0).is_supported);
    assert_false(attribute(*state, "", 0).is_supported);
    assert_false(attribute(*state, "I do not know.", 0).is_supported);
}

static void attribution__does_not_mix_two_passages(void **state)
{
    assert_false(attribute(*state, "Staff have 60 days of annual leave.", 0).is_supported);
}

static void attribution__refuses_the_same_words_in_another_order(void **state)
{
    assert_false(attribute(*state, "A year of leave lapses for annual staff on unused days.", 0)
                     .is_supported);
}

static void attribution__ignores_a_marker_that_is_wrong(void **state)
{
    struct cof_support support = attribute(*state, "Staff have 25 days of annual leave.", 2);
    assert_true(support.is_supported);
    assert_int_equal(support.passage, 0);
}

static void attribution__works_in_chinese(void **state)
{
    struct cof_support support = attribute(*state, "上海员工每年有十五天带薪年假。", 0);
    assert_true(support.is_supported);
    assert_int_equal(support.passage, 2);
    assert_false(attribute(*state, "北京员工每月可以报销高铁票。", 0).is_supported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attribution__finds_the_sentence_that_supports, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(attribution__refuses_an_invented_number, setup, teardown),
        cmocka_unit_test_setup_teardown(attribution__refuses_a_flipped_negation, setup, teardown),
        cmocka_unit_test_setup_teardown(attribution__refuses_what_the_passages_do_not_say, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(attribution__does_not_mix_two_passages, setup, teardown),
        cmocka_unit_test_setup_teardown(attribution__refuses_the_same_words_in_another_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(attribution__ignores_a_marker_that_is_wrong, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(attribution__works_in_chinese, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
