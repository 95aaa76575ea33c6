/* Worker threads: order, limits, loops inside loops, and stopping with work left. */
#include <cof/base/pool.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "torture.h"

/* A door that jobs wait at until the test opens it. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t waiting_count;
    bool is_open;
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){0};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_pass(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    gate->waiting_count++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_await(struct gate *gate, size_t waiting_count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting_count < waiting_count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static struct cof_pool *create(size_t thread_count, size_t max_queue_count)
{
    const struct cof_pool_options options = {
        .name = "test", .thread_count = thread_count, .max_queue_count = max_queue_count};
    struct cof_pool *pool = NULL;
    assert_int_equal(cof_pool_create(&options, &pool, NULL), COF_OK);
    return pool;
}

static void count_up(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

struct ordered {
    int *order; /* written by one worker only */
    int *count;
    int number;
};

static void note_order(void *context)
{
    struct ordered *job = context;
    job->order[(*job->count)++] = job->number;
}

static void pool__every_job_runs_exactly_once(void **state)
{
    struct cof_pool *pool = create(4, 1000);
    atomic_int count = 0;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(cof_pool_submit(pool, count_up, &count, NULL), COF_OK);
    cof_pool_destroy(pool);
    assert_int_equal(atomic_load(&count), 1000);
}

static void pool__one_worker_keeps_the_order(void **state)
{
    struct cof_pool *pool = create(1, 100);
    int order[100];
    int count = 0;
    struct ordered jobs[100];
    for (int i = 0; i < 100; i++) {
        jobs[i] = (struct ordered){.order = order, .count = &count, .number = i};
        assert_int_equal(cof_pool_submit(pool, note_order, &jobs[i], NULL), COF_OK);
    }
    cof_pool_destroy(pool);
    assert_int_equal(count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(order[i], i);
}

static void pool__full_queue_refuses_at_once(void **state)
{
    struct gate gate;
    atomic_int count = 0;
    struct cof_error err = {0};
    gate_init(&gate);
    struct cof_pool *pool = create(1, 2);
    assert_int_equal(cof_pool_submit(pool, gate_pass, &gate, NULL), COF_OK);
    gate_await(&gate, 1);
    assert_int_equal(cof_pool_queue_count(pool), 0);
    assert_int_equal(cof_pool_submit(pool, count_up, &count, NULL), COF_OK);
    assert_int_equal(cof_pool_submit(pool, count_up, &count, NULL), COF_OK);
    assert_int_equal(cof_pool_queue_count(pool), 2);
    assert_int_equal(cof_pool_submit(pool, count_up, &count, &err), COF_LIMITED);
    assert_int_equal(err.status, COF_LIMITED);
    gate_open(&gate);
    cof_pool_destroy(pool);
    assert_int_equal(atomic_load(&count), 2);
}

struct late {
    struct cof_pool *pool;
    struct gate *gate;
    atomic_int run_count;
    atomic_int status;
};

/* Waits at the gate, then keeps submitting until told that destroying has begun. */
static void submit_late(void *context)
{
    struct late *late = context;
    gate_pass(late->gate);
    enum cof_status status = COF_OK;
    while (status == COF_OK || status == COF_LIMITED)
        status = cof_pool_submit(late->pool, count_up, &late->run_count, NULL);
    atomic_store(&late->status, (int)status);
}

static void *destroy_pool(void *context)
{
    cof_pool_destroy(context);
    return NULL;
}

static void pool__refuses_new_jobs_once_destroying_has_begun(void **state)
{
    struct gate gate;
    gate_init(&gate);
    struct late late = {.gate = &gate};
    late.pool = create(1, 1);
    assert_int_equal(cof_pool_submit(late.pool, submit_late, &late, NULL), COF_OK);
    gate_await(&gate, 1);
    pthread_t destroyer;
    assert_int_equal(pthread_create(&destroyer, NULL, destroy_pool, late.pool), 0);
    gate_open(&gate);
    pthread_join(destroyer, NULL);
    assert_int_equal(atomic_load(&late.status), COF_UNAVAILABLE);
    assert_true(atomic_load(&late.run_count) <= 1); /* one fits into the queue, and then runs */
}

static void *submit_many(void *context)
{
    struct cof_pool *pool = context;
    static atomic_int sum;
    for (int i = 0; i < 500; i++) {
        enum cof_status status = COF_LIMITED;
        while (status == COF_LIMITED)
            status = cof_pool_submit(pool, count_up, &sum, NULL);
        assert_int_equal(status, COF_OK);
    }
    return &sum;
}

static void pool__any_thread_may_submit(void **state)
{
    struct cof_pool *pool = create(3, 8);
    pthread_t threads[4];
    void *sum = NULL;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, pool), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], &sum);
    cof_pool_destroy(pool);
    assert_int_equal(atomic_load((atomic_int *)sum), 2000);
}

struct cover {
    unsigned char *marks;
    size_t count;
    size_t grain;
};

static void mark_range(void *context, size_t begin, size_t end)
{
    struct cover *cover = context;
    assert_true(begin < end && end <= cover->count && end - begin <= cover->grain);
    for (size_t i = begin; i < end; i++)
        cover->marks[i]++; /* not atomic: two threads on one item would be a race */
}

