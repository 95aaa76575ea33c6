/* One generation at a time: prompt in, tokens out, and nothing kept.
 *
 * Waiting for the turn looks at the request's cancellation every few milliseconds, because a
 * condition variable cannot wait for both. What a request leaves behind is cleared before the turn
 * is given on: the KV memory with its data, the prompt's tokens, the texts. libllama's scratch
 * buffers keep values computed from the last tokens until the next request overwrites them. */
#include "llama_backend.h"

#include <string.h>
#include <time.h>

#include <cof/base/clock.h>

#include "llama_shim.h"
#include "text_stream.h"

#define WAIT_NS 20000000 /* between two looks at the cancellation */
enum { MAX_STOP_COUNT = 16 + COF_PROMPT_MAX_MARKERS, MAX_PIECE_SIZE = 512 };

/* One generation, on the stack of its thread. */
struct run {
    struct cof_llama_backend *backend;
    const struct cof_generate_request *request;
    struct llama_sampler *sampler;
    struct cof_text stops[MAX_STOP_COUNT];
    struct cof_text_stream stream;
    struct cof_generate_result result;
};

static int64_t now_ns(void)
{
    return cof_clock_steady_ns(cof_clock_system());
}

static enum cof_status take_turn(struct cof_llama_backend *backend, const struct cof_cancel *cancel,
                                 struct cof_error *err)
{
    enum cof_status status = COF_OK;

    (void)pthread_mutex_lock(&backend->turn.lock);
    while (backend->turn.is_taken) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&backend->turn.is_given, &backend->turn.lock, &until);
        status = cof_cancel_check(cancel, err);
        if (status != COF_OK)
            break;
    }
    if (status == COF_OK)
        backend->turn.is_taken = true;
    else
        (void)pthread_cond_signal(&backend->turn.is_given); /* the wake-up may have been ours */
    (void)pthread_mutex_unlock(&backend->turn.lock);
    return status;
}

static void give_turn(struct cof_llama_backend *backend)
{
    (void)pthread_mutex_lock(&backend->turn.lock);
    backend->turn.is_taken = false;
    (void)pthread_cond_signal(&backend->turn.is_given);
    (void)pthread_mutex_unlock(&backend->turn.lock);
}

bool cof_llama_must_abort(void *context)
{
    const struct cof_llama_backend *backend = context;

    return cof_cancel_check(backend->cancel, NULL) != COF_OK;
}

static enum cof_status decode(struct cof_llama_backend *backend, llama_token *tokens, size_t count,
                              struct cof_error *err)
{
    struct cof_llama_hold hold;

    cof_llama_hold_begin(&hold);
    int32_t code = cof_llama_shim_decode(backend->context, tokens, (int32_t)count);
    cof_llama_hold_end(&hold, code == 2); /* our own abort callback ended it */

    switch (code) {
    case 0:
        return COF_OK;
    case 2:
        COF_TRY(cof_cancel_check(backend->cancel, err));
        return COF_FAIL(err, COF_INTERNAL, "libllama ended a generation nobody had canceled");
    case -2:
        return COF_FAIL(err, COF_NO_MEMORY, "libllama ran out of memory");
    default:
        return COF_FAIL(err, COF_INTERNAL, "libllama could not evaluate the model (code %d)", code);
    }
}

static enum cof_status read_prompt(struct run *run, struct cof_error *err)
{
    struct cof_llama_backend *backend = run->backend;
    struct cof_token_list *prompt = &backend->prompt;
    const struct cof_generate_request *request = run->request;

    COF_TRY(cof_prompter_tokenize(&backend->prompter, request->messages, request->message_count,
                                  request->cancel, prompt, err));
    if (prompt->count >= backend->base.info.context_tokens) {
        return COF_FAIL(err, COF_TOO_LARGE,
                        "the prompt has %zu tokens and the model's context holds %zu, answer "
                        "included",
                        prompt->count, backend->base.info.context_tokens);
    }
    if (prompt->count == 0)
        return COF_FAIL(err, COF_INVALID, "the messages are empty");
    run->result.prompt_tokens = prompt->count;
    for (size_t i = 0; i < prompt->count; i += COF_LLAMA_BATCH_TOKENS) {
        size_t count =
            prompt->count - i < COF_LLAMA_BATCH_TOKENS ? prompt->count - i : COF_LLAMA_BATCH_TOKENS;

        COF_TRY(cof_cancel_check(request->cancel, err));
        COF_TRY(decode(backend, prompt->data + i, count, err));
    }
    return COF_OK;
}

