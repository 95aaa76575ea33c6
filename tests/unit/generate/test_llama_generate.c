/* Generation: repeatable, cancelable at every step, ended where it must, and nothing kept of it. */
#include <cof/generate/llama.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/torture.h"
#include "llama_backend.h"
#include "model_path.h"
#include "temp_dir.h"
#include "tiny_gguf.h"

static struct cof_generator *generator; /* a tiny one that never ends its turn */

struct answer {
    struct cof_buffer text;
    size_t piece_count;
    bool had_bad_piece;
    struct cof_cancel *cancels; /* at the third piece */
    bool refuses;               /* at the third piece */
    struct cof_generate_result result;
};

static bool receive(void *context, struct cof_text piece)
{
    struct answer *answer = context;

    answer->piece_count++;
    if (piece.size == 0 || !cof_utf8_is_valid(piece, NULL))
        answer->had_bad_piece = true;
    cof_buffer_append_text(&answer->text, piece);
    if (answer->piece_count < 3)
        return true;
    if (answer->cancels != NULL)
        cof_cancel_request(answer->cancels);
    return !answer->refuses;
}

static void answer_deinit(struct answer *answer)
{
    cof_buffer_deinit(&answer->text);
}

static const struct cof_message question = {
    .role = COF_ROLE_USER, .content = {.data = "the there then, and more?", .size = 25}};

static struct cof_generate_request request_of(size_t max_tokens)
{
    return (struct cof_generate_request){
        .messages = &question, .message_count = 1, .max_tokens = max_tokens, .top_p = 1};
}

static enum cof_status run(const struct cof_generate_request *request, struct answer *answer,
                           struct cof_error *err)
{
    return cof_generator_generate(generator, request, receive, answer, &answer->result, err);
}

static bool is_same(const struct answer *a, const struct answer *b)
{
    return a->text.size > 0 &&
           cof_bytes_equal(cof_buffer_bytes(&a->text), cof_buffer_bytes(&b->text));
}

static char notices[4096];

static void take_notice(void *context, const char *message)
{
    size_t size = strlen(notices);

    (void)context;
    (void)snprintf(notices + size, sizeof(notices) - size, "%s\n", message);
}

static int open_tiny(void **state)
{
    static char folder[TEMP_DIR_PATH_SIZE];
    char path[TEMP_DIR_PATH_SIZE];

    temp_dir_create(folder);
    *state = folder;
    tiny_gguf_save(&(struct tiny_gguf){.never_ends = true}, folder, path);
    const struct cof_llama_options options = {.path = path, .notice = take_notice};

    return cof_llama_open(&options, &generator, NULL) == COF_OK ? 0 : -1;
}

static int close_tiny(void **state)
{
    cof_generator_close(generator);
    temp_dir_remove(*state);
    return 0;
}

static void llama__gives_the_same_answer_again(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer first = {0};
    COF_CLEANUP(answer_deinit) struct answer between = {0};
    COF_CLEANUP(answer_deinit) struct answer again = {0};
    struct cof_message other = question;
    struct cof_generate_request request = request_of(40);
    struct cof_generate_request other_request = request_of(40);

    assert_int_equal(run(&request, &first, NULL), COF_OK);
    other.content = COF_TEXT("something else");
    other_request.messages = &other;
    assert_int_equal(run(&other_request, &between, NULL), COF_OK);
    assert_int_equal(run(&request, &again, NULL), COF_OK);
    assert_true(is_same(&first, &again));
    assert_false(is_same(&first, &between));
    assert_false(first.had_bad_piece || between.had_bad_piece);
    assert_int_equal(first.result.completion_tokens, 40);
    assert_int_equal(first.result.finish_reason, COF_FINISH_LENGTH);
    assert_true(first.result.prompt_tokens > 10);
    assert_true(first.result.prompt_ns > 0 && first.result.completion_ns > 0);
}

static void llama__draws_by_the_seed(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer one = {0};
    COF_CLEANUP(answer_deinit) struct answer same = {0};
    COF_CLEANUP(answer_deinit) struct answer other = {0};
    COF_CLEANUP(answer_deinit) struct answer last = {0};
    COF_CLEANUP(answer_deinit) struct answer last_again = {0};
    struct cof_generate_request request = request_of(40);

    request.temperature = 1.5f;
    request.top_p = 0.95f;
    request.seed = 1;
    assert_int_equal(run(&request, &one, NULL), COF_OK);
    assert_int_equal(run(&request, &same, NULL), COF_OK);
    request.seed = 2;
    assert_int_equal(run(&request, &other, NULL), COF_OK);
    /* libllama takes this value for "choose one yourself" */
    request.seed = UINT32_MAX;
    assert_int_equal(run(&request, &last, NULL), COF_OK);
    assert_int_equal(run(&request, &last_again, NULL), COF_OK);
    assert_true(is_same(&one, &same));
    assert_false(is_same(&one, &other));
    assert_true(is_same(&last, &last_again));
}

