/* Documents: put, read, list, delete. Access lists govern reading; the writer role governs writing.
 */
#include "service_private.h"

#include <string.h>

#define MAX_COLLECTIONS_SEARCHED 1024

enum cof_status cof_service_put_documents(struct cof_service *service, struct cof_call *call,
                                          struct cof_text collection_id,
                                          const struct cof_ingest_document *documents, size_t count,
                                          struct cof_ingest_result **out_results,
                                          struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_WRITE_DOCUMENT, err));
    uint64_t number = 0;
    COF_TRY(cof_service_resolve(service, collection_id, &number, err));
    struct cof_ingest_result *results = cof_arena_array(&call->arena, count, sizeof(*results));
    if (results == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_DOCUMENT_PUT, COF_OK);
    record.collection = number;
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    enum cof_status status =
        cof_ingest_put(service->options.ingester, number, documents, count, &mutation.outbox,
                       &call->cancel, &call->arena, results, err);
    COF_TRY(cof_mutation_finish(&mutation, service, call, status, err));
    *out_results = results;
    return COF_OK;
}

/* The one answer to a document that is missing and to one that the caller may not read: nobody can
 * tell them apart. */
static enum cof_status not_there(struct cof_error *err)
{
    return COF_FAIL(err, COF_NOT_FOUND, "no document has this id in this vector store");
}

/* Finds a document in one collection; a document that the caller may not read is not there. */
static enum cof_status find_readable(struct cof_service *service, struct cof_call *call,
                                     uint64_t collection, struct cof_text external_id,
                                     struct cof_document *out_document, struct cof_error *err)
{
    struct cof_document document = {0};
    struct cof_error error = {0};
    enum cof_status status = cof_store_find_document(service->options.store, collection,
                                                     external_id, &call->arena, &document, &error);
    if (status == COF_NOT_FOUND) {
        return not_there(err);
    }
    if (status != COF_OK) {
        return COF_FAIL(err, status, "%s", error.message);
    }
    if (!cof_auth_can_read(&call->principal, &document.acl)) {
        return not_there(err);
    }
    *out_document = document;
    return COF_OK;
}

static enum cof_status find_anywhere(struct cof_service *service, struct cof_call *call,
                                     struct cof_text external_id, struct cof_document *out_document,
                                     struct cof_error *err)
{
    uint64_t *numbers = cof_arena_array(&call->arena, MAX_COLLECTIONS_SEARCHED, sizeof(*numbers));
    if (numbers == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t count = cof_directory_numbers(service->directory, numbers, MAX_COLLECTIONS_SEARCHED);
    bool is_found = false;
    for (size_t i = 0; i < count; i++) {
        struct cof_document document = {0};
        struct cof_error error = {0};
        enum cof_status status =
            find_readable(service, call, numbers[i], external_id, &document, &error);
        if (status == COF_NOT_FOUND) {
            continue;
        }
        if (status != COF_OK) {
            return COF_FAIL(err, status, "%s", error.message);
        }
        if (is_found) {
            return COF_FAIL(err, COF_CONFLICT,
                            "more than one vector store has a document with this id; name one "
                            "with ?vector_store_id=");
        }
        is_found = true;
        *out_document = document;
    }
    if (!is_found) {
        return COF_FAIL(err, COF_NOT_FOUND, "no document has this id");
    }
    return COF_OK;
}

static enum cof_status read_document(struct cof_service *service, struct cof_call *call,
                                     struct cof_text collection_id, struct cof_text external_id,
                                     bool with_chunks, struct cof_service_document *out_document,
                                     struct cof_error *err)
{
    if (collection_id.size > 0) {
        uint64_t number = 0;
        COF_TRY(cof_service_resolve(service, collection_id, &number, err));
        COF_TRY(find_readable(service, call, number, external_id, &out_document->document, err));
    } else {
        COF_TRY(find_anywhere(service, call, external_id, &out_document->document, err));
    }
    const struct cof_document *document = &out_document->document;
    COF_TRY(cof_store_get_collection(service->options.store, document->collection, &call->arena,
                                     &out_document->collection, err));
    if (!with_chunks) {
        return COF_OK;
    }
    struct cof_chunk *chunks = NULL;
    COF_TRY(cof_store_get_chunks(service->options.store, document->collection, document->number,
                                 &call->arena, &chunks, &out_document->chunk_count, err));
    out_document->chunks = chunks;
    return COF_OK;
}

enum cof_status cof_service_get_document(struct cof_service *service, struct cof_call *call,
                                         struct cof_text collection_id, struct cof_text external_id,
                                         bool with_chunks,
                                         struct cof_service_document *out_document,
                                         struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_DOCUMENT, err));
    struct cof_service_document found = {0};
    enum cof_status status =
        read_document(service, call, collection_id, external_id, with_chunks, &found, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_DOCUMENT_READ, status);
    struct cof_audit_resource resource = {.document_number = found.document.number,
                                          .version = found.document.version};
    record.collection = found.document.collection;
    if (status == COF_OK) {
        record.resources = &resource;
        record.resource_count = 1;
    }
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_document = found;
    return COF_OK;
}

