/* The wrappers refuse bad arguments before any backend sees them. */
#include <cof/generate/generator.h>

#include <math.h>

#include "testing.h"

struct fake {
    struct cof_generator base;
    int generate_count, count_count, close_count;
};

static enum cof_status fake_generate(struct cof_generator *generator,
                                     const struct cof_generate_request *request, cof_token_fn each,
                                     void *context, struct cof_generate_result *out_result,
                                     struct cof_error *err)
{
    ((struct fake *)generator)->generate_count++;
    out_result->completion_tokens = 7;
    return COF_OK;
}

static enum cof_status fake_count(struct cof_generator *generator, struct cof_text text,
                                  size_t *out_count, struct cof_error *err)
{
    ((struct fake *)generator)->count_count++;
    *out_count = text.size;
    return COF_OK;
}

static void fake_close(struct cof_generator *generator)
{
    ((struct fake *)generator)->close_count++;
}

static const struct cof_generator_ops fake_ops = {
    .name = "fake", .generate = fake_generate, .count_tokens = fake_count, .close = fake_close};

static const struct cof_message hello = {.role = COF_ROLE_USER,
                                         .content = {.data = "hello", .size = 5}};

static enum cof_status ask(struct cof_generate_request request, struct cof_error *err)
{
    struct fake fake = {.base.ops = &fake_ops};
    struct cof_generate_result result = {0};
    enum cof_status status = cof_generator_generate(&fake.base, &request, NULL, NULL, &result, err);

    assert_int_equal(fake.generate_count, status == COF_OK);
    assert_int_equal(result.completion_tokens, status == COF_OK ? 7 : 0);
    return status;
}

static void generator__passes_a_good_request_on(void **state)
{
    const struct cof_text stop = COF_TEXT("end");

    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .temperature = 0.7f,
                                                       .top_p = 1,
                                                       .stops = &stop,
                                                       .stop_count = 1},
                         NULL),
                     COF_OK);
}

static void generator__refuses_a_conversation_without_messages(void **state)
{
    assert_int_equal(ask((struct cof_generate_request){0}, NULL), COF_INVALID);
    assert_int_equal(ask((struct cof_generate_request){.message_count = 2}, NULL), COF_INVALID);
}

static void generator__refuses_text_that_is_not_utf8_and_says_which(void **state)
{
    const struct cof_text bad = {.data = "ab\xFF", .size = 3};
    struct cof_message messages[2] = {hello, {.role = COF_ROLE_USER, .content = bad}};
    const struct cof_passage passage = {.text = bad};
    struct cof_error err = {0};

    assert_int_equal(
        ask((struct cof_generate_request){.messages = messages, .message_count = 2}, &err),
        COF_INVALID);
    assert_string_equal(err.message, "message 1 is not valid UTF-8 at byte 2");
    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .passages = &passage,
                                                       .passage_count = 1},
                         &err),
                     COF_INVALID);
    assert_int_equal(
        ask((struct cof_generate_request){.messages = &hello, .message_count = 1, .question = bad},
            &err),
        COF_INVALID);
    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .stops = &bad,
                                                       .stop_count = 1},
                         &err),
                     COF_INVALID);
}

static void generator__refuses_an_unknown_role(void **state)
{
    struct cof_message message = hello;

    message.role = (enum cof_role)9;
    assert_int_equal(
        ask((struct cof_generate_request){.messages = &message, .message_count = 1}, NULL),
        COF_INVALID);
}

static void generator__refuses_sampling_that_makes_no_sense(void **state)
{
    static const float temperatures[] = {-0.1f, 101, NAN, INFINITY};
    static const float top_ps[] = {-0.1f, 1.1f, NAN};
    const struct cof_text empty = COF_TEXT("");
    static const struct cof_text many[17] = {{.data = "x", .size = 1}};

    for (size_t i = 0; i < sizeof(temperatures) / sizeof(temperatures[0]); i++) {
        assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                           .message_count = 1,
                                                           .temperature = temperatures[i]},
                             NULL),
                         COF_INVALID);
    }
    for (size_t i = 0; i < sizeof(top_ps) / sizeof(top_ps[0]); i++) {
        assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                           .message_count = 1,
                                                           .top_p = top_ps[i]},
                             NULL),
                         COF_INVALID);
    }
    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .stops = &empty,
                                                       .stop_count = 1},
                         NULL),
                     COF_INVALID);
    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .stops = many,
                                                       .stop_count = 17},
                         NULL),
                     COF_INVALID);
}

static void generator__does_not_begin_what_is_canceled(void **state)
{
    struct cof_cancel cancel = {0};

    cof_cancel_request(&cancel);
    assert_int_equal(ask((struct cof_generate_request){.messages = &hello,
                                                       .message_count = 1,
                                                       .cancel = &cancel},
                         NULL),
                     COF_CANCELED);
}

static void generator__counts_only_valid_text(void **state)
{
    struct fake fake = {.base.ops = &fake_ops};
    size_t count = 0;

    assert_int_equal(cof_generator_count_tokens(&fake.base, COF_TEXT("four"), &count, NULL),
                     COF_OK);
    assert_int_equal(count, 4);
    assert_int_equal(cof_generator_count_tokens(
                         &fake.base, (struct cof_text){.data = "\xC3", .size = 1}, &count, NULL),
                     COF_INVALID);
    assert_int_equal(fake.count_count, 1);
}

static void generator__close_takes_nothing_too(void **state)
{
    struct fake fake = {.base.ops = &fake_ops};

    cof_generator_close(NULL);
    cof_generator_close(&fake.base);
    assert_int_equal(fake.close_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator__passes_a_good_request_on),
        cmocka_unit_test(generator__refuses_a_conversation_without_messages),
        cmocka_unit_test(generator__refuses_text_that_is_not_utf8_and_says_which),
        cmocka_unit_test(generator__refuses_an_unknown_role),
        cmocka_unit_test(generator__refuses_sampling_that_makes_no_sense),
        cmocka_unit_test(generator__does_not_begin_what_is_canceled),
        cmocka_unit_test(generator__counts_only_valid_text),
        cmocka_unit_test(generator__close_takes_nothing_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
