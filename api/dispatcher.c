/* The course of a job.
 *
 * Small JSON bodies are read, then one job authenticates and runs. Large, chunked and expected
 * bodies are authenticated first, so that a stranger cannot make the server hold megabytes or wait
 * for them. A bulk upload is one job that goes out once per batch: while a worker stores the batch
 * the next lines are gathered, and when that batch is full too the client is held back. */
#include "dispatcher_private.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "http_exchange.h"
#include "lanes.h"
#include "server_metrics.h"
#include "upload.h"

#define MAX_UNKNOWN_BODY_BYTES 65536 /* what a caller may send before he is authenticated */
#define KEEP_ALIVE_NS 10000000000LL
#define NS_PER_MS 1000000LL
/* A client that sends and never reads; its results must not fill the memory. */
#define MAX_UNREAD_RESULTS ((size_t)16 << 20)

static int64_t now_ns(const struct cof_dispatcher *dispatcher)
{
    return cof_clock_steady_ns(dispatcher->options.api->clock);
}

/* Documents have to be parsed and embedded: their time grows with their size. */
static long timeout_of(const struct cof_dispatcher *dispatcher, const struct cof_request_job *job)
{
    const struct cof_api *api = dispatcher->options.api;
    const struct cof_route *route = job->request.route;
    if (route->body == COF_BODY_DOCUMENTS) {
        long base = api->generate_timeout_ms > api->request_timeout_ms ? api->generate_timeout_ms
                                                                       : api->request_timeout_ms;
        return base * (1 + (long)(job->request.body.size >> 20));
    }
    return route->lane == COF_LANE_GENERATE ? api->generate_timeout_ms : api->request_timeout_ms;
}

/* ---- Jobs ---- */

enum cof_status cof_dispatcher_add_job(struct cof_dispatcher *dispatcher,
                                       struct cof_http_exchange *exchange,
                                       struct cof_request_job **out_job, struct cof_error *err)
{
    struct cof_request_job *job = cof_calloc(1, sizeof(*job));
    if (job == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    cof_call_init(dispatcher->options.api->service, &job->request.call, 0);
    job->request.call.cancel.clock = dispatcher->options.api->clock; /* deadlines are ours */
    memcpy(job->loop_only.request_id, job->request.call.request_id,
           sizeof(job->loop_only.request_id));
    job->request.api = dispatcher->options.api;
    job->request.send = cof_request_job_send;
    job->completions = dispatcher->options.completions;
    job->loop_only.exchange = exchange;
    job->loop_only.begin_ns = now_ns(dispatcher);
    job->loop_only.next = dispatcher->jobs;
    if (dispatcher->jobs != NULL) {
        dispatcher->jobs->loop_only.previous = job;
    }
    dispatcher->jobs = job;
    dispatcher->job_count++;
    cof_server_metrics_in_flight(dispatcher->options.metrics, 1);
    cof_http_exchange_set_state(exchange, job);
    *out_job = job;
    return COF_OK;
}

void cof_dispatcher_free_job(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    if (job->loop_only.previous != NULL) {
        job->loop_only.previous->loop_only.next = job->loop_only.next;
    } else {
        dispatcher->jobs = job->loop_only.next;
    }
    if (job->loop_only.next != NULL) {
        job->loop_only.next->loop_only.previous = job->loop_only.previous;
    }
    dispatcher->job_count--;
    dispatcher->buffered_bytes -= job->loop_only.reserved_bytes;
    cof_server_metrics_in_flight(dispatcher->options.metrics, -1);
    cof_upload_destroy(job->loop_only.upload);
    cof_buffer_wipe(&job->shared.stream);
    cof_request_deinit(&job->request);
    cof_free(job);
    if (dispatcher->is_draining && dispatcher->job_count == 0 &&
        dispatcher->options.on_idle != NULL) {
        dispatcher->options.on_idle(dispatcher->options.context);
    }
}

/* A deadline may be set while no worker has the job. */
static void set_deadline(const struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    job->request.call.cancel.deadline_steady_ns =
        now_ns(dispatcher) + timeout_of(dispatcher, job) * NS_PER_MS;
}

static bool reserve(struct cof_dispatcher *dispatcher, struct cof_request_job *job, size_t bytes)
{
    if (bytes > dispatcher->options.max_buffered_bytes - dispatcher->buffered_bytes) {
        return false;
    }
    dispatcher->buffered_bytes += bytes;
    job->loop_only.reserved_bytes += bytes;
    return true;
}

/* Hands the job to a worker. COF_LIMITED when the lane is full: the job stays here. */
static enum cof_status submit(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                              enum cof_job_step step, struct cof_error *err)
{
    const struct cof_route *route = job->request.route;
    /* Who somebody is, is found out beside the searches, not behind the answers. */
    enum cof_lane lane = step == COF_JOB_AUTHENTICATE ? COF_LANE_REQUEST : route->lane;
    job->step = step;
    set_deadline(dispatcher, job);
    job->loop_only.is_out = true;
    enum cof_status status =
        cof_lanes_submit(dispatcher->options.lanes, lane, cof_request_job_run, job, err);
    if (status != COF_OK) {
        job->loop_only.is_out = false;
    }
    return status;
}

/* The same where nothing has been answered yet: a refusal is the answer. */
static void submit_or_refuse(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                             enum cof_job_step step)
{
    struct cof_error err = {0};
    enum cof_status status = submit(dispatcher, job, step, &err);
    if (status != COF_OK) {
        cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job,
                            status == COF_LIMITED ? 429 : 503, err.message, NULL);
    }
}

