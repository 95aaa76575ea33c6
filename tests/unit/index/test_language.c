/* Guessing languages, and stems. */
#include "testing.h"

#include <string.h>

#include "analyser.h"
#include "language.h"

static enum cof_language guess(const char *text)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct cof_language_votes votes = {0};
    struct cof_error err = {0};

    assert_int_equal(cof_words_append(&words, cof_text_from(text), &arena, &err), COF_OK);
    for (size_t i = 0; i < words.count; i++)
        cof_language_vote(&votes, words.items[i].text);
    return cof_language_guess(&votes);
}

static void language__is_guessed_from_little_words(void **state)
{
    static const struct {
        const char *text;
        enum cof_language language;
    } rows[] = {
        {"The quick brown fox jumps over the lazy dog that was asleep.", COF_LANGUAGE_ENGLISH},
        {"Der Urlaub ist bis zum 31. März zu nehmen, und er wird nicht ausgezahlt.",
         COF_LANGUAGE_GERMAN},
        {"Les congés payés sont pris dans l'année et ne sont pas reportés.", COF_LANGUAGE_FRENCH},
        {"Gli impiegati che sono in ferie non hanno accesso alla rete.", COF_LANGUAGE_ITALIAN},
        {"Los contratos menores se firman por el director de la planta.", COF_LANGUAGE_SPANISH},
        {"O contrato não pode ser assinado até ao final do mês.", COF_LANGUAGE_PORTUGUESE},
        {"Het contract wordt door de directeur van de afdeling getekend.", COF_LANGUAGE_DUTCH},
        {"Avtalet är inte giltigt om det inte har skrivits under av chefen.", COF_LANGUAGE_SWEDISH},
        {"Sopimus ei ole voimassa, kun se on allekirjoitettu.", COF_LANGUAGE_FINNISH},
        {"A szerződés nem érvényes, és ez az irodában van.", COF_LANGUAGE_HUNGARIAN},
        {"Contractul nu este valabil și se semnează în birou.", COF_LANGUAGE_ROMANIAN},
        {"Sözleşme için bir imza gerekir ve bu imza çok önemlidir.", COF_LANGUAGE_TURKISH},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(guess(rows[i].text), rows[i].language);
}

static void language__is_unknown_without_evidence(void **state)
{
    assert_int_equal(guess(""), COF_LANGUAGE_NONE);
    assert_int_equal(guess("Zürich Bern Basel ISO-27001 A-113/b"), COF_LANGUAGE_NONE);
    assert_int_equal(guess("Все сотрудники обязаны"), COF_LANGUAGE_NONE);
    assert_int_equal(guess("the"), COF_LANGUAGE_NONE);
}

static void stems__join_the_forms_of_a_word(void **state)
{
    static const struct {
        enum cof_language language;
        const char *one;
        const char *other;
    } rows[] = {
        {COF_LANGUAGE_ENGLISH, "policies", "policy"},
        {COF_LANGUAGE_ENGLISH, "reporting", "reported"},
        {COF_LANGUAGE_GERMAN, "verträge", "vertrag"},
        {COF_LANGUAGE_FRENCH, "contrats", "contrat"},
        {COF_LANGUAGE_RUSSIAN, "отпуска", "отпуск"},
        {COF_LANGUAGE_GREEK, "συμβασεις", "συμβαση"},
    };
    struct cof_stemmers stemmers = {0};
    struct cof_error err = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cof_text stem = {0};
        char first[64];
        assert_int_equal(
            cof_stem(&stemmers, rows[i].language, cof_text_from(rows[i].one), &stem, &err), COF_OK);
        assert_true(stem.size < sizeof(first));
        memcpy(first, stem.data, stem.size);
        struct cof_text one = {.data = first, .size = stem.size};
        assert_int_equal(
            cof_stem(&stemmers, rows[i].language, cof_text_from(rows[i].other), &stem, &err),
            COF_OK);
        if (!cof_text_equal(one, stem))
            fail_msg("%.*s is not %.*s", COF_TEXT_ARG(one), COF_TEXT_ARG(stem));
    }
    cof_stemmers_deinit(&stemmers);
}

static void stems__exist_for_every_language(void **state)
{
    struct cof_stemmers stemmers = {0};
    struct cof_error err = {0};

    for (size_t i = 0; i < COF_LANGUAGE_COUNT; i++) {
        struct cof_text stem = {0};
        assert_int_equal(cof_stem(&stemmers, (enum cof_language)i, COF_TEXT("word"), &stem, &err),
                         COF_OK);
        assert_true(stem.size > 0);
    }
    cof_stemmers_deinit(&stemmers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language__is_guessed_from_little_words),
        cmocka_unit_test(language__is_unknown_without_evidence),
        cmocka_unit_test(stems__join_the_forms_of_a_word),
        cmocka_unit_test(stems__exist_for_every_language),
    };

    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
