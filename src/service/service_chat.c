/* Chat: the intent is durable before the first token leaves, the result before the last. */
#include "service_private.h"

#include <cof/base/json.h>

struct chat_run {
    struct cof_service *service;
    struct cof_call *call;
    const struct cof_service_chat *chat;
    struct cof_text question;
    uint64_t collection;
    uint64_t intent_seq;
};

/* What was retrieved and may now be quoted: recorded before anything of it is shown. */
static enum cof_status on_retrieved(void *context, const struct cof_search_result *retrieved,
                                    struct cof_error *err)
{
    struct chat_run *run = context;
    struct cof_audit_record record = cof_service_record(run->call, COF_AUDIT_ANSWER_INTENT, COF_OK);
    record.collection = run->collection;
    record.query = run->question;
    COF_TRY(
        cof_service_record_hits(run->call, &record, retrieved->hits, retrieved->hit_count, err));
    COF_TRY(cof_service_commit(run->service, run->call, &record, err));
    run->intent_seq = run->call->audit_seq;
    if (run->chat->on_start != NULL && !run->chat->on_start(run->chat->context, retrieved)) {
        return COF_FAIL(err, COF_CANCELED, "the client has left");
    }
    return COF_OK;
}

static bool on_piece(void *context, struct cof_text piece)
{
    struct chat_run *run = context;
    return run->chat->on_piece(run->chat->context, piece);
}

static enum cof_status describe_answer(struct cof_service *service, struct cof_call *call,
                                       const struct cof_answer *answer,
                                       struct cof_text *out_details, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer details = {0};
    struct cof_json_writer writer = cof_json_writer_to(&details);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "kind", cof_answer_kind_name(answer->kind));
    cof_json_member_bool(&writer, "grounded", answer->is_grounded);
    cof_json_member_string(&writer, "model", service->options.generator->info.name);
    cof_json_member_unsigned(&writer, "held_back", answer->held_back_count);
    cof_json_put_key(&writer, "citations");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < answer->citation_count; i++) {
        cof_json_begin_object(&writer);
        cof_json_member_unsigned(&writer, "n", answer->citations[i].marker);
        cof_json_member_unsigned(&writer, "chunk", answer->citations[i].chunk_id);
        cof_json_member_string(&writer, "sha256", answer->citations[i].content_sha256);
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    COF_TRY(cof_buffer_status(&details, err));
    *out_details = cof_arena_copy_text(&call->arena, cof_buffer_text(&details));
    if (out_details->data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

static enum cof_status check(struct cof_service *service, const struct cof_service_chat *chat,
                             struct cof_error *err)
{
    if (service->options.answerer == NULL) {
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "no generation model is configured; set generator.model (for example to "
                        "\"extractive\") and restart");
    }
    const char *model = service->options.generator->info.name;
    if (chat->model.size > 0 && !cof_text_equal(chat->model, cof_text_from(model))) {
        return COF_FAIL(err, COF_NOT_FOUND, "model \"%.*s\" is not loaded; this server has \"%s\"",
                        COF_TEXT_ARG(cof_text_slice(chat->model, 0, 64)), model);
    }
    if (chat->message_count == 0 || chat->messages[chat->message_count - 1].role != COF_ROLE_USER) {
        return COF_FAIL(err, COF_INVALID, "the last message must be the user's");
    }
    if (service->options.must_ground && chat->collection_count == 0) {
        return COF_FAIL(err, COF_INVALID,
                        "this server answers only from documents; name vector_store_ids");
    }
    return COF_OK;
}

static enum cof_status prepare(struct cof_service *service, struct cof_call *call,
                               const struct cof_service_chat *chat, struct chat_run *run,
                               struct cof_answer_request *out_request, struct cof_error *err)
{
    uint64_t *numbers = NULL;
    COF_TRY(cof_service_resolve_all(service, call, chat->collections, chat->collection_count,
                                    &numbers, err));
    run->collection = chat->collection_count > 0 ? numbers[0] : 0;
    const struct cof_filter *filter = NULL;
    if (chat->filter != NULL && cof_json_type_of(chat->filter) != COF_JSON_NULL) {
        COF_TRY(cof_filter_parse(chat->filter, &call->arena, &filter, err));
    }
    *out_request = (struct cof_answer_request){
        .messages = chat->messages,
        .message_count = chat->message_count,
        .collections = numbers,
        .collection_count = chat->collection_count,
        .k = chat->k,
        .mode = chat->mode,
        .filter = filter,
        .min_score = chat->min_score,
        .principal = &call->principal,
        .policy = chat->policy,
        .max_tokens = chat->max_tokens,
        .temperature = chat->temperature,
        .top_p = chat->top_p,
        .seed = chat->seed,
        .stops = chat->stops,
        .stop_count = chat->stop_count,
        .cancel = &call->cancel,
        .on_retrieved = on_retrieved,
        .on_piece = chat->on_piece == NULL ? NULL : on_piece,
        .context = run,
    };
    return COF_OK;
}

enum cof_status cof_service_chat(struct cof_service *service, struct cof_call *call,
                                 const struct cof_service_chat *chat, struct cof_answer *out_answer,
                                 struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_ANSWER, err));
    COF_TRY(check(service, chat, err));
    struct chat_run run = {
        .service = service,
        .call = call,
        .chat = chat,
        .question = chat->messages[chat->message_count - 1].content,
        .intent_seq = UINT64_MAX,
    };
    struct cof_answer_request request;
    COF_TRY(prepare(service, call, chat, &run, &request, err));
    struct cof_answer answer = {0};
    enum cof_status status =
        cof_answer(service->options.answerer, &request, &call->arena, &answer, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_ANSWER_RESULT, status);
    record.collection = run.collection;
    record.intent_seq = run.intent_seq;
    if (run.intent_seq == UINT64_MAX) {
        record.query = run.question;
    }
    if (status == COF_OK) {
        record.answer = answer.text;
        COF_TRY(describe_answer(service, call, &answer, &record.details, err));
    }
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_answer = answer;
    return COF_OK;
}
