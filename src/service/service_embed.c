/* Models and embeddings. */
#include "service_private.h"

#include <inttypes.h>

const struct cof_embedder_info *cof_service_embedder_info(const struct cof_service *service)
{
    return &service->options.embedder->info;
}

const struct cof_generator_info *cof_service_generator_info(const struct cof_service *service)
{
    return service->options.generator == NULL ? NULL : &service->options.generator->info;
}

enum cof_status cof_service_list_models(struct cof_service *service, struct cof_call *call,
                                        struct cof_service_model **out_models, size_t *out_count,
                                        struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_MODELS, err));
    struct cof_service_model *models = cof_arena_array(&call->arena, 2, sizeof(*models));
    if (models == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t count = 0;
    models[count++] = (struct cof_service_model){
        .id = cof_text_from(service->options.embedder->info.name), .kind = COF_TEXT("embedding")};
    if (service->options.generator != NULL) {
        models[count++] = (struct cof_service_model){
            .id = cof_text_from(service->options.generator->info.name), .kind = COF_TEXT("chat")};
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_SYSTEM_READ, COF_OK);
    COF_TRY(cof_service_commit(service, call, &record, err));
    *out_models = models;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_service_embed(struct cof_service *service, struct cof_call *call,
                                  struct cof_text model, enum cof_embed_role role,
                                  const struct cof_text *texts, size_t count, float **out_vectors,
                                  size_t *out_token_count, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_EMBED, err));
    struct cof_embedder *embedder = service->options.embedder;
    if (model.size > 0 && !cof_text_equal(model, cof_text_from(embedder->info.name))) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "embedding model \"%.*s\" is not loaded; this server has \"%s\"",
                        COF_TEXT_ARG(cof_text_slice(model, 0, 64)), embedder->info.name);
    }
    float *vectors =
        cof_arena_array(&call->arena, count * embedder->info.dimension, sizeof(*vectors));
    size_t *token_counts = cof_arena_array(&call->arena, count, sizeof(*token_counts));
    if (vectors == NULL || token_counts == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    enum cof_status status =
        cof_embedder_embed(embedder, role, texts, count, &call->cancel, vectors, token_counts, err);
    size_t token_count = 0;
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        token_count += token_counts[i];
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_EMBED, status);
    record.details =
        cof_arena_format(&call->arena, "{\"texts\":%zu,\"tokens\":%zu}", count, token_count);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_vectors = vectors;
    *out_token_count = token_count;
    return COF_OK;
}
