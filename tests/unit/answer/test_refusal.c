/* The refusal is in the question's language. */
#include "testing.h"

#include "refusal.h"

static void assert_starts(const char *question, const char *start)
{
    assert_true(
        cof_text_has_prefix(cof_refusal_text(cof_text_from(question)), cof_text_from(start)));
}

static void refusal__speaks_the_language_of_the_question(void **state)
{
    assert_starts("How many days of leave do I have?", "I found");
    assert_starts("Wie viel Urlaubsgeld bekommen die Beschäftigten?", "In den");
    assert_starts("Quel est le prix de la cantine pour les visiteurs ?", "Je n’ai");
    assert_starts("¿Cuántos días para el trámite?", "No he");
    assert_starts("上海员工的住房公积金缴存比例是多少？", "文档");
    assert_starts("كم يوما من الإجازة؟", "لم");
    assert_starts("Сколько дней отпуска?", "В документах");
    assert_starts("", "I found");
    assert_starts("42", "I found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusal__speaks_the_language_of_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
