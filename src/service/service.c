/* The service itself: opening drains the outbox and records START, closing records STOP; calls are
 * begun and callers authenticated here. */
#include "service_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cof/auth/delegation.h>
#include <cof/base/alloc.h>

/* Refusals recorded a second; the rest are counted into the next record. */
#define MAX_REFUSALS_PER_SECOND 10

struct drain {
    struct cof_service *service;
    uint64_t appended;
};

static enum cof_status drain_row(void *context, const uint8_t id[16], struct cof_bytes bytes,
                                 struct cof_error *err)
{
    struct drain *drain = context;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_record record = {0};
    COF_TRY(cof_audit_record_decode(bytes, &arena, &record, err));
    if (!cof_audit_log_has(drain->service->options.audit, id, record.event)) {
        COF_TRY(cof_audit_log_append(drain->service->options.audit, &record, NULL, err));
        drain->appended++;
    }
    cof_store_note_audit(drain->service->options.store,
                         cof_audit_log_size(drain->service->options.audit));
    cof_store_outbox_done(drain->service->options.store, id);
    return COF_OK;
}

static enum cof_status drain_outbox(struct cof_service *service, struct cof_error *err)
{
    struct drain drain = {.service = service};
    COF_TRY(cof_store_each_outbox(service->options.store, drain_row, &drain, err));
    if (drain.appended > 0 && service->options.notice != NULL) {
        char message[128];
        snprintf(message, sizeof(message),
                 "%" PRIu64 " changes were stored but not yet on the audit log; recorded now",
                 drain.appended);
        service->options.notice(service->options.notice_context, message);
    }
    return COF_OK;
}

static enum cof_status record_system(struct cof_service *service, enum cof_audit_event event,
                                     struct cof_text details, struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(service, &call);
    struct cof_audit_record record = cof_service_record(&call, event, COF_OK);
    record.details = details;
    enum cof_status status = cof_service_commit(service, &call, &record, err);
    cof_call_deinit(&call);
    return status;
}