static enum cof_status list_readable(struct cof_service *service, struct cof_call *call,
                                     uint64_t collection, uint64_t after_number, size_t max_count,
                                     struct cof_document **out_documents, size_t *out_count,
                                     struct cof_error *err)
{
    struct cof_document *readable = cof_arena_array(&call->arena, max_count, sizeof(*readable));
    if (readable == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t readable_count = 0;
    while (readable_count < max_count) {
        struct cof_document *page = NULL;
        size_t page_count = 0;
        COF_TRY(cof_store_list_documents(service->options.store, collection, after_number,
                                         max_count, &call->arena, &page, &page_count, err));
        for (size_t i = 0; i < page_count && readable_count < max_count; i++) {
            if (cof_auth_can_read(&call->principal, &page[i].acl)) {
                readable[readable_count++] = page[i];
            }
        }
        if (page_count < max_count) {
            break;
        }
        after_number = page[page_count - 1].number;
        COF_TRY(cof_cancel_check(&call->cancel, err));
    }
    *out_documents = readable;
    *out_count = readable_count;
    return COF_OK;
}

enum cof_status cof_service_list_documents(struct cof_service *service, struct cof_call *call,
                                           struct cof_text collection_id, uint64_t after_number,
                                           size_t max_count, struct cof_document **out_documents,
                                           size_t *out_count, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_DOCUMENT, err));
    if (max_count == 0 || max_count > 1000) {
        return COF_FAIL(err, COF_INVALID, "limit must be between 1 and 1000");
    }
    uint64_t number = 0;
    COF_TRY(cof_service_resolve(service, collection_id, &number, err));
    struct cof_document *documents = NULL;
    size_t count = 0;
    enum cof_status status =
        list_readable(service, call, number, after_number, max_count, &documents, &count, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_DOCUMENT_READ, status);
    record.collection = number;
    struct cof_audit_resource *resources = cof_arena_array(&call->arena, count, sizeof(*resources));
    if (resources == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        resources[i] = (struct cof_audit_resource){.document_number = documents[i].number,
                                                   .version = documents[i].version};
    }
    record.resources = resources;
    record.resource_count = count;
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_documents = documents;
    *out_count = count;
    return COF_OK;
}

/* The collection that holds the document, for a caller who may write. */
static enum cof_status locate(struct cof_service *service, struct cof_call *call,
                              struct cof_text collection_id, struct cof_text external_id,
                              uint64_t *out_number, struct cof_error *err)
{
    if (collection_id.size > 0) {
        return cof_service_resolve(service, collection_id, out_number, err);
    }
    struct cof_document document = {0};
    COF_TRY(find_anywhere(service, call, external_id, &document, err));
    *out_number = document.collection;
    return COF_OK;
}

enum cof_status cof_service_delete_document(struct cof_service *service, struct cof_call *call,
                                            struct cof_text collection_id,
                                            struct cof_text external_id, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_WRITE_DOCUMENT, err));
    uint64_t number = 0;
    COF_TRY(locate(service, call, collection_id, external_id, &number, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_DOCUMENT_DELETE, COF_OK);
    record.collection = number;
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    struct cof_write_outcome outcome = {0};
    enum cof_status status = cof_ingest_delete(service->options.ingester, number, external_id,
                                               &mutation.outbox, &outcome, err);
    return cof_mutation_finish(&mutation, service, call, status, err);
}
