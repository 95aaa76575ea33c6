/* Documents: put one or a batch, read one, delete one. */
#include "document_line.h"
#include "fields.h"
#include "handle_bulk.h"
#include "handlers.h"
#include "hits.h"

#define NS_PER_SECOND 1000000000

/* One document in a JSON body: its failure is the request's. */
static enum cof_status put_one(struct cof_request *request, struct cof_error *err)
{
    struct cof_document_line line = {0};
    struct cof_ingest_result *results = NULL;
    COF_TRY(cof_document_line_parse(request, request->json, &line, err));
    COF_TRY(cof_service_put_documents(request->api->service, &request->call, line.store,
                                      &line.document, 1, &results, err));
    line.result = results[0];
    if (line.result.outcome.kind == COF_WRITE_FAILED) {
        *err = line.result.outcome.error;
        return err->status;
    }
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_document_line_put(&writer, request, &line, 0);
    return COF_OK;
}

enum cof_status cof_handle_put_documents(struct cof_request *request, struct cof_error *err)
{
    return request->lines.size > 0 ? cof_handle_bulk(request, err) : put_one(request, err);
}

static void put_names(struct cof_json_writer *writer, const char *key, const struct cof_text *names,
                      size_t count)
{
    cof_json_put_key(writer, key);
    cof_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        cof_json_put_text(writer, names[i]);
    }
    cof_json_end_array(writer);
}

static void put_acl(struct cof_json_writer *writer, const struct cof_acl *acl)
{
    cof_json_put_key(writer, "acl");
    if (!acl->is_set) {
        cof_json_put_null(writer);
        return;
    }
    cof_json_begin_object(writer);
    put_names(writer, "allow", acl->allow, acl->allow_count);
    put_names(writer, "deny", acl->deny, acl->deny_count);
    cof_json_end_object(writer);
}

static void put_chunks(struct cof_json_writer *writer, const struct cof_service_document *found)
{
    cof_json_put_key(writer, "chunks");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < found->chunk_count; i++) {
        const struct cof_chunk *chunk = &found->chunks[i];
        cof_json_begin_object(writer);
        cof_put_chunk_id(writer, chunk->chunk_id);
        cof_json_member_unsigned(writer, "index", chunk->index);
        cof_json_member_text(writer, "heading", chunk->heading);
        cof_json_member_text(writer, "text", chunk->text);
        cof_put_byte_range(writer, chunk->byte_begin, chunk->byte_end);
        cof_json_end_object(writer);
    }
    cof_json_end_array(writer);
}

static void put_document(struct cof_json_writer *writer, const struct cof_service_document *found,
                         bool with_chunks)
{
    const struct cof_document *document = &found->document;
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "id", document->external_id);
    cof_json_member_string(writer, "object", "document");
    cof_json_member_string(writer, "vector_store_id", found->collection.public_id);
    cof_json_member_text(writer, "title", document->title);
    cof_json_member_text(writer, "filename", document->filename);
    cof_json_member_text(writer, "media_type", document->media_type);
    cof_json_put_key(writer, "attributes");
    cof_request_put_json(writer, document->attributes);
    put_acl(writer, &document->acl);
    cof_json_member_unsigned(writer, "version", document->version);
    cof_json_member_unsigned(writer, "bytes", document->source_bytes);
    cof_json_member_integer(writer, "created_at", document->created_ns / NS_PER_SECOND);
    cof_json_member_integer(writer, "updated_at", document->updated_ns / NS_PER_SECOND);
    cof_json_member_unsigned(writer, "chunk_count", document->chunk_count);
    if (with_chunks) {
        put_chunks(writer, found);
    }
    cof_json_end_object(writer);
}

enum cof_status cof_handle_get_document(struct cof_request *request, struct cof_error *err)
{
    struct cof_text store = {0};
    struct cof_text include = {0};
    struct cof_service_document found = {0};
    COF_TRY(cof_http_uri_get(&request->uri, "vector_store_id", &store, err));
    COF_TRY(cof_http_uri_get(&request->uri, "include", &include, err));
    bool with_chunks = cof_text_equal(include, COF_TEXT("chunks"));
    if (include.size > 0 && !with_chunks) {
        request->param = COF_TEXT("include");
        return COF_FAIL(err, COF_INVALID, "'include' must be chunks");
    }
    COF_TRY(cof_service_get_document(request->api->service, &request->call, store,
                                     request->parameters[0], with_chunks, &found, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    put_document(&writer, &found, with_chunks);
    return COF_OK;
}

enum cof_status cof_handle_delete_document(struct cof_request *request, struct cof_error *err)
{
    struct cof_text store = {0};
    COF_TRY(cof_http_uri_get(&request->uri, "vector_store_id", &store, err));
    COF_TRY(cof_service_delete_document(request->api->service, &request->call, store,
                                        request->parameters[0], err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "id", request->parameters[0]);
    cof_json_member_string(&writer, "object", "document.deleted");
    cof_json_member_bool(&writer, "deleted", true);
    cof_json_end_object(&writer);
    return COF_OK;
}
