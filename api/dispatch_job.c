/* Jobs of the dispatcher: made, given a deadline and memory, handed to a lane, let go. */
#include <string.h>

#include <cof/base/alloc.h>

#include "dispatcher_private.h"
#include "http_exchange.h"
#include "lanes.h"
#include "server_metrics.h"
#include "upload.h"

#define NS_PER_MS 1000000LL

int64_t cof_dispatch_now(const struct cof_dispatcher *dispatcher)
{
    return cof_clock_steady_ns(dispatcher->options.api->clock);
}

/* Documents have to be parsed and embedded: their time grows with their size. */
long cof_dispatch_timeout_ms(const struct cof_dispatcher *dispatcher,
                             const struct cof_request_job *job)
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
    job->loop_only.begin_ns = cof_dispatch_now(dispatcher);
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
        cof_dispatch_now(dispatcher) + cof_dispatch_timeout_ms(dispatcher, job) * NS_PER_MS;
}

bool cof_dispatch_reserve(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                          size_t bytes)
{
    if (bytes > dispatcher->options.max_buffered_bytes - dispatcher->buffered_bytes) {
        return false;
    }
    dispatcher->buffered_bytes += bytes;
    job->loop_only.reserved_bytes += bytes;
    return true;
}

enum cof_status cof_dispatch_submit(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
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

void cof_dispatch_submit_or_refuse(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                                   enum cof_job_step step)
{
    struct cof_error err = {0};
    enum cof_status status = cof_dispatch_submit(dispatcher, job, step, &err);
    if (status != COF_OK) {
        cof_dispatch_refuse(dispatcher, job->loop_only.exchange, job,
                            status == COF_LIMITED ? 429 : 503, err.message, NULL);
    }
}
