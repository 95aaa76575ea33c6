/* Messages and sampling of a chat request.
 *
 * Members of OpenAI's API that change nothing here are accepted; those that would change the answer
 * and cannot be honoured are refused, because silence would be a wrong answer. */
#include "chat_request.h"

#include <stdio.h>
#include <string.h>

#include "fields.h"

#define MAX_MESSAGES 512
#define MAX_STOPS 4
#define MAX_ANSWER_TOKENS 16384

/* Joins the text parts of a message's content. */
static enum cof_status parse_parts(const struct cof_fields *fields, const struct cof_json *parts,
                                   struct cof_text *out_text, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer joined = {0};
    for (const struct cof_json *part = cof_json_first(parts); part != NULL;
         part = cof_json_next(part)) {
        const struct cof_json *text = cof_json_find(part, "text");
        struct cof_text type = cof_json_text(cof_json_find(part, "type"));
        bool is_text = cof_text_equal(type, COF_TEXT("text")) && text != NULL &&
                       cof_json_type_of(text) == COF_JSON_STRING;
        if (!is_text) {
            return cof_fields_refuse(fields, "content", err,
                                     "only content parts of type \"text\" are understood");
        }
        cof_buffer_append_text(&joined, cof_json_text(text));
    }
    COF_TRY(cof_buffer_status(&joined, err));
    *out_text = cof_arena_copy_text(&fields->request->call.arena, cof_buffer_text(&joined));
    return out_text->data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

static enum cof_status parse_message(const struct cof_fields *fields, struct cof_message *out,
                                     struct cof_error *err)
{
    static const char *const names[] = {"system", "developer", "user", "assistant"};
    static const enum cof_role roles[] = {COF_ROLE_SYSTEM, COF_ROLE_SYSTEM, COF_ROLE_USER,
                                          COF_ROLE_ASSISTANT};
    size_t role = sizeof(names) / sizeof(names[0]);
    const struct cof_json *content = cof_json_find(fields->object, "content");
    COF_TRY(cof_fields_choice(fields, "role", names, sizeof(names) / sizeof(names[0]), &role, err));
    if (role == sizeof(names) / sizeof(names[0])) {
        return cof_fields_refuse(fields, "role", err, "every message needs a 'role'");
    }
    out->role = roles[role];
    enum cof_json_type type = content != NULL ? cof_json_type_of(content) : COF_JSON_NULL;
    if (type == COF_JSON_ARRAY) {
        return parse_parts(fields, content, &out->content, err);
    }
    bool may_be_empty = out->role == COF_ROLE_ASSISTANT && type == COF_JSON_NULL;
    if (type != COF_JSON_STRING && !may_be_empty) {
        return cof_fields_refuse(fields, "content", err,
                                 "'content' must be a string or an array of text parts");
    }
    out->content = cof_json_text(content);
    return COF_OK;
}

static enum cof_status parse_messages(const struct cof_fields *fields,
                                      struct cof_service_chat *chat, struct cof_error *err)
{
    const struct cof_json *array = NULL;
    COF_TRY(cof_fields_array(fields, "messages", &array, err));
    size_t count = array != NULL ? cof_json_count(array) : 0;
    if (count == 0 || count > MAX_MESSAGES) {
        return cof_fields_refuse(fields, "messages", err,
                                 "'messages' must have between 1 and %d messages", MAX_MESSAGES);
    }
    struct cof_message *messages =
        cof_arena_array(&fields->request->call.arena, count, sizeof(*messages));
    if (messages == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t i = 0;
    for (const struct cof_json *item = cof_json_first(array); item != NULL;
         item = cof_json_next(item)) {
        char place[32];
        (void)snprintf(place, sizeof(place), "messages[%zu].", i);
        const struct cof_fields inside = cof_fields_in(fields, item, place);
        if (cof_json_type_of(item) != COF_JSON_OBJECT) {
            return cof_fields_refuse(fields, "messages", err, "a message must be an object");
        }
        COF_TRY(parse_message(&inside, &messages[i++], err));
    }
    chat->messages = messages;
    chat->message_count = count;
    return COF_OK;
}

static enum cof_status parse_stops(const struct cof_fields *fields, struct cof_service_chat *chat,
                                   struct cof_error *err)
{
    const struct cof_json *stop = cof_json_find(fields->object, "stop");
    if (stop == NULL || cof_json_type_of(stop) != COF_JSON_STRING) {
        return cof_fields_texts(fields, "stop", MAX_STOPS, &chat->stops, &chat->stop_count, err);
    }
    struct cof_text *text = cof_arena_array(&fields->request->call.arena, 1, sizeof(*text));
    if (text == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *text = cof_json_text(stop);
    chat->stops = text;
    chat->stop_count = 1;
    return COF_OK;
}

static enum cof_status parse_sampling(const struct cof_fields *fields,
                                      struct cof_service_chat *chat, struct cof_error *err)
{
    double temperature = 0;
    double top_p = 1;
    double seed = 0;
    COF_TRY(cof_fields_number(fields, "temperature", 0, 2, &temperature, err));
    COF_TRY(cof_fields_number(fields, "top_p", 0, 1, &top_p, err));
    COF_TRY(cof_fields_number(fields, "seed", -9.3e18, 9.3e18, &seed, err));
    COF_TRY(cof_fields_size(fields, "max_tokens", 1, MAX_ANSWER_TOKENS, &chat->max_tokens, err));
    COF_TRY(cof_fields_size(fields, "max_completion_tokens", 1, MAX_ANSWER_TOKENS,
                            &chat->max_tokens, err));
    COF_TRY(parse_stops(fields, chat, err));
    chat->temperature = (float)temperature;
    chat->top_p = (float)top_p;
    /* any number of the client's is some seed of ours, always the same */
    int64_t whole = seed > -9.2e18 && seed < 9.2e18 ? (int64_t)seed : 0;
    chat->seed = (uint32_t)((uint64_t)whole ^ (uint64_t)whole >> 32);
    return COF_OK;
}

static enum cof_status refuse_unsupported(const struct cof_fields *fields, struct cof_error *err)
{
    static const char *const formats[] = {"text"};
    size_t choices = 1;
    size_t format = 0;
    bool has_logprobs = false;
    const struct cof_json *response_format = NULL;
    COF_TRY(cof_fields_size(fields, "n", 1, 1, &choices, err));
    COF_TRY(cof_fields_bool(fields, "logprobs", &has_logprobs, err));
    if (has_logprobs) {
        return cof_fields_refuse(fields, "logprobs", err, "'logprobs' are not supported");
    }
    COF_TRY(cof_fields_object(fields, "response_format", &response_format, err));
    if (response_format != NULL) {
        const struct cof_fields inside = cof_fields_in(fields, response_format, "response_format.");
        COF_TRY(cof_fields_choice(&inside, "type", formats, 1, &format, err));
    }
    return COF_OK;
}

/* Members of which only the type is checked. */
static enum cof_status check_tolerated(const struct cof_fields *fields, struct cof_error *err)
{
    double penalty = 0;
    struct cof_text user = {0};
    COF_TRY(cof_fields_number(fields, "frequency_penalty", -2, 2, &penalty, err));
    COF_TRY(cof_fields_number(fields, "presence_penalty", -2, 2, &penalty, err));
    return cof_fields_text(fields, "user", &user, err);
}

enum cof_status cof_chat_request_parse(struct cof_request *request,
                                       struct cof_chat_request *out_chat, struct cof_error *err)
{
    static const char *const policies[] = {"fallback", "mark", "remove"};
    const struct cof_fields fields = cof_fields_of(request);
    const struct cof_json *stream_options = NULL;
    size_t policy = 0;
    *out_chat = (struct cof_chat_request){0};
    COF_TRY(cof_fields_text(&fields, "model", &out_chat->wanted.model, err));
    COF_TRY(parse_messages(&fields, &out_chat->wanted, err));
    COF_TRY(parse_sampling(&fields, &out_chat->wanted, err));
    COF_TRY(cof_fields_bool(&fields, "stream", &out_chat->is_streamed, err));
    COF_TRY(cof_fields_object(&fields, "stream_options", &stream_options, err));
    if (stream_options != NULL) {
        const struct cof_fields inside = cof_fields_in(&fields, stream_options, "stream_options.");
        COF_TRY(cof_fields_bool(&inside, "include_usage", &out_chat->must_count, err));
    }
    COF_TRY(refuse_unsupported(&fields, err));
    COF_TRY(check_tolerated(&fields, err));
    COF_TRY(cof_fields_choice(&fields, "unsupported", policies, 3, &policy, err));
    out_chat->wanted.policy = (enum cof_unsupported_policy)policy;
    return cof_chat_retrieval_parse(request, &out_chat->wanted, err);
}