/* ---- Bulk uploads ---- */

/* Everything of the body has been stored and answered. */
static void end_upload(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    if (job->loop_only.is_streaming) {
        cof_dispatch_end(dispatcher, job);
        return;
    }
    cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job, 400,
                        "the body has no document; send one JSON object a line", NULL);
}

/* A batch waits already, or the client does not read its results. */
static bool must_wait(const struct cof_request_job *job)
{
    return cof_upload_is_full(job->loop_only.upload) ||
           cof_http_exchange_unsent_bytes(job->loop_only.exchange) >= MAX_UNREAD_RESULTS;
}

/* Sends the complete lines to a worker if none has the job; holds the client back when it must.
 * False when the exchange, and the job, are gone. */
static bool push_upload(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_upload *upload = job->loop_only.upload;
    struct cof_error err = {0};
    if (!job->loop_only.is_out) {
        bool has_batch = job->request.lines.size > 0; /* one that is to be tried again */
        if (!has_batch && cof_upload_line_count(upload) > 0) {
            cof_upload_take(upload, &job->request.body, &job->request.lines);
            has_batch = true;
        }
        if (!has_batch && cof_upload_has_ended(upload)) {
            end_upload(dispatcher, job);
            return false;
        }
        enum cof_status status = has_batch ? submit(dispatcher, job, COF_JOB_RUN, &err) : COF_OK;
        if (status != COF_OK && !job->loop_only.is_streaming) {
            cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job,
                                status == COF_LIMITED ? 429 : 503, err.message, NULL);
            return false;
        }
        if (status != COF_OK && job->loop_only.retry_since_ns == 0) {
            job->loop_only.retry_since_ns = now_ns(dispatcher);
        }
    }
    if (must_wait(job)) {
        cof_http_exchange_pause(job->loop_only.exchange);
    }
    return true;
}

/* Resuming delivers what has arrived, which may end the exchange. */
static void resume_upload(struct cof_request_job *job)
{
    if (!must_wait(job)) {
        cof_http_exchange_resume(job->loop_only.exchange);
    }
}

/* A fresh call for the next batch: its own record, its own deadline, its own memory. */
static void renew_call(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_request *request = &job->request;
    cof_buffer_wipe(&request->body);
    cof_buffer_deinit(&request->lines);
    request->line_begin = 0;
    cof_buffer_wipe(&request->reply.body);
    cof_call_deinit(&request->call);
    cof_call_init(dispatcher->options.api->service, &request->call, 0);
    request->call.cancel.clock = dispatcher->options.api->clock;
    request->is_authenticated = false; /* a key that was revoked meanwhile ends the upload */
    request->param = (struct cof_text){0};
    request->code = NULL;
}

static void write_results(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_request *request = &job->request;
    if (!job->loop_only.is_streaming) {
        cof_dispatch_begin(dispatcher, job, "application/x-ndjson", request->call.audit_seq);
    }
    cof_http_exchange_write(job->loop_only.exchange, cof_buffer_bytes(&request->results));
    cof_buffer_wipe(&request->results);
    request->has_answered = true;
}

/* A batch has come back. */
static void on_batch_done(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_request *request = &job->request;
    if (request->results.size > 0) {
        write_results(dispatcher, job);
        job->loop_only.retry_since_ns = 0;
    } else if (request->failure != COF_OK && !job->loop_only.is_streaming) {
        cof_dispatch_reply(dispatcher, job);
        return;
    } else if (request->failure != COF_OK && request->failure != COF_LIMITED) {
        cof_dispatch_abort(dispatcher, job);
        return;
    }
    if (request->failure == COF_LIMITED) {
        if (job->loop_only.retry_since_ns == 0) {
            job->loop_only.retry_since_ns = now_ns(dispatcher);
        }
        return; /* the tick tries again */
    }
    if (request->failure != COF_OK) {
        cof_dispatch_end(dispatcher, job);
        return;
    }
    job->loop_only.retry_since_ns = 0;
    renew_call(dispatcher, job);
    if (push_upload(dispatcher, job)) {
        resume_upload(job);
    }
}

