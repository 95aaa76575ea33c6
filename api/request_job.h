/* A request on its way: moved loop → worker → loop, with one queue for the way back.
 *
 * What the worker has for the loop (pieces of a stream, the end) it leaves under the queue's lock
 * and wakes the loop by one eventfd; workers never touch libevent. The loop may only ask a job to
 * cancel while a worker has it. */
#ifndef COF_API_REQUEST_JOB_H
#define COF_API_REQUEST_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "request.h"

struct cof_http_exchange;
struct cof_upload;
struct cof_request_job;

/* The way back to the loop. */
struct cof_completions {
    pthread_mutex_t lock;
    struct cof_request_job *first;
    struct cof_request_job *last;
    int fd; /* readable when there is something to take; also written to wake the loop */
};

enum cof_job_step {
    COF_JOB_AUTHENTICATE,
    COF_JOB_RUN,
};

struct cof_request_job {
    struct cof_request request; /* belongs to whoever has the job */
    enum cof_job_step step;
    struct cof_completions *completions;
    struct {
        struct cof_request_job *previous; /* all jobs, for the end of the server */
        struct cof_request_job *next;
        struct cof_http_exchange *exchange; /* NULL: the client has left */
        struct cof_upload *upload;          /* of a bulk upload */
        uint8_t request_id[16];             /* of the first call, for the response */
        bool is_out;                        /* a worker has it */
        bool is_streaming;                  /* the head of the response has been sent */
        bool wants_body;
        unsigned status; /* of the response, for the metrics */
        size_t reserved_bytes;
        int64_t begin_ns;
        int64_t written_ns;     /* when something was last written */
        int64_t retry_since_ns; /* 0 = nothing is waiting to be tried again */
    } loop_only;
    struct {
        struct cof_request_job *next;
        struct cof_buffer stream; /* not taken yet */
        uint64_t audit_seq;       /* when the stream began */
        const char *content_type;
        bool is_listed;
        bool has_begun;
        bool is_done;
    } shared; /* under completions->lock */
};

COF_MUST_USE enum cof_status cof_completions_init(struct cof_completions *completions,
                                                  struct cof_error *err);
void cof_completions_deinit(struct cof_completions *completions);
/* Async-signal-safe. */
void cof_completions_wake(const struct cof_completions *completions);
/* Makes the fd unreadable again until the next wake. */
void cof_completions_quiet(const struct cof_completions *completions);

/* What a job had to say when it was taken. */
struct cof_job_news {
    bool has_begun;
    bool is_done;
    uint64_t audit_seq;
    const char *content_type;
    struct cof_buffer stream; /* owned by the caller */
};
/* The next job with news, NULL when there is none. */
struct cof_request_job *cof_completions_take(struct cof_completions *completions,
                                             struct cof_job_news *out_news);

/* For a pool: runs the job's step, then gives it back. */
void cof_request_job_run(void *job);
/* request->send of every job. */
bool cof_request_job_send(struct cof_request *request, struct cof_text piece);

#endif
