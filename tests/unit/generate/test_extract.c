/* The sentences chosen are those that a reader would point at, and stand where they say. */
#include <cof/generate/extractive.h>

#include <string.h>

#include "../base/torture.h"

static const struct cof_passage handbook[] = {
    {.title = {.data = "Leave", .size = 5},
     .text = {.data =
                  "# Annual leave\n\nA full-time employee has 27 working days of paid holiday. "
                  "Ask your manager first.\n\n# Illness\n\nA certificate is due from the fourth "
                  "day. Call before 09:00.\n",
              .size = 168}},
    {.title = {.data = "Card", .size = 4},
     .text = {.data = "The company card has a monthly limit of 2,500 euro. Cash withdrawals are "
                      "blocked. Form F-44 is signed by the head of department.",
              .size = 128}},
};

static struct cof_passage passages[2];

static int measure(void **state)
{
    for (size_t i = 0; i < 2; i++) {
        passages[i] = handbook[i];
        passages[i].text = cof_text_from(handbook[i].text.data);
    }
    return 0;
}

/* The best sentence for a question. */
static void check_best(const char *question, const char *expected)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;

    assert_int_equal(cof_extract_sentences(cof_text_from(question), passages, 2, 1, &arena,
                                           &extracts, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    assert_true(extracts[0].score > 0 && extracts[0].score <= 1);

    struct cof_text text =
        cof_text_slice(passages[extracts[0].passage].text, extracts[0].begin, extracts[0].end);

    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void extract__finds_the_sentence_that_answers(void **state)
{
    check_best("How many days of paid holiday do I have?",
               "A full-time employee has 27 working days of paid holiday.");
    check_best("When must I call if I am ill?", "Call before 09:00.");
    check_best("What is the limit of the company card?",
               "The company card has a monthly limit of 2,500 euro.");
    check_best("Who signs F-44?", "Form F-44 is signed by the head of department.");
    check_best("CASH WITHDRAWAL?", "Cash withdrawals are blocked.");
}

static void extract__never_chooses_a_heading(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;

    assert_int_equal(cof_extract_sentences(COF_TEXT("annual leave illness"), passages, 2, 10,
                                           &arena, &extracts, &count, NULL),
                     COF_OK);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(passages[extracts[i].passage].text.data[extracts[i].begin], '#');
}

static void extract__returns_nothing_when_no_word_is_shared(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 1;

    assert_int_equal(cof_extract_sentences(COF_TEXT("xylophone tuning"), passages, 2, 3, &arena,
                                           &extracts, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        cof_extract_sentences(COF_TEXT("?"), passages, 2, 3, &arena, &extracts, &count, NULL),
        COF_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        cof_extract_sentences(COF_TEXT("card"), NULL, 0, 3, &arena, &extracts, &count, NULL),
        COF_OK);
    assert_int_equal(count, 0);
    assert_int_equal(
        cof_extract_sentences(COF_TEXT("card"), passages, 2, 0, &arena, &extracts, &count, NULL),
        COF_OK);
    assert_int_equal(count, 0);
}

static void extract__returns_each_sentence_once(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;

    assert_int_equal(cof_extract_sentences(COF_TEXT("company card limit day certificate manager"),
                                           passages, 2, 100, &arena, &extracts, &count, NULL),
                     COF_OK);
    assert_in_range(count, 3, 7);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            assert_true(extracts[i].passage != extracts[k].passage ||
                        extracts[i].begin != extracts[k].begin);
        }
    }
}

static void extract__prefers_what_is_rare(void **state)
{
    static const char text[] = "The badge opens the door. The badge is blue. The badge has a "
                               "chip. The lanyard is lent by the porter.";
    const struct cof_passage passage = {.text = {.data = text, .size = sizeof(text) - 1}};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;

    assert_int_equal(cof_extract_sentences(COF_TEXT("badge lanyard"), &passage, 1, 1, &arena,
                                           &extracts, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(text + extracts[0].begin, "The lanyard", 11);
}

static void extract__scores_the_share_that_is_covered(void **state)
{
    const struct cof_passage passage = {.text = COF_TEXT("The red door is open today.")};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;
    float whole = 0;

    assert_int_equal(cof_extract_sentences(COF_TEXT("red door"), &passage, 1, 1, &arena, &extracts,
                                           &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    whole = extracts[0].score;
    assert_float_equal(whole, 1, 0.001);
    assert_int_equal(cof_extract_sentences(COF_TEXT("red door xylophone zebra quince"), &passage, 1,
                                           1, &arena, &extracts, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    assert_true(extracts[0].score < 0.5f);
}

static enum cof_status extract_once(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;

    return cof_extract_sentences(COF_TEXT("How many days?"), passages, 2, 2, &arena, &extracts,
                                 &count, err);
}

static void extract__survives_each_failed_allocation(void **state)
{
    assert_in_range(torture(extract_once, NULL), 10, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extract__finds_the_sentence_that_answers),
        cmocka_unit_test(extract__never_chooses_a_heading),
        cmocka_unit_test(extract__returns_nothing_when_no_word_is_shared),
        cmocka_unit_test(extract__returns_each_sentence_once),
        cmocka_unit_test(extract__prefers_what_is_rare),
        cmocka_unit_test(extract__scores_the_share_that_is_covered),
        cmocka_unit_test(extract__survives_each_failed_allocation),
    };

    return cmocka_run_group_tests(tests, measure, NULL);
}
