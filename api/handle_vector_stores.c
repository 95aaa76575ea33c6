/* Vector stores in OpenAI's shape: what the rest of the house calls a collection. */
#include "fields.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_SECOND 1000000000
#define MAX_METADATA_COUNT 16
#define MAX_METADATA_KEY 64
#define MAX_METADATA_VALUE 512
#define MAX_LIST 100

static void put_file_counts(struct cof_json_writer *writer, uint64_t count)
{
    cof_json_put_key(writer, "file_counts");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "in_progress", 0);
    cof_json_member_unsigned(writer, "completed", count);
    cof_json_member_unsigned(writer, "failed", 0);
    cof_json_member_unsigned(writer, "cancelled", 0);
    cof_json_member_unsigned(writer, "total", count);
    cof_json_end_object(writer);
}

static void put_chunking(struct cof_json_writer *writer, const struct cof_collection *collection)
{
    cof_json_put_key(writer, "chunking_strategy");
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "type", "static");
    cof_json_put_key(writer, "static");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "max_chunk_size_tokens", collection->max_chunk_tokens);
    cof_json_member_unsigned(writer, "chunk_overlap_tokens", collection->chunk_overlap_tokens);
    cof_json_end_object(writer);
    cof_json_end_object(writer);
}

static void put_store(struct cof_json_writer *writer, const struct cof_collection *collection)
{
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "id", collection->public_id);
    cof_json_member_string(writer, "object", "vector_store");
    cof_json_member_integer(writer, "created_at", collection->created_ns / NS_PER_SECOND);
    cof_json_member_text(writer, "name", collection->name);
    cof_json_member_unsigned(writer, "usage_bytes", collection->source_bytes);
    put_file_counts(writer, collection->document_count);
    cof_json_member_string(writer, "status", "completed");
    cof_json_member_null(writer, "expires_after");
    cof_json_member_null(writer, "expires_at");
    cof_json_member_integer(writer, "last_active_at", collection->last_active_ns / NS_PER_SECOND);
    cof_json_put_key(writer, "metadata");
    cof_request_put_json(writer, collection->metadata);
    cof_json_member_text(writer, "embedding_model", collection->model_name);
    cof_json_member_unsigned(writer, "dimension", collection->dimension);
    cof_json_member_unsigned(writer, "chunk_count", collection->chunk_count);
    put_chunking(writer, collection);
    cof_json_end_object(writer);
}

static enum cof_status check_metadata_member(const struct cof_fields *fields,
                                             const struct cof_json *member, struct cof_error *err)
{
    enum cof_json_type type = cof_json_type_of(member);
    bool is_scalar = type == COF_JSON_STRING || type == COF_JSON_NUMBER || type == COF_JSON_BOOL;
    if (cof_json_key(member).size == 0 || cof_json_key(member).size > MAX_METADATA_KEY) {
        return cof_fields_refuse(fields, "metadata", err,
                                 "keys of 'metadata' must have 1 to %d bytes", MAX_METADATA_KEY);
    }
    if (!is_scalar || cof_json_text(member).size > MAX_METADATA_VALUE) {
        return cof_fields_refuse(fields, "metadata", err,
                                 "values of 'metadata' must be numbers, true, false or strings of "
                                 "at most %d bytes",
                                 MAX_METADATA_VALUE);
    }
    return COF_OK;
}

