/* Answers with their citations, twice: as annotations that strict SDKs of OpenAI accept (offsets in
 * characters), and as `context` in the shape of Azure's clients, with Coffer's proofs beside it. */
#include "chat_reply.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_SECOND 1000000000

void cof_chat_reply_init(struct cof_chat_reply *reply, const struct cof_request *request)
{
    const struct cof_generator_info *info = cof_service_generator_info(request->api->service);
    char id[33];
    char fingerprint[17] = "";
    cof_hex_encode((struct cof_bytes){.data = request->call.request_id, .size = 16}, id);
    (void)snprintf(reply->id, sizeof(reply->id), "chatcmpl-%s", id);
    reply->created_s = cof_clock_wall_ns(request->api->clock) / NS_PER_SECOND;
    reply->model = info != NULL ? info->name : "";
    if (info != NULL) {
        cof_hex_encode((struct cof_bytes){.data = info->fingerprint, .size = 8}, fingerprint);
    }
    (void)snprintf(reply->fingerprint, sizeof(reply->fingerprint), "fp_%s", fingerprint);
}

/* Characters (code points) before a byte offset. */
static size_t characters_before(struct cof_text text, size_t offset)
{
    size_t count = 0;
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            count++;
        }
    }
    return count;
}

static struct cof_text title_of(const struct cof_citation *citation)
{
    if (citation->title.size > 0) {
        return citation->title;
    }
    return citation->filename.size > 0 ? citation->filename : citation->external_id;
}

static void put_annotations(struct cof_json_writer *writer, const struct cof_chat_reply *reply,
                            const struct cof_answer *answer)
{
    cof_json_put_key(writer, "annotations");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < answer->citation_count; i++) {
        const struct cof_citation *citation = &answer->citations[i];
        cof_json_begin_object(writer);
        cof_json_member_string(writer, "type", "url_citation");
        cof_json_put_key(writer, "url_citation");
        cof_json_begin_object(writer);
        cof_json_member_unsigned(writer, "start_index",
                                 characters_before(answer->text, citation->answer_begin));
        cof_json_member_unsigned(writer, "end_index",
                                 characters_before(answer->text, citation->answer_end));
        cof_json_member_text(writer, "title", title_of(citation));
        cof_put_document_url(writer, citation->external_id,
                             cof_stores_id(&reply->stores, citation->collection));
        cof_json_end_object(writer);
        cof_json_end_object(writer);
    }
    cof_json_end_array(writer);
}

static void put_citation(struct cof_json_writer *writer, const struct cof_chat_reply *reply,
                         const struct cof_citation *citation)
{
    struct cof_text store_id = cof_stores_id(&reply->stores, citation->collection);
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "n", citation->marker);
    cof_json_member_text(writer, "content", citation->quote);
    cof_json_member_text(writer, "title", title_of(citation));
    cof_put_document_url(writer, citation->external_id, store_id);
    cof_json_member_text(writer, "filepath", citation->filename);
    cof_put_chunk_id(writer, citation->chunk_id);
    cof_json_member_text(writer, "file_id", citation->external_id);
    cof_json_member_text(writer, "vector_store_id", store_id);
    cof_put_byte_range(writer, citation->byte_begin, citation->byte_end);
    cof_json_member_string(writer, "content_sha256", citation->content_sha256);
    cof_json_member_unsigned(writer, "version", citation->version);
    cof_json_put_key(writer, "score");
    cof_json_put_float(writer, citation->score);
    cof_json_end_object(writer);
}

static void put_context(struct cof_json_writer *writer, const struct cof_chat_reply *reply,
                        const struct cof_answer *answer)
{
    cof_json_put_key(writer, "context");
    cof_json_begin_object(writer);
    cof_json_member_bool(writer, "grounded", answer->is_grounded);
    cof_json_member_string(writer, "kind", cof_answer_kind_name(answer->kind));
    cof_json_member_unsigned(writer, "held_back", answer->held_back_count);
    cof_json_put_key(writer, "citations");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < answer->citation_count; i++) {
        put_citation(writer, reply, &answer->citations[i]);
    }
    cof_json_end_array(writer);
    cof_json_end_object(writer);
}

static const char *finish_reason(const struct cof_answer *answer)
{
    return answer->finish_reason == COF_FINISH_LENGTH ? "length" : "stop";
}

