/* Pieces in, sentences out; the model's own markers are taken off. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "sentences.h"

/* Feeds `text` in pieces of `step` bytes and joins the sentences with '|'. */
static void split(const char *text, size_t step, char *out, size_t size)
{
    struct cof_sentences sentences = {0};
    struct cof_text sentence;
    size_t length = strlen(text);
    size_t used = 0;
    for (size_t at = 0; at <= length; at += step) {
        bool is_end = at + step > length;
        struct cof_text piece = cof_text_slice(cof_text_from(text), at, at + step);
        cof_sentences_push(&sentences, piece);
        while (cof_sentences_next(&sentences, is_end, &sentence)) {
            used += (size_t)snprintf(out + used, size - used, "%.*s|",
                                     COF_TEXT_ARG(cof_text_trim(sentence)));
        }
    }
    cof_sentences_deinit(&sentences);
}

static void assert_split(const char *text, const char *expected)
{
    for (size_t step = 1; step <= 7; step += 2) {
        char out[512] = "";
        split(text, step, out, sizeof(out));
        assert_string_equal(out, expected);
    }
}

static void sentences__come_whole_whatever_the_pieces(void **state)
{
    assert_split("First one. Second one is 3.5 long! Third?",
                 "First one.|Second one is 3.5 long!|Third?|");
}

static void sentences__end_at_line_breaks(void **state)
{
    assert_split("A list:\n- one\n- two\n", "A list:|- one|- two|");
}

static void sentences__keep_a_marker_that_follows(void **state)
{
    assert_split("You have 25 days. [1] They lapse. [2]", "You have 25 days. [1]|They lapse. [2]|");
}

static uint32_t strip(const char *text, char *out, size_t size)
{
    struct cof_buffer buffer = {0};
    uint32_t numbers = cof_sentence_strip_markers(cof_text_from(text), &buffer);
    snprintf(out, size, "%.*s", COF_TEXT_ARG(cof_buffer_text(&buffer)));
    cof_buffer_deinit(&buffer);
    return numbers;
}

static void markers__of_every_usual_form_are_taken_off_and_remembered(void **state)
{
    char out[128];
    assert_int_equal(strip("25 days [1].", out, sizeof(out)), 1);
    assert_string_equal(out, "25 days.");
    assert_int_equal(strip("25 days [1, 3]", out, sizeof(out)), 5);
    assert_string_equal(out, "25 days");
    assert_int_equal(strip("25 days (Passage 2).", out, sizeof(out)), 2);
    assert_string_equal(out, "25 days.");
    assert_int_equal(strip("25 days [Source 2]", out, sizeof(out)), 2);
    assert_string_equal(out, "25 days");
    assert_int_equal(strip("十五天【1】。", out, sizeof(out)), 1);
    assert_string_equal(out, "十五天。");
}

static void markers__are_not_seen_in_ordinary_brackets(void **state)
{
    char out[128];
    assert_int_equal(strip("Call (30 minutes) [see above].", out, sizeof(out)), 0);
    assert_string_equal(out, "Call (30 minutes) [see above].");
    assert_int_equal(strip("[99] [0]x", out, sizeof(out)), 0);
    assert_string_equal(out, " x");
}

static void markers__of_absurd_size_do_no_harm(void **state)
{
    char out[128];
    assert_int_equal(strip("a [99999999999999999999] b [", out, sizeof(out)), 0);
    assert_int_equal(strip("[[[[[1", out, sizeof(out)), 0);
    assert_string_equal(out, "[[[[[1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences__come_whole_whatever_the_pieces),
        cmocka_unit_test(sentences__end_at_line_breaks),
        cmocka_unit_test(sentences__keep_a_marker_that_follows),
        cmocka_unit_test(markers__of_every_usual_form_are_taken_off_and_remembered),
        cmocka_unit_test(markers__are_not_seen_in_ordinary_brackets),
        cmocka_unit_test(markers__of_absurd_size_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
