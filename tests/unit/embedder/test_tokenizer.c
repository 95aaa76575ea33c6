/* Special tokens around texts and pairs, over the tiny vocabulary. */
#include "tokenizer.h"

#include <string.h>

#include "testing.h"
#include "tiny_model.h"
#include "tokenizing.h"
#include "wordpiece.h"

enum { BEGIN = 2, END = 3, A = 5, B = 6, C = 7, D = 8 };

static struct cof_tokenizer *tokenizer;

static int open_tiny(void **state)
{
    char vocabulary[1024];
    size_t size = 0;
    for (size_t i = 0; i < TINY_VOCABULARY_COUNT; i++) {
        size_t token_size = strlen(TINY_VOCABULARY[i]);
        assert_true(size + token_size + 1 < sizeof(vocabulary));
        memcpy(vocabulary + size, TINY_VOCABULARY[i], token_size);
        size += token_size;
        vocabulary[size++] = '\n';
    }
    const struct cof_text lines = {.data = vocabulary, .size = size};
    return cof_wordpiece_parse_vocabulary(lines, COF_TEXT(""), &tokenizer, NULL) == COF_OK ? 0 : 1;
}

static int close_tiny(void **state)
{
    cof_tokenizer_close(tokenizer);
    return 0;
}

static void assert_pair(const char *first, const char *second, size_t max_count,
                        const uint32_t *expected, size_t expected_count, size_t second_begin)
{
    uint32_t ids[64];
    size_t count = 0;
    size_t begin = 0;
    ids[max_count] = 4711;
    assert_int_equal(cof_tokenizer_encode_pair(tokenizer, cof_text_from(first),
                                               cof_text_from(second), ids, max_count, &count,
                                               &begin, NULL),
                     COF_OK);
    assert_int_equal(count, expected_count);
    assert_memory_equal(ids, expected, expected_count * sizeof(ids[0]));
    assert_int_equal(begin, second_begin);
    assert_int_equal(ids[max_count], 4711);
}

static void tokenizer__counts_without_the_special_tokens(void **state)
{
    size_t count = 0;
    assert_int_equal(cof_tokenizer_count(tokenizer, COF_TEXT("a b fileing"), &count, NULL), COF_OK);
    assert_int_equal(count, 4);
    assert_int_equal(cof_tokenizer_count(tokenizer, COF_TEXT(""), &count, NULL), COF_OK);
    assert_int_equal(count, 0);
}

static void tokenizer__bounds_the_ids_of_a_text(void **state)
{
    assert_int_equal(cof_tokenizer_most_ids(tokenizer, 0), 2);
    assert_int_equal(cof_tokenizer_most_ids(tokenizer, 10), 12);
    assert_int_equal(cof_tokenizer_most_ids(tokenizer, SIZE_MAX), SIZE_MAX);
}

static void tokenizer__frames_ids_and_cuts_them(void **state)
{
    const uint32_t given[] = {A, B, C};
    uint32_t ids[6] = {0};
    assert_int_equal(cof_tokenizer_frame(tokenizer, given, 3, ids, 6), 5);
    assert_memory_equal(ids, ((uint32_t[]){BEGIN, A, B, C, END}), 5 * sizeof(ids[0]));
    assert_int_equal(cof_tokenizer_frame(tokenizer, given, 3, ids, 4), 4);
    assert_memory_equal(ids, ((uint32_t[]){BEGIN, A, B, END}), 4 * sizeof(ids[0]));
    assert_int_equal(cof_tokenizer_frame(tokenizer, NULL, 0, ids, 2), 2);
    assert_memory_equal(ids, ((uint32_t[]){BEGIN, END}), 2 * sizeof(ids[0]));
}

static void tokenizer__joins_a_pair(void **state)
{
    assert_pair("a b", "c", 20, (uint32_t[]){BEGIN, A, B, END, C, END}, 6, 4);
    assert_pair("", "", 20, (uint32_t[]){BEGIN, END, END}, 3, 2);
}

static void tokenizer__cuts_the_longer_text_of_a_pair(void **state)
{
    /* room for 6 */
    assert_pair("a b", "c c c c c c c", 9, (uint32_t[]){BEGIN, A, B, END, C, C, C, C, END}, 9, 4);
    assert_pair("a a a a a a a", "c d", 9, (uint32_t[]){BEGIN, A, A, A, A, END, C, D, END}, 9, 6);
    assert_pair("a a a a a a a", "", 9, (uint32_t[]){BEGIN, A, A, A, A, A, A, END, END}, 9, 8);
    assert_pair("", "c c c c c c c", 9, (uint32_t[]){BEGIN, END, C, C, C, C, C, C, END}, 9, 2);
    /* both over half: half each, an odd token to the second */
    assert_pair("a a a a a a a", "c c c c c c c", 9,
                (uint32_t[]){BEGIN, A, A, A, END, C, C, C, END}, 9, 5);
    assert_pair("a a a a a a a", "c c c c c c c", 8, (uint32_t[]){BEGIN, A, A, END, C, C, C, END},
                8, 4);
}

static void tokenizer__reads_no_separator_out_of_a_pair(void **state)
{
    uint32_t ids[32];
    size_t count = 0;
    size_t begin = 0;
    assert_int_equal(cof_tokenizer_encode_pair(tokenizer, COF_TEXT("a [SEP] [CLS]"),
                                               COF_TEXT("[SEP]b"), ids, 32, &count, &begin, NULL),
                     COF_OK);
    size_t end_count = 0;
    size_t begin_count = 0;
    for (size_t i = 0; i < count; i++) {
        end_count += ids[i] == END;
        begin_count += ids[i] == BEGIN;
    }
    assert_int_equal(end_count, 2);
    assert_int_equal(begin_count, 1);
    assert_int_equal(ids[begin - 1], END);
}

static void tokenizer__closes_nothing(void **state)
{
    cof_tokenizer_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer__counts_without_the_special_tokens),
        cmocka_unit_test(tokenizer__bounds_the_ids_of_a_text),
        cmocka_unit_test(tokenizer__frames_ids_and_cuts_them),
        cmocka_unit_test(tokenizer__joins_a_pair),
        cmocka_unit_test(tokenizer__cuts_the_longer_text_of_a_pair),
        cmocka_unit_test(tokenizer__reads_no_separator_out_of_a_pair),
        cmocka_unit_test(tokenizer__closes_nothing),
    };
    return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
