/* GET /v1/models and /v1/models/{model}. */
#include "handlers.h"

static void put_model(struct cof_json_writer *writer, const struct cof_request *request,
                      const struct cof_service_model *model)
{
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "id", model->id);
    cof_json_member_string(writer, "object", "model");
    cof_json_member_integer(writer, "created", request->api->started_s);
    cof_json_member_string(writer, "owned_by", "coffer");
    cof_json_member_text(writer, "kind", model->kind);
    if (cof_text_equal(model->kind, COF_TEXT("embedding"))) {
        const struct cof_embedder_info *info = cof_service_embedder_info(request->api->service);
        cof_json_member_unsigned(writer, "dimension", info->dimension);
        cof_json_member_unsigned(writer, "max_tokens", info->max_tokens);
    }
    cof_json_end_object(writer);
}

enum cof_status cof_handle_list_models(struct cof_request *request, struct cof_error *err)
{
    struct cof_service_model *models = NULL;
    size_t count = 0;
    COF_TRY(cof_service_list_models(request->api->service, &request->call, &models, &count, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "list");
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        put_model(&writer, request, &models[i]);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    return COF_OK;
}

enum cof_status cof_handle_get_model(struct cof_request *request, struct cof_error *err)
{
    struct cof_service_model *models = NULL;
    size_t count = 0;
    COF_TRY(cof_service_list_models(request->api->service, &request->call, &models, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal(models[i].id, request->parameters[0])) {
            struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
            put_model(&writer, request, &models[i]);
            return COF_OK;
        }
    }
    request->code = "model_not_found";
    return COF_FAIL(err, COF_NOT_FOUND, "no model has this id; GET /v1/models lists them");
}
