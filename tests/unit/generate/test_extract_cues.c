/* Questions name what they want, and sentences show whether they hold it. */
#include "extract_cues.h"

#include "testing.h"

static struct cof_cues ask(const char *question, struct cof_arena *arena)
{
    struct cof_term *terms = NULL;
    size_t count = 0;

    assert_int_equal(cof_terms_of(cof_text_from(question), arena, &terms, &count, NULL), COF_OK);
    return cof_cues_of(terms, count);
}

/* What of the question's wishes the sentence meets. */
static unsigned met(const char *question, const char *sentence)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_cues cues = ask(question, &arena);
    struct cof_term *terms = NULL;
    size_t count = 0;

    assert_int_equal(cof_terms_of(cof_text_from(sentence), &arena, &terms, &count, NULL), COF_OK);
    return cof_cues_met(&cues, cof_text_from(sentence), terms, count);
}

static void cues__know_what_a_question_asks_for(void **state)
{
    static const struct {
        const char *question;
        unsigned kinds;
    } cases[] = {
        {"Who may enter?", 0},
        {"How much is it?", COF_CUE_NUMBER},
        {"How long does it take?", COF_CUE_NUMBER | COF_CUE_DURATION},
        {"How many weeks of leave?", COF_CUE_NUMBER | COF_CUE_COUNTED},
        {"What does a badge cost?", COF_CUE_MONEY},
        {"What time does it open?", COF_CUE_TIME},
        {"What is the phone number?", COF_CUE_CODE},
        {"Wie viele Tage?", COF_CUE_NUMBER | COF_CUE_COUNTED},
        {"Bis wann?", COF_CUE_TIME},
        {"Combien de jours ?", COF_CUE_NUMBER | COF_CUE_COUNTED},
        {"\u00BFCu\u00E1nto cuesta?", COF_CUE_NUMBER | COF_CUE_MONEY | COF_CUE_COUNTED},
        {"\u591A\u5C11\u5929\uFF1F", COF_CUE_NUMBER | COF_CUE_COUNTED},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};

        assert_int_equal(ask(cases[i].question, &arena).kinds & cases[i].kinds, cases[i].kinds);
        if (cases[i].kinds == 0)
            assert_int_equal(ask(cases[i].question, &arena).kinds, 0);
    }
}

static void cues__are_met_by_the_right_kind_only(void **state)
{
    assert_int_equal(met("How many weeks?", "She gets 18 weeks."),
                     COF_CUE_NUMBER | COF_CUE_COUNTED);
    assert_int_equal(met("How many weeks?", "She gets 18 rooms."), COF_CUE_NUMBER);
    assert_int_equal(met("How many weeks?", "She gets weeks of rest."), 0);
    assert_int_equal(met("How long is it?", "It takes six months."),
                     COF_CUE_NUMBER | COF_CUE_DURATION);
    assert_int_equal(met("What does it cost?", "It is \u20AC15."), COF_CUE_MONEY);
    assert_int_equal(met("What does it cost?", "It is 15 euros."), COF_CUE_MONEY);
    assert_int_equal(met("What does it cost?", "It is 15."), 0);
    assert_int_equal(met("When does it open?", "At 08:30."), COF_CUE_TIME);
    assert_int_equal(met("When does it open?", "On Monday."), COF_CUE_TIME);
    assert_int_equal(met("When does it open?", "In room 12."), 0);
    assert_int_equal(met("Whom do I call?", "Dial 6099."), COF_CUE_CODE);
    assert_int_equal(met("Whom do I call?", "Dial 60."), 0);
    assert_int_equal(met("Who may enter?", "At 08:30, 15 euros."), 0);
}

static void cues__are_met_in_other_languages(void **state)
{
    assert_int_equal(met("Wie viele Wochen?", "Es sind sechs Wochen."),
                     COF_CUE_NUMBER | COF_CUE_COUNTED);
    assert_int_equal(met("Combien de jours ?", "Ce sont 12 jours."),
                     COF_CUE_NUMBER | COF_CUE_COUNTED);
    assert_int_equal(met("\u591A\u5C11\u5929?", "16 \u5929"), COF_CUE_NUMBER | COF_CUE_COUNTED);
    assert_int_equal(met("\u0441\u043A\u043E\u043B\u044C\u043A\u043E \u0434\u043D\u0435\u0439?",
                         "15 \u0434\u043D\u0435\u0439") &
                         COF_CUE_COUNTED,
                     COF_CUE_COUNTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cues__know_what_a_question_asks_for),
        cmocka_unit_test(cues__are_met_by_the_right_kind_only),
        cmocka_unit_test(cues__are_met_in_other_languages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
