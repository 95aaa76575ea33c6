/* What is written of each call, and the order in which work and record happen.
 *
 * A call that only reads: work → record durable → return. A call that changes something: the store
 * writes the change and the record's bytes in one transaction (outbox) → the log makes the record
 * durable → the outbox row goes with the next transaction → return. After a crash in between, the
 * outbox is drained at start, so a change without its record cannot exist. */
#include "service_private.h"

#include <inttypes.h>
#include <string.h>

#include <cof/base/json.h>

struct cof_audit_record cof_service_record(const struct cof_call *call, enum cof_audit_event event,
                                           enum cof_status outcome)
{
    struct cof_audit_record record = {
        .event = event,
        .outcome = outcome,
        .intent_seq = UINT64_MAX,
        .credential_id = call->principal.credential_id,
        .subject = call->principal.name,
    };
    memcpy(record.request_id, call->request_id, sizeof(record.request_id));
    return record;
}

enum cof_status cof_service_commit(struct cof_service *service, struct cof_call *call,
                                   const struct cof_audit_record *record, struct cof_error *err)
{
    int64_t begin = cof_clock_steady_ns(service->options.clock);
    uint64_t seq = 0;
    struct cof_error audit_error = {0};
    enum cof_status status =
        cof_audit_log_append(service->options.audit, record, &seq, &audit_error);
    int64_t waited = cof_clock_steady_ns(service->options.clock) - begin;
    call->audit_wait_ns += waited;
    if (status != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "%s", audit_error.message);
    }
    call->audit_seq = seq;
    if (service->audit_wait != NULL) {
        cof_metric_observe_ns(service->audit_wait, waited);
        cof_metric_add(service->records, 1);
    }
    return COF_OK;
}

enum cof_status cof_service_finish(struct cof_service *service, struct cof_call *call,
                                   struct cof_audit_record *record, enum cof_status status,
                                   struct cof_error *err)
{
    record->outcome = status;
    if (status == COF_INVALID) {
        return status; /* nothing was looked at: the request never came to mean anything */
    }
    struct cof_error audit_error = {0};
    enum cof_status audit_status = cof_service_commit(service, call, record, &audit_error);
    if (audit_status != COF_OK) {
        if (err != NULL) {
            *err = audit_error;
        }
        return audit_status;
    }
    return status;
}

static const char *action_name(enum cof_action action)
{
    static const char *const names[] = {
        [COF_ACTION_SEARCH] = "search",
        [COF_ACTION_ANSWER] = "answer",
        [COF_ACTION_EMBED] = "embed",
        [COF_ACTION_READ_DOCUMENT] = "read_document",
        [COF_ACTION_WRITE_DOCUMENT] = "write_document",
        [COF_ACTION_READ_COLLECTION] = "read_collection",
        [COF_ACTION_WRITE_COLLECTION] = "write_collection",
        [COF_ACTION_READ_AUDIT] = "read_audit",
        [COF_ACTION_MANAGE_KEYS] = "manage_keys",
        [COF_ACTION_READ_SYSTEM] = "read_system",
        [COF_ACTION_READ_MODELS] = "read_models",
    };
    return names[action];
}

enum cof_status cof_service_record_refusal(struct cof_service *service, struct cof_call *call,
                                           const char *action, enum cof_status status,
                                           struct cof_error *err)
{
    uint64_t suppressed = 0;
    if (!cof_flood_take(service->refusals, &suppressed)) {
        return COF_OK;
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_DENY, status);
    record.details =
        cof_arena_format(&call->arena, "{\"action\":\"%s\",\"not_recorded_before\":%" PRIu64 "}",
                         action, suppressed);
    return cof_service_commit(service, call, &record, err);
}

enum cof_status cof_service_authorize(struct cof_service *service, struct cof_call *call,
                                      enum cof_action action, struct cof_error *err)
{
    struct cof_error refusal = {0};
    enum cof_status status = cof_auth_permit(&call->principal, action, &refusal);
    if (status == COF_OK && service->rate != NULL && call->principal.credential_id != 0) {
        status = cof_rate_take(service->rate, call->principal.credential_id, &refusal);
    }
    if (status == COF_OK) {
        return COF_OK;
    }
    COF_TRY(cof_service_record_refusal(service, call, action_name(action), status, err));
    if (err != NULL) {
        *err = refusal;
    }
    return status;
}

