/* The generator contract: arguments are checked here once, then a backend does the work. */
#include <cof/generate/generator.h>

#include <math.h>

/* More stop texts than any client sends; each one is looked for after every token. */
enum { MAX_STOP_COUNT = 16, MAX_STOP_SIZE = 1024 };

static enum cof_status check_text(struct cof_text text, const char *what, size_t index,
                                  struct cof_error *err)
{
    size_t offset = 0;

    if (text.size > 0 && text.data == NULL)
        return COF_FAIL(err, COF_INVALID, "%s %zu has a size but no bytes", what, index);
    if (!cof_utf8_is_valid(text, &offset)) {
        return COF_FAIL(err, COF_INVALID, "%s %zu is not valid UTF-8 at byte %zu", what, index,
                        offset);
    }
    return COF_OK;
}

static enum cof_status check_messages(const struct cof_generate_request *request,
                                      struct cof_error *err)
{
    if (request->message_count == 0 || request->messages == NULL)
        return COF_FAIL(err, COF_INVALID, "a generation needs at least one message");
    for (size_t i = 0; i < request->message_count; i++) {
        switch (request->messages[i].role) {
        case COF_ROLE_SYSTEM:
        case COF_ROLE_USER:
        case COF_ROLE_ASSISTANT:
            break;
        default:
            return COF_FAIL(err, COF_INVALID, "message %zu has no known role", i);
        }
        COF_TRY(check_text(request->messages[i].content, "message", i, err));
    }
    return COF_OK;
}

static enum cof_status check_passages(const struct cof_generate_request *request,
                                      struct cof_error *err)
{
    COF_TRY(check_text(request->question, "question", 0, err));
    if (request->passage_count > 0 && request->passages == NULL)
        return COF_FAIL(err, COF_INVALID, "passages are counted but not given");
    for (size_t i = 0; i < request->passage_count; i++) {
        COF_TRY(check_text(request->passages[i].title, "title of passage", i, err));
        COF_TRY(check_text(request->passages[i].text, "passage", i, err));
    }
    return COF_OK;
}

static enum cof_status check_sampling(const struct cof_generate_request *request,
                                      struct cof_error *err)
{
    if (!isfinite(request->temperature) || request->temperature < 0 || request->temperature > 100)
        return COF_FAIL(err, COF_INVALID, "temperature must be between 0 and 100");
    if (!isfinite(request->top_p) || request->top_p < 0 || request->top_p > 1)
        return COF_FAIL(err, COF_INVALID, "top_p must be between 0 and 1");
    if (request->stop_count > MAX_STOP_COUNT)
        return COF_FAIL(err, COF_INVALID, "at most %d stop texts are allowed", MAX_STOP_COUNT);
    if (request->stop_count > 0 && request->stops == NULL)
        return COF_FAIL(err, COF_INVALID, "stop texts are counted but not given");
    for (size_t i = 0; i < request->stop_count; i++) {
        if (request->stops[i].size == 0 || request->stops[i].size > MAX_STOP_SIZE) {
            return COF_FAIL(err, COF_INVALID, "stop text %zu must have 1 to %d bytes", i,
                            MAX_STOP_SIZE);
        }
        COF_TRY(check_text(request->stops[i], "stop text", i, err));
    }
    return COF_OK;
}

enum cof_status cof_generator_generate(struct cof_generator *generator,
                                       const struct cof_generate_request *request,
                                       cof_token_fn each, void *context,
                                       struct cof_generate_result *out_result,
                                       struct cof_error *err)
{
    COF_TRY(check_messages(request, err));
    COF_TRY(check_passages(request, err));
    COF_TRY(check_sampling(request, err));
    COF_TRY(cof_cancel_check(request->cancel, err));
    return generator->ops->generate(generator, request, each, context, out_result, err);
}

enum cof_status cof_generator_count_tokens(struct cof_generator *generator, struct cof_text text,
                                           size_t *out_count, struct cof_error *err)
{
    COF_TRY(check_text(text, "text", 0, err));
    return generator->ops->count_tokens(generator, text, out_count, err);
}

void cof_generator_close(struct cof_generator *generator)
{
    if (generator != NULL)
        generator->ops->close(generator);
}