enum cof_status cof_service_open(const struct cof_service_options *options,
                                 struct cof_service **out_service, struct cof_error *err)
{
    struct cof_service *service = cof_calloc(1, sizeof(*service));
    if (service == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    service->options = *options;
    if (options->metrics != NULL) {
        service->audit_wait = cof_metrics_series(
            options->metrics, COF_METRIC_HISTOGRAM_SECONDS, "coffer_audit_wait_seconds", NULL,
            "Time a request waited for its audit record to become durable.");
        service->records =
            cof_metrics_series(options->metrics, COF_METRIC_COUNTER, "coffer_audit_records_total",
                               NULL, "Audit records written by requests.");
    }
    enum cof_status status =
        cof_flood_create(MAX_REFUSALS_PER_SECOND, options->clock, &service->refusals, err);
    if (status == COF_OK && options->rate_per_second > 0) {
        status = cof_rate_create(options->rate_per_second, options->rate_burst, options->clock,
                                 &service->rate, err);
    }
    if (status == COF_OK) {
        status = cof_directory_open(options->store, &service->directory, err);
    }
    if (status == COF_OK) {
        status = drain_outbox(service, err);
    }
    if (status == COF_OK) {
        status = record_system(service, COF_AUDIT_START, options->start_details, err);
    }
    if (status != COF_OK) {
        cof_directory_close(service->directory);
        cof_rate_destroy(service->rate);
        cof_flood_destroy(service->refusals);
        cof_free(service);
        return status;
    }
    *out_service = service;
    return COF_OK;
}

void cof_service_close(struct cof_service *service)
{
    if (service == NULL) {
        return;
    }
    /* A log that failed closed cannot take the STOP record; it has said so already. */
    (void)record_system(service, COF_AUDIT_STOP, (struct cof_text){0}, NULL);
    cof_store_note_audit(service->options.store, cof_audit_log_size(service->options.audit));
    cof_directory_close(service->directory);
    cof_rate_destroy(service->rate);
    cof_flood_destroy(service->refusals);
    cof_free(service);
}

void cof_call_init(struct cof_service *service, struct cof_call *call, long timeout_ms)
{
    memset(call, 0, sizeof(*call));
    call->audit_seq = UINT64_MAX;
    cof_uuid7(service->options.clock, service->options.random, call->request_id);
    call->cancel.clock = service->options.clock;
    if (timeout_ms > 0) {
        call->cancel.deadline_steady_ns =
            cof_clock_steady_ns(service->options.clock) + (int64_t)timeout_ms * 1000000;
    }
}

void cof_call_init_local(struct cof_service *service, struct cof_call *call)
{
    cof_call_init(service, call, 0);
    call->principal = cof_principal_local();
}

void cof_call_deinit(struct cof_call *call)
{
    cof_arena_deinit(&call->arena);
}

enum cof_status cof_service_authenticate(struct cof_service *service, struct cof_call *call,
                                         struct cof_text key, struct cof_error *err)
{
    struct cof_error refusal = {0};
    enum cof_status status =
        cof_auth_authenticate(service->options.auth, key, &call->arena, &call->principal, &refusal);
    if (status == COF_OK) {
        return COF_OK;
    }
    uint64_t suppressed = 0;
    if (status == COF_DENIED && cof_flood_take(service->refusals, &suppressed)) {
        struct cof_audit_record record = cof_service_record(call, COF_AUDIT_AUTH_FAIL, status);
        record.details =
            cof_arena_format(&call->arena, "{\"not_recorded_before\":%" PRIu64 "}", suppressed);
        COF_TRY(cof_service_commit(service, call, &record, err));
    }
    if (err != NULL) {
        *err = refusal;
    }
    return status;
}

enum cof_status cof_service_act_for(struct cof_service *service, struct cof_call *call,
                                    struct cof_text user, struct cof_text groups,
                                    struct cof_error *err)
{
    struct cof_principal principal = {0};
    struct cof_error refusal = {0};
    enum cof_status status =
        cof_auth_act_for(&call->principal, user, groups, &call->arena, &principal, &refusal);
    if (status == COF_OK) {
        call->principal = principal;
        return COF_OK;
    }
    if (status == COF_DENIED) {
        COF_TRY(cof_service_record_refusal(service, call, "act_for", status, err));
    }
    if (err != NULL) {
        *err = refusal;
    }
    return status;
}

enum cof_status cof_service_read_system(struct cof_service *service, struct cof_call *call,
                                        struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_SYSTEM, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_SYSTEM_READ, COF_OK);
    return cof_service_commit(service, call, &record, err);
}

void cof_service_totals_get(struct cof_service *service, struct cof_service_totals *out_totals)
{
    *out_totals = (struct cof_service_totals){
        .collection_count = cof_directory_count(service->directory),
        .audit_size = cof_audit_log_size(service->options.audit),
    };
    uint64_t numbers[1024];
    size_t count =
        cof_directory_numbers(service->directory, numbers, sizeof(numbers) / sizeof(numbers[0]));
    for (size_t i = 0; i < count; i++) {
        struct cof_collection_index *index = NULL;
        if (cof_index_set_acquire(service->options.indexes, numbers[i], &index, NULL) != COF_OK) {
            continue; /* deleted meanwhile */
        }
        struct cof_collection_index_stats stats;
        cof_collection_index_stats_get(index, &stats);
        cof_index_set_release(service->options.indexes, index);
        out_totals->document_count += stats.document_count;
        out_totals->chunk_count += stats.chunk_count;
    }
}

enum cof_status cof_service_ready(struct cof_service *service, struct cof_error *err)
{
    if (!cof_audit_log_is_healthy(service->options.audit)) {
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "the audit log cannot be written; free space or mend the disk, then "
                        "restart");
    }
    if (!cof_store_is_writable(service->options.store)) {
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "the store cannot be written; free space or mend the disk, then restart");
    }
    return COF_OK;
}
