/* Records: their names, their limits, and their encoding for the store's outbox.
 *
 * The encoding is a CBOR map: 0 schema (1) · 1 event · 2 outcome · 3 request id · 4 intent seq ·
 * 5 time_ns · 6 credential id · 7 collection · 8 subject · 9 query · 10 answer · 11 details ·
 * 12 resources · 13 results; what is empty is left out. */
#include <cof/audit/record.h>

#include <string.h>

#include "record_cbor.h"

#define SCHEMA 1

enum key {
    KEY_SCHEMA,
    KEY_EVENT,
    KEY_OUTCOME,
    KEY_REQUEST_ID,
    KEY_INTENT_SEQ,
    KEY_TIME_NS,
    KEY_CREDENTIAL_ID,
    KEY_COLLECTION,
    KEY_SUBJECT,
    KEY_QUERY,
    KEY_ANSWER,
    KEY_DETAILS,
    KEY_RESOURCES,
    KEY_RESULTS,
};

static const struct {
    enum cof_audit_event event;
    const char *name;
} events[] = {
    {COF_AUDIT_START, "start"},
    {COF_AUDIT_STOP, "stop"},
    {COF_AUDIT_RECOVERY, "recovery"},
    {COF_AUDIT_AUTH_FAIL, "auth_fail"},
    {COF_AUDIT_DENY, "deny"},
    {COF_AUDIT_SEARCH, "search"},
    {COF_AUDIT_ANSWER_INTENT, "answer_intent"},
    {COF_AUDIT_ANSWER_RESULT, "answer_result"},
    {COF_AUDIT_EMBED, "embed"},
    {COF_AUDIT_RERANK, "rerank"},
    {COF_AUDIT_TOKENIZE, "tokenize"},
    {COF_AUDIT_DOCUMENT_READ, "document_read"},
    {COF_AUDIT_DOCUMENT_PUT, "document_put"},
    {COF_AUDIT_DOCUMENT_DELETE, "document_delete"},
    {COF_AUDIT_COLLECTION_CREATE, "collection_create"},
    {COF_AUDIT_COLLECTION_UPDATE, "collection_update"},
    {COF_AUDIT_COLLECTION_DELETE, "collection_delete"},
    {COF_AUDIT_COLLECTION_READ, "collection_read"},
    {COF_AUDIT_KEY_CREATE, "key_create"},
    {COF_AUDIT_KEY_REVOKE, "key_revoke"},
    {COF_AUDIT_KEY_READ, "key_read"},
    {COF_AUDIT_LOG_READ, "log_read"},
    {COF_AUDIT_SYSTEM_READ, "system_read"},
};

static const char *find_event_name(uint64_t number)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if ((uint64_t)events[i].event == number)
            return events[i].name;
    }
    return NULL;
}

static enum cof_status check_text(struct cof_text text, const char *what, struct cof_error *err)
{
    if (!cof_utf8_is_valid(text, NULL))
        return COF_FAIL(err, COF_INVALID, "the %s of an audit record is not UTF-8", what);
    return COF_OK;
}

static void write_optional_text(struct cof_buffer *out, enum key key, struct cof_text text)
{
    if (text.size == 0)
        return;
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_text(out, text);
}

static void write_optional_number(struct cof_buffer *out, enum key key, uint64_t number)
{
    if (number == 0)
        return;
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_unsigned(out, number);
}

static size_t count_fields(const struct cof_audit_record *record)
{
    size_t count = 4; /* schema, event, outcome, request id */
    count += record->intent_seq != UINT64_MAX;
    count += record->time_ns != 0;
    count += record->credential_id != 0;
    count += record->collection != 0;
    count += record->subject.size > 0;
    count += record->query.size > 0;
    count += record->answer.size > 0;
    count += record->details.size > 0;
    count += record->resource_count > 0;
    count += record->result_count > 0;
    return count;
}

