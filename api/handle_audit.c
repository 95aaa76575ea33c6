/* The audit log as seen from outside: its newest signed checkpoint, and its entries. */
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "handlers.h"

enum cof_status cof_handle_audit_checkpoint(struct cof_request *request, struct cof_error *err)
{
    request->reply.content_type = "text/plain; charset=utf-8";
    return cof_service_audit_checkpoint(request->api->service, &request->call, &request->reply.body,
                                        err);
}

static void put_resources(struct cof_json_writer *writer, const struct cof_audit_record *record)
{
    cof_json_put_key(writer, "documents");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < record->resource_count; i++) {
        cof_json_begin_object(writer);
        cof_json_member_unsigned(writer, "number", record->resources[i].document_number);
        cof_json_member_unsigned(writer, "version", record->resources[i].version);
        cof_json_end_object(writer);
    }
    cof_json_end_array(writer);
}

static void put_results(struct cof_json_writer *writer, const struct cof_audit_record *record)
{
    cof_json_put_key(writer, "results");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < record->result_count; i++) {
        char chunk_id[24];
        (void)snprintf(chunk_id, sizeof(chunk_id), "%" PRIu64, record->results[i].chunk_id);
        cof_json_begin_object(writer);
        cof_json_member_string(writer, "chunk_id", chunk_id);
        cof_json_put_key(writer, "score");
        cof_json_put_float(writer, record->results[i].score);
        cof_json_end_object(writer);
    }
    cof_json_end_array(writer);
}

/* Text of the payload, or null where it cannot be opened. */
static void put_secret(struct cof_json_writer *writer, const char *key, struct cof_text text)
{
    if (text.data != NULL) {
        cof_json_member_text(writer, key, text);
    } else {
        cof_json_member_null(writer, key);
    }
}

static void put_entry(struct cof_json_writer *writer, const struct cof_audit_entry *entry)
{
    const struct cof_audit_record *record = &entry->record;
    char id[37];
    char time[32];
    cof_request_id_format(record->request_id, id);
    cof_time_format(record->time_ns, time);
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "seq", entry->seq);
    cof_json_member_string(writer, "time", time);
    cof_json_member_string(writer, "event", cof_audit_event_name(record->event));
    cof_json_member_string(writer, "outcome", cof_status_name(record->outcome));
    cof_json_member_string(writer, "request_id", id);
    if (record->intent_seq != UINT64_MAX) {
        cof_json_member_unsigned(writer, "intent_seq", record->intent_seq);
    }
    cof_json_member_unsigned(writer, "credential", record->credential_id);
    cof_json_member_unsigned(writer, "collection", record->collection);
    put_resources(writer, record);
    cof_json_member_bool(writer, "has_payload", entry->has_payload);
    put_secret(writer, "subject", record->subject);
    put_secret(writer, "query", record->query);
    put_secret(writer, "answer", record->answer);
    cof_json_put_key(writer, "details");
    cof_request_put_json(writer, record->details);
    put_results(writer, record);
    cof_json_end_object(writer);
}

enum cof_status cof_handle_audit_entries(struct cof_request *request, struct cof_error *err)
{
    size_t first = 0;
    size_t limit = 100;
    struct cof_audit_entry *entries = NULL;
    size_t count = 0;
    COF_TRY(cof_fields_query_size(request, "first", 0, (size_t)1 << 62, &first, err));
    COF_TRY(cof_fields_query_size(request, "limit", 1, 1000, &limit, err));
    COF_TRY(cof_service_audit_entries(request->api->service, &request->call, first, limit, &entries,
                                      &count, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "list");
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        put_entry(&writer, &entries[i]);
    }
    cof_json_end_array(&writer);
    cof_json_member_unsigned(&writer, "first", first);
    cof_json_member_unsigned(&writer, "next", first + count);
    cof_json_end_object(&writer);
    return COF_OK;
}