static void llama__ends_before_a_stop_text(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer whole = {0};
    COF_CLEANUP(answer_deinit) struct answer cut = {0};
    struct cof_generate_request request = request_of(40);

    assert_int_equal(run(&request, &whole, NULL), COF_OK);

    struct cof_text text = cof_buffer_text(&whole.text);
    size_t middle = cof_utf8_floor(text, text.size / 2);
    size_t end = middle + 4 < text.size ? cof_utf8_floor(text, middle + 4) : text.size;
    struct cof_text stop = cof_text_slice(text, middle, end);
    size_t expected = cof_text_index_of(text, stop);

    assert_true(stop.size > 0);
    request.stops = &stop;
    request.stop_count = 1;
    assert_int_equal(run(&request, &cut, NULL), COF_OK);
    assert_int_equal(cut.result.finish_reason, COF_FINISH_STOP);
    assert_true(cut.result.completion_tokens < 40);
    assert_int_equal(cut.text.size, expected);
    assert_memory_equal(cut.text.data, text.data, expected);
}

static void llama__ends_when_the_context_is_full(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer answer = {0};
    struct cof_generate_request request = request_of(100000);

    assert_int_equal(run(&request, &answer, NULL), COF_OK);
    assert_int_equal(answer.result.finish_reason, COF_FINISH_LENGTH);
    assert_int_equal(answer.result.prompt_tokens + answer.result.completion_tokens, 256);
}

static void llama__refuses_a_prompt_that_leaves_no_room(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    COF_CLEANUP(answer_deinit) struct answer answer = {0};
    struct cof_message message = question;
    struct cof_generate_request request = request_of(10);
    struct cof_error err = {0};
    size_t longest = 0;

    request.messages = &message;
    for (size_t count = 150; count < 260; count++) {
        COF_CLEANUP(answer_deinit) struct answer one = {0};

        cof_buffer_clear(&text);
        for (size_t i = 0; i < count; i++)
            cof_buffer_append_byte(&text, '0');
        message.content = cof_buffer_text(&text);

        enum cof_status status = run(&request, &one, &err);

        if (status == COF_OK) {
            size_t room = 256 - one.result.prompt_tokens;

            assert_int_equal(one.result.completion_tokens, room < 10 ? room : 10);
            assert_true(longest < one.result.prompt_tokens);
            longest = one.result.prompt_tokens;
            continue;
        }
        assert_int_equal(status, COF_TOO_LARGE);
        assert_int_equal(longest, 255);
        break;
    }
    assert_int_equal(longest, 255);

    cof_buffer_clear(&text);
    for (size_t i = 0; i < 1000; i++)
        cof_buffer_append_byte(&text, '0');
    message.content = cof_buffer_text(&text);
    assert_int_equal(run(&request, &answer, &err), COF_TOO_LARGE);
    assert_non_null(strstr(err.message, "256"));
    assert_non_null(strstr(err.message, "the prompt has 10"));
    assert_int_equal(answer.piece_count, 0);
}

static void llama__ends_when_the_receiver_refuses(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer answer = {.refuses = true};
    struct cof_generate_request request = request_of(200);

    assert_int_equal(run(&request, &answer, NULL), COF_CANCELED);
    assert_int_equal(answer.piece_count, 3);
    assert_true(answer.result.completion_tokens > 0);
}

static void llama__ends_when_canceled_between_tokens(void **state)
{
    struct cof_cancel cancel = {0};
    COF_CLEANUP(answer_deinit) struct answer answer = {.cancels = &cancel};
    struct cof_generate_request request = request_of(200);

    request.cancel = &cancel;
    assert_int_equal(run(&request, &answer, NULL), COF_CANCELED);
    assert_int_equal(answer.piece_count, 3);
}

/* A clock that moves on by one with every look at it. */
static int64_t look(void *context)
{
    int64_t *looks = context;

    return ++*looks;
}

