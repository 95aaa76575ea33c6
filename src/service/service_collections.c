/* Collections: resolve, list, create, update, delete. */
#include "service_private.h"

#include <string.h>

enum cof_status cof_service_resolve(struct cof_service *service, struct cof_text id_or_name,
                                    uint64_t *out_number, struct cof_error *err)
{
    return cof_directory_find(service->directory, id_or_name, out_number, err);
}

enum cof_status cof_service_resolve_all(struct cof_service *service, struct cof_call *call,
                                        const struct cof_text *ids, size_t count,
                                        uint64_t **out_numbers, struct cof_error *err)
{
    uint64_t *numbers = cof_arena_array(&call->arena, count, sizeof(*numbers));
    if (numbers == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        COF_TRY(cof_service_resolve(service, ids[i], &numbers[i], err));
    }
    *out_numbers = numbers;
    return COF_OK;
}

static enum cof_status load(struct cof_service *service, struct cof_call *call,
                            struct cof_text id_or_name, struct cof_collection *out_collection,
                            struct cof_error *err)
{
    uint64_t number = 0;
    COF_TRY(cof_service_resolve(service, id_or_name, &number, err));
    return cof_store_get_collection(service->options.store, number, &call->arena, out_collection,
                                    err);
}

enum cof_status cof_service_get_collection(struct cof_service *service, struct cof_call *call,
                                           struct cof_text id_or_name,
                                           struct cof_collection *out_collection,
                                           struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_COLLECTION, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_COLLECTION_READ, COF_OK);
    struct cof_collection collection = {0};
    enum cof_status status = load(service, call, id_or_name, &collection, err);
    record.collection = collection.number;
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_collection = collection;
    return COF_OK;
}

enum cof_status cof_service_list_collections(struct cof_service *service, struct cof_call *call,
                                             struct cof_collection **out_collections,
                                             size_t *out_count, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_COLLECTION, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_COLLECTION_READ, COF_OK);
    struct cof_collection *collections = NULL;
    size_t count = 0;
    enum cof_status status =
        cof_store_list_collections(service->options.store, &call->arena, &collections, &count, err);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_collections = collections;
    *out_count = count;
    return COF_OK;
}

static enum cof_status check_chunk_sizes(const struct cof_service *service, uint32_t max_tokens,
                                         uint32_t overlap, struct cof_error *err)
{
    size_t limit = service->options.embedder->info.max_tokens;
    if (max_tokens < 16 || max_tokens > limit) {
        return COF_FAIL(err, COF_INVALID,
                        "max_chunk_size_tokens is %u but must be between 16 and %zu, the limit of "
                        "%s",
                        max_tokens, limit, service->options.embedder->info.name);
    }
    if (overlap >= (max_tokens + 1) / 2) {
        return COF_FAIL(err, COF_INVALID,
                        "chunk_overlap_tokens is %u but must be less than half of "
                        "max_chunk_size_tokens (%u)",
                        overlap, max_tokens);
    }
    return COF_OK;
}

/* Makes a new collection known to search and to the directory. */
static enum cof_status publish(struct cof_service *service, const struct cof_collection *collection,
                               struct cof_error *err)
{
    COF_TRY(cof_index_set_add(service->options.indexes, collection, err));
    return cof_directory_put(service->directory, collection->number, collection->public_id,
                             collection->name, err);
}

static enum cof_status fill_write(const struct cof_service *service,
                                  const struct cof_collection_request *request,
                                  struct cof_collection_write *out_write, struct cof_error *err)
{
    const struct cof_embedder_info *model = &service->options.embedder->info;
    if (request->embedding_model.size > 0 &&
        !cof_text_equal(request->embedding_model, cof_text_from(model->name))) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "embedding model \"%.*s\" is not loaded; this server has \"%s\"",
                        COF_TEXT_ARG(cof_text_slice(request->embedding_model, 0, 64)), model->name);
    }
    uint32_t max_tokens = request->max_chunk_tokens;
    uint32_t overlap = request->chunk_overlap_tokens;
    if (max_tokens == 0) {
        max_tokens = service->options.max_chunk_tokens;
    }
    if (overlap == UINT32_MAX) {
        overlap = service->options.chunk_overlap_tokens;
    }
    COF_TRY(check_chunk_sizes(service, max_tokens, overlap, err));
    *out_write = (struct cof_collection_write){
        .name = request->name,
        .metadata = request->metadata,
        .model_name = cof_text_from(model->name),
        .model_fingerprint = model->fingerprint,
        .dimension = (uint32_t)model->dimension,
        .precision = service->options.precision == 0 ? COF_VECTOR_F32 : service->options.precision,
        .max_chunk_tokens = max_tokens,
        .chunk_overlap_tokens = overlap,
    };
    return COF_OK;
}

enum cof_status cof_service_create_collection(struct cof_service *service, struct cof_call *call,
                                              const struct cof_collection_request *request,
                                              struct cof_collection *out_collection,
                                              struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_WRITE_COLLECTION, err));
    struct cof_collection_write write;
    COF_TRY(fill_write(service, request, &write, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_COLLECTION_CREATE, COF_OK);
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    struct cof_collection collection = {0};
    enum cof_status status = cof_store_create_collection(
        service->options.store, &write, &mutation.outbox, &call->arena, &collection, err);
    if (status == COF_OK) {
        status = publish(service, &collection, err);
    }
    COF_TRY(cof_mutation_finish(&mutation, service, call, status, err));
    *out_collection = collection;
    return COF_OK;
}

enum cof_status cof_service_update_collection(struct cof_service *service, struct cof_call *call,
                                              struct cof_text id, const struct cof_text *name,
                                              const struct cof_text *metadata,
                                              struct cof_collection *out_collection,
                                              struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_WRITE_COLLECTION, err));
    uint64_t number = 0;
    COF_TRY(cof_service_resolve(service, id, &number, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_COLLECTION_UPDATE, COF_OK);
    record.collection = number;
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    struct cof_collection collection = {0};
    enum cof_status status = cof_store_update_collection(service->options.store, number, name,
                                                         metadata, &mutation.outbox, err);
    if (status == COF_OK) {
        status = cof_store_get_collection(service->options.store, number, &call->arena, &collection,
                                          err);
    }
    if (status == COF_OK) {
        status = cof_directory_put(service->directory, number, collection.public_id,
                                   collection.name, err);
    }
    COF_TRY(cof_mutation_finish(&mutation, service, call, status, err));
    *out_collection = collection;
    return COF_OK;
}

enum cof_status cof_service_delete_collection(struct cof_service *service, struct cof_call *call,
                                              struct cof_text id, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_WRITE_COLLECTION, err));
    uint64_t number = 0;
    COF_TRY(cof_service_resolve(service, id, &number, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_COLLECTION_DELETE, COF_OK);
    record.collection = number;
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    enum cof_status status =
        cof_store_delete_collection(service->options.store, number, &mutation.outbox, err);
    if (status == COF_OK) {
        cof_directory_delete(service->directory, number);
        cof_index_set_remove(service->options.indexes, number);
    }
    return cof_mutation_finish(&mutation, service, call, status, err);
}
