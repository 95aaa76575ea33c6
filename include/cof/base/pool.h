/* A bounded pool of worker threads that park when idle.
 *
 * Jobs run in the order of submission. A full queue refuses at once with COF_LIMITED: back-pressure
 * instead of memory. Each worker carries `index` so callers can keep per-worker state.
 *
 * cof_pool_for runs a loop over [0, count) with the caller taking part, so a single-threaded pool
 * (thread_count 0) works and nested use cannot deadlock. */
#ifndef COF_BASE_POOL_H
#define COF_BASE_POOL_H

#include <stddef.h>

#include <cof/base/status.h>

struct cof_pool;

struct cof_pool_options {
    const char *name;       /* of the threads, at most 12 characters */
    size_t thread_count;    /* 0 is allowed: only cof_pool_for works then */
    size_t max_queue_count; /* jobs waiting, running ones not counted */
};

typedef void (*cof_job_fn)(void *context);
typedef void (*cof_range_fn)(void *context, size_t begin, size_t end);

COF_MUST_USE enum cof_status cof_pool_create(const struct cof_pool_options *options,
                                             struct cof_pool **out_pool, struct cof_error *err);
/* Runs what is queued, then joins every thread. NULL is fine. */
void cof_pool_destroy(struct cof_pool *pool);

/* The job runs exactly once, on a worker. COF_LIMITED when the queue is full, COF_UNAVAILABLE
 * after destroy began. */
COF_MUST_USE enum cof_status cof_pool_submit(struct cof_pool *pool, cof_job_fn run, void *context,
                                             struct cof_error *err);
/* Calls run(context, begin, end) for disjoint ranges of about `grain` items that together cover
 * [0, count), on workers and on the calling thread; returns when all are done. */
void cof_pool_for(struct cof_pool *pool, size_t count, size_t grain, cof_range_fn run,
                  void *context);
size_t cof_pool_thread_count(const struct cof_pool *pool);
/* 0 … thread_count - 1 on a worker of this pool, thread_count on any other thread; so an array of
 * thread_count + 1 states serves cof_pool_for when only one outside thread calls it at a time. */
size_t cof_pool_worker_index(const struct cof_pool *pool);
size_t cof_pool_queue_count(const struct cof_pool *pool); /* waiting now */

#endif
