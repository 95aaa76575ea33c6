/* POST /v1/chat/completions, whole and streamed.
 *
 * A stream begins when the intent is durable (on_start), so its head can name the audit record;
 * what fails before that is an ordinary error, what fails after it an event of the stream. */
#include "chat_reply.h"
#include "chat_request.h"
#include "handlers.h"
#include "problem.h"

struct stream {
    struct cof_request *request;
    struct cof_chat_reply *reply;
    struct cof_buffer chunk;
    bool has_begun;
};

static bool send_chunk(struct stream *stream)
{
    if (stream->chunk.has_failed) {
        return false;
    }
    return stream->request->send(stream->request, cof_buffer_text(&stream->chunk));
}

static bool begin(struct stream *stream)
{
    if (stream->has_begun) {
        return true;
    }
    stream->has_begun = true;
    stream->request->reply.content_type = "text/event-stream; charset=utf-8";
    cof_buffer_clear(&stream->chunk);
    cof_chat_chunk_first(&stream->chunk, stream->reply);
    return send_chunk(stream);
}

static bool on_start(void *context, const struct cof_search_result *retrieved)
{
    (void)retrieved;
    return begin(context);
}

static bool on_piece(void *context, struct cof_text piece)
{
    struct stream *stream = context;
    if (cof_cancel_check(&stream->request->call.cancel, NULL) != COF_OK || !begin(stream)) {
        return false;
    }
    cof_buffer_clear(&stream->chunk);
    cof_chat_chunk_text(&stream->chunk, stream->reply, piece);
    return send_chunk(stream);
}

static void send_failure(struct stream *stream, const struct cof_error *err)
{
    struct cof_problem problem;
    cof_request_problem(stream->request, err, &problem);
    cof_buffer_clear(&stream->chunk);
    cof_buffer_append_text(&stream->chunk, COF_TEXT("data: "));
    cof_problem_write(&stream->chunk, &problem);
    cof_buffer_append_text(&stream->chunk, COF_TEXT("\n\n"));
    (void)send_chunk(stream); /* it has left, or reads this last */
}

static enum cof_status answer_streamed(struct cof_request *request, struct cof_chat_request *chat,
                                       struct cof_chat_reply *reply, struct cof_error *err)
{
    struct stream stream = {.request = request, .reply = reply};
    struct cof_answer answer = {0};
    chat->wanted.on_start = on_start;
    chat->wanted.on_piece = on_piece;
    chat->wanted.context = &stream;
    enum cof_status status =
        cof_service_chat(request->api->service, &request->call, &chat->wanted, &answer, err);
    if (status == COF_OK && begin(&stream)) {
        cof_buffer_clear(&stream.chunk);
        cof_chat_chunk_last(&stream.chunk, reply, &answer);
        (void)send_chunk(&stream);
    } else if (status != COF_OK && stream.has_begun) {
        send_failure(&stream, err);
    }
    cof_buffer_wipe(&stream.chunk);
    return status;
}

enum cof_status cof_handle_chat(struct cof_request *request, struct cof_error *err)
{
    struct cof_chat_request chat;
    struct cof_chat_reply reply = {0};
    COF_TRY(cof_chat_request_parse(request, &chat, err));
    reply.must_count = chat.must_count;
    cof_chat_reply_init(&reply, request);
    if (chat.wanted.collection_count > 0) {
        COF_TRY(cof_stores_resolve(request, chat.wanted.collections, chat.wanted.collection_count,
                                   &reply.stores, err));
    }
    enum cof_status status = COF_OK;
    if (chat.is_streamed) {
        status = answer_streamed(request, &chat, &reply, err);
    } else {
        struct cof_answer answer = {0};
        status =
            cof_service_chat(request->api->service, &request->call, &chat.wanted, &answer, err);
        if (status == COF_OK) {
            cof_chat_reply_write(&request->reply.body, &reply, &answer);
        }
    }
    if (status == COF_NOT_FOUND && reply.stores.count == 0) {
        request->code = "model_not_found";
        request->param = COF_TEXT("model");
    }
    return status;
}
