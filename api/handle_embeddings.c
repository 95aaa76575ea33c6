/* POST /v1/embeddings, in OpenAI's shape; base64 vectors are little-endian f32, as its SDKs ask
 * for. */
#include <cof/base/base64.h>
#include <endian.h>
#include <string.h>

#include "fields.h"
#include "handlers.h"

#define MAX_INPUTS 2048

struct embeddings {
    struct cof_service_embedding wanted;
    bool is_base64;
};

static enum cof_status parse_ids(const struct cof_fields *fields, const struct cof_json *array,
                                 struct cof_token_ids *out, struct cof_error *err)
{
    size_t count = cof_json_count(array);
    uint32_t *ids = cof_arena_array(&fields->request->call.arena, count, sizeof(*ids));
    if (ids == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t i = 0;
    for (const struct cof_json *item = cof_json_first(array); item != NULL;
         item = cof_json_next(item)) {
        int64_t value = -1;
        if (!cof_json_is_whole(item, &value) || value < 0 || value >= UINT32_MAX) {
            return cof_fields_refuse(fields, "input", err,
                                     "a token of 'input' must be a whole number, not negative");
        }
        ids[i++] = (uint32_t)value;
    }
    if (count == 0) {
        return cof_fields_refuse(fields, "input", err, "a list of tokens must not be empty");
    }
    *out = (struct cof_token_ids){.ids = ids, .count = count};
    return COF_OK;
}

/* One list of numbers, or a list of such lists. */
static enum cof_status parse_tokens(const struct cof_fields *fields, const struct cof_json *input,
                                    bool is_nested, struct cof_service_embedding *out,
                                    struct cof_error *err)
{
    size_t count = is_nested ? cof_json_count(input) : 1;
    if (count > MAX_INPUTS) {
        return cof_fields_refuse(fields, "input", err,
                                 "'input' has %zu items; at most %d are allowed", count,
                                 MAX_INPUTS);
    }
    struct cof_token_ids *ids = cof_arena_array(&fields->request->call.arena, count, sizeof(*ids));
    if (ids == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    out->ids = ids;
    out->count = count;
    if (!is_nested) {
        return parse_ids(fields, input, &ids[0], err);
    }
    for (const struct cof_json *item = cof_json_first(input); item != NULL;
         item = cof_json_next(item)) {
        if (cof_json_type_of(item) != COF_JSON_ARRAY) {
            return cof_fields_refuse(fields, "input", err,
                                     "'input' must be all texts, or all lists of tokens");
        }
        COF_TRY(parse_ids(fields, item, ids++, err));
    }
    return COF_OK;
}

static enum cof_status parse_input(const struct cof_fields *fields,
                                   struct cof_service_embedding *out, struct cof_error *err)
{
    const struct cof_json *input = cof_json_find(fields->object, "input");
    enum cof_json_type type = input != NULL ? cof_json_type_of(input) : COF_JSON_NULL;
    if (type == COF_JSON_ARRAY) {
        const struct cof_json *first = cof_json_first(input);
        enum cof_json_type first_type = first != NULL ? cof_json_type_of(first) : COF_JSON_NULL;
        if (first_type == COF_JSON_NUMBER || first_type == COF_JSON_ARRAY) {
            return parse_tokens(fields, input, first_type == COF_JSON_ARRAY, out, err);
        }
    }
    return cof_fields_text_or_texts(fields, "input", MAX_INPUTS, &out->texts, &out->count, err);
}

static enum cof_status parse(struct cof_request *request, struct embeddings *out,
                             struct cof_error *err)
{
    static const char *const formats[] = {"float", "base64"};
    static const char *const roles[] = {"passage", "query"};
    const struct cof_fields fields = cof_fields_of(request);
    const struct cof_embedder_info *info = cof_service_embedder_info(request->api->service);
    size_t format = 0;
    size_t role = 0;
    struct cof_text user = {0};
    COF_TRY(cof_fields_text(&fields, "model", &out->wanted.model, err));
    COF_TRY(parse_input(&fields, &out->wanted, err));
    COF_TRY(cof_fields_choice(&fields, "encoding_format", formats, 2, &format, err));
    COF_TRY(cof_fields_choice(&fields, "input_type", roles, 2, &role, err));
    COF_TRY(cof_fields_size(&fields, "dimensions", 1, 1 << 20, &out->wanted.dimensions, err));
    COF_TRY(cof_fields_bool(&fields, "truncate", &out->wanted.may_cut, err));
    COF_TRY(cof_fields_text(&fields, "user", &user, err));
    if (out->wanted.dimensions > info->dimension) {
        return cof_fields_refuse(&fields, "dimensions", err,
                                 "'dimensions' is %zu but the vectors of %s have %zu",
                                 out->wanted.dimensions, info->name, info->dimension);
    }
    out->is_base64 = format == 1;
    out->wanted.role = role == 1 ? COF_EMBED_QUERY : COF_EMBED_PASSAGE;
    return COF_OK;
}

static void put_vector(struct cof_json_writer *writer, const float *vector, size_t dimension,
                       bool is_base64, struct cof_buffer *scratch)
{
    if (!is_base64) {
        cof_json_begin_array(writer);
        for (size_t i = 0; i < dimension; i++) {
            cof_json_put_float(writer, vector[i]);
        }
        cof_json_end_array(writer);
        return;
    }
    struct cof_buffer bytes = {0};
    for (size_t i = 0; i < dimension; i++) {
        uint32_t bits = 0;
        memcpy(&bits, &vector[i], sizeof(bits));
        bits = htole32(bits);
        cof_buffer_append(&bytes, &bits, sizeof(bits));
    }
    cof_buffer_clear(scratch);
    cof_base64_append(scratch, cof_buffer_bytes(&bytes));
    writer->out->has_failed = writer->out->has_failed || bytes.has_failed || scratch->has_failed;
    cof_json_put_text(writer, cof_buffer_text(scratch));
    cof_buffer_deinit(&bytes);
}

enum cof_status cof_handle_embeddings(struct cof_request *request, struct cof_error *err)
{
    struct embeddings embeddings = {0};
    struct cof_service_vectors vectors = {0};
    COF_TRY(parse(request, &embeddings, err));
    enum cof_status status =
        cof_service_embed(request->api->service, &request->call, &embeddings.wanted, &vectors, err);
    if (status == COF_NOT_FOUND) {
        request->code = "model_not_found";
        request->param = COF_TEXT("model");
    } else if (status == COF_INVALID) {
        request->param = COF_TEXT("input");
    }
    COF_TRY(status);
    const struct cof_embedder_info *info = cof_service_embedder_info(request->api->service);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer scratch = {0};
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "list");
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < embeddings.wanted.count; i++) {
        cof_json_begin_object(&writer);
        cof_json_member_string(&writer, "object", "embedding");
        cof_json_member_unsigned(&writer, "index", i);
        cof_json_put_key(&writer, "embedding");
        put_vector(&writer, vectors.values + i * vectors.dimension, vectors.dimension,
                   embeddings.is_base64, &scratch);
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    cof_json_member_string(&writer, "model", info->name);
    cof_json_put_key(&writer, "usage");
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "prompt_tokens", vectors.token_count);
    cof_json_member_unsigned(&writer, "total_tokens", vectors.token_count);
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
    return COF_OK;
}
