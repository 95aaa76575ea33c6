/* The backend that quotes writes sentences of the passages, in their order, and nothing else. */
#include <cof/generate/extractive.h>

#include <string.h>

#include <cof/base/buffer.h>

#include "testing.h"

static const struct cof_message question = {.role = COF_ROLE_USER,
                                            .content = {.data = "How many days?", .size = 14}};

struct answer {
    struct cof_buffer text;
    struct cof_generate_result result;
    bool refuses;
};

static bool receive(void *context, struct cof_text piece)
{
    struct answer *answer = context;

    assert_true(piece.size > 0 && cof_utf8_is_valid(piece, NULL));
    cof_buffer_append_text(&answer->text, piece);
    return !answer->refuses;
}

static enum cof_status ask(struct cof_generate_request request, struct answer *answer)
{
    struct cof_generator *generator = NULL;

    assert_int_equal(cof_extractive_open(&generator, NULL), COF_OK);
    request.messages = &question;
    request.message_count = 1;

    enum cof_status status =
        cof_generator_generate(generator, &request, receive, answer, &answer->result, NULL);

    cof_generator_close(generator);
    return status;
}

static void check_answer(struct cof_generate_request request, const char *expected,
                         enum cof_finish_reason reason)
{
    struct answer answer = {0};

    assert_int_equal(ask(request, &answer), COF_OK);
    assert_int_equal(answer.text.size, strlen(expected));
    if (answer.text.size > 0)
        assert_memory_equal(answer.text.data, expected, answer.text.size);
    assert_int_equal(answer.result.finish_reason, reason);
    cof_buffer_deinit(&answer.text);
}

static void extractive__quotes_in_passage_order(void **state)
{
    const struct cof_passage passages[] = {
        {.text = COF_TEXT("The house is old. All staff have days of leave in summer.")},
        {.text = COF_TEXT("You have 27 days of leave. The sky is blue.")},
    };

    check_answer((struct cof_generate_request){.question = COF_TEXT("How many days of leave?"),
                                               .passages = passages,
                                               .passage_count = 2},
                 "All staff have days of leave in summer. You have 27 days of leave.",
                 COF_FINISH_STOP);
}

static void extractive__writes_wrapped_sentences_on_one_line(void **state)
{
    const struct cof_passage english = {
        .text = COF_TEXT("An employee who works full time has 27 working\n   days of leave.")};
    const struct cof_passage chinese = {
        .text = COF_TEXT("\u6BCF\u540D\u5728\u4E2D\u5FC3\u5DE5\u4F5C\u6EE1\u4E00\u5E74\u7684\u5458"
                         "\u5DE5\u6BCF\u5E74\n\u6709 16 \u5929\u5E74\u4F11\u5047\u3002")};

    check_answer((struct cof_generate_request){.question = COF_TEXT("How many days of leave?"),
                                               .passages = &english,
                                               .passage_count = 1},
                 "An employee who works full time has 27 working days of leave.", COF_FINISH_STOP);
    check_answer((struct cof_generate_request){.question = COF_TEXT("\u5E74\u4F11\u5047"),
                                               .passages = &chinese,
                                               .passage_count = 1},
                 "\u6BCF\u540D\u5728\u4E2D\u5FC3\u5DE5\u4F5C\u6EE1\u4E00\u5E74\u7684\u5458\u5DE5"
                 "\u6BCF\u5E74\u6709 16 \u5929\u5E74\u4F11\u5047\u3002",
                 COF_FINISH_STOP);
}

static void extractive__ends_at_max_tokens_between_words(void **state)
{
    const struct cof_passage passage = {.text = COF_TEXT("You have 27 days of leave, no more.")};

    check_answer((struct cof_generate_request){.question = COF_TEXT("days of leave"),
                                               .passages = &passage,
                                               .passage_count = 1,
                                               .max_tokens = 4},
                 "You have 27 days", COF_FINISH_LENGTH);
    check_answer((struct cof_generate_request){.question = COF_TEXT("days of leave"),
                                               .passages = &passage,
                                               .passage_count = 1,
                                               .max_tokens = 8},
                 "You have 27 days of leave, no more.", COF_FINISH_STOP);
}

static void extractive__ends_before_a_stop_text(void **state)
{
    const struct cof_passage passage = {.text = COF_TEXT("You have 27 days of leave, no more.")};
    const struct cof_text stop = COF_TEXT(" of leave");

    check_answer((struct cof_generate_request){.question = COF_TEXT("days of leave"),
                                               .passages = &passage,
                                               .passage_count = 1,
                                               .stops = &stop,
                                               .stop_count = 1},
                 "You have 27 days", COF_FINISH_STOP);
}

static void extractive__writes_nothing_when_nothing_fits(void **state)
{
    const struct cof_passage passage = {.text = COF_TEXT("You have 27 days of leave.")};

    check_answer((struct cof_generate_request){.question = COF_TEXT("xylophone tuning"),
                                               .passages = &passage,
                                               .passage_count = 1},
                 "", COF_FINISH_STOP);
}

static void extractive__needs_passages(void **state)
{
    struct answer answer = {0};

    assert_int_equal(ask((struct cof_generate_request){.question = COF_TEXT("days")}, &answer),
                     COF_INVALID);
}

static void extractive__ends_when_the_receiver_refuses(void **state)
{
    const struct cof_passage passage = {.text = COF_TEXT("You have 27 days of leave.")};
    struct answer answer = {.refuses = true};

    assert_int_equal(ask((struct cof_generate_request){.question = COF_TEXT("days"),
                                                       .passages = &passage,
                                                       .passage_count = 1},
                         &answer),
                     COF_CANCELED);
    cof_buffer_deinit(&answer.text);
}

static void extractive__counts_words_and_cjk_characters(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{"", 0}, {"one", 1}, {"It's 27 days.", 3}, {"\u5E74\u4F11\u5047 16", 4}};
    struct cof_generator *generator = NULL;

    assert_int_equal(cof_extractive_open(&generator, NULL), COF_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = 99;

        assert_int_equal(
            cof_generator_count_tokens(generator, cof_text_from(cases[i].text), &count, NULL),
            COF_OK);
        assert_int_equal(count, cases[i].count);
    }
    cof_generator_close(generator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extractive__quotes_in_passage_order),
        cmocka_unit_test(extractive__writes_wrapped_sentences_on_one_line),
        cmocka_unit_test(extractive__ends_at_max_tokens_between_words),
        cmocka_unit_test(extractive__ends_before_a_stop_text),
        cmocka_unit_test(extractive__writes_nothing_when_nothing_fits),
        cmocka_unit_test(extractive__needs_passages),
        cmocka_unit_test(extractive__ends_when_the_receiver_refuses),
        cmocka_unit_test(extractive__counts_words_and_cjk_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
