/* Leaving news under a lock, and one eventfd to say so.
 *
 * A job is listed at most once; news that come while it waits are added to it. After the worker has
 * left "done" it never touches the job again: the loop may free it at once, which is why the lock
 * belongs to the queue and not to the job. */
#include "request_job.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A stream is an answer's text: more than this unread means that the client does not read. */
#define MAX_STREAM_BYTES ((size_t)4 << 20)

enum cof_status cof_completions_init(struct cof_completions *completions, struct cof_error *err)
{
    completions->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (completions->fd < 0) {
        return COF_FAIL(err, COF_IO, "cannot make an event descriptor: %s", strerror(errno));
    }
    completions->first = NULL;
    completions->last = NULL;
    pthread_mutex_init(&completions->lock, NULL);
    return COF_OK;
}

void cof_completions_deinit(struct cof_completions *completions)
{
    if (completions->fd >= 0) {
        (void)close(completions->fd);
        pthread_mutex_destroy(&completions->lock);
    }
    completions->fd = -1;
}

void cof_completions_wake(const struct cof_completions *completions)
{
    const uint64_t one = 1;
    int saved = errno;
    ssize_t written = write(completions->fd, &one, sizeof(one));
    (void)written; /* it can only fail when the counter is full, and then the loop is awake */
    errno = saved;
}

void cof_completions_quiet(const struct cof_completions *completions)
{
    uint64_t count = 0;
    ssize_t got = read(completions->fd, &count, sizeof(count));
    (void)got; /* nothing there is as good */
}

/* Under the lock. Returns whether the loop must be woken. */
static bool list(struct cof_request_job *job)
{
    struct cof_completions *completions = job->completions;
    if (job->shared.is_listed) {
        return false;
    }
    bool was_empty = completions->first == NULL;
    job->shared.is_listed = true;
    job->shared.next = NULL;
    if (was_empty) {
        completions->first = job;
    } else {
        completions->last->shared.next = job;
    }
    completions->last = job;
    return was_empty;
}

struct cof_request_job *cof_completions_take(struct cof_completions *completions,
                                             struct cof_job_news *out_news)
{
    pthread_mutex_lock(&completions->lock);
    struct cof_request_job *job = completions->first;
    if (job != NULL) {
        completions->first = job->shared.next;
        job->shared.is_listed = false;
        *out_news = (struct cof_job_news){
            .has_begun = job->shared.has_begun,
            .is_done = job->shared.is_done,
            .audit_seq = job->shared.audit_seq,
            .content_type = job->shared.content_type,
            .stream = job->shared.stream,
        };
        job->shared.stream = (struct cof_buffer){0};
        job->shared.is_done = false;
    }
    pthread_mutex_unlock(&completions->lock);
    return job;
}

static void give_back(struct cof_request_job *job)
{
    struct cof_completions *completions = job->completions;
    pthread_mutex_lock(&completions->lock);
    job->shared.is_done = true;
    bool must_wake = list(job);
    pthread_mutex_unlock(&completions->lock);
    if (must_wake) {
        cof_completions_wake(completions);
    }
}

void cof_request_job_run(void *context)
{
    struct cof_request_job *job = context;
    switch (job->step) {
    case COF_JOB_AUTHENTICATE:
        cof_request_authenticate(&job->request);
        break;
    case COF_JOB_RUN:
        cof_request_run(&job->request);
        break;
    }
    give_back(job);
}

bool cof_request_job_send(struct cof_request *request, struct cof_text piece)
{
    struct cof_request_job *job = (struct cof_request_job *)request; /* its first member */
    struct cof_completions *completions = job->completions;
    pthread_mutex_lock(&completions->lock);
    if (!job->shared.has_begun) {
        job->shared.has_begun = true;
        job->shared.audit_seq = request->call.audit_seq;
        job->shared.content_type = request->reply.content_type;
    }
    bool is_too_much = job->shared.stream.size + piece.size > MAX_STREAM_BYTES;
    if (!is_too_much) {
        cof_buffer_append_text(&job->shared.stream, piece);
    }
    bool has_failed = is_too_much || job->shared.stream.has_failed;
    bool must_wake = list(job);
    pthread_mutex_unlock(&completions->lock);
    if (must_wake) {
        cof_completions_wake(completions);
    }
    return !has_failed;
}
