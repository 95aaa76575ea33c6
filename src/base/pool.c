/* Worker threads over one queue of jobs and one list of loops.
 *
 * Lock: everything in `struct cof_pool` below `lock` is read and written under it; a loop's `next`
 * is atomic, because ranges are handed out without the lock.
 *
 * A loop lies on the stack of the thread that called cof_pool_for. It may leave that stack only
 * when it is out of the list (no worker can join any more) and `helper_count` is 0 (none is
 * inside). The caller waits for helpers that are running, never for ones that have not started, and
 * a helper waits only for loops begun inside its own range; so waiting makes a tree and cannot
 * deadlock. */
#include <cof/base/pool.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>

#define MAX_NAME_BYTES 16 /* of pthread_setname_np, terminator included */

struct job {
    cof_job_fn run;
    void *context;
};

struct loop {
    struct loop *older;
    size_t count;
    size_t grain;
    cof_range_fn run;
    void *context;
    atomic_size_t next; /* first item nobody has taken */
    size_t helper_count;
    pthread_cond_t is_left; /* helper_count has become 0 */
};

struct worker {
    struct cof_pool *pool;
    size_t index;
    pthread_t thread;
};

struct cof_pool {
    char name[MAX_NAME_BYTES];
    size_t thread_count;
    size_t max_queue_count;
    struct worker *workers;

    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct job *ring; /* max_queue_count places */
    size_t queue_begin;
    size_t queue_count;
    size_t idle_count;
    struct loop *loops; /* newest first */
    bool is_stopping;
};

static _Thread_local const struct worker *current_worker;

/* Takes ranges until none is left. */
static void run_ranges(struct loop *loop)
{
    for (;;) {
        size_t begin = atomic_load_explicit(&loop->next, memory_order_relaxed);
        size_t end = 0;
        do {
            if (begin >= loop->count)
                return;
            end = loop->count - begin > loop->grain ? begin + loop->grain : loop->count;
        } while (!atomic_compare_exchange_weak_explicit(
            &loop->next, &begin, end, memory_order_relaxed, memory_order_relaxed));
        loop->run(loop->context, begin, end);
    }
}

static struct loop *find_loop(struct cof_pool *pool)
{
    struct loop *loop = pool->loops;
    while (loop != NULL && atomic_load_explicit(&loop->next, memory_order_relaxed) >= loop->count)
        loop = loop->older;
    return loop;
}

static void help_loop(struct cof_pool *pool, struct loop *loop)
{
    loop->helper_count++;
    pthread_mutex_unlock(&pool->lock);
    run_ranges(loop);
    pthread_mutex_lock(&pool->lock);
    loop->helper_count--;
    if (loop->helper_count == 0)
        pthread_cond_signal(&loop->is_left);
}

static void run_job(struct cof_pool *pool)
{
    struct job job = pool->ring[pool->queue_begin];
    pool->queue_begin = (pool->queue_begin + 1) % pool->max_queue_count;
    pool->queue_count--;
    pthread_mutex_unlock(&pool->lock);
    job.run(job.context);
    pthread_mutex_lock(&pool->lock);
}

static void *worker_main(void *argument)
{
    const struct worker *worker = argument;
    struct cof_pool *pool = worker->pool;
    current_worker = worker;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        /* Loops first: somebody is waiting inside a job that has begun. */
        struct loop *loop = find_loop(pool);
        if (loop != NULL) {
            help_loop(pool, loop);
        } else if (pool->queue_count > 0) {
            run_job(pool);
        } else if (pool->is_stopping) {
            break;
        } else {
            pool->idle_count++;
            pthread_cond_wait(&pool->has_work, &pool->lock);
            pool->idle_count--;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Joins the first `started_count` workers and frees everything. */
static void stop(struct cof_pool *pool, size_t started_count)
{
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < started_count; i++)
        (void)pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->lock);
    cof_free(pool->ring);
    cof_free(pool->workers);
    cof_free(pool);
}

static int start_worker(struct cof_pool *pool, size_t index)
{
    struct worker *worker = &pool->workers[index];
    *worker = (struct worker){.pool = pool, .index = index};
    int error_number = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (error_number != 0)
        return error_number;
    char name[MAX_NAME_BYTES];
    int length = snprintf(name, sizeof(name), "%.12s-%zu", pool->name, index);
    if (length > 0)
        (void)pthread_setname_np(worker->thread, name);
    return 0;
}

