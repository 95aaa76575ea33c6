/* A generator that says what the test tells it to. */
#include "scripted_generator.h"

#include <stdio.h>
#include <string.h>

static enum cof_status generate(struct cof_generator *generator,
                                const struct cof_generate_request *request, cof_token_fn each,
                                void *context, struct cof_generate_result *out_result,
                                struct cof_error *err)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    struct scripted_generator *scripted = (struct scripted_generator *)generator;
    size_t used = 0;
    scripted->call_count++;
    scripted->said = 0;
    for (size_t i = 0; i < request->message_count && used < sizeof(scripted->prompt); i++) {
        used += (size_t)snprintf(scripted->prompt + used, sizeof(scripted->prompt) - used,
                                 "%s: %.*s\n", roles[request->messages[i].role],
                                 COF_TEXT_ARG(request->messages[i].content));
    }
    struct cof_text script = cof_text_from(scripted->script);
    while (scripted->said < script.size) {
        size_t end = scripted->said + scripted->piece_size;
        end = end >= script.size ? script.size : cof_utf8_floor(script, end);
        end = end > scripted->said ? end : script.size;
        struct cof_text piece = cof_text_slice(script, scripted->said, end);
        scripted->said = end;
        COF_TRY(cof_cancel_check(request->cancel, err));
        if (!each(context, piece)) {
            return COF_FAIL(err, COF_CANCELED, "the caller has heard enough");
        }
    }
    *out_result = (struct cof_generate_result){.finish_reason = COF_FINISH_STOP,
                                               .prompt_tokens = used / 4,
                                               .completion_tokens = scripted->said / 4};
    return COF_OK;
}

static enum cof_status count_tokens(struct cof_generator *generator, struct cof_text text,
                                    size_t *out_count, struct cof_error *err)
{
    (void)generator;
    (void)err;
    *out_count = (text.size + 3) / 4;
    return COF_OK;
}

static void close_nothing(struct cof_generator *generator)
{
    (void)generator;
}

void scripted_generator_init(struct scripted_generator *scripted, const char *script)
{
    static const struct cof_generator_ops ops = {.name = "scripted",
                                                 .generate = generate,
                                                 .count_tokens = count_tokens,
                                                 .close = close_nothing};
    memset(scripted, 0, sizeof(*scripted));
    scripted->generator.ops = &ops;
    scripted->generator.info = (struct cof_generator_info){
        .name = "scripted", .backend = "scripted", .context_tokens = 4096};
    scripted->script = script;
    scripted->piece_size = 5;
}