enum cof_status cof_service_record_hits(struct cof_call *call, struct cof_audit_record *record,
                                        const struct cof_search_hit *hits, size_t hit_count,
                                        struct cof_error *err)
{
    struct cof_audit_result *results = cof_arena_array(&call->arena, hit_count, sizeof(*results));
    struct cof_audit_resource *resources =
        cof_arena_array(&call->arena, hit_count, sizeof(*resources));
    if (results == NULL || resources == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t resource_count = 0;
    for (size_t i = 0; i < hit_count; i++) {
        const struct cof_document *document = &hits[i].document;
        results[i] =
            (struct cof_audit_result){.chunk_id = hits[i].chunk.chunk_id, .score = hits[i].score};
        size_t j = 0;
        while (j < resource_count && resources[j].document_number != document->number) {
            j++;
        }
        if (j == resource_count) {
            resources[resource_count++] = (struct cof_audit_resource){
                .document_number = document->number, .version = document->version};
        }
    }
    record->results = results;
    record->result_count = hit_count;
    record->resources = resources;
    record->resource_count = resource_count;
    return COF_OK;
}

/* Runs on the store's writer thread while the caller waits: the call's arena is ours alone. */
static enum cof_status encode_mutation(void *context, const struct cof_write_outcome *outcomes,
                                       size_t count, struct cof_buffer *out, struct cof_error *err)
{
    struct cof_mutation *mutation = context;
    struct cof_audit_record *record = &mutation->record;
    struct cof_audit_resource *resources =
        cof_arena_array(mutation->arena, count, sizeof(*resources));
    if (resources == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    static const char *const names[] = {
        [COF_WRITE_CREATED] = "created",     [COF_WRITE_REPLACED] = "replaced",
        [COF_WRITE_UNCHANGED] = "unchanged", [COF_WRITE_DELETED] = "deleted",
        [COF_WRITE_FAILED] = "failed",
    };
    uint64_t totals[sizeof(names) / sizeof(names[0])] = {0};
    record->resource_count = 0;
    for (size_t i = 0; i < count; i++) {
        totals[outcomes[i].kind]++;
        if (record->collection == 0) {
            record->collection = outcomes[i].collection; /* one that was just made */
        }
        if (outcomes[i].kind != COF_WRITE_FAILED && outcomes[i].document_number != 0) {
            resources[record->resource_count++] = (struct cof_audit_resource){
                .document_number = outcomes[i].document_number, .version = outcomes[i].version};
        }
    }
    record->resources = resources;
    if (record->details.size == 0) {
        struct cof_buffer details = {0};
        struct cof_json_writer writer = cof_json_writer_to(&details);
        cof_json_begin_object(&writer);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (totals[i] > 0) {
                cof_json_member_unsigned(&writer, names[i], totals[i]);
            }
        }
        cof_json_end_object(&writer);
        record->details = cof_arena_copy_text(mutation->arena, cof_buffer_text(&details));
        cof_buffer_deinit(&details);
    }
    cof_buffer_clear(&mutation->encoded);
    COF_TRY(cof_audit_record_encode(record, &mutation->encoded, err));
    cof_buffer_append_text(out, cof_buffer_text(&mutation->encoded));
    return cof_buffer_status(out, err);
}

void cof_mutation_init(struct cof_mutation *mutation, struct cof_service *service,
                       struct cof_call *call, const struct cof_audit_record *record)
{
    *mutation = (struct cof_mutation){.record = *record, .arena = &call->arena};
    if (call->audit_seq != UINT64_MAX) {
        cof_uuid7(service->options.clock, service->options.random, mutation->record.request_id);
    }
    mutation->record.time_ns = cof_clock_wall_ns(service->options.clock);
    memcpy(mutation->outbox.id, mutation->record.request_id, sizeof(mutation->outbox.id));
    mutation->outbox.encode = encode_mutation;
    mutation->outbox.context = mutation;
}

enum cof_status cof_mutation_finish(struct cof_mutation *mutation, struct cof_service *service,
                                    struct cof_call *call, enum cof_status status,
                                    struct cof_error *err)
{
    if (status != COF_OK) {
        return cof_service_finish(service, call, &mutation->record, status, err);
    }
    COF_TRY(cof_service_commit(service, call, &mutation->record, err));
    if (mutation->encoded.size > 0) {
        cof_store_note_audit(service->options.store, cof_audit_log_size(service->options.audit));
        cof_store_outbox_done(service->options.store, mutation->outbox.id);
    }
    return COF_OK;
}

void cof_mutation_deinit(struct cof_mutation *mutation)
{
    cof_buffer_wipe(&mutation->encoded);
}