static void llama__ends_within_the_prompt_when_the_time_is_over(void **state)
{
    COF_CLEANUP(answer_deinit) struct answer before = {0};
    COF_CLEANUP(answer_deinit) struct answer answer = {0};
    COF_CLEANUP(answer_deinit) struct answer after = {0};
    int64_t looks = 0;
    const struct cof_clock clock = {.wall_ns = look, .steady_ns = look, .context = &looks};
    struct cof_cancel cancel = {.deadline_steady_ns = 15, .clock = &clock};
    struct cof_generate_request request = request_of(20);

    assert_int_equal(run(&request, &before, NULL), COF_OK);
    request.cancel = &cancel;
    notices[0] = '\0';
    assert_int_equal(run(&request, &answer, NULL), COF_TIMEOUT);
    assert_string_equal(notices, ""); /* a stop on purpose is no warning */
    assert_int_equal(answer.piece_count, 0);
    /* Fewer looks are taken before the model's graph, more if it had been computed to its end. */
    assert_in_range(looks, 15, 20);
    request.cancel = NULL;
    assert_int_equal(run(&request, &after, NULL), COF_OK);
    assert_true(is_same(&before, &after));
}

struct blocked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_running, may_end;
    enum cof_status status;
};

static bool wait_in_receiver(void *context, struct cof_text piece)
{
    struct blocked *blocked = context;

    (void)pthread_mutex_lock(&blocked->lock);
    blocked->is_running = true;
    (void)pthread_cond_broadcast(&blocked->changed);
    while (!blocked->may_end)
        (void)pthread_cond_wait(&blocked->changed, &blocked->lock);
    (void)pthread_mutex_unlock(&blocked->lock);
    return true;
}

static void *generate_blocked(void *context)
{
    struct blocked *blocked = context;
    struct cof_generate_request request = request_of(5);
    struct cof_generate_result result;

    blocked->status =
        cof_generator_generate(generator, &request, wait_in_receiver, blocked, &result, NULL);
    return NULL;
}

static void llama__looks_at_the_cancellation_while_waiting_for_its_turn(void **state)
{
    struct blocked blocked = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    COF_CLEANUP(answer_deinit) struct answer answer = {0};
    int64_t looks = 0;
    const struct cof_clock clock = {.wall_ns = look, .steady_ns = look, .context = &looks};
    struct cof_cancel cancel = {.deadline_steady_ns = 4, .clock = &clock};
    struct cof_generate_request request = request_of(5);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, generate_blocked, &blocked), 0);
    (void)pthread_mutex_lock(&blocked.lock);
    while (!blocked.is_running)
        (void)pthread_cond_wait(&blocked.changed, &blocked.lock);
    (void)pthread_mutex_unlock(&blocked.lock);

    request.cancel = &cancel;
    assert_int_equal(run(&request, &answer, NULL), COF_TIMEOUT);
    assert_int_equal(answer.piece_count, 0);
    assert_int_equal(looks, 4);

    (void)pthread_mutex_lock(&blocked.lock);
    blocked.may_end = true;
    (void)pthread_cond_broadcast(&blocked.changed);
    (void)pthread_mutex_unlock(&blocked.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(blocked.status, COF_OK);
}

static void *generate_plain(void *context)
{
    struct answer *answer = context;
    struct cof_generate_request request = request_of(30);

    return run(&request, answer, NULL) == COF_OK ? NULL : context;
}

static void llama__answers_several_threads_one_after_the_other(void **state)
{
    struct answer answers[4] = {0};
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, generate_plain, &answers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failure = NULL;

        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
        assert_true(is_same(&answers[0], &answers[i]));
    }
    for (size_t i = 0; i < 4; i++)
        answer_deinit(&answers[i]);
}

static void llama__works_with_threads_of_its_own(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct cof_generator *kept = generator;
    COF_CLEANUP(answer_deinit) struct answer alone = {0};
    COF_CLEANUP(answer_deinit) struct answer first = {0};
    COF_CLEANUP(answer_deinit) struct answer again = {0};
    struct cof_generate_request request = request_of(3);

    assert_int_equal(run(&request, &alone, NULL), COF_OK);
    tiny_gguf_save(&(struct tiny_gguf){.never_ends = true}, *state, path);
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path, .thread_count = 3},
                                    &generator, NULL),
                     COF_OK);

    bool is_done = run(&request, &first, NULL) == COF_OK && run(&request, &again, NULL) == COF_OK;

    cof_generator_close(generator);
    generator = kept;
    assert_true(is_done);
    assert_true(is_same(&first, &again));
    assert_true(is_same(&first, &alone));
}