static enum cof_status read_field(struct cof_cbor_reader *reader, uint64_t key,
                                  struct cof_arena *arena, struct cof_audit_record *record,
                                  struct cof_error *err)
{
    struct cof_audit_resource *resources = NULL;
    struct cof_audit_result *results = NULL;
    switch (key) {
    case KEY_SCHEMA:
        if (cof_cbor_read_unsigned(reader) != SCHEMA)
            reader->has_failed = true;
        return COF_OK;
    case KEY_EVENT: {
        uint64_t number = cof_cbor_read_unsigned(reader);
        if (!cof_event_is_known(number))
            reader->has_failed = true;
        record->event = (enum cof_audit_event)number;
        return COF_OK;
    }
    case KEY_OUTCOME:
        record->outcome = cof_outcome_read(reader);
        return COF_OK;
    case KEY_REQUEST_ID:
        cof_fixed_read(reader, record->request_id, sizeof(record->request_id));
        return COF_OK;
    case KEY_INTENT_SEQ:
        record->intent_seq = cof_cbor_read_unsigned(reader);
        return COF_OK;
    case KEY_TIME_NS:
        record->time_ns = cof_cbor_read_integer(reader);
        return COF_OK;
    case KEY_CREDENTIAL_ID:
        record->credential_id = cof_cbor_read_unsigned(reader);
        return COF_OK;
    case KEY_COLLECTION:
        record->collection = cof_cbor_read_unsigned(reader);
        return COF_OK;
    case KEY_SUBJECT:
        record->subject = cof_cbor_read_text(reader);
        return COF_OK;
    case KEY_QUERY:
        record->query = cof_cbor_read_text(reader);
        return COF_OK;
    case KEY_ANSWER:
        record->answer = cof_cbor_read_text(reader);
        return COF_OK;
    case KEY_DETAILS:
        record->details = cof_cbor_read_text(reader);
        return COF_OK;
    case KEY_RESOURCES:
        COF_TRY(cof_resources_read(reader, arena, &resources, &record->resource_count, err));
        record->resources = resources;
        return COF_OK;
    case KEY_RESULTS:
        COF_TRY(cof_results_read(reader, arena, &results, &record->result_count, err));
        record->results = results;
        return COF_OK;
    default:
        reader->has_failed = true;
        return COF_OK;
    }
}

const char *cof_audit_event_name(enum cof_audit_event event)
{
    const char *name = find_event_name((uint64_t)event);
    return name != NULL ? name : "unknown";
}

bool cof_event_is_known(uint64_t number)
{
    return find_event_name(number) != NULL;
}

enum cof_status cof_record_check(const struct cof_audit_record *record, struct cof_error *err)
{
    if (!cof_event_is_known((uint64_t)record->event))
        return COF_FAIL(err, COF_INVALID, "there is no audit event %d", (int)record->event);
    if (record->resource_count > COF_AUDIT_MAX_RESOURCES)
        return COF_FAIL(err, COF_TOO_LARGE,
                        "an audit record names %zu resources, over the %d allowed",
                        record->resource_count, COF_AUDIT_MAX_RESOURCES);
    if (record->result_count > COF_AUDIT_MAX_RESULTS)
        return COF_FAIL(err, COF_TOO_LARGE,
                        "an audit record names %zu results, over the %d allowed",
                        record->result_count, COF_AUDIT_MAX_RESULTS);
    COF_TRY(check_text(record->subject, "subject", err));
    COF_TRY(check_text(record->query, "query", err));
    COF_TRY(check_text(record->answer, "answer", err));
    return check_text(record->details, "details", err);
}

void cof_outcome_write(struct cof_buffer *out, enum cof_status outcome)
{
    cof_cbor_write_text(out, cof_text_from(cof_status_name(outcome)));
}

enum cof_status cof_outcome_read(struct cof_cbor_reader *reader)
{
    struct cof_text name = cof_cbor_read_text(reader);
    for (int status = COF_OK; status <= COF_INTERNAL; status++) {
        if (cof_text_equal(name, cof_text_from(cof_status_name((enum cof_status)status))))
            return (enum cof_status)status;
    }
    reader->has_failed = true;
    return COF_INTERNAL;
}

void cof_fixed_read(struct cof_cbor_reader *reader, uint8_t *out, size_t size)
{
    struct cof_bytes bytes = cof_cbor_read_bytes(reader);
    if (bytes.size == size && !reader->has_failed)
        memcpy(out, bytes.data, size);
    else
        reader->has_failed = true;
}

void cof_resources_write(struct cof_buffer *out, const struct cof_audit_record *record)
{
    cof_cbor_write_array(out, 2 * record->resource_count);
    for (size_t i = 0; i < record->resource_count; i++) {
        cof_cbor_write_unsigned(out, record->resources[i].document_number);
        cof_cbor_write_unsigned(out, record->resources[i].version);
    }
}

void cof_results_write(struct cof_buffer *out, const struct cof_audit_record *record)
{
    cof_cbor_write_array(out, 2 * record->result_count);
    for (size_t i = 0; i < record->result_count; i++) {
        cof_cbor_write_unsigned(out, record->results[i].chunk_id);
        cof_cbor_write_double(out, (double)record->results[i].score);
    }
}

