/* What the HTTP layer, the workers and the server tell the dispatcher.
 *
 * Small JSON bodies are read, then one job authenticates and runs. Large, chunked and expected
 * bodies are authenticated first, so that a stranger cannot make the server hold megabytes or wait
 * for them. */
#include "dispatcher_private.h"

#include <cof/base/alloc.h>

#include "http_exchange.h"
#include "server_metrics.h"
#include "upload.h"

#define MAX_UNKNOWN_BODY_BYTES 65536 /* what a caller may send before he is authenticated */
#define KEEP_ALIVE_NS 10000000000LL

/* ---- From the HTTP layer ---- */

static void receive(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    size_t bytes = job->loop_only.upload != NULL ? 2 * COF_UPLOAD_BATCH_BYTES
                   : head->is_chunked            ? dispatcher->options.api->max_json_bytes
                                                 : (size_t)head->content_length;
    if (!cof_dispatch_reserve(dispatcher, job, bytes)) {
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
            cof_dispatch_upload_end(dispatcher, job); /* nothing was sent */
            return;
        }
        cof_dispatch_submit_or_refuse(dispatcher, job, COF_JOB_RUN);
        return;
    }
    bool is_first_known = job->loop_only.upload != NULL || head->is_chunked ||
                          head->expects_continue || head->content_length > MAX_UNKNOWN_BODY_BYTES;
    if (is_first_known) {
        cof_dispatch_submit_or_refuse(dispatcher, job, COF_JOB_AUTHENTICATE);
        return;
    }
    receive(dispatcher, job);
}

static void on_body(void *context, struct cof_http_exchange *exchange, struct cof_bytes bytes)
{
    struct cof_dispatcher *dispatcher = context;
    struct cof_request_job *job = cof_http_exchange_state(exchange);
    if (job->loop_only.upload != NULL) {
        cof_dispatch_upload_feed(dispatcher, job, bytes);
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
    if (job->loop_only.upload != NULL) {
        cof_dispatch_upload_end(dispatcher, job);
    } else {
        cof_dispatch_submit_or_refuse(dispatcher, job, COF_JOB_RUN);
    }
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
                             cof_dispatch_now(dispatcher) - job->loop_only.begin_ns);
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
    if (job->loop_only.upload != NULL) {
        cof_dispatch_upload_tick(dispatcher, job, at_ns);
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
        cof_dispatch_batch_done(dispatcher, job);
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
        job->loop_only.written_ns = cof_dispatch_now(dispatcher);
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
