/* libllama's lines come whole to the newest sink, and only what an operator should know. */
#include "llama_log.h"

#include <stdio.h>
#include <string.h>

#include <llama.h>

#include "testing.h"

struct notes {
    int count;
    char last[600];
};

static void note(void *context, const char *message)
{
    struct notes *notes = context;

    notes->count++;
    (void)snprintf(notes->last, sizeof(notes->last), "%s", message);
}

static void say(enum ggml_log_level level, const char *text)
{
    ggml_log_callback callback = NULL;
    void *context = NULL;

    llama_log_get(&callback, &context);
    callback(level, text, context);
}

static void llama_log__passes_on_warnings_and_errors_only(void **state)
{
    struct notes notes = {0};
    struct cof_llama_sink sink = {.notice = note, .context = &notes};

    cof_llama_sink_add(&sink);
    say(GGML_LOG_LEVEL_INFO, "loading\n");
    say(GGML_LOG_LEVEL_DEBUG, "details\n");
    assert_int_equal(notes.count, 0);
    say(GGML_LOG_LEVEL_WARN, "careful\n");
    assert_string_equal(notes.last, "libllama: careful");
    say(GGML_LOG_LEVEL_ERROR, "broken\n");
    assert_string_equal(notes.last, "libllama: broken");
    assert_int_equal(notes.count, 2);
    cof_llama_sink_remove(&sink);
}

static void llama_log__joins_the_parts_of_a_line(void **state)
{
    struct notes notes = {0};
    struct cof_llama_sink sink = {.notice = note, .context = &notes};
    char longest[1000];

    cof_llama_sink_add(&sink);
    say(GGML_LOG_LEVEL_WARN, "one ");
    say(GGML_LOG_LEVEL_CONT, "two ");
    say(GGML_LOG_LEVEL_CONT, "three\n\n");
    assert_string_equal(notes.last, "libllama: one two three");
    assert_int_equal(notes.count, 1);
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    say(GGML_LOG_LEVEL_WARN, longest);
    say(GGML_LOG_LEVEL_CONT, "\n");
    assert_int_equal(notes.count, 2);
    assert_in_range(strlen(notes.last), 300, 500);
    cof_llama_sink_remove(&sink);
}

static void llama_log__goes_to_the_newest_sink_that_is_there(void **state)
{
    struct notes old = {0}, new = {0};
    struct cof_llama_sink first = {.notice = note, .context = &old};
    struct cof_llama_sink second = {.notice = note, .context = &new};
    struct cof_llama_sink silent = {0};

    say(GGML_LOG_LEVEL_ERROR, "nobody listens\n");
    cof_llama_sink_add(&first);
    cof_llama_sink_add(&second);
    say(GGML_LOG_LEVEL_WARN, "a\n");
    assert_int_equal(old.count, 0);
    assert_int_equal(new.count, 1);
    cof_llama_sink_remove(&second);
    say(GGML_LOG_LEVEL_WARN, "b\n");
    assert_int_equal(old.count, 1);
    assert_int_equal(new.count, 1);
    cof_llama_sink_add(&silent);
    say(GGML_LOG_LEVEL_WARN, "c\n");
    assert_int_equal(old.count, 1);
    cof_llama_sink_remove(&first);
    cof_llama_sink_remove(&silent);
}

static void llama_log__remembers_the_first_error_of_a_sink(void **state)
{
    struct cof_llama_sink sink = {0};
    char message[100];

    say(GGML_LOG_LEVEL_ERROR, "of another\n");
    cof_llama_sink_add(&sink);
    cof_llama_first_error(message, sizeof(message));
    assert_string_equal(message, "");
    say(GGML_LOG_LEVEL_ERROR, "first\n");
    say(GGML_LOG_LEVEL_ERROR, "second\n");
    say(GGML_LOG_LEVEL_WARN, "not this\n");
    cof_llama_first_error(message, sizeof(message));
    assert_string_equal(message, "first");
    cof_llama_sink_remove(&sink);
}

static void llama_log__holds_back_and_then_forgets_or_passes_on(void **state)
{
    struct notes notes = {0};
    struct cof_llama_sink sink = {.notice = note, .context = &notes};
    struct cof_llama_hold hold;
    char message[100];

    cof_llama_sink_add(&sink);
    cof_llama_hold_begin(&hold);
    say(GGML_LOG_LEVEL_ERROR, "failed to decode, ret = 2\n");
    cof_llama_hold_end(&hold, true);
    assert_int_equal(notes.count, 0);
    cof_llama_first_error(message, sizeof(message));
    assert_string_equal(message, "");

    cof_llama_hold_begin(&hold);
    say(GGML_LOG_LEVEL_ERROR, "one\n");
    say(GGML_LOG_LEVEL_WARN, "two\n");
    say(GGML_LOG_LEVEL_INFO, "not this\n");
    assert_int_equal(notes.count, 0);
    cof_llama_hold_end(&hold, false);
    assert_int_equal(notes.count, 2);
    assert_string_equal(notes.last, "libllama: two");
    say(GGML_LOG_LEVEL_WARN, "at once again\n");
    assert_int_equal(notes.count, 3);

    /* more than it holds is dropped, whole lines at a time */
    cof_llama_hold_begin(&hold);
    for (int i = 0; i < 1000; i++)
        say(GGML_LOG_LEVEL_WARN, "again\n");
    cof_llama_hold_end(&hold, false);
    assert_in_range(notes.count, 4, 3 + 1024 / 6);
    assert_string_equal(notes.last, "libllama: again");
    cof_llama_sink_remove(&sink);
}

static void *say_elsewhere(void *context)
{
    say(GGML_LOG_LEVEL_WARN, "another thread\n");
    return context;
}

static void llama_log__holds_back_its_own_thread_only(void **state)
{
    struct notes notes = {0};
    struct cof_llama_sink sink = {.notice = note, .context = &notes};
    struct cof_llama_hold hold;
    pthread_t thread;

    cof_llama_sink_add(&sink);
    cof_llama_hold_begin(&hold);
    assert_int_equal(pthread_create(&thread, NULL, say_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(notes.count, 1);
    cof_llama_hold_end(&hold, true);
    cof_llama_sink_remove(&sink);
}

static int start(void **state)
{
    cof_llama_start();
    cof_llama_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_log__passes_on_warnings_and_errors_only),
        cmocka_unit_test(llama_log__joins_the_parts_of_a_line),
        cmocka_unit_test(llama_log__goes_to_the_newest_sink_that_is_there),
        cmocka_unit_test(llama_log__remembers_the_first_error_of_a_sink),
        cmocka_unit_test(llama_log__holds_back_and_then_forgets_or_passes_on),
        cmocka_unit_test(llama_log__holds_back_its_own_thread_only),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
