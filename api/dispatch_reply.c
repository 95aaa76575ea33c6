/* Responses: the fields that every one has, and those that some have. */
#include "dispatcher_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http_exchange.h"
#include "problem.h"
#include "server_metrics.h"

#define MAX_FIELDS 10

/* The fields of one response, in memory of the caller. */
struct fields {
    struct cof_http_field items[MAX_FIELDS];
    size_t count;
    char request_id[37];
    char audit_seq[24];
};

static void add(struct fields *fields, struct cof_text name, const char *value)
{
    fields->items[fields->count++] =
        (struct cof_http_field){.name = name, .value = cof_text_from(value)};
}

static void add_cors(const struct cof_dispatcher *dispatcher,
                     const struct cof_http_exchange *exchange, struct fields *fields)
{
    struct cof_text origin = cof_http_head_find(cof_http_exchange_head(exchange), "origin");
    if (!cof_host_guard_is_foreign(&dispatcher->options.guard, origin)) {
        return;
    }
    fields->items[fields->count++] =
        (struct cof_http_field){.name = COF_TEXT("Access-Control-Allow-Origin"), .value = origin};
    add(fields, COF_TEXT("Vary"), "Origin");
    add(fields, COF_TEXT("Access-Control-Expose-Headers"),
        "X-Request-Id, X-Coffer-Audit, Retry-After");
}

/* `audit_seq` UINT64_MAX = none. */
static void fill(const struct cof_dispatcher *dispatcher, const struct cof_http_exchange *exchange,
                 const struct cof_request_job *job, unsigned status, uint64_t audit_seq,
                 struct fields *out_fields)
{
    *out_fields = (struct fields){0};
    if (job != NULL) {
        cof_request_id_format(job->loop_only.request_id, out_fields->request_id);
        add(out_fields, COF_TEXT("X-Request-Id"), out_fields->request_id);
    }
    if (audit_seq != UINT64_MAX) {
        (void)snprintf(out_fields->audit_seq, sizeof(out_fields->audit_seq), "%" PRIu64, audit_seq);
        add(out_fields, COF_TEXT("X-Coffer-Audit"), out_fields->audit_seq);
    }
    if (status == 401) {
        add(out_fields, COF_TEXT("WWW-Authenticate"), "Bearer");
    }
    if (status == 429 || status == 503) {
        add(out_fields, COF_TEXT("Retry-After"), "1");
    }
    add_cors(dispatcher, exchange, out_fields);
}

/* Counts the request and lets go of the job. */
static void settle(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                   const struct cof_route *route, unsigned status)
{
    int64_t duration_ns = 0;
    if (job != NULL) {
        route = job->request.route;
        duration_ns = cof_clock_steady_ns(dispatcher->options.api->clock) - job->loop_only.begin_ns;
    }
    cof_server_metrics_count(dispatcher->options.metrics, route, status, duration_ns);
    if (job != NULL) {
        job->loop_only.exchange = NULL;
        cof_dispatcher_free_job(dispatcher, job);
    }
}

void cof_dispatch_refuse(struct cof_dispatcher *dispatcher, struct cof_http_exchange *exchange,
                         struct cof_request_job *job, unsigned status, const char *message,
                         const char *allow)
{
    struct cof_problem problem = cof_problem_of_http(status, message);
    struct cof_buffer body = {0};
    cof_problem_write(&body, &problem);
    struct fields fields;
    fill(dispatcher, exchange, job, status, UINT64_MAX, &fields);
    if (allow != NULL) {
        add(&fields, COF_TEXT("Allow"), allow);
    }
    const struct cof_http_response response = {.status = status,
                                               .content_type = "application/json",
                                               .fields = fields.items,
                                               .field_count = fields.count};
    cof_http_exchange_set_state(exchange, NULL);
    cof_http_exchange_respond(exchange, &response, &body);
    settle(dispatcher, job, NULL, status);
}

void cof_dispatch_preflight(struct cof_dispatcher *dispatcher, struct cof_http_exchange *exchange,
                            const char *allow)
{
    struct fields fields;
    fill(dispatcher, exchange, NULL, 204, UINT64_MAX, &fields);
    add(&fields, COF_TEXT("Access-Control-Allow-Methods"), allow);
    add(&fields, COF_TEXT("Access-Control-Allow-Headers"),
        "Authorization, Content-Type, X-Api-Key, Api-Key");
    add(&fields, COF_TEXT("Access-Control-Max-Age"), "600");
    const struct cof_http_response response = {
        .status = 204, .fields = fields.items, .field_count = fields.count};
    cof_http_exchange_respond(exchange, &response, NULL);
    settle(dispatcher, NULL, NULL, 204);
}

void cof_dispatch_reply(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    struct cof_reply *reply = &job->request.reply;
    if (job->request.failure == COF_CANCELED && dispatcher->is_draining) {
        cof_dispatch_refuse(dispatcher, exchange, job, 503, "the server is shutting down", NULL);
        return;
    }
    struct fields fields;
    fill(dispatcher, exchange, job, reply->status, job->request.call.audit_seq, &fields);
    const struct cof_http_response response = {.status = reply->status,
                                               .content_type = reply->content_type,
                                               .fields = fields.items,
                                               .field_count = fields.count};
    unsigned status = reply->status;
    cof_http_exchange_set_state(exchange, NULL);
    cof_http_exchange_respond(exchange, &response, &reply->body);
    settle(dispatcher, job, NULL, status);
}

void cof_dispatch_begin(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                        const char *content_type, uint64_t audit_seq)
{
    struct fields fields;
    fill(dispatcher, job->loop_only.exchange, job, 200, audit_seq, &fields);
    const struct cof_http_response response = {.status = 200,
                                               .content_type = content_type,
                                               .fields = fields.items,
                                               .field_count = fields.count};
    job->loop_only.is_streaming = true;
    cof_http_exchange_begin(job->loop_only.exchange, &response);
}

void cof_dispatch_end(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    cof_http_exchange_set_state(job->loop_only.exchange, NULL);
    cof_http_exchange_end(job->loop_only.exchange);
    settle(dispatcher, job, NULL, 200);
}

void cof_dispatch_abort(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    cof_http_exchange_set_state(job->loop_only.exchange, NULL);
    cof_http_exchange_abort(job->loop_only.exchange);
    settle(dispatcher, job, NULL, 500);
}