static void pool_for__covers_every_item_once(void **state)
{
    static unsigned char marks[1000];
    for (size_t thread_count = 0; thread_count < 4; thread_count++) {
        struct cof_pool *pool = create(thread_count, 1);
        for (size_t count = 0; count < 1000; count = count * 2 + 1) {
            for (size_t grain = 1; grain < 2000; grain *= 7) {
                struct cover cover = {.marks = marks, .count = count, .grain = grain};
                memset(marks, 0, sizeof(marks));
                cof_pool_for(pool, count, grain, mark_range, &cover);
                for (size_t i = 0; i < sizeof(marks); i++)
                    assert_int_equal(marks[i], i < count);
            }
        }
        cof_pool_destroy(pool);
    }
}

struct sum {
    struct cof_pool *pool;
    atomic_size_t total;
};

static void add_inner(void *context, size_t begin, size_t end)
{
    atomic_fetch_add((atomic_size_t *)context, end - begin);
}

static void add_outer(void *context, size_t begin, size_t end)
{
    struct sum *sum = context;
    for (size_t i = begin; i < end; i++) {
        atomic_size_t inner = 0;
        cof_pool_for(sum->pool, 50, 3, add_inner, &inner);
        atomic_fetch_add(&sum->total, atomic_load(&inner));
    }
}

static void loop_in_job(void *context)
{
    struct sum *sum = context;
    cof_pool_for(sum->pool, 20, 1, add_outer, sum);
}

static void pool_for__works_inside_jobs_and_inside_itself(void **state)
{
    struct sum sum = {0};
    sum.pool = create(3, 64);
    for (int i = 0; i < 40; i++)
        assert_int_equal(cof_pool_submit(sum.pool, loop_in_job, &sum, NULL), COF_OK);
    cof_pool_for(sum.pool, 20, 1, add_outer, &sum);
    cof_pool_destroy(sum.pool);
    assert_int_equal(atomic_load(&sum.total), 41 * 20 * 50);
}

struct wait_for_all {
    pthread_barrier_t barrier;
    struct cof_pool *pool;
    atomic_uint seen; /* one bit per worker index */
};

static void wait_at_barrier(void *context, size_t begin, size_t end)
{
    struct wait_for_all *all = context;
    (void)begin;
    (void)end;
    atomic_fetch_or(&all->seen, 1U << cof_pool_worker_index(all->pool));
    (void)pthread_barrier_wait(&all->barrier);
}

/* Hangs, and so fails, if fewer than all workers and the caller run at the same time. */
static void pool_for__uses_all_workers_and_the_caller_at_once(void **state)
{
    struct wait_for_all all = {0};
    all.pool = create(3, 4);
    pthread_barrier_init(&all.barrier, NULL, 4);
    for (int i = 0; i < 50; i++) {
        atomic_store(&all.seen, 0);
        cof_pool_for(all.pool, 4, 1, wait_at_barrier, &all);
        assert_int_equal(atomic_load(&all.seen), 0xf);
    }
    assert_int_equal(cof_pool_worker_index(all.pool), 3);
    assert_int_equal(cof_pool_thread_count(all.pool), 3);
    cof_pool_destroy(all.pool);
    pthread_barrier_destroy(&all.barrier);
}

static void check_signals(void *context)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    atomic_store((atomic_int *)context, sigismember(&blocked, SIGTERM));
}

static void pool__signals_stay_with_the_main_thread(void **state)
{
    struct cof_pool *pool = create(1, 1);
    atomic_int is_blocked = -1;
    assert_int_equal(cof_pool_submit(pool, check_signals, &is_blocked, NULL), COF_OK);
    cof_pool_destroy(pool);
    assert_int_equal(atomic_load(&is_blocked), 1);
    sigset_t ours;
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    assert_int_equal(sigismember(&ours, SIGTERM), 0);
}

static void pool__without_threads_takes_no_jobs(void **state)
{
    struct cof_pool *pool = create(0, 4);
    atomic_int count = 0;
    assert_int_equal(cof_pool_submit(pool, count_up, &count, NULL), COF_UNAVAILABLE);
    cof_pool_destroy(pool);
    cof_pool_destroy(NULL);
    pool = create(2, 0);
    assert_int_equal(cof_pool_submit(pool, count_up, &count, NULL), COF_LIMITED);
    cof_pool_destroy(pool);
}

static enum cof_status make_pool(void *context, struct cof_error *err)
{
    const struct cof_pool_options options = {.thread_count = 1, .max_queue_count = 1};
    struct cof_pool *pool = NULL;
    (void)context;
    COF_TRY(cof_pool_create(&options, &pool, err));
    cof_pool_destroy(pool);
    return COF_OK;
}

static void pool__running_out_of_memory_is_reported(void **state)
{
    assert_int_equal(torture(make_pool, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool__every_job_runs_exactly_once),
        cmocka_unit_test(pool__one_worker_keeps_the_order),
        cmocka_unit_test(pool__full_queue_refuses_at_once),
        cmocka_unit_test(pool__refuses_new_jobs_once_destroying_has_begun),
        cmocka_unit_test(pool__any_thread_may_submit),
        cmocka_unit_test(pool_for__covers_every_item_once),
        cmocka_unit_test(pool_for__works_inside_jobs_and_inside_itself),
        cmocka_unit_test(pool_for__uses_all_workers_and_the_caller_at_once),
        cmocka_unit_test(pool__signals_stay_with_the_main_thread),
        cmocka_unit_test(pool__without_threads_takes_no_jobs),
        cmocka_unit_test(pool__running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
