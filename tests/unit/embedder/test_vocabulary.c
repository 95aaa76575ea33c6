/* The trie against a plain search over the same tokens. */
#include "vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/torture.h"
#include "seeded_random.h"
#include "testing.h"

static void vocabulary__finds_each_token_and_nothing_else(void **state)
{
    const struct cof_text tokens[] = {COF_TEXT("a"),  COF_TEXT("ab"), COF_TEXT(""),
                                      COF_TEXT("##"), COF_TEXT("b"),  COF_TEXT("abcde")};
    struct cof_vocabulary *vocabulary = NULL;
    assert_int_equal(cof_vocabulary_create(tokens, 6, &vocabulary, NULL), COF_OK);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("a")), 0);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("ab")), 1);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("abcde")), 5);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("##")), 3);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("abc")), COF_VOCABULARY_NONE);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("abcdef")), COF_VOCABULARY_NONE);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("c")), COF_VOCABULARY_NONE);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("")), COF_VOCABULARY_NONE);
    cof_vocabulary_destroy(vocabulary);
    cof_vocabulary_destroy(NULL);
}

static void vocabulary__refuses_one_token_with_two_ids(void **state)
{
    const struct cof_text tokens[] = {COF_TEXT("b"), COF_TEXT("a"), COF_TEXT("b")};
    struct cof_vocabulary *vocabulary = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_vocabulary_create(tokens, 3, &vocabulary, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "same token"));
    assert_null(vocabulary);
}

static void vocabulary__may_be_empty(void **state)
{
    struct cof_vocabulary *vocabulary = NULL;
    assert_int_equal(cof_vocabulary_create(NULL, 0, &vocabulary, NULL), COF_OK);
    assert_int_equal(cof_vocabulary_find(vocabulary, COF_TEXT("a")), COF_VOCABULARY_NONE);
    cof_vocabulary_destroy(vocabulary);
}

enum { RANDOM_COUNT = 20000, RANDOM_SIZE = 12 };

static void vocabulary__agrees_with_a_plain_search_over_random_tokens(void **state)
{
    static char bytes[RANDOM_COUNT][RANDOM_SIZE];
    static struct cof_text tokens[RANDOM_COUNT];
    struct seeded_random random;
    struct cof_vocabulary *vocabulary = NULL;
    seeded_random_init(&random, 11);
    for (size_t i = 0; i < RANDOM_COUNT; i++) {
        /* few letters, so that tokens share beginnings; the number makes each unique */
        size_t size = (size_t)seeded_random_below(&random, 6);
        for (size_t j = 0; j < size; j++)
            bytes[i][j] = (char)('x' + (char)seeded_random_below(&random, 3));
        size += (size_t)snprintf(bytes[i] + size, RANDOM_SIZE - size, "%zx", i);
        tokens[i] = (struct cof_text){.data = bytes[i], .size = size};
    }
    assert_int_equal(cof_vocabulary_create(tokens, RANDOM_COUNT, &vocabulary, NULL), COF_OK);
    for (size_t i = 0; i < RANDOM_COUNT; i++) {
        assert_int_equal(cof_vocabulary_find(vocabulary, tokens[i]), i);
        struct cof_text head = cof_text_slice(tokens[i], 0, tokens[i].size - 1);
        uint32_t id = cof_vocabulary_find(vocabulary, head);
        assert_true(id == COF_VOCABULARY_NONE || cof_text_equal(tokens[id], head));
    }
    cof_vocabulary_destroy(vocabulary);
}

static enum cof_status create_once(void *context, struct cof_error *err)
{
    const struct cof_text tokens[] = {COF_TEXT("a"), COF_TEXT("b")};
    struct cof_vocabulary *vocabulary = NULL;
    COF_TRY(cof_vocabulary_create(tokens, 2, &vocabulary, err));
    cof_vocabulary_destroy(vocabulary);
    return COF_OK;
}

static void vocabulary__survives_every_failed_allocation(void **state)
{
    assert_int_equal(torture(create_once, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabulary__finds_each_token_and_nothing_else),
        cmocka_unit_test(vocabulary__refuses_one_token_with_two_ids),
        cmocka_unit_test(vocabulary__may_be_empty),
        cmocka_unit_test(vocabulary__agrees_with_a_plain_search_over_random_tokens),
        cmocka_unit_test(vocabulary__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