static void llama__keeps_nothing_of_a_request(void **state)
{
    const struct cof_llama_backend *backend = (const struct cof_llama_backend *)generator;
    COF_CLEANUP(answer_deinit) struct answer done = {0};
    COF_CLEANUP(answer_deinit) struct answer ended = {.refuses = true};
    struct cof_generate_request request = request_of(10);

    for (int round = 0; round < 2; round++) {
        enum cof_status status =
            round == 0 ? run(&request, &done, NULL) : run(&request, &ended, NULL);

        assert_int_equal(status, round == 0 ? COF_OK : COF_CANCELED);
        assert_int_equal(llama_memory_seq_pos_max(llama_get_memory(backend->context), 0), -1);
        assert_int_equal(backend->prompt.count, 0);
        for (size_t i = 0; i < backend->prompt.capacity; i++)
            assert_int_equal(backend->prompt.data[i], 0);
    }
}

static void llama__counts_tokens(void **state)
{
    size_t count = 0;

    assert_int_equal(cof_generator_count_tokens(generator, COF_TEXT(""), &count, NULL), COF_OK);
    assert_int_equal(count, 0);
    assert_int_equal(cof_generator_count_tokens(generator, COF_TEXT("\u4E2D\u4E2D"), &count, NULL),
                     COF_OK);
    assert_int_equal(count, 3); /* with the space that this vocabulary puts first */
}

static bool discard(void *context, struct cof_text piece)
{
    return true;
}

static enum cof_status generate_once(void *context, struct cof_error *err)
{
    struct cof_generate_request request = request_of(3);
    struct cof_generate_result result;

    return cof_generator_generate(generator, &request, discard, NULL, &result, err);
}

static void llama__survives_each_failed_allocation(void **state)
{
    assert_in_range(torture(generate_once, NULL), 3, 100);
}

/* What the pinned models say; also how fast, for whoever reads the log. One thread, because two
 * wait for each other in loops, which takes forever when another test has the other core. */
static void check_model(const char *name, const char *ask, const char *expected)
{
    char path[COF_MAX_PATH];
    struct cof_generator *kept = generator;
    COF_CLEANUP(answer_deinit) struct answer answer = {0};
    const struct cof_message messages[] = {
        {.role = COF_ROLE_SYSTEM, .content = COF_TEXT("Answer in one short sentence.")},
        {.role = COF_ROLE_USER, .content = cof_text_from(ask)},
    };
    const struct cof_generate_request request = {
        .messages = messages, .message_count = 2, .max_tokens = 40, .top_p = 1};

    model_path(name, path);
    assert_int_equal(
        cof_llama_open(&(struct cof_llama_options){.path = path, .name = name}, &generator, NULL),
        COF_OK);

    enum cof_status status = run(&request, &answer, NULL);

    cof_generator_close(generator);
    generator = kept;
    assert_int_equal(status, COF_OK);
    assert_false(answer.had_bad_piece);
    print_message("%s: %.1f prompt tokens/s, %.1f tokens/s: %.*s\n", name,
                  (double)answer.result.prompt_tokens * 1e9 / (double)answer.result.prompt_ns,
                  (double)answer.result.completion_tokens * 1e9 /
                      (double)answer.result.completion_ns,
                  COF_TEXT_ARG(cof_buffer_text(&answer.text)));
    assert_int_not_equal(cof_text_index_of(cof_buffer_text(&answer.text), cof_text_from(expected)),
                         SIZE_MAX);
}

static void llama__answers_with_smollm2(void **state)
{
    check_model("smollm2-135m-instruct", "What is the capital of France?", "Paris");
}

static void llama__answers_with_tinyllama(void **state)
{
    check_model("tinyllama-1.1b-chat", "What is the capital of France?", "Paris");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama__gives_the_same_answer_again),
        cmocka_unit_test(llama__draws_by_the_seed),
        cmocka_unit_test(llama__ends_before_a_stop_text),
        cmocka_unit_test(llama__ends_when_the_context_is_full),
        cmocka_unit_test(llama__refuses_a_prompt_that_leaves_no_room),
        cmocka_unit_test(llama__ends_when_the_receiver_refuses),
        cmocka_unit_test(llama__ends_when_canceled_between_tokens),
        cmocka_unit_test(llama__ends_within_the_prompt_when_the_time_is_over),
        cmocka_unit_test(llama__looks_at_the_cancellation_while_waiting_for_its_turn),
        cmocka_unit_test(llama__answers_several_threads_one_after_the_other),
        cmocka_unit_test(llama__works_with_threads_of_its_own),
        cmocka_unit_test(llama__keeps_nothing_of_a_request),
        cmocka_unit_test(llama__counts_tokens),
        cmocka_unit_test(llama__survives_each_failed_allocation),
        cmocka_unit_test(llama__answers_with_smollm2),
        cmocka_unit_test(llama__answers_with_tinyllama),
    };

    return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
