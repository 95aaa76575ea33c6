/* Words of texts in many scripts, codes and oddities. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "analyser.h"

/* The words as one line: kind's letter and text. */
static void analyse(const char *text, size_t size, char *out_line, size_t line_size)
{
    static const char letters[] = {'l', 'p', 'c', 'b', 'k'};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct cof_error err = {0};
    size_t used = 0;

    assert_int_equal(
        cof_words_append(&words, (struct cof_text){.data = text, .size = size}, &arena, &err),
        COF_OK);
    out_line[0] = '\0';
    for (size_t i = 0; i < words.count; i++) {
        const struct cof_word *word = &words.items[i];
        assert_true(used + word->text.size + 4 < line_size);
        if (used > 0)
            out_line[used++] = ' ';
        out_line[used++] = letters[word->kind];
        out_line[used++] = ':';
        memcpy(out_line + used, word->text.data, word->text.size);
        used += word->text.size;
        out_line[used] = '\0';
    }
}

static void check(const char *text, const char *expected)
{
    char line[2048];

    analyse(text, strlen(text), line, sizeof(line));
    assert_string_equal(line, expected);
}

static void analyser__folds_case_and_form(void **state)
{
    check("Straße ＡＢＣ ﬁre", "l:strasse l:abc l:fire");
    check("ÉCOLE Ελλάδα МОСКВА", "l:école p:ελλάδα p:москва");
    check("", "");
    check(" \t\n …!? ", "");
}

static void analyser__keeps_codes_whole_beside_their_parts(void **state)
{
    check("form A-113/b, please", "l:form l:a p:113 l:b l:please k:a-113/b");
    check("(ISO-27001).", "l:iso p:27001 k:iso-27001");
    check("F-27", "l:f p:27 k:f-27");
    check("call foo_bar()", "l:call l:foo l:bar k:foo_bar");
    check("C++ and C#", "l:c l:and l:c k:c++ k:c#");
    check("-- -x- --", "l:x");
}

static void analyser__does_not_double_what_uax29_keeps_together(void **state)
{
    check("version 3.5.2 today", "l:version p:3.5.2 l:today");
    check("e.g. this", "l:e.g l:this");
    check("10,000", "p:10,000");
}

static void analyser__splits_at_elisions_only(void **state)
{
    check("l'école d'été", "l:l l:école l:d l:été");
    check("l’école", "l:l l:école");
    check("don't we'll", "l:don't l:we'll");
    check("company's", "l:company");
    check("company’s", "l:company");
}

static void analyser__makes_pairs_of_cjk(void **state)
{
    check("年假天", "c:年 c:假 b:年假 c:天 b:假天");
    check("中", "c:中");
    check("第A-113/b条", "c:第 l:a p:113 l:b c:条 k:a-113/b");
    check("한국어", "c:한 c:국 b:한국 c:어 b:국어");
    check("か゛", "c:か"); /* the mark folds to a space and a combining mark */
}

static void analyser__cuts_endless_words_at_a_character(void **state)
{
    char text[4096];
    char line[8192];

    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "é", 2);
    analyse(text, sizeof(text), line, sizeof(line));
    assert_int_equal(strlen(line), 2 + COF_MAX_WORD_BYTES);
}

static void analyser__refuses_invalid_utf8(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct cof_error err = {0};

    assert_int_equal(cof_words_append(&words, COF_TEXT("a\xff\xfe"), &arena, &err), COF_INVALID);
    assert_int_equal(cof_words_append(&words, COF_TEXT("\xc3"), &arena, &err), COF_INVALID);
}

static void analyser__takes_nul_and_control_characters(void **state)
{
    char line[256];

    analyse("a\0b\x01 c", 6, line, sizeof(line));
    assert_string_equal(line, "l:a l:b l:c");
}

static void term(const char *text, enum cof_language language, char *out_term)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct cof_stemmers stemmers = {0};
    struct cof_error err = {0};
    struct cof_text made = {0};
    char buffer[COF_MAX_TERM_BYTES];

    assert_int_equal(cof_words_append(&words, cof_text_from(text), &arena, &err), COF_OK);
    assert_int_equal(words.count, 1);
    assert_int_equal(cof_word_term(&words.items[0], language, &stemmers, buffer, &made, &err),
                     COF_OK);
    memcpy(out_term, made.data, made.size);
    out_term[made.size] = '\0';
    cof_stemmers_deinit(&stemmers);
}

static void terms__of_languages_do_not_meet(void **state)
{
    char english[COF_MAX_TERM_BYTES + 1];
    char german[COF_MAX_TERM_BYTES + 1];
    char unknown[COF_MAX_TERM_BYTES + 1];

    term("gifts", COF_LANGUAGE_ENGLISH, english);
    term("gift", COF_LANGUAGE_GERMAN, german);
    term("gift", COF_LANGUAGE_NONE, unknown);
    assert_string_not_equal(english, german);
    assert_string_not_equal(english, unknown);
    assert_string_equal(english + 1, "gift");
    assert_string_equal(unknown, "gift");
}

static void terms__of_other_scripts_and_numbers_have_no_language(void **state)
{
    static const char *const words[] = {"договоры", "x86", "27001", "العقود"};
    char in_english[COF_MAX_TERM_BYTES + 1];
    char in_none[COF_MAX_TERM_BYTES + 1];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        term(words[i], COF_LANGUAGE_ENGLISH, in_english);
        term(words[i], COF_LANGUAGE_NONE, in_none);
        assert_string_equal(in_english, in_none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(analyser__folds_case_and_form),
        cmocka_unit_test(analyser__keeps_codes_whole_beside_their_parts),
        cmocka_unit_test(analyser__does_not_double_what_uax29_keeps_together),
        cmocka_unit_test(analyser__splits_at_elisions_only),
        cmocka_unit_test(analyser__makes_pairs_of_cjk),
        cmocka_unit_test(analyser__cuts_endless_words_at_a_character),
        cmocka_unit_test(analyser__refuses_invalid_utf8),
        cmocka_unit_test(analyser__takes_nul_and_control_characters),
        cmocka_unit_test(terms__of_languages_do_not_meet),
        cmocka_unit_test(terms__of_other_scripts_and_numbers_have_no_language),
    };

    return cmocka_run_group_tests_name("analyser", tests, NULL, NULL);
}