/* *out is untouched when absent. */
static enum cof_status parse_metadata(const struct cof_fields *fields, struct cof_text *out,
                                      struct cof_error *err)
{
    const struct cof_json *metadata = NULL;
    COF_TRY(cof_fields_object(fields, "metadata", &metadata, err));
    if (metadata == NULL) {
        return COF_OK;
    }
    if (cof_json_count(metadata) > MAX_METADATA_COUNT) {
        return cof_fields_refuse(fields, "metadata", err, "'metadata' has more than %d members",
                                 MAX_METADATA_COUNT);
    }
    for (const struct cof_json *member = cof_json_first(metadata); member != NULL;
         member = cof_json_next(member)) {
        COF_TRY(check_metadata_member(fields, member, err));
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    cof_json_write_value(&text, metadata);
    COF_TRY(cof_buffer_status(&text, err));
    *out = cof_arena_copy_text(&fields->request->call.arena, cof_buffer_text(&text));
    return out->data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

static enum cof_status parse_chunking(const struct cof_fields *fields,
                                      struct cof_collection_request *out, struct cof_error *err)
{
    static const char *const types[] = {"auto", "static"};
    const struct cof_json *strategy = NULL;
    const struct cof_json *sizes = NULL;
    size_t type = 0;
    COF_TRY(cof_fields_object(fields, "chunking_strategy", &strategy, err));
    if (strategy == NULL) {
        return COF_OK;
    }
    const struct cof_fields inside = cof_fields_in(fields, strategy, "chunking_strategy.");
    COF_TRY(cof_fields_choice(&inside, "type", types, 2, &type, err));
    COF_TRY(cof_fields_object(&inside, "static", &sizes, err));
    if (sizes == NULL) {
        return COF_OK;
    }
    const struct cof_fields in_sizes = cof_fields_in(fields, sizes, "chunking_strategy.static.");
    size_t max_tokens = 0;
    size_t overlap = UINT32_MAX;
    COF_TRY(cof_fields_size(&in_sizes, "max_chunk_size_tokens", 1, 1 << 20, &max_tokens, err));
    COF_TRY(cof_fields_size(&in_sizes, "chunk_overlap_tokens", 0, 1 << 20, &overlap, err));
    out->max_chunk_tokens = (uint32_t)max_tokens;
    out->chunk_overlap_tokens = (uint32_t)overlap;
    return COF_OK;
}

/* What OpenAI's API has and this one cannot honour must not be taken in silence. */
static enum cof_status refuse_unsupported(const struct cof_fields *fields, struct cof_error *err)
{
    const struct cof_json *files = NULL;
    const struct cof_json *expiry = NULL;
    COF_TRY(cof_fields_array(fields, "file_ids", &files, err));
    COF_TRY(cof_fields_object(fields, "expires_after", &expiry, err));
    if (files != NULL && cof_json_count(files) > 0) {
        return cof_fields_refuse(fields, "file_ids", err,
                                 "'file_ids' is not supported; send documents to "
                                 "POST /v1/documents with this store's id");
    }
    if (expiry != NULL) {
        return cof_fields_refuse(fields, "expires_after", err,
                                 "'expires_after' is not supported; delete the store instead");
    }
    return COF_OK;
}

enum cof_status cof_handle_create_store(struct cof_request *request, struct cof_error *err)
{
    const struct cof_fields fields = cof_fields_of(request);
    struct cof_collection_request wanted = {.name = COF_TEXT("untitled"),
                                            .chunk_overlap_tokens = UINT32_MAX};
    COF_TRY(cof_fields_text(&fields, "name", &wanted.name, err));
    COF_TRY(parse_metadata(&fields, &wanted.metadata, err));
    COF_TRY(cof_fields_text(&fields, "embedding_model", &wanted.embedding_model, err));
    COF_TRY(parse_chunking(&fields, &wanted, err));
    COF_TRY(refuse_unsupported(&fields, err));
    struct cof_collection collection;
    enum cof_status status = cof_service_create_collection(request->api->service, &request->call,
                                                           &wanted, &collection, err);
    if (status == COF_NOT_FOUND) {
        request->code = "model_not_found";
        request->param = COF_TEXT("embedding_model");
    }
    COF_TRY(status);
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    put_store(&writer, &collection);
    return COF_OK;
}

enum cof_status cof_handle_get_store(struct cof_request *request, struct cof_error *err)
{
    struct cof_collection collection;
    COF_TRY(cof_service_get_collection(request->api->service, &request->call,
                                       request->parameters[0], &collection, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    put_store(&writer, &collection);
    return COF_OK;
}

enum cof_status cof_handle_update_store(struct cof_request *request, struct cof_error *err)
{
    const struct cof_fields fields = cof_fields_of(request);
    struct cof_text name = {0};
    struct cof_text metadata = {0};
    COF_TRY(cof_fields_text(&fields, "name", &name, err));
    COF_TRY(parse_metadata(&fields, &metadata, err));
    COF_TRY(refuse_unsupported(&fields, err));
    struct cof_collection collection;
    COF_TRY(cof_service_update_collection(request->api->service, &request->call,
                                          request->parameters[0], name.data != NULL ? &name : NULL,
                                          metadata.data != NULL ? &metadata : NULL, &collection,
                                          err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    put_store(&writer, &collection);
    return COF_OK;
}

enum cof_status cof_handle_delete_store(struct cof_request *request, struct cof_error *err)
{
    struct cof_text id = {0};
    COF_TRY(cof_request_store_id(request, request->parameters[0], &id, err));
    COF_TRY(cof_service_delete_collection(request->api->service, &request->call, id, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "id", id);
    cof_json_member_string(&writer, "object", "vector_store.deleted");
    cof_json_member_bool(&writer, "deleted", true);
    cof_json_end_object(&writer);
    return COF_OK;
}

/* ---- Listing ---- */

struct page {
    size_t limit;
    bool is_ascending;
    struct cof_text after;
    struct cof_text before;
};

static enum cof_status parse_page(struct cof_request *request, bool is_ascending,
                                  struct page *out_page, struct cof_error *err)
{
    struct cof_text order = {0};
    *out_page = (struct page){.limit = 20, .is_ascending = is_ascending};
    COF_TRY(cof_fields_query_size(request, "limit", 1, MAX_LIST, &out_page->limit, err));
    COF_TRY(cof_http_uri_get(&request->uri, "order", &order, err));
    COF_TRY(cof_http_uri_get(&request->uri, "after", &out_page->after, err));
    COF_TRY(cof_http_uri_get(&request->uri, "before", &out_page->before, err));
    if (order.data == NULL) {
        return COF_OK;
    }
    out_page->is_ascending = cof_text_equal(order, COF_TEXT("asc"));
    if (!out_page->is_ascending && !cof_text_equal(order, COF_TEXT("desc"))) {
        request->param = COF_TEXT("order");
        return COF_FAIL(err, COF_INVALID, "'order' must be asc or desc");
    }
    return COF_OK;
}

static int compare_oldest_first(const void *a, const void *b)
{
    const struct cof_collection *left = a;
    const struct cof_collection *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static int compare_newest_first(const void *a, const void *b)
{
    return compare_oldest_first(b, a);
}

static enum cof_status find_position(struct cof_request *request, const char *parameter,
                                     struct cof_text id, const struct cof_collection *collections,
                                     size_t count, size_t *out_position, struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal(id, cof_text_from(collections[i].public_id))) {
            *out_position = i;
            return COF_OK;
        }
    }
    request->param = cof_text_from(parameter);
    return COF_FAIL(err, COF_INVALID, "'%s' is not the id of a vector store", parameter);
}

static void end_list(struct cof_json_writer *writer, struct cof_text first_id,
                     struct cof_text last_id, bool has_more)
{
    cof_json_end_array(writer);
    if (first_id.data != NULL) {
        cof_json_member_text(writer, "first_id", first_id);
        cof_json_member_text(writer, "last_id", last_id);
    } else {
        cof_json_member_null(writer, "first_id");
        cof_json_member_null(writer, "last_id");
    }
    cof_json_member_bool(writer, "has_more", has_more);
    cof_json_end_object(writer);
}

static void begin_list(struct cof_json_writer *writer)
{
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "object", "list");
    cof_json_put_key(writer, "data");
    cof_json_begin_array(writer);
}

enum cof_status cof_handle_list_stores(struct cof_request *request, struct cof_error *err)
{
    struct page page;
    struct cof_collection *collections = NULL;
    size_t count = 0;
    COF_TRY(parse_page(request, false, &page, err));
    COF_TRY(cof_service_list_collections(request->api->service, &request->call, &collections,
                                         &count, err));
    qsort(collections, count, sizeof(*collections),
          page.is_ascending ? compare_oldest_first : compare_newest_first);
    size_t begin = 0;
    size_t end = count;
    if (page.after.size > 0) {
        COF_TRY(find_position(request, "after", page.after, collections, count, &begin, err));
        begin++;
    }
    if (page.before.size > 0) {
        COF_TRY(find_position(request, "before", page.before, collections, count, &end, err));
    }
    if (end < begin) {
        end = begin;
    }
    bool has_more = end - begin > page.limit;
    if (has_more && page.before.size > 0 && page.after.size == 0) {
        begin = end - page.limit; /* the page that ends before it */
    } else if (has_more) {
        end = begin + page.limit;
    }
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    struct cof_text first_id = {0};
    struct cof_text last_id = {0};
    begin_list(&writer);
    for (size_t i = begin; i < end; i++) {
        put_store(&writer, &collections[i]);
        last_id = cof_text_from(collections[i].public_id);
        first_id = i == begin ? last_id : first_id;
    }
    end_list(&writer, first_id, last_id, has_more);
    return COF_OK;
}

static void put_file(struct cof_json_writer *writer, const struct cof_document *document,
                     struct cof_text store_id)
{
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "id", document->external_id);
    cof_json_member_string(writer, "object", "vector_store.file");
    cof_json_member_integer(writer, "created_at", document->created_ns / NS_PER_SECOND);
    cof_json_member_text(writer, "vector_store_id", store_id);
    cof_json_member_unsigned(writer, "usage_bytes", document->source_bytes);
    cof_json_member_string(writer, "status", "completed");
    cof_json_member_null(writer, "last_error");
    cof_json_put_key(writer, "attributes");
    cof_request_put_json(writer, document->attributes);
    cof_json_member_text(writer, "filename", document->filename);
    cof_json_member_text(writer, "title", document->title);
    cof_json_member_unsigned(writer, "version", document->version);
    cof_json_member_unsigned(writer, "chunk_count", document->chunk_count);
    cof_json_end_object(writer);
}

/* Documents come in the order of their numbers; a page goes on after the number of `after`. */
static enum cof_status find_after(struct cof_request *request, const struct page *page,
                                  uint64_t *out_number, struct cof_error *err)
{
    if (page->after.size == 0) {
        *out_number = 0;
        return COF_OK;
    }
    struct cof_service_document found = {0};
    request->param = COF_TEXT("after");
    COF_TRY(cof_service_get_document(request->api->service, &request->call, request->parameters[0],
                                     page->after, false, &found, err));
    request->param = (struct cof_text){0};
    *out_number = found.document.number;
    return COF_OK;
}

enum cof_status cof_handle_list_files(struct cof_request *request, struct cof_error *err)
{
    struct page page;
    struct cof_text filter = {0};
    struct cof_text store_id = {0};
    uint64_t after = 0;
    struct cof_document *documents = NULL;
    size_t count = 0;
    COF_TRY(parse_page(request, true, &page, err));
    COF_TRY(cof_http_uri_get(&request->uri, "filter", &filter, err));
    if (!page.is_ascending || page.before.size > 0) {
        request->param = page.is_ascending ? COF_TEXT("before") : COF_TEXT("order");
        return COF_FAIL(err, COF_INVALID,
                        "files are listed oldest first; leave out 'order' and 'before', and page "
                        "with 'after'");
    }
    COF_TRY(cof_request_store_id(request, request->parameters[0], &store_id, err));
    COF_TRY(find_after(request, &page, &after, err));
    COF_TRY(cof_service_list_documents(request->api->service, &request->call,
                                       request->parameters[0], after, page.limit + 1, &documents,
                                       &count, err));
    if (filter.size > 0 && !cof_text_equal(filter, COF_TEXT("completed"))) {
        count = 0; /* every file that is there is complete */
    }
    bool has_more = count > page.limit;
    count = has_more ? page.limit : count;
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    begin_list(&writer);
    for (size_t i = 0; i < count; i++) {
        put_file(&writer, &documents[i], store_id);
    }
    end_list(&writer, count > 0 ? documents[0].external_id : (struct cof_text){0},
             count > 0 ? documents[count - 1].external_id : (struct cof_text){0}, has_more);
    return COF_OK;
}
