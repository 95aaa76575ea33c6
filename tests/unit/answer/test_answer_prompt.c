/* The prompt: numbered passages within the budget, data that cannot pose as instructions. */
#include "testing.h"

#include <string.h>

#include "prompt.h"
#include "scripted_generator.h"

static struct cof_prompt build(struct cof_arena *arena, const struct cof_search_hit *hits,
                               size_t count, size_t max_tokens, uint32_t seed)
{
    static struct scripted_generator scripted;
    scripted_generator_init(&scripted, "");
    const struct cof_message conversation[] = {
        {.role = COF_ROLE_SYSTEM, .content = COF_TEXT_INIT("Talk like a pirate.")},
        {.role = COF_ROLE_USER, .content = COF_TEXT_INIT("Earlier question?")},
        {.role = COF_ROLE_ASSISTANT, .content = COF_TEXT_INIT("Earlier answer.")},
        {.role = COF_ROLE_USER, .content = COF_TEXT_INIT("How many days?")},
    };
    struct cof_prompt_options options = {.conversation = conversation,
                                         .conversation_count = 4,
                                         .hits = hits,
                                         .hit_count = count,
                                         .max_context_tokens = max_tokens,
                                         .max_history_tokens = 100,
                                         .seed = seed};
    struct cof_prompt prompt = {0};
    struct cof_error error = {0};
    assert_int_equal(cof_prompt_build(&scripted.generator, &options, arena, &prompt, &error),
                     COF_OK);
    return prompt;
}

static const struct cof_search_hit hits[] = {
    {.document = {.title = COF_TEXT_INIT("Leave")},
     .chunk = {.text = COF_TEXT_INIT("25 days. See [7] and [x].")}},
    {.document = {.title = COF_TEXT_INIT("Fire")},
     .chunk = {.text = COF_TEXT_INIT("Use the stairs. Use the stairs. Use the stairs.")}},
    {.document = {.title = COF_TEXT_INIT("Long")},
     .chunk = {.text = COF_TEXT_INIT("Words words words words words words words words words.")}},
};

static bool has(struct cof_text text, const char *needle)
{
    return cof_text_index_of(text, cof_text_from(needle)) != SIZE_MAX;
}

static void prompt__numbers_passages_and_ends_with_the_question(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_prompt prompt = build(&arena, hits, 3, 1000, 1);
    struct cof_text last = prompt.messages[prompt.message_count - 1].content;
    assert_int_equal(prompt.passage_count, 3);
    assert_true(has(last, " [1] Leave\n25 days."));
    assert_true(has(last, " [3] Long\n"));
    assert_true(cof_text_has_suffix(last, COF_TEXT("Question: How many days?")));
    assert_int_equal(prompt.messages[0].role, COF_ROLE_SYSTEM);
}

static void prompt__writes_markers_in_documents_another_way(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_prompt prompt = build(&arena, hits, 1, 1000, 1);
    struct cof_text last = prompt.messages[prompt.message_count - 1].content;
    assert_true(has(last, "See (7) and [x]."));
}

static void prompt__takes_the_best_passages_that_fit_and_at_least_one(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    assert_int_equal(build(&arena, hits, 3, 1, 1).passage_count, 1);
    assert_int_equal(build(&arena, hits, 3, 34, 1).passage_count, 2);
}

static void prompt__delimits_passages_by_what_a_document_cannot_guess(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text one = build(&arena, hits, 1, 1000, 1).messages[0].content;
    struct cof_text same = build(&arena, hits, 1, 1000, 1).messages[0].content;
    struct cof_text other = build(&arena, hits, 1, 1000, 2).messages[0].content;
    assert_true(cof_text_equal(one, same));
    assert_false(cof_text_equal(one, other));
}

static void prompt__keeps_earlier_turns_but_only_its_own_system_message(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_prompt prompt = build(&arena, hits, 1, 1000, 1);
    assert_int_equal(prompt.message_count, 5);
    for (size_t i = 1; i < prompt.message_count; i++) {
        assert_int_not_equal(prompt.messages[i].role, COF_ROLE_SYSTEM);
    }
    assert_true(cof_text_equal(prompt.messages[3].content, COF_TEXT("Earlier answer.")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt__numbers_passages_and_ends_with_the_question),
        cmocka_unit_test(prompt__writes_markers_in_documents_another_way),
        cmocka_unit_test(prompt__takes_the_best_passages_that_fit_and_at_least_one),
        cmocka_unit_test(prompt__delimits_passages_by_what_a_document_cannot_guess),
        cmocka_unit_test(prompt__keeps_earlier_turns_but_only_its_own_system_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
