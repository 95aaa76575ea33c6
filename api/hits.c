/* Names and places of hits. */
#include "hits.h"

#include <inttypes.h>
#include <stdio.h>

enum cof_status cof_stores_resolve(struct cof_request *request, const struct cof_text *names,
                                   size_t count, struct cof_stores *out_stores,
                                   struct cof_error *err)
{
    struct cof_arena *arena = &request->call.arena;
    struct cof_stores stores = {.names = names, .count = count};
    stores.numbers = cof_arena_array(arena, count, sizeof(*stores.numbers));
    stores.ids = cof_arena_array(arena, count, sizeof(*stores.ids));
    if (stores.numbers == NULL || stores.ids == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    if (count == 1) {
        COF_TRY(cof_request_store_id(request, names[0], &stores.ids[0], err));
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        struct cof_collection collection;
        COF_TRY(cof_service_get_collection(request->api->service, &request->call, names[i],
                                           &collection, err));
        stores.numbers[i] = collection.number;
        stores.ids[i] = cof_arena_copy_text(arena, cof_text_from(collection.public_id));
        if (stores.ids[i].data == NULL) {
            return COF_FAIL_MEMORY(err);
        }
    }
    *out_stores = stores;
    return COF_OK;
}

struct cof_text cof_stores_id(const struct cof_stores *stores, uint64_t number)
{
    if (stores->count == 1) {
        return stores->ids[0];
    }
    for (size_t i = 0; i < stores->count; i++) {
        if (stores->numbers[i] == number) {
            return stores->ids[i];
        }
    }
    return (struct cof_text){0};
}

void cof_put_chunk_id(struct cof_json_writer *writer, uint64_t chunk_id)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, chunk_id);
    cof_json_member_string(writer, "chunk_id", text);
}

void cof_put_byte_range(struct cof_json_writer *writer, uint64_t begin, uint64_t end)
{
    cof_json_put_key(writer, "byte_range");
    cof_json_begin_array(writer);
    cof_json_put_unsigned(writer, begin);
    cof_json_put_unsigned(writer, end);
    cof_json_end_array(writer);
}

void cof_put_document_url(struct cof_json_writer *writer, struct cof_text document_id,
                          struct cof_text store_id)
{
    struct cof_buffer url = {0};
    cof_buffer_append_text(&url, COF_TEXT("/v1/documents/"));
    cof_http_uri_encode(&url, document_id);
    if (store_id.size > 0) {
        cof_buffer_append_text(&url, COF_TEXT("?vector_store_id="));
        cof_http_uri_encode(&url, store_id);
    }
    writer->out->has_failed = writer->out->has_failed || url.has_failed;
    cof_json_member_text(writer, "url", cof_buffer_text(&url));
    cof_buffer_deinit(&url);
}
