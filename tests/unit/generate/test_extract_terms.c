/* Words meet across inflection, accents and compounds; numbers and CJK characters do not blur. */
#include "extract_terms.h"

#include <string.h>

#include <cof/base/buffer.h>

#include "testing.h"

/* The terms of `text`, joined by spaces. */
static void check_terms(const char *text, const char *expected)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer joined = {0};
    struct cof_term *terms = NULL;
    size_t count = 0;

    assert_int_equal(cof_terms_of(cof_text_from(text), &arena, &terms, &count, NULL), COF_OK);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            cof_buffer_append_byte(&joined, ' ');
        cof_buffer_append_text(&joined, terms[i].text);
    }
    cof_buffer_append_byte(&joined, 0);
    assert_string_equal((const char *)joined.data, expected);
}

static struct cof_term term_of(const char *text, struct cof_arena *arena)
{
    struct cof_term *terms = NULL;
    size_t count = 0;

    assert_int_equal(cof_terms_of(cof_text_from(text), arena, &terms, &count, NULL), COF_OK);
    assert_true(count > 0);
    return terms[count - 1];
}

static float likeness(const char *a, const char *b)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_term left = term_of(a, &arena);
    struct cof_term right = term_of(b, &arena);
    float forward = cof_term_likeness(&left, &right);

    assert_float_equal(forward, cof_term_likeness(&right, &left), 0);
    assert_true(forward >= 0 && forward <= 1);
    return forward;
}

static void terms__are_folded_and_without_accents(void **state)
{
    check_terms("Caf\u00E9 \u00DCBER Stra\u00DFe \uFB01n", "cafe uber strasse fin");
    check_terms("F-44, 08:00 and \u20AC46!", "f 44 08 00 and 46");
    check_terms("", "");
    check_terms("?! \u2014 *", "");
}

static void terms__of_cjk_are_single_characters_and_pairs(void **state)
{
    check_terms("\u5E74\u4F11\u5047 16 \u5929",
                "\u5E74 \u4F11 \u5E74\u4F11 \u5047 \u4F11\u5047 16 \u5929");
}

static void terms__of_arabic_lose_the_article(void **state)
{
    assert_float_equal(likeness("\u0627\u0644\u0639\u064A\u0646", "\u0639\u064A\u0646"), 1, 0);
}

static void terms__know_numbers_and_names(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};

    assert_true(term_of("46", &arena).is_number);
    assert_true(term_of("\u0664", &arena).is_number);
    assert_false(term_of("six", &arena).is_number);
    assert_true(term_of("go to Lyon", &arena).is_name);
    assert_true(term_of("to the RTT", &arena).is_name);
    assert_false(term_of("How", &arena).is_name);
    assert_false(term_of("Yes. How", &arena).is_name);
    assert_false(term_of("go to bed", &arena).is_name);
}

static void terms__meet_across_inflection(void **state)
{
    assert_true(likeness("day", "Days") == 0); /* too short to be sure */
    assert_true(likeness("weeks", "week") > 0.8f);
    assert_true(likeness("reimbursement", "reimbursed") > 0.7f);
    assert_true(likeness("Urlaub", "Urlaubs") > 0.8f);
    assert_true(likeness("Urlaub", "Jahresurlaub") > 0.5f);
    assert_true(likeness("cong\u00E9", "conges") > 0.8f);
    assert_true(likeness("\u043E\u0442\u043F\u0443\u0441\u043A",
                         "\u043E\u0442\u043F\u0443\u0441\u043A\u0430") > 0.8f);
}

static void terms__that_differ_do_not_meet(void **state)
{
    assert_float_equal(likeness("leave", "learn"), 0, 0);
    assert_float_equal(likeness("sick", "six"), 0, 0);
    assert_float_equal(likeness("2026", "2025"), 0, 0);
    assert_float_equal(likeness("1234", "12345"), 0, 0);
    assert_float_equal(likeness("\u5E74", "\u5929"), 0, 0);
}

static void terms__know_stop_words_of_several_languages(void **state)
{
    static const char *const words[] = {"the",
                                        "What",
                                        "f\u00FCr",
                                        "welche",
                                        "combien",
                                        "\u00E0",
                                        "cu\u00E1ntos",
                                        "\u0447\u0442\u043E",
                                        "\u0627\u0644\u062A\u064A",
                                        "\u7684"};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct cof_term term = term_of(words[i], &arena);

        assert_true(cof_term_is_stop_word(&term));
    }
    struct cof_term leave = term_of("leave", &arena);

    assert_false(cof_term_is_stop_word(&leave));
}

static void terms__of_word_lists_match_whole_words(void **state)
{
    assert_true(cof_words_have("one two three", COF_TEXT("one")));
    assert_true(cof_words_have("one two three", COF_TEXT("three")));
    assert_false(cof_words_have("one two three", COF_TEXT("thre")));
    assert_false(cof_words_have("one two three", COF_TEXT("wo")));
    assert_false(cof_words_have("one two three", COF_TEXT("one two")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms__are_folded_and_without_accents),
        cmocka_unit_test(terms__of_cjk_are_single_characters_and_pairs),
        cmocka_unit_test(terms__of_arabic_lose_the_article),
        cmocka_unit_test(terms__know_numbers_and_names),
        cmocka_unit_test(terms__meet_across_inflection),
        cmocka_unit_test(terms__that_differ_do_not_meet),
        cmocka_unit_test(terms__know_stop_words_of_several_languages),
        cmocka_unit_test(terms__of_word_lists_match_whole_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
