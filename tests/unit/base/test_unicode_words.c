/* Words with offsets, in scripts with and without spaces. */
#include <cof/base/unicode.h>

#include <pthread.h>
#include <string.h>

#include "seeded_random.h"
#include "torture.h"

/* Words joined by '|', a '*' behind each CJK run. */
struct trace {
    struct cof_buffer words;
    struct cof_text text;
    size_t last_end;
    size_t max_count;
    size_t count;
};

static bool note_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct trace *trace = context;
    assert_ptr_equal(word.data, trace->text.data + offset);
    assert_true(offset >= trace->last_end && offset + word.size <= trace->text.size);
    assert_true(word.size > 0 && cof_utf8_is_valid(word, NULL));
    trace->last_end = offset + word.size;
    if (trace->count > 0)
        cof_buffer_append_byte(&trace->words, '|');
    cof_buffer_append_text(&trace->words, word);
    if (is_cjk)
        cof_buffer_append_byte(&trace->words, '*');
    return ++trace->count < trace->max_count;
}

static void assert_words(const char *text, const char *expected)
{
    struct trace trace = {.text = cof_text_from(text), .max_count = SIZE_MAX};
    assert_int_equal(cof_unicode_each_word(trace.text, note_word, &trace, NULL), COF_OK);
    if (!cof_text_equal(cof_buffer_text(&trace.words), cof_text_from(expected)))
        fail_msg("%s gave %.*s instead of %s", text, COF_TEXT_ARG(cof_buffer_text(&trace.words)),
                 expected);
    cof_buffer_deinit(&trace.words);
}

static void words__of_scripts_with_spaces(void **state)
{
    assert_words("", "");
    assert_words("  ... — !? 👍 ", "");
    assert_words("The quick (\"brown\") fox can't jump 32.3 feet, right?",
                 "The|quick|brown|fox|can't|jump|32.3|feet|right"); /* example of UAX #29 */
    assert_words("foo_bar e-mail 1,000.50 U.S. naïve cafe\xcc\x81",
                 "foo_bar|e|mail|1,000.50|U.S|naïve|cafe\xcc\x81");
    assert_words("Größe § 3 Abs. 2", "Größe|3|Abs|2");
    assert_words("Привет, мир!", "Привет|мир");
    assert_words("مرحبا، بالعالم ٣٫٥", "مرحبا|بالعالم|٣٫٥");
    assert_words("नमस्ते दुनिया", "नमस्ते|दुनिया");
}

static void words__cjk_comes_in_runs(void **state)
{
    assert_words("完成了。真的吗？", "完成了*|真的吗*");
    assert_words("PDF文件2份", "PDF|文件*|2|份*");
    assert_words("コーヒーとｺｰﾋｰ、々", "コーヒーとｺｰﾋｰ*|々*");
    assert_words("한국어SQL은 좋다", "한국어*|SQL|은*|좋다*");
    assert_words("か\xe3\x82\x99く", "か\xe3\x82\x99く*");         /* combining voiced mark */
    assert_words("葛\xf3\xa0\x84\x80飾", "葛\xf3\xa0\x84\x80飾*"); /* variation selector */
    assert_words("中", "中*");
    assert_words("㋿", ""); /* a square era name is a symbol, not a letter */
}

static void words__of_scripts_without_spaces(void **state)
{
    assert_words("ภาษาไทย", "ภาษา|ไทย");
}

static void words__stop_when_told(void **state)
{
    struct trace trace = {.text = COF_TEXT("one 二 three four"), .max_count = 2};
    assert_int_equal(cof_unicode_each_word(trace.text, note_word, &trace, NULL), COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&trace.words), COF_TEXT("one|二*")));
    cof_buffer_deinit(&trace.words);
}

static void words__refuse_bad_utf8(void **state)
{
    struct trace trace = {.text = COF_TEXT("one \xff two"), .max_count = SIZE_MAX};
    struct cof_error err = {0};
    assert_int_equal(cof_unicode_each_word(trace.text, note_word, &trace, &err), COF_INVALID);
    assert_int_equal(trace.count, 0);
}

struct nested {
    size_t inner_count;
    size_t outer_count;
};

static bool count_inner(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)word;
    (void)offset;
    (void)is_cjk;
    (*(size_t *)context)++;
    return true;
}

static bool segment_again(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct nested *nested = context;
    (void)word;
    (void)offset;
    (void)is_cjk;
    nested->outer_count++;
    return cof_unicode_each_word(COF_TEXT("a b c"), count_inner, &nested->inner_count, NULL) ==
           COF_OK;
}

static void words__a_callback_may_segment_itself(void **state)
{
    struct nested nested = {0};
    assert_int_equal(
        cof_unicode_each_word(COF_TEXT("one two three four"), segment_again, &nested, NULL),
        COF_OK);
    assert_int_equal(nested.outer_count, 4);
    assert_int_equal(nested.inner_count, 12);
}

static void *segment_often(void *context)
{
    (void)context;
    for (int i = 0; i < 300; i++) {
        size_t count = 0;
        assert_int_equal(
            cof_unicode_each_word(COF_TEXT("one two 三 vier fünf"), count_inner, &count, NULL),
            COF_OK);
        assert_int_equal(count, 5);
    }
    return NULL;
}

static void words__any_threads_at_the_same_time(void **state)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, segment_often, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void words__of_random_text_are_in_order_and_inside(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 11);
    for (int round = 0; round < 2000; round++) {
        struct cof_buffer text = {0};
        for (int i = 0; i < 30; i++) {
            static const uint32_t starts[] = {0x20,   0x61,   0x300,  0x5d0,   0x900,  0xe00,
                                              0x3040, 0x4e00, 0xac00, 0x1f600, 0xe0100};
            char bytes[4];
            uint32_t code_point = starts[seeded_random_below(&random, 11)] +
                                  (uint32_t)seeded_random_below(&random, 64);
            cof_buffer_append(&text, bytes, cof_utf8_encode(code_point, bytes));
        }
        struct trace trace = {.text = cof_buffer_text(&text), .max_count = SIZE_MAX};
        assert_int_equal(cof_unicode_each_word(trace.text, note_word, &trace, NULL), COF_OK);
        cof_buffer_deinit(&trace.words);
        cof_buffer_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__of_scripts_with_spaces),
        cmocka_unit_test(words__cjk_comes_in_runs),
        cmocka_unit_test(words__of_scripts_without_spaces),
        cmocka_unit_test(words__stop_when_told),
        cmocka_unit_test(words__refuse_bad_utf8),
        cmocka_unit_test(words__a_callback_may_segment_itself),
        cmocka_unit_test(words__any_threads_at_the_same_time),
        cmocka_unit_test(words__of_random_text_are_in_order_and_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
