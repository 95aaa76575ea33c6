/* Bulk uploads: one exchange, one job that goes out once per batch.
 *
 * While a worker stores a batch the next lines are gathered, and when that batch is full too the
 * client is held back; so batches grow with the load by themselves. A batch that the rate refuses
 * is tried again by the tick. */
#include "dispatcher_private.h"
#include "http_exchange.h"
#include "upload.h"

#define NS_PER_MS 1000000LL
/* A client that sends and never reads; its results must not fill the memory. */
#define MAX_UNREAD_RESULTS ((size_t)16 << 20)

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

/* Hands the batch in job->request to a worker. False when the exchange, and the job, are gone. */
static bool submit_batch(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_error err = {0};
    enum cof_status status = cof_dispatch_submit(dispatcher, job, COF_JOB_RUN, &err);
    if (status != COF_OK && !job->loop_only.is_streaming) {
        cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job,
                            status == COF_LIMITED ? 429 : 503, err.message, NULL);
        return false;
    }
    if (status != COF_OK && job->loop_only.retry_since_ns == 0) {
        job->loop_only.retry_since_ns = cof_dispatch_now(dispatcher);
    }
    return true;
}

/* Sends the complete lines to a worker if none has the job and none waits to be tried again; holds
 * the client back when it must. False when the exchange, and the job, are gone. */
static bool push_upload(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_upload *upload = job->loop_only.upload;
    bool is_free = !job->loop_only.is_out && job->loop_only.retry_since_ns == 0;
    if (is_free && cof_upload_line_count(upload) > 0) {
        cof_upload_take(upload, &job->request.body, &job->request.lines);
        if (!submit_batch(dispatcher, job)) {
            return false;
        }
    } else if (is_free && cof_upload_has_ended(upload)) {
        end_upload(dispatcher, job);
        return false;
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

void cof_dispatch_batch_done(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_request *request = &job->request;
    if (request->results.size > 0 && !request->results.has_failed) {
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
            job->loop_only.retry_since_ns = cof_dispatch_now(dispatcher);
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

void cof_dispatch_upload_feed(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                              struct cof_bytes bytes)
{
    struct cof_upload *upload = job->loop_only.upload;
    struct cof_error err = {0};
    enum cof_status status = cof_upload_feed(upload, bytes, &err);
    size_t held = cof_upload_held_bytes(upload);
    if (status == COF_OK && held > job->loop_only.reserved_bytes &&
        !cof_dispatch_reserve(dispatcher, job, dispatcher->options.api->max_line_bytes)) {
        status = COF_FAIL(&err, COF_NO_MEMORY,
                          "other requests fill the memory set aside for bodies, try again later");
    }
    if (status != COF_OK) {
        refuse_body(dispatcher, job, &err);
        return;
    }
    (void)push_upload(dispatcher, job);
}

void cof_dispatch_upload_end(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_error err = {0};
    if (cof_upload_end(job->loop_only.upload, &err) != COF_OK) {
        refuse_body(dispatcher, job, &err);
        return;
    }
    (void)push_upload(dispatcher, job);
}

void cof_dispatch_upload_tick(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                              int64_t at_ns)
{
    if (job->loop_only.is_out) {
        return;
    }
    if (job->loop_only.retry_since_ns == 0) {
        resume_upload(job);
        return;
    }
    int64_t patience_ns = cof_dispatch_timeout_ms(dispatcher, job) * NS_PER_MS;
    if (at_ns - job->loop_only.retry_since_ns > patience_ns) {
        cof_dispatch_abort(dispatcher, job);
        return;
    }
    (void)submit_batch(dispatcher, job);
}
