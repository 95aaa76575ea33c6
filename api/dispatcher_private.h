/* Shared by the files of the dispatcher: dispatch_head.c decides what can be decided on the head
 * alone, dispatch_job.c hands jobs to workers, dispatch_upload.c feeds bulk uploads,
 * dispatch_reply.c sends what goes out, dispatcher.c holds them together. */
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

/* ---- dispatch_job.c ---- */

int64_t cof_dispatch_now(const struct cof_dispatcher *dispatcher);
long cof_dispatch_timeout_ms(const struct cof_dispatcher *dispatcher,
                             const struct cof_request_job *job);
COF_MUST_USE enum cof_status cof_dispatcher_add_job(struct cof_dispatcher *dispatcher,
                                                    struct cof_http_exchange *exchange,
                                                    struct cof_request_job **out_job,
                                                    struct cof_error *err);
void cof_dispatcher_free_job(struct cof_dispatcher *dispatcher, struct cof_request_job *job);
/* Counts the bytes of a body against the memory set aside for all; false when there is no room. */
bool cof_dispatch_reserve(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                          size_t bytes);
/* Hands the job to a worker. COF_LIMITED when the lane is full: the job stays here. */
COF_MUST_USE enum cof_status cof_dispatch_submit(struct cof_dispatcher *dispatcher,
                                                 struct cof_request_job *job,
                                                 enum cof_job_step step, struct cof_error *err);
/* The same where nothing has been answered yet: a refusal is the answer, exchange and job are gone.
 */
void cof_dispatch_submit_or_refuse(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                                   enum cof_job_step step);

/* ---- dispatch_upload.c: each may end the exchange ---- */

void cof_dispatch_upload_feed(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                              struct cof_bytes bytes);
void cof_dispatch_upload_end(struct cof_dispatcher *dispatcher, struct cof_request_job *job);
void cof_dispatch_upload_tick(struct cof_dispatcher *dispatcher, struct cof_request_job *job,
                              int64_t at_ns);
/* A batch has come back from its worker. */
void cof_dispatch_batch_done(struct cof_dispatcher *dispatcher, struct cof_request_job *job);

#endif
