/* Every generator keeps the same promises: the same answer again, whole characters, an end where
 * one is asked for, and one clear status when it cannot.
 *
 * The backends: `extractive`, and `llama` with a tiny random model. */
#include <cof/generate/generator.h>

#include <pthread.h>
#include <string.h>

#include <cof/base/buffer.h>
#include <cof/generate/extractive.h>
#include <cof/generate/llama.h>

#include "temp_dir.h"
#include "testing.h"

/* Compiled in, because both kinds of tests need it and neither is a library. */
#include "../unit/generate/tiny_gguf.c"

enum { MAX_BACKENDS = 2 };

static struct cof_generator *backends[MAX_BACKENDS];
static size_t backend_count;

static const struct cof_message messages[] = {
    {.role = COF_ROLE_SYSTEM, .content = {.data = "Answer from the passages.", .size = 25}},
    {.role = COF_ROLE_USER, .content = {.data = "How many days of leave?", .size = 23}},
};

static struct cof_passage passage; /* filled at the start, then only read */

struct answer {
    struct cof_buffer text;
    size_t piece_count;
    size_t refuses_at; /* 0 = never */
    struct cof_generate_result result;
};

static bool receive(void *context, struct cof_text piece)
{
    struct answer *answer = context;

    assert_true(piece.size > 0 && cof_utf8_is_valid(piece, NULL));
    cof_buffer_append_text(&answer->text, piece);
    return ++answer->piece_count != answer->refuses_at;
}

static void answer_deinit(struct answer *answer)
{
    cof_buffer_deinit(&answer->text);
}

static struct cof_generate_request request_of(size_t max_tokens)
{
    return (struct cof_generate_request){
        .messages = messages,
        .message_count = 2,
        .question = messages[1].content,
        .passages = &passage,
        .passage_count = 1,
        .max_tokens = max_tokens,
        .top_p = 1,
    };
}

static enum cof_status run(struct cof_generator *generator,
                           const struct cof_generate_request *request, struct answer *answer,
                           struct cof_error *err)
{
    return cof_generator_generate(generator, request, receive, answer, &answer->result, err);
}

static int open_all(void **state)
{
    static char folder[TEMP_DIR_PATH_SIZE];
    char path[TEMP_DIR_PATH_SIZE];
    struct cof_error err = {0};

    passage.title = COF_TEXT("Leave");
    passage.text =
        COF_TEXT("Everyone has 27 days of leave in a year. Caf\u00E9s \u4E2D\u6587 are open. "
                 "Days of leave are asked for in time.");
    temp_dir_create(folder);
    *state = folder;
    tiny_gguf_save(&(struct tiny_gguf){.context_length = 512, .never_ends = true}, folder, path);
    if (cof_extractive_open(&backends[backend_count++], NULL) != COF_OK)
        return -1;

    enum cof_status status =
        cof_llama_open(&(struct cof_llama_options){.path = path}, &backends[backend_count], &err);

    /* A build without libllama has one backend. */
    if (status == COF_OK)
        backend_count++;
    return status == COF_OK || status == COF_UNAVAILABLE ? 0 : -1;
}

static int close_all(void **state)
{
    for (size_t i = 0; i < backend_count; i++)
        cof_generator_close(backends[i]);
    temp_dir_remove(*state);
    return 0;
}

static void generator__tells_its_facts(void **state)
{
    static const uint8_t nothing[32] = {0};

    for (size_t i = 0; i < backend_count; i++) {
        const struct cof_generator_info *info = &backends[i]->info;

        assert_non_null(info->name);
        assert_true(strlen(info->name) > 0);
        assert_string_equal(info->backend, backends[i]->ops->name);
        assert_true(info->context_tokens >= 512);
        assert_memory_not_equal(info->fingerprint, nothing, 32);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(info->fingerprint, backends[k]->info.fingerprint, 32);
    }
}

static void generator__gives_the_same_answer_to_the_same_request(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        for (int sampled = 0; sampled < 2; sampled++) {
            COF_CLEANUP(answer_deinit) struct answer first = {0};
            COF_CLEANUP(answer_deinit) struct answer again = {0};
            struct cof_generate_request request = request_of(12);

            request.temperature = sampled ? 0.8f : 0;
            request.seed = 42;
            assert_int_equal(run(backends[i], &request, &first, NULL), COF_OK);
            assert_int_equal(run(backends[i], &request, &again, NULL), COF_OK);
            assert_true(first.text.size > 0);
            assert_true(
                cof_bytes_equal(cof_buffer_bytes(&first.text), cof_buffer_bytes(&again.text)));
            assert_int_equal(first.result.completion_tokens, again.result.completion_tokens);
            assert_int_equal(first.result.prompt_tokens, again.result.prompt_tokens);
            assert_true(first.result.prompt_tokens > 0);
            assert_true(first.result.prompt_ns >= 0 && first.result.completion_ns >= 0);
        }
    }
}

static void generator__writes_no_more_than_max_tokens(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        for (size_t max_tokens = 1; max_tokens < 8; max_tokens++) {
            COF_CLEANUP(answer_deinit) struct answer answer = {0};
            struct cof_generate_request request = request_of(max_tokens);

            assert_int_equal(run(backends[i], &request, &answer, NULL), COF_OK);
            assert_int_equal(answer.result.completion_tokens, max_tokens);
            assert_int_equal(answer.result.finish_reason, COF_FINISH_LENGTH);
        }
    }
}

