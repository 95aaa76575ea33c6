/* Template words and contents stay apart, in every layout that libllama knows. */
#include "chat_template.h"

#include <stdio.h>
#include <string.h>

#include <llama.h>

#include <cof/base/buffer.h>

#include "testing.h"

static const char tinyllama[] =
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + "
    "message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' "
    "+ "
    "message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ "
    "'<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and "
    "add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";

static const struct cof_message conversation[] = {
    {.role = COF_ROLE_SYSTEM, .content = {.data = "SYS", .size = 3}},
    {.role = COF_ROLE_USER, .content = {.data = "ONE", .size = 3}},
    {.role = COF_ROLE_ASSISTANT, .content = {.data = "TWO", .size = 3}},
    {.role = COF_ROLE_USER, .content = {.data = "THREE", .size = 5}},
};

struct notes {
    int count;
    char last[200];
};

static void note(void *context, const char *message)
{
    struct notes *notes = context;

    notes->count++;
    (void)snprintf(notes->last, sizeof(notes->last), "%s", message);
}

static void check_layout(const char *model_template, const char *end, const char *expected,
                         int expected_notes)
{
    COF_CLEANUP(cof_chat_template_close) struct cof_chat_template layout = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer joined = {0};
    struct cof_chat_piece *pieces = NULL;
    struct notes notes = {0};
    size_t count = 0;
    size_t content_count = 0;

    assert_int_equal(cof_chat_template_open(model_template, end, note, &notes, &layout, NULL),
                     COF_OK);
    assert_int_equal(notes.count, expected_notes);
    assert_int_equal(
        cof_chat_template_lay_out(&layout, conversation, 4, &arena, &pieces, &count, NULL), COF_OK);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].is_content) {
            assert_ptr_equal(pieces[i].text.data, conversation[content_count].content.data);
            content_count++;
        }
        cof_buffer_append_text(&joined, pieces[i].text);
    }
    assert_int_equal(content_count, 4);
    cof_buffer_append_byte(&joined, 0);
    assert_string_equal((const char *)joined.data, expected);
}

static void chat_template__lays_out_chatml(void **state)
{
    static const char expected[] =
        "<|im_start|>system\nSYS<|im_end|>\n<|im_start|>user\nONE<|im_end|>\n"
        "<|im_start|>assistant\nTWO<|im_end|>\n<|im_start|>user\nTHREE<|im_end|>\n"
        "<|im_start|>assistant\n";

    check_layout("x <|im_start|> y", "</s>", expected, 0);
    check_layout(NULL, "</s>", expected, 1);
    check_layout("{{ something of their own }}", "</s>", expected, 1);
    check_layout("", "</s>", expected, 1);
}

static void chat_template__ends_turns_with_the_models_own_token(void **state)
{
    check_layout(tinyllama, "</s>",
                 "<|system|>\nSYS</s>\n<|user|>\nONE</s>\n<|assistant|>\nTWO</s>\n<|user|>\n"
                 "THREE</s>\n<|assistant|>\n",
                 0);
}

static void chat_template__takes_chatml_when_the_models_own_loses_the_system_message(void **state)
{
    /* The layout of this one has no place for a system message. */
    check_layout("yandex", "</s>",
                 "<|im_start|>system\nSYS<|im_end|>\n<|im_start|>user\nONE<|im_end|>\n"
                 "<|im_start|>assistant\nTWO<|im_end|>\n<|im_start|>user\nTHREE<|im_end|>\n"
                 "<|im_start|>assistant\n",
                 1);
}

static void chat_template__keeps_every_content_in_every_layout(void **state)
{
    const char *names[200] = {0};
    int32_t known = llama_chat_builtin_templates(names, 200);
    int own_count = 0;

    assert_in_range(known, 20, 200);
    for (int32_t i = 0; i < known; i++) {
        COF_CLEANUP(cof_chat_template_close) struct cof_chat_template layout = {0};
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_chat_piece *pieces = NULL;
        size_t count = 0;
        size_t content_count = 0;

        assert_int_equal(cof_chat_template_open(names[i], "</s>", NULL, NULL, &layout, NULL),
                         COF_OK);
        own_count += strcmp(layout.layout, names[i]) == 0;
        assert_int_equal(
            cof_chat_template_lay_out(&layout, conversation, 4, &arena, &pieces, &count, NULL),
            COF_OK);
        for (size_t k = 0; k < count; k++) {
            content_count += pieces[k].is_content;
            assert_true(pieces[k].text.size > 0);
            assert_null(memchr(pieces[k].text.data, 1, pieces[k].text.size));
        }
        assert_int_equal(content_count, 4);
    }
    assert_true(own_count > known - 6);
}

static void chat_template__says_when_roles_do_not_fit(void **state)
{
    COF_CLEANUP(cof_chat_template_close) struct cof_chat_template layout = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chat_piece *pieces = NULL;
    size_t count = 0;

    /* Gemma's layout puts a system message into the user message that follows it. */
    assert_int_equal(cof_chat_template_open("gemma", "</s>", NULL, NULL, &layout, NULL), COF_OK);
    assert_int_equal(
        cof_chat_template_lay_out(&layout, conversation, 1, &arena, &pieces, &count, NULL),
        COF_INVALID);
}

static void chat_template__has_a_limit_on_messages(void **state)
{
    COF_CLEANUP(cof_chat_template_close) struct cof_chat_template layout = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chat_piece *pieces = NULL;
    size_t count = 0;

    assert_int_equal(cof_chat_template_open("chatml", "", NULL, NULL, &layout, NULL), COF_OK);
    assert_int_equal(
        cof_chat_template_lay_out(&layout, conversation, 20000, &arena, &pieces, &count, NULL),
        COF_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_template__lays_out_chatml),
        cmocka_unit_test(chat_template__ends_turns_with_the_models_own_token),
        cmocka_unit_test(chat_template__takes_chatml_when_the_models_own_loses_the_system_message),
        cmocka_unit_test(chat_template__keeps_every_content_in_every_layout),
        cmocka_unit_test(chat_template__says_when_roles_do_not_fit),
        cmocka_unit_test(chat_template__has_a_limit_on_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