enum cof_status cof_resources_read(struct cof_cbor_reader *reader, struct cof_arena *arena,
                                   struct cof_audit_resource **out_resources, size_t *out_count,
                                   struct cof_error *err)
{
    size_t count = cof_cbor_read_array(reader);
    if (reader->has_failed || count % 2 != 0 || count / 2 > COF_AUDIT_MAX_RESOURCES) {
        reader->has_failed = true;
        return COF_OK;
    }
    struct cof_audit_resource *resources = cof_arena_array(arena, count / 2, sizeof(*resources));
    if (resources == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count / 2; i++) {
        resources[i].document_number = cof_cbor_read_unsigned(reader);
        uint64_t version = cof_cbor_read_unsigned(reader);
        if (version > UINT32_MAX)
            reader->has_failed = true;
        resources[i].version = (uint32_t)version;
    }
    *out_resources = resources;
    *out_count = count / 2;
    return COF_OK;
}

enum cof_status cof_results_read(struct cof_cbor_reader *reader, struct cof_arena *arena,
                                 struct cof_audit_result **out_results, size_t *out_count,
                                 struct cof_error *err)
{
    size_t count = cof_cbor_read_array(reader);
    if (reader->has_failed || count % 2 != 0 || count / 2 > COF_AUDIT_MAX_RESULTS) {
        reader->has_failed = true;
        return COF_OK;
    }
    struct cof_audit_result *results = cof_arena_array(arena, count / 2, sizeof(*results));
    if (results == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count / 2; i++) {
        results[i].chunk_id = cof_cbor_read_unsigned(reader);
        results[i].score = (float)cof_cbor_read_double(reader);
    }
    *out_results = results;
    *out_count = count / 2;
    return COF_OK;
}

enum cof_status cof_audit_record_encode(const struct cof_audit_record *record,
                                        struct cof_buffer *out, struct cof_error *err)
{
    COF_TRY(cof_record_check(record, err));
    cof_cbor_write_map(out, count_fields(record));
    cof_cbor_write_unsigned(out, KEY_SCHEMA);
    cof_cbor_write_unsigned(out, SCHEMA);
    cof_cbor_write_unsigned(out, KEY_EVENT);
    cof_cbor_write_unsigned(out, (uint64_t)record->event);
    cof_cbor_write_unsigned(out, KEY_OUTCOME);
    cof_outcome_write(out, record->outcome);
    cof_cbor_write_unsigned(out, KEY_REQUEST_ID);
    cof_cbor_write_bytes(
        out, (struct cof_bytes){.data = record->request_id, .size = sizeof(record->request_id)});
    if (record->intent_seq != UINT64_MAX) {
        cof_cbor_write_unsigned(out, KEY_INTENT_SEQ);
        cof_cbor_write_unsigned(out, record->intent_seq);
    }
    if (record->time_ns != 0) {
        cof_cbor_write_unsigned(out, KEY_TIME_NS);
        cof_cbor_write_integer(out, record->time_ns);
    }
    write_optional_number(out, KEY_CREDENTIAL_ID, record->credential_id);
    write_optional_number(out, KEY_COLLECTION, record->collection);
    write_optional_text(out, KEY_SUBJECT, record->subject);
    write_optional_text(out, KEY_QUERY, record->query);
    write_optional_text(out, KEY_ANSWER, record->answer);
    write_optional_text(out, KEY_DETAILS, record->details);
    if (record->resource_count > 0) {
        cof_cbor_write_unsigned(out, KEY_RESOURCES);
        cof_resources_write(out, record);
    }
    if (record->result_count > 0) {
        cof_cbor_write_unsigned(out, KEY_RESULTS);
        cof_results_write(out, record);
    }
    return cof_buffer_status(out, err);
}

enum cof_status cof_audit_record_decode(struct cof_bytes encoded, struct cof_arena *arena,
                                        struct cof_audit_record *out_record, struct cof_error *err)
{
    struct cof_audit_record record = {.intent_seq = UINT64_MAX};
    struct cof_cbor_reader reader = cof_cbor_reader_from(encoded);
    uint64_t seen = 0;
    size_t count = cof_cbor_read_map(&reader);
    for (size_t i = 0; i < count && !reader.has_failed; i++) {
        uint64_t key = cof_cbor_read_unsigned(&reader);
        seen |= key < 64 ? (uint64_t)1 << key : 0;
        COF_TRY(read_field(&reader, key, arena, &record, err));
    }
    if ((seen & 0xf) != 0xf) /* schema, event, outcome, request id */
        reader.has_failed = true;
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_record = record;
    return COF_OK;
}