static void put_usage(struct cof_json_writer *writer, const struct cof_answer *answer)
{
    cof_json_put_key(writer, "usage");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "prompt_tokens", answer->prompt_tokens);
    cof_json_member_unsigned(writer, "completion_tokens", answer->completion_tokens);
    cof_json_member_unsigned(writer, "total_tokens",
                             answer->prompt_tokens + answer->completion_tokens);
    cof_json_end_object(writer);
}

static void put_head(struct cof_json_writer *writer, const struct cof_chat_reply *reply,
                     const char *object)
{
    cof_json_member_string(writer, "id", reply->id);
    cof_json_member_string(writer, "object", object);
    cof_json_member_integer(writer, "created", reply->created_s);
    cof_json_member_string(writer, "model", reply->model);
    cof_json_member_string(writer, "system_fingerprint", reply->fingerprint);
}

void cof_chat_reply_write(struct cof_buffer *out, const struct cof_chat_reply *reply,
                          const struct cof_answer *answer)
{
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    put_head(&writer, reply, "chat.completion");
    cof_json_put_key(&writer, "choices");
    cof_json_begin_array(&writer);
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "index", 0);
    cof_json_put_key(&writer, "message");
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "role", "assistant");
    cof_json_member_text(&writer, "content", answer->text);
    cof_json_member_null(&writer, "refusal");
    put_annotations(&writer, reply, answer);
    put_context(&writer, reply, answer);
    cof_json_end_object(&writer);
    cof_json_member_null(&writer, "logprobs");
    cof_json_member_string(&writer, "finish_reason", finish_reason(answer));
    cof_json_end_object(&writer);
    cof_json_end_array(&writer);
    put_usage(&writer, answer);
    cof_json_end_object(&writer);
}

/* Opens `data: {… "choices":[{"index":0,"delta":{` */
static struct cof_json_writer begin_chunk(struct cof_buffer *out,
                                          const struct cof_chat_reply *reply)
{
    cof_buffer_append_text(out, COF_TEXT("data: "));
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    put_head(&writer, reply, "chat.completion.chunk");
    cof_json_put_key(&writer, "choices");
    cof_json_begin_array(&writer);
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "index", 0);
    cof_json_put_key(&writer, "delta");
    cof_json_begin_object(&writer);
    return writer;
}

/* Closes what begin_chunk opened; `reason` NULL while the answer goes on. */
static void end_chunk(struct cof_json_writer *writer, const struct cof_chat_reply *reply,
                      const char *reason)
{
    cof_json_end_object(writer);
    cof_json_member_null(writer, "logprobs");
    cof_json_member_string(writer, "finish_reason", reason);
    cof_json_end_object(writer);
    cof_json_end_array(writer);
    if (reply->must_count) {
        cof_json_member_null(writer, "usage");
    }
    cof_json_end_object(writer);
    cof_buffer_append_text(writer->out, COF_TEXT("\n\n"));
}

void cof_chat_chunk_first(struct cof_buffer *out, const struct cof_chat_reply *reply)
{
    struct cof_json_writer writer = begin_chunk(out, reply);
    cof_json_member_string(&writer, "role", "assistant");
    cof_json_member_string(&writer, "content", "");
    end_chunk(&writer, reply, NULL);
}

void cof_chat_chunk_text(struct cof_buffer *out, const struct cof_chat_reply *reply,
                         struct cof_text piece)
{
    struct cof_json_writer writer = begin_chunk(out, reply);
    cof_json_member_text(&writer, "content", piece);
    end_chunk(&writer, reply, NULL);
}

static void append_usage_chunk(struct cof_buffer *out, const struct cof_chat_reply *reply,
                               const struct cof_answer *answer)
{
    cof_buffer_append_text(out, COF_TEXT("data: "));
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    put_head(&writer, reply, "chat.completion.chunk");
    cof_json_put_key(&writer, "choices");
    cof_json_begin_array(&writer);
    cof_json_end_array(&writer);
    put_usage(&writer, answer);
    cof_json_end_object(&writer);
    cof_buffer_append_text(out, COF_TEXT("\n\n"));
}

void cof_chat_chunk_last(struct cof_buffer *out, const struct cof_chat_reply *reply,
                         const struct cof_answer *answer)
{
    struct cof_json_writer writer = begin_chunk(out, reply);
    put_annotations(&writer, reply, answer);
    put_context(&writer, reply, answer);
    end_chunk(&writer, reply, finish_reason(answer));
    if (reply->must_count) {
        append_usage_chunk(out, reply, answer);
    }
    cof_buffer_append_text(out, COF_TEXT("data: [DONE]\n\n"));
}
