/* What happens to a request between its head and its response: checked, routed, its body gathered,
 * moved to a worker and back. The handler of the HTTP layer. Loop thread only. */
#ifndef COF_API_DISPATCHER_H
#define COF_API_DISPATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

#include "host_guard.h"
#include "http_exchange.h"
#include "request.h"

struct cof_completions;
struct cof_dispatcher;
struct cof_lanes;
struct cof_server_metrics;

struct cof_dispatcher_options {
    const struct cof_api *api;
    struct cof_lanes *lanes;
    struct cof_completions *completions;
    struct cof_server_metrics *metrics;
    struct cof_host_guard guard;
    size_t max_buffered_bytes; /* of bodies, all requests together */
    /* The last job of a draining server has come back. */
    void (*on_idle)(void *context);
    void *context;
};

COF_MUST_USE enum cof_status cof_dispatcher_create(const struct cof_dispatcher_options *options,
                                                   struct cof_dispatcher **out_dispatcher,
                                                   struct cof_error *err);
/* Every exchange must be gone, and no worker may have a job. */
void cof_dispatcher_destroy(struct cof_dispatcher *dispatcher);

/* Its context is the dispatcher. */
const struct cof_http_handler *cof_dispatcher_handler(void);

/* Takes what workers have left. */
void cof_dispatcher_collect(struct cof_dispatcher *dispatcher);

/* New requests are refused from now on. */
void cof_dispatcher_drain(struct cof_dispatcher *dispatcher);
/* Asks every job to cancel. */
void cof_dispatcher_cancel_all(struct cof_dispatcher *dispatcher);
size_t cof_dispatcher_job_count(const struct cof_dispatcher *dispatcher);

#endif