static void generator__ends_before_a_stop_text(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        COF_CLEANUP(answer_deinit) struct answer whole = {0};
        COF_CLEANUP(answer_deinit) struct answer cut = {0};
        struct cof_generate_request request = request_of(12);

        assert_int_equal(run(backends[i], &request, &whole, NULL), COF_OK);

        struct cof_text text = cof_buffer_text(&whole.text);
        size_t begin = cof_utf8_floor(text, text.size / 2);
        struct cof_text stop = cof_text_slice(
            text, begin, cof_utf8_floor(text, begin + 4 < text.size ? begin + 4 : text.size));
        size_t expected = cof_text_index_of(text, stop);

        request.stops = &stop;
        request.stop_count = 1;
        assert_int_equal(run(backends[i], &request, &cut, NULL), COF_OK);
        assert_int_equal(cut.result.finish_reason, COF_FINISH_STOP);
        assert_int_equal(cut.text.size, expected);
        assert_memory_equal(cut.text.data, text.data, expected);
    }
}

static void generator__ends_when_the_receiver_refuses(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        COF_CLEANUP(answer_deinit) struct answer answer = {.refuses_at = 1};
        struct cof_generate_request request = request_of(50);

        assert_int_equal(run(backends[i], &request, &answer, NULL), COF_CANCELED);
        assert_int_equal(answer.piece_count, 1);
        assert_true(answer.result.prompt_tokens > 0);
        assert_true(answer.result.completion_tokens > 0);
    }
}

static void generator__does_nothing_for_a_canceled_request(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        COF_CLEANUP(answer_deinit) struct answer answer = {0};
        struct cof_generate_request request = request_of(50);
        struct cof_cancel cancel = {0};

        cof_cancel_request(&cancel);
        request.cancel = &cancel;
        assert_int_equal(run(backends[i], &request, &answer, NULL), COF_CANCELED);
        assert_int_equal(answer.piece_count, 0);
    }
}

static void generator__refuses_bad_requests(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        COF_CLEANUP(answer_deinit) struct answer answer = {0};
        const struct cof_message bad = {.role = COF_ROLE_USER,
                                        .content = {.data = "\xFF", .size = 1}};
        struct cof_generate_request request = request_of(5);
        struct cof_error err = {0};

        request.message_count = 0;
        assert_int_equal(run(backends[i], &request, &answer, &err), COF_INVALID);
        assert_true(strlen(err.message) > 0);
        request = request_of(5);
        request.messages = &bad;
        request.message_count = 1;
        assert_int_equal(run(backends[i], &request, &answer, &err), COF_INVALID);
        request = request_of(5);
        request.temperature = -1;
        assert_int_equal(run(backends[i], &request, &answer, &err), COF_INVALID);
        assert_int_equal(answer.piece_count, 0);
    }
}

static void generator__counts_tokens(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        size_t none = 1, one = 0, many = 0;

        assert_int_equal(cof_generator_count_tokens(backends[i], COF_TEXT(""), &none, NULL),
                         COF_OK);
        assert_int_equal(cof_generator_count_tokens(backends[i], COF_TEXT("leave"), &one, NULL),
                         COF_OK);
        assert_int_equal(
            cof_generator_count_tokens(backends[i], COF_TEXT("leave and more leave"), &many, NULL),
            COF_OK);
        assert_int_equal(none, 0);
        assert_true(one >= 1 && many > one);
    }
}

struct asker {
    struct cof_generator *generator;
    struct answer answer;
    enum cof_status status;
};

static void *ask_thrice(void *context)
{
    struct asker *asker = context;
    struct cof_generate_request request = request_of(8);

    for (int i = 0; i < 3 && asker->status == COF_OK; i++) {
        cof_buffer_clear(&asker->answer.text);
        asker->status = run(asker->generator, &request, &asker->answer, NULL);
    }
    return NULL;
}

static void generator__serves_several_threads(void **state)
{
    for (size_t i = 0; i < backend_count; i++) {
        struct asker askers[3] = {0};
        pthread_t threads[3];

        for (size_t k = 0; k < 3; k++) {
            askers[k].generator = backends[i];
            assert_int_equal(pthread_create(&threads[k], NULL, ask_thrice, &askers[k]), 0);
        }
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(pthread_join(threads[k], NULL), 0);
            assert_int_equal(askers[k].status, COF_OK);
            assert_true(cof_bytes_equal(cof_buffer_bytes(&askers[0].answer.text),
                                        cof_buffer_bytes(&askers[k].answer.text)));
        }
        for (size_t k = 0; k < 3; k++)
            answer_deinit(&askers[k].answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator__tells_its_facts),
        cmocka_unit_test(generator__gives_the_same_answer_to_the_same_request),
        cmocka_unit_test(generator__writes_no_more_than_max_tokens),
        cmocka_unit_test(generator__ends_before_a_stop_text),
        cmocka_unit_test(generator__ends_when_the_receiver_refuses),
        cmocka_unit_test(generator__does_nothing_for_a_canceled_request),
        cmocka_unit_test(generator__refuses_bad_requests),
        cmocka_unit_test(generator__counts_tokens),
        cmocka_unit_test(generator__serves_several_threads),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