/* ---- From the HTTP layer ---- */

static void receive(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    size_t bytes = job->loop_only.upload != NULL ? 2 * COF_UPLOAD_BATCH_BYTES
                   : head->is_chunked            ? dispatcher->options.api->max_json_bytes
                                                 : (size_t)head->content_length;
    if (!reserve(dispatcher, job, bytes)) {
        cof_dispatch_refuse(dispatcher, exchange, job, 429,
                            "other requests fill the memory set aside for bodies, try again later",
                            NULL);
        return;
    }
    cof_http_exchange_receive(exchange);
}

static void on_head(void *context, struct cof_http_exchange *exchange)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_dispatch_head(dispatcher, exchange);
    if (job == NULL) {
        return;
    }
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    if (job->request.route->lane == COF_LANE_LOOP) {
        cof_request_run(&job->request);
        cof_dispatch_reply(dispatcher, job);
        return;
    }
    if (!job->loop_only.wants_body) {
        if (job->loop_only.upload != NULL) {
            end_upload(dispatcher, job); /* nothing was sent */
            return;
        }
        submit_or_refuse(dispatcher, job, COF_JOB_RUN);
        return;
    }
    bool is_first_known = job->loop_only.upload != NULL || head->is_chunked ||
                          head->expects_continue || head->content_length > MAX_UNKNOWN_BODY_BYTES;
    if (is_first_known) {
        submit_or_refuse(dispatcher, job, COF_JOB_AUTHENTICATE);
        return;
    }
    receive(dispatcher, job);
}

static void refuse_body(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                        const struct cof_error *err)
{
    if (job->loop_only.is_out) {
        /* The batch on its way is stored and recorded; its answer is lost with the connection. */
        cof_cancel_request(&job->request.call.cancel);
        struct cof_http_exchange *exchange = job->loop_only.exchange;
        job->loop_only.exchange = NULL;
        cof_http_exchange_set_state(exchange, NULL);
        cof_http_exchange_abort(exchange);
        return;
    }
    if (job->loop_only.is_streaming) {
        cof_dispatch_abort(dispatcher, job);
        return;
    }
    cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job,
                        err->status == COF_TOO_LARGE ? 413 : 503, err->message, NULL);
}

static void feed_upload(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                        struct cof_bytes bytes)
{
    struct cof_upload *upload = job->loop_only.upload;
    struct cof_error err = {0};
    enum cof_status status = cof_upload_feed(upload, bytes, &err);
    size_t held = cof_upload_held_bytes(upload);
    if (status == COF_OK && held > job->loop_only.reserved_bytes &&
        !reserve(dispatcher, job, dispatcher->options.api->max_line_bytes)) {
        status = COF_FAIL(&err, COF_NO_MEMORY,
                          "other requests fill the memory set aside for bodies, try again later");
    }
    if (status != COF_OK) {
        refuse_body(dispatcher, job, &err);
        return;
    }
    (void)push_upload(dispatcher, job);
}

static void on_body(void *context, struct cof_http_exchange *exchange, struct cof_bytes bytes)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_http_exchange_state(exchange);
    if (job->loop_only.upload != NULL) {
        feed_upload(dispatcher, job, bytes);
        return;
    }
    struct cof_buffer *body = &job->request.body;
    if (body->size + bytes.size > dispatcher->options.api->max_json_bytes) {
        cof_dispatch_refuse(dispatcher, exchange, job, 413,
                            "the body is over the limit of JSON requests (GET /info names it); "
                            "documents go to POST /v1/documents as NDJSON",
                            NULL);
        return;
    }
    cof_buffer_append(body, bytes.data, bytes.size);
    if (body->has_failed) {
        cof_dispatch_refuse(dispatcher, exchange, job, 503, "out of memory", NULL);
    }
}

static void on_body_end(void *context, struct cof_http_exchange *exchange)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_http_exchange_state(exchange);
    if (job->loop_only.upload == NULL) {
        submit_or_refuse(dispatcher, job, COF_JOB_RUN);
        return;
    }
    struct cof_error err = {0};
    if (cof_upload_end(job->loop_only.upload, &err) != COF_OK) {
        refuse_body(dispatcher, job, &err);
        return;
    }
    (void)push_upload(dispatcher, job);
}

