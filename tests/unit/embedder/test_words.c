/* Unicode words as tokens. */
#include "words.h"

#include <string.h>

#include "testing.h"

struct word_list {
    size_t count;
    size_t places[32][2];
};

static bool append_word(void *context, size_t begin, size_t end)
{
    struct word_list *list = context;
    list->places[list->count][0] = begin;
    list->places[list->count++][1] = end;
    return list->count < 32;
}

static void words__are_words_and_single_cjk_characters(void **state)
{
    struct word_list list = {0};
    /* "Two words, 合同 end" */
    const struct cof_text text = COF_TEXT("Two words, \xe5\x90\x88\xe5\x90\x8c end");
    assert_int_equal(cof_words_each(text, append_word, &list, NULL), COF_OK);
    assert_int_equal(list.count, 5);
    assert_int_equal(list.places[1][0], 4);
    assert_int_equal(list.places[1][1], 9);
    assert_int_equal(list.places[2][0], 11);
    assert_int_equal(list.places[2][1], 14);
    assert_int_equal(list.places[3][0], 14);
    assert_int_equal(list.places[4][1], text.size);
}

static void words__are_counted(void **state)
{
    size_t count = 7;
    assert_int_equal(cof_words_count(COF_TEXT("a b, c!"), &count, NULL), COF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(cof_words_count(COF_TEXT(" ...!? "), &count, NULL), COF_OK);
    assert_int_equal(count, 0);
    assert_int_equal(cof_words_count(COF_TEXT(""), &count, NULL), COF_OK);
    assert_int_equal(count, 0);
}

static void words__limit_cuts_behind_the_last_that_fits(void **state)
{
    struct cof_text head = {0};
    size_t count = 0;
    const struct cof_text text = COF_TEXT("a bc, d!!");
    assert_int_equal(cof_words_limit(text, 2, &head, &count, NULL), COF_OK);
    assert_true(cof_text_equal(head, COF_TEXT("a bc")));
    assert_int_equal(count, 2);
    assert_int_equal(cof_words_limit(text, 4, &head, &count, NULL), COF_OK);
    assert_true(cof_text_equal(head, text));
    assert_int_equal(count, 3);
    assert_int_equal(cof_words_limit(text, 0, &head, &count, NULL), COF_OK);
    assert_int_equal(head.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__are_words_and_single_cjk_characters),
        cmocka_unit_test(words__are_counted),
        cmocka_unit_test(words__limit_cuts_behind_the_last_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
