/* POST /v1/rerank, in the shape that Cohere and Jina share, and POST /rerank in that of Text
 * Embeddings Inference. */
#include <string.h>

#include "fields.h"
#include "handlers.h"

struct rerank {
    struct cof_service_rerank wanted;
    size_t top_count;
    bool has_texts; /* in the reply */
    struct cof_service_rank *ranks;
    size_t token_count;
};

/* A document is a string, or an object whose `text` is one. */
static enum cof_status parse_document(const struct cof_fields *fields, const struct cof_json *item,
                                      size_t index, struct cof_text *out, struct cof_error *err)
{
    const struct cof_json *text =
        cof_json_type_of(item) == COF_JSON_OBJECT ? cof_json_find(item, "text") : item;
    if (text == NULL || cof_json_type_of(text) != COF_JSON_STRING) {
        return cof_fields_refuse(fields, "documents", err,
                                 "item %zu of 'documents' must be a string or {\"text\": string}",
                                 index);
    }
    *out = cof_json_text(text);
    return COF_OK;
}

static enum cof_status parse_documents(const struct cof_fields *fields, struct rerank *rerank,
                                       struct cof_error *err)
{
    const struct cof_json *array = NULL;
    COF_TRY(cof_fields_array(fields, "documents", &array, err));
    size_t count = array != NULL ? cof_json_count(array) : 0;
    if (count == 0) {
        return cof_fields_refuse(fields, "documents", err,
                                 "'documents' must have at least one text");
    }
    struct cof_text *texts = cof_arena_array(&fields->request->call.arena, count, sizeof(*texts));
    if (texts == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    rerank->wanted.texts = texts;
    rerank->wanted.count = count;
    size_t i = 0;
    for (const struct cof_json *item = cof_json_first(array); item != NULL;
         item = cof_json_next(item)) {
        COF_TRY(parse_document(fields, item, i, &texts[i], err));
        i++;
    }
    return COF_OK;
}

static enum cof_status parse_query(const struct cof_fields *fields, struct rerank *rerank,
                                   struct cof_error *err)
{
    COF_TRY(cof_fields_need_text(fields, "query", &rerank->wanted.query, err));
    if (rerank->wanted.query.size == 0) {
        return cof_fields_refuse(fields, "query", err, "'query' must not be empty");
    }
    return COF_OK;
}

static enum cof_status parse(struct cof_request *request, struct rerank *rerank,
                             struct cof_error *err)
{
    const struct cof_fields fields = cof_fields_of(request);
    COF_TRY(cof_fields_text(&fields, "model", &rerank->wanted.model, err));
    COF_TRY(parse_query(&fields, rerank, err));
    COF_TRY(parse_documents(&fields, rerank, err));
    rerank->top_count = rerank->wanted.count;
    COF_TRY(cof_fields_size(&fields, "top_n", 1, 1 << 20, &rerank->top_count, err));
    if (rerank->top_count > rerank->wanted.count) {
        rerank->top_count = rerank->wanted.count;
    }
    return cof_fields_bool(&fields, "return_documents", &rerank->has_texts, err);
}

static enum cof_status parse_tei(struct cof_request *request, struct rerank *rerank,
                                 struct cof_error *err)
{
    const struct cof_fields fields = cof_fields_of(request);
    bool is_raw = false;
    bool may_cut = true; /* texts are always cut */
    COF_TRY(parse_query(&fields, rerank, err));
    COF_TRY(cof_fields_texts(&fields, "texts", SIZE_MAX, &rerank->wanted.texts,
                             &rerank->wanted.count, err));
    if (rerank->wanted.count == 0) {
        return cof_fields_refuse(&fields, "texts", err, "'texts' must have at least one text");
    }
    rerank->top_count = rerank->wanted.count;
    COF_TRY(cof_fields_bool(&fields, "raw_scores", &is_raw, err));
    COF_TRY(cof_fields_bool(&fields, "truncate", &may_cut, err));
    COF_TRY(cof_fields_bool(&fields, "return_text", &rerank->has_texts, err));
    if (is_raw) {
        return cof_fields_refuse(&fields, "raw_scores", err,
                                 "'raw_scores' cannot be true: scores are between 0 and 1");
    }
    return COF_OK;
}

/* `texts_key` is what the texts are called in this shape. */
static enum cof_status run(struct cof_request *request, const char *texts_key,
                           struct rerank *rerank, struct cof_error *err)
{
    enum cof_status status =
        cof_service_rerank(request->api->service, &request->call, &rerank->wanted, &rerank->ranks,
                           &rerank->token_count, err);
    if (status == COF_NOT_FOUND) {
        request->code = "model_not_found";
        request->param = COF_TEXT("model");
    } else if (status == COF_INVALID) {
        request->param = cof_text_from(texts_key);
    } else if (status == COF_TOO_LARGE) {
        request->param = COF_TEXT("query");
    }
    return status;
}

static void put_result(struct cof_json_writer *writer, const struct rerank *rerank, size_t place)
{
    const struct cof_service_rank *rank = &rerank->ranks[place];
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "index", rank->index);
    cof_json_put_key(writer, "relevance_score");
    cof_json_put_float(writer, rank->score);
    if (rerank->has_texts) {
        cof_json_put_key(writer, "document");
        cof_json_begin_object(writer);
        cof_json_member_text(writer, "text", rerank->wanted.texts[rank->index]);
        cof_json_end_object(writer);
    }
    cof_json_end_object(writer);
}

enum cof_status cof_handle_rerank(struct cof_request *request, struct cof_error *err)
{
    struct rerank rerank = {0};
    char id[37];
    COF_TRY(parse(request, &rerank, err));
    COF_TRY(run(request, "documents", &rerank, err));
    cof_request_id_format(request->call.request_id, id);
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "id", id);
    cof_json_member_string(&writer, "object", "list");
    cof_json_member_string(&writer, "model",
                           cof_service_reranker_info(request->api->service)->name);
    cof_json_put_key(&writer, "results");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < rerank.top_count; i++) {
        put_result(&writer, &rerank, i);
    }
    cof_json_end_array(&writer);
    cof_json_put_key(&writer, "usage");
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "prompt_tokens", rerank.token_count);
    cof_json_member_unsigned(&writer, "total_tokens", rerank.token_count);
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
    return COF_OK;
}

enum cof_status cof_handle_tei_rerank(struct cof_request *request, struct cof_error *err)
{
    struct rerank rerank = {0};
    COF_TRY(parse_tei(request, &rerank, err));
    COF_TRY(run(request, "texts", &rerank, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < rerank.top_count; i++) {
        const struct cof_service_rank *rank = &rerank.ranks[i];
        cof_json_begin_object(&writer);
        cof_json_member_unsigned(&writer, "index", rank->index);
        cof_json_put_key(&writer, "score");
        cof_json_put_float(&writer, rank->score);
        if (rerank.has_texts) {
            cof_json_member_text(&writer, "text", rerank.wanted.texts[rank->index]);
        }
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    return COF_OK;
}