static enum cof_status write_token(struct run *run, llama_token token, struct cof_error *err)
{
    char bytes[MAX_PIECE_SIZE];
    int32_t size =
        cof_llama_shim_piece(run->backend->prompter.vocab, token, bytes, sizeof(bytes), false);

    if (size < 0)
        return COF_FAIL(err, COF_INTERNAL, "libllama has no text for a token it made");

    enum cof_status status = cof_text_stream_push(
        &run->stream, cof_text_bytes((struct cof_text){.data = bytes, .size = (size_t)size}), err);

    explicit_bzero(bytes, (size_t)size);
    return status;
}

static enum cof_status write_answer(struct run *run, struct cof_error *err)
{
    struct cof_llama_backend *backend = run->backend;
    size_t max_tokens =
        run->request->max_tokens > 0 ? run->request->max_tokens : backend->default_max_tokens;
    size_t room = backend->base.info.context_tokens - run->result.prompt_tokens;

    if (max_tokens > room)
        max_tokens = room;
    run->result.finish_reason = COF_FINISH_LENGTH;
    for (;;) {
        llama_token token = cof_llama_shim_sample(run->sampler, backend->context);

        if (token == LLAMA_TOKEN_NULL)
            return COF_FAIL(err, COF_INTERNAL, "libllama could not choose a token");
        if (llama_vocab_is_eog(backend->prompter.vocab, token)) {
            run->result.finish_reason = COF_FINISH_STOP;
            break;
        }
        run->result.completion_tokens++;
        COF_TRY(write_token(run, token, err));
        if (run->stream.is_stopped) {
            run->result.finish_reason = COF_FINISH_STOP;
            break;
        }
        if (run->result.completion_tokens >= max_tokens)
            break;
        COF_TRY(cof_cancel_check(run->request->cancel, err));
        COF_TRY(decode(backend, &token, 1, err));
    }
    return cof_text_stream_finish(&run->stream, err);
}

static enum cof_status run_turn(struct run *run, struct cof_error *err)
{
    int64_t begin = now_ns();

    COF_TRY(read_prompt(run, err));

    int64_t middle = now_ns();

    COF_TRY(write_answer(run, err));
    run->result.prompt_ns = middle - begin;
    run->result.completion_ns = now_ns() - middle;
    return COF_OK;
}

enum cof_status cof_llama_generate(struct cof_generator *generator,
                                   const struct cof_generate_request *request, cof_token_fn each,
                                   void *context, struct cof_generate_result *out_result,
                                   struct cof_error *err)
{
    struct cof_llama_backend *backend = (struct cof_llama_backend *)generator;
    struct run run = {.backend = backend, .request = request};
    size_t stop_count = 0;
    /* libllama takes its own default seed for "choose one at random". */
    uint32_t seed = request->seed == LLAMA_DEFAULT_SEED ? 0 : request->seed;

    for (size_t i = 0; i < request->stop_count && stop_count < MAX_STOP_COUNT; i++)
        run.stops[stop_count++] = request->stops[i];
    /* A model that writes the next speaker's mark as plain words has ended its turn. */
    for (size_t i = 0; i < backend->prompter.marker_count && stop_count < MAX_STOP_COUNT; i++)
        run.stops[stop_count++] = backend->prompter.markers[i];
    run.stream = (struct cof_text_stream){
        .stops = run.stops, .stop_count = stop_count, .each = each, .context = context};
    run.sampler = cof_llama_shim_sampler(request->temperature, request->top_p, seed);
    if (run.sampler == NULL)
        return COF_FAIL_MEMORY(err);

    enum cof_status status = take_turn(backend, request->cancel, err);

    if (status == COF_OK) {
        backend->cancel = request->cancel;
        status = run_turn(&run, err);
        backend->cancel = NULL;
        llama_memory_clear(llama_get_memory(backend->context), true);
        explicit_bzero(backend->prompt.data,
                       backend->prompt.capacity * sizeof(*backend->prompt.data));
        backend->prompt.count = 0;
        give_turn(backend);
    }
    cof_text_stream_deinit(&run.stream);
    llama_sampler_free(run.sampler);
    if (status == COF_OK || status == COF_CANCELED)
        *out_result = run.result;
    return status;
}

enum cof_status cof_llama_count_tokens(struct cof_generator *generator, struct cof_text text,
                                       size_t *out_count, struct cof_error *err)
{
    const struct cof_llama_backend *backend = (const struct cof_llama_backend *)generator;

    return cof_prompter_count(&backend->prompter, text, out_count, err);
}
