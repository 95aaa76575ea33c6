/* Shared by dispatcher.c (the course of a job), dispatch_head.c (everything that is decided on the
 * head alone) and dispatch_reply.c (what goes out). */
#ifndef COF_API_DISPATCHER_PRIVATE_H
#define COF_API_DISPATCHER_PRIVATE_H

#include "dispatcher.h"
#include "request_job.h"

struct cof_dispatcher {
    struct cof_dispatcher_options options;
    struct cof_request_job *jobs; /* newest first */
    size_t job_count;
    size_t buffered_bytes;
    bool is_draining;
};

/* ---- dispatch_head.c ---- */

/* Checks the head and finds its route. NULL: the request has been answered, the exchange is gone.
 */
struct cof_request_job *cof_dispatch_head(struct cof_dispatcher *dispatcher,
                                          struct cof_http_exchange *exchange);

/* ---- dispatch_reply.c ---- */

/* An answer of the HTTP layer's own kind: the exchange and the job (may be NULL) are gone after. */
void cof_dispatch_refuse(struct cof_dispatcher *dispatcher, struct cof_http_exchange *exchange,
                         struct cof_request_job *job, unsigned status, const char *message,
                         const char *allow);
/* 204 to a browser that asks whether a foreign origin may send a request. */
void cof_dispatch_preflight(struct cof_dispatcher *dispatcher, struct cof_http_exchange *exchange,
                            const char *allow);
/* The reply as the worker left it; exchange and job are gone after. */
void cof_dispatch_reply(struct cof_dispatcher *dispatcher, struct cof_request_job *job);
/* The head of a streamed reply. */
void cof_dispatch_begin(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                        const char *content_type, uint64_t audit_seq);
/* The end of one; exchange and job are gone after. */
void cof_dispatch_end(struct cof_dispatcher *dispatcher, struct cof_request_job *job);
/* Breaks the connection; exchange and job are gone after. */
void cof_dispatch_abort(struct cof_dispatcher *dispatcher, struct cof_request_job *job);

/* ---- dispatcher.c ---- */

COF_MUST_USE enum cof_status cof_dispatcher_add_job(struct cof_dispatcher *dispatcher,
                                                    struct cof_http_exchange *exchange,
                                                    struct cof_request_job **out_job,
                                                    struct cof_error *err);
void cof_dispatcher_free_job(struct cof_dispatcher *dispatcher, struct cof_request_job *job);

#endif
