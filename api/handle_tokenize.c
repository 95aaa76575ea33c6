/* POST /v1/tokenize, with byte ranges, and POST /tokenize in the shape of Text Embeddings
 * Inference: what the embedder makes of texts, for clients that count before they send. */
#include "fields.h"
#include "handlers.h"

#define MAX_INPUTS 2048

struct tokenizing {
    struct cof_text model;
    const struct cof_text *texts;
    size_t count;
    struct cof_service_tokens *tokens; /* of each text */
};

static enum cof_status run(struct cof_request *request, const char *input_key,
                           struct tokenizing *tokenizing, struct cof_error *err)
{
    const struct cof_fields fields = cof_fields_of(request);
    COF_TRY(cof_fields_text(&fields, "model", &tokenizing->model, err));
    COF_TRY(cof_fields_text_or_texts(&fields, input_key, MAX_INPUTS, &tokenizing->texts,
                                     &tokenizing->count, err));
    enum cof_status status =
        cof_service_tokenize(request->api->service, &request->call, tokenizing->model,
                             tokenizing->texts, tokenizing->count, &tokenizing->tokens, err);
    if (status == COF_NOT_FOUND) {
        request->code = "model_not_found";
        request->param = COF_TEXT("model");
    } else if (status == COF_INVALID || status == COF_TOO_LARGE) {
        request->param = cof_text_from(input_key);
    }
    return status;
}

static void put_id(struct cof_json_writer *writer, uint32_t id)
{
    if (id == COF_TOKEN_WITHOUT_ID) {
        cof_json_put_null(writer);
    } else {
        cof_json_put_unsigned(writer, id);
    }
}

static void put_tokens(struct cof_json_writer *writer, const struct cof_service_tokens *tokens)
{
    cof_json_member_unsigned(writer, "count", tokens->count);
    cof_json_put_key(writer, "tokens");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < tokens->count; i++) {
        put_id(writer, tokens->tokens[i].id);
    }
    cof_json_end_array(writer);
    cof_json_put_key(writer, "byte_ranges");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < tokens->count; i++) {
        cof_json_begin_array(writer);
        cof_json_put_unsigned(writer, tokens->tokens[i].begin);
        cof_json_put_unsigned(writer, tokens->tokens[i].end);
        cof_json_end_array(writer);
    }
    cof_json_end_array(writer);
}

enum cof_status cof_handle_tokenize(struct cof_request *request, struct cof_error *err)
{
    struct tokenizing tokenizing = {0};
    COF_TRY(run(request, "input", &tokenizing, err));
    const struct cof_embedder_info *info = cof_service_embedder_info(request->api->service);
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    size_t sum = 0;
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "list");
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < tokenizing.count; i++) {
        cof_json_begin_object(&writer);
        cof_json_member_string(&writer, "object", "tokens");
        cof_json_member_unsigned(&writer, "index", i);
        put_tokens(&writer, &tokenizing.tokens[i]);
        cof_json_end_object(&writer);
        sum += tokenizing.tokens[i].count;
    }
    cof_json_end_array(&writer);
    cof_json_member_string(&writer, "model", info->name);
    cof_json_member_unsigned(&writer, "max_tokens", info->max_tokens);
    cof_json_put_key(&writer, "usage");
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "prompt_tokens", sum);
    cof_json_member_unsigned(&writer, "total_tokens", sum);
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
    return COF_OK;
}

enum cof_status cof_handle_tei_tokenize(struct cof_request *request, struct cof_error *err)
{
    struct tokenizing tokenizing = {0};
    COF_TRY(run(request, "inputs", &tokenizing, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < tokenizing.count; i++) {
        const struct cof_service_tokens *tokens = &tokenizing.tokens[i];
        cof_json_begin_array(&writer);
        for (size_t j = 0; j < tokens->count; j++) {
            const struct cof_service_token *token = &tokens->tokens[j];
            cof_json_begin_object(&writer);
            cof_json_put_key(&writer, "id");
            put_id(&writer, token->id);
            cof_json_member_text(&writer, "text",
                                 cof_text_slice(tokenizing.texts[i], token->begin, token->end));
            cof_json_member_bool(&writer, "special", false);
            cof_json_member_unsigned(&writer, "start", token->begin);
            cof_json_member_unsigned(&writer, "stop", token->end);
            cof_json_end_object(&writer);
        }
        cof_json_end_array(&writer);
    }
    cof_json_end_array(&writer);
    return COF_OK;
}