enum cof_status cof_pool_create(const struct cof_pool_options *options, struct cof_pool **out_pool,
                                struct cof_error *err)
{
    struct cof_pool *pool = cof_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return COF_FAIL_MEMORY(err);
    pool->thread_count = options->thread_count;
    pool->max_queue_count = options->max_queue_count;
    (void)snprintf(pool->name, sizeof(pool->name), "%.12s",
                   options->name != NULL ? options->name : "worker");
    pool->workers = cof_calloc(options->thread_count, sizeof(*pool->workers));
    pool->ring = cof_calloc(options->max_queue_count, sizeof(*pool->ring));
    if (pool->workers == NULL || pool->ring == NULL) {
        cof_free(pool->workers);
        cof_free(pool->ring);
        cof_free(pool);
        return COF_FAIL_MEMORY(err);
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);

    /* Signals belong to the main thread. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error_number = 0;
    size_t started_count = 0;
    while (started_count < pool->thread_count && error_number == 0) {
        error_number = start_worker(pool, started_count);
        if (error_number == 0)
            started_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error_number != 0) {
        stop(pool, started_count);
        return COF_FAIL(err, COF_IO, "cannot start a thread: %s", strerror(error_number));
    }
    *out_pool = pool;
    return COF_OK;
}

void cof_pool_destroy(struct cof_pool *pool)
{
    if (pool != NULL)
        stop(pool, pool->thread_count);
}

enum cof_status cof_pool_submit(struct cof_pool *pool, cof_job_fn run, void *context,
                                struct cof_error *err)
{
    if (pool->thread_count == 0)
        return COF_FAIL(err, COF_UNAVAILABLE, "the pool '%s' has no threads", pool->name);
    pthread_mutex_lock(&pool->lock);
    bool is_stopping = pool->is_stopping;
    bool is_full = pool->queue_count >= pool->max_queue_count;
    if (!is_stopping && !is_full) {
        size_t end = (pool->queue_begin + pool->queue_count) % pool->max_queue_count;
        pool->ring[end] = (struct job){.run = run, .context = context};
        pool->queue_count++;
        pthread_cond_signal(&pool->has_work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (is_stopping)
        return COF_FAIL(err, COF_UNAVAILABLE, "the server is shutting down");
    if (is_full)
        return COF_FAIL(err, COF_LIMITED, "%zu requests are waiting already, try again later",
                        pool->max_queue_count);
    return COF_OK;
}

void cof_pool_for(struct cof_pool *pool, size_t count, size_t grain, cof_range_fn run,
                  void *context)
{
    if (count == 0)
        return;
    if (grain == 0)
        grain = 1;
    struct loop loop = {.count = count, .grain = grain, .run = run, .context = context};
    if (count <= grain || pool->thread_count == 0) {
        run_ranges(&loop);
        return;
    }
    pthread_cond_init(&loop.is_left, NULL);
    pthread_mutex_lock(&pool->lock);
    loop.older = pool->loops;
    pool->loops = &loop;
    size_t helpful_count = (count - 1) / grain; /* ranges beside the caller's own first one */
    for (size_t i = 0; i < helpful_count && i < pool->idle_count; i++)
        pthread_cond_signal(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);

    run_ranges(&loop);

    pthread_mutex_lock(&pool->lock);
    struct loop **link = &pool->loops;
    while (*link != &loop)
        link = &(*link)->older;
    *link = loop.older;
    while (loop.helper_count > 0)
        pthread_cond_wait(&loop.is_left, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&loop.is_left);
}

size_t cof_pool_thread_count(const struct cof_pool *pool)
{
    return pool->thread_count;
}

size_t cof_pool_worker_index(const struct cof_pool *pool)
{
    bool is_ours = current_worker != NULL && current_worker->pool == pool;
    return is_ours ? current_worker->index : pool->thread_count;
}

size_t cof_pool_queue_count(const struct cof_pool *pool)
{
    /* The lock is the one member that a reader of a const pool must write. */
    struct cof_pool *shared = (struct cof_pool *)(uintptr_t)pool;
    pthread_mutex_lock(&shared->lock);
    size_t count = shared->queue_count;
    pthread_mutex_unlock(&shared->lock);
    return count;
}