static void on_left(void *context, struct cof_http_exchange *exchange)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_http_exchange_state(exchange);
    if (job == NULL) {
        return;
    }
    job->loop_only.exchange = NULL;
    cof_server_metrics_count(dispatcher->options.metrics, job->request.route, 499,
                             now_ns(dispatcher) - job->loop_only.begin_ns);
    if (job->loop_only.is_out) {
        cof_cancel_request(&job->request.call.cancel);
    } else {
        cof_dispatcher_free_job(dispatcher, job);
    }
}

static void on_tick(void *context, struct cof_http_exchange *exchange, int64_t at_ns)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_http_exchange_state(exchange);
    bool is_events = job->loop_only.is_streaming && job->loop_only.upload == NULL;
    if (is_events && at_ns - job->loop_only.written_ns >= KEEP_ALIVE_NS) {
        job->loop_only.written_ns = at_ns;
        cof_http_exchange_write(exchange, cof_text_bytes(COF_TEXT(": keep-alive\n\n")));
    }
    if (job->loop_only.upload == NULL || job->loop_only.is_out) {
        return;
    }
    if (job->loop_only.retry_since_ns != 0) {
        if (at_ns - job->loop_only.retry_since_ns > timeout_of(dispatcher, job) * NS_PER_MS) {
            cof_dispatch_abort(dispatcher, job);
            return;
        }
        (void)push_upload(dispatcher, job);
    } else {
        resume_upload(job);
    }
}

static void on_fault(void *context, unsigned status)
{
    struct cof_dispatcher *dispatcher = context;
    cof_server_metrics_count(dispatcher->options.metrics, NULL, status, 0);
}

const struct cof_http_handler *cof_dispatcher_handler(void)
{
    static const struct cof_http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_body_end = on_body_end,
        .on_left = on_left,
        .on_tick = on_tick,
        .on_fault = on_fault,
    };
    return &handler;
}

/* ---- From the workers ---- */

static void on_job_done(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    job->loop_only.is_out = false;
    if (job->loop_only.exchange == NULL) {
        cof_dispatcher_free_job(dispatcher, job);
    } else if (job->step == COF_JOB_AUTHENTICATE) {
        if (job->request.failure != COF_OK) {
            cof_dispatch_reply(dispatcher, job);
        } else {
            receive(dispatcher, job);
        }
    } else if (job->loop_only.upload != NULL) {
        on_batch_done(dispatcher, job);
    } else if (job->loop_only.is_streaming) {
        cof_dispatch_end(dispatcher, job);
    } else {
        cof_dispatch_reply(dispatcher, job);
    }
}

static void on_news(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                    struct cof_job_news *news)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    if (exchange != NULL && news->has_begun && !job->loop_only.is_streaming) {
        cof_dispatch_begin(dispatcher, job, news->content_type, news->audit_seq);
    }
    if (exchange != NULL && news->stream.size > 0) {
        job->loop_only.written_ns = now_ns(dispatcher);
        cof_http_exchange_write(exchange, cof_buffer_bytes(&news->stream));
    }
    cof_buffer_wipe(&news->stream);
    if (news->is_done) {
        on_job_done(dispatcher, job);
    }
}

void cof_dispatcher_collect(struct cof_dispatcher *dispatcher)
{
    struct cof_job_news news;
    struct cof_request_job *job = cof_completions_take(dispatcher->options.completions, &news);
    while (job != NULL) {
        on_news(dispatcher, job, &news);
        job = cof_completions_take(dispatcher->options.completions, &news);
    }
}

/* ---- For the server ---- */

enum cof_status cof_dispatcher_create(const struct cof_dispatcher_options *options,
                                      struct cof_dispatcher **out_dispatcher, struct cof_error *err)
{
    struct cof_dispatcher *dispatcher = cof_calloc(1, sizeof(*dispatcher));
    if (dispatcher == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    dispatcher->options = *options;
    *out_dispatcher = dispatcher;
    return COF_OK;
}

void cof_dispatcher_destroy(struct cof_dispatcher *dispatcher)
{
    if (dispatcher == NULL) {
        return;
    }
    dispatcher->is_draining = false;
    while (dispatcher->jobs != NULL) {
        cof_dispatcher_free_job(dispatcher, dispatcher->jobs);
    }
    cof_free(dispatcher);
}

void cof_dispatcher_drain(struct cof_dispatcher *dispatcher)
{
    dispatcher->is_draining = true;
}

void cof_dispatcher_cancel_all(struct cof_dispatcher *dispatcher)
{
    for (struct cof_request_job *job = dispatcher->jobs; job != NULL; job = job->loop_only.next) {
        cof_cancel_request(&job->request.call.cancel);
    }
}

size_t cof_dispatcher_job_count(const struct cof_dispatcher *dispatcher)
{
    return dispatcher->job_count;
}
