/* Seats, workspaces, and what a thread does next.
 *
 * Lock: everything in `shared` and in the queue. Passes run without it.
 *
 * Bulk: at most thread_count threads compute bulk groups at a time (`bulk_count`): callers of bulk
 * jobs and jobs on the pool, each of which computes one group and then calls for the next, so that
 * other users of the pool have their turn. A bulk job's caller puts portions into the queue while
 * it may, computes, and parks; it is woken when its job is done, when a portion is granted to it,
 * or when a seat came free that nobody else took. Whoever leaves a seat while work waits wakes the
 * caller of the first portion, who then computes or has nothing left to wait for: no work is
 * forgotten, also when the pool has no threads.
 *
 * Questions: `asking_count` passes compute them, at most thread_count; `leading_count` of them on
 * their callers' own threads, which is more threads than cores while bulk is running. The kernel
 * shares the cores between them; a thread that just woke up goes first, which is what makes an
 * answer quick. Waiting for the bulk threads to make room would cost a layer's time instead.
 * Between two layers a bulk thread makes at most one pass of questions, so bulk goes on whatever
 * comes.
 *
 * A question that must wait does so for: being taken by another pass, the end of a pass (then the
 * first in the queue leads the next), or the end of its window. */
#include "bert_scheduler.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cof/base/alloc.h>
#include <cof/base/clock.h>

#include "bert_queue.h"
#include "linear.h"

#define LEAST_GROUP_TOKENS 128
#define PORTION_TOKENS 2048
#define DEFAULT_TOKENS_IN_FLIGHT 16384
#define DEFAULT_TOKENS_PER_THREAD 2048
#define DEFAULT_JOB_COUNT 1024
#define MAX_SMALL_COUNT 32
/* How often a parked caller looks whether its client has left. */
#define LOOK_NS (100 * 1000000L)

/* A thread's memory for one pass. */
struct seat {
    struct seat *next;
    struct cof_bert_workspace *space;
    struct cof_bert_group group;
    float *rows; /* what a pass gives, before it goes where it belongs */
};

struct cof_bert_scheduler {
    struct cof_bert_scheduler_options options;
    size_t thread_count;
    size_t bulk_tokens;    /* of a group of bulk, where there are so many */
    size_t space_tokens;   /* most that a workspace holds */
    size_t group_tokens;   /* most of a group */
    size_t portion_tokens; /* most of a portion */
    size_t max_job_count;
    atomic_size_t question_count; /* waiting; read without the lock between layers */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t is_quiet; /* no job on the pool is ours any more */
        struct cof_bert_queue queue;
        struct seat *idle;
        size_t bulk_count;
        size_t asking_count;
        size_t leading_count;
        size_t helper_count; /* on the pool, not yet running */
        struct cof_bert_scheduler_stats stats;
    } shared;
};

static void lock(struct cof_bert_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->shared.lock);
}

static void unlock(struct cof_bert_scheduler *scheduler)
{
    pthread_mutex_unlock(&scheduler->shared.lock);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many threads may compute bulk, and how many questions, at a time. */
static size_t thread_limit(const struct cof_bert_scheduler *scheduler)
{
    size_t streams = cof_bert_device_stream_count(scheduler->options.device);
    return streams != 0 ? least(streams, scheduler->thread_count) : scheduler->thread_count;
}

/* ---- Seats ---- */

static void destroy_seat(struct seat *seat)
{
    if (seat == NULL)
        return;
    cof_bert_workspace_destroy(seat->space);
    cof_free(seat->group.sequences);
    cof_free(seat->group.entries);
    cof_free(seat->group.portions);
    cof_free(seat->rows);
    cof_free(seat);
}

static enum cof_status create_seat(const struct cof_bert_scheduler *scheduler,
                                   struct seat **out_seat, struct cof_error *err)
{
    size_t most = scheduler->group_tokens;
    struct seat *seat = cof_calloc(1, sizeof(*seat));
    if (seat == NULL)
        return COF_FAIL_MEMORY(err);
    seat->group.max_token_count = most;
    seat->group.sequences = cof_calloc(most, sizeof(*seat->group.sequences));
    seat->group.entries = cof_calloc(most, sizeof(struct cof_bert_entry *));
    seat->group.portions = cof_calloc(most, sizeof(struct cof_bert_portion *));
    seat->rows = cof_calloc(most * scheduler->options.weights->hidden_size, sizeof(*seat->rows));
    enum cof_status status = COF_OK;
    if (seat->group.sequences == NULL || seat->group.entries == NULL ||
        seat->group.portions == NULL || seat->rows == NULL)
        status = COF_FAIL_MEMORY(err);
    if (status == COF_OK)
        status = cof_bert_workspace_create(scheduler->options.weights, scheduler->space_tokens,
                                           scheduler->options.max_tokens, &seat->space, err);
    if (status != COF_OK) {
        destroy_seat(seat);
        return status;
    }
    *out_seat = seat;
    return COF_OK;
}

/* Under the lock, which is given up while one is made. */
static enum cof_status borrow_seat(struct cof_bert_scheduler *scheduler, struct seat **out_seat,
                                   struct cof_error *err)
{
    struct seat *seat = scheduler->shared.idle;
    if (seat != NULL) {
        scheduler->shared.idle = seat->next;
        *out_seat = seat;
        return COF_OK;
    }
    unlock(scheduler);
    enum cof_status status = create_seat(scheduler, out_seat, err);
    lock(scheduler);
    if (status == COF_OK)
        scheduler->shared.stats.workspace_count++;
    return status;
}

static void return_seat(struct cof_bert_scheduler *scheduler, struct seat *seat)
{
    seat->next = scheduler->shared.idle;
    scheduler->shared.idle = seat;
}

/* ---- A pass ---- */

static void between_layers(void *context);

/* The pass in as many as the workspace needs: one, unless the group was made for a device. */
static enum cof_status encode_here(const struct cof_bert_scheduler *scheduler, struct seat *seat,
                                   const struct cof_bert_pass *whole, struct cof_error *err)
{
    struct cof_bert_pass pass = *whole;
    size_t left = whole->sequence_count;
    while (left > 0) {
        size_t token_count = 0;
        size_t row_count = 0;
        pass.sequence_count = 0;
        while (pass.sequence_count < left &&
               token_count + pass.sequences[pass.sequence_count].count <= scheduler->space_tokens)
            token_count += pass.sequences[pass.sequence_count++].count;
        COF_TRY(cof_bert_encode(scheduler->options.weights, seat->space, &pass, err));
        row_count = pass.output == COF_BERT_TOKENS ? token_count : pass.sequence_count;
        pass.out_rows += row_count * scheduler->options.weights->hidden_size;
        pass.sequences += pass.sequence_count;
        left -= pass.sequence_count;
    }
    return COF_OK;
}

static enum cof_status encode(const struct cof_bert_scheduler *scheduler, struct seat *seat,
                              const struct cof_bert_pass *pass, struct cof_error *err)
{
    struct cof_error error = {0};
    if (cof_bert_device_stream_count(scheduler->options.device) == 0)
        return encode_here(scheduler, seat, pass, err);
    enum cof_status status = cof_bert_device_encode(scheduler->options.device, pass, &error);
    if (status == COF_OK)
        return COF_OK;
    if (status == COF_CANCELED || status == COF_TIMEOUT)
        return COF_FAIL(err, status, "%s", error.message);
    return encode_here(scheduler, seat, pass, err);
}

static enum cof_status compute(struct cof_bert_scheduler *scheduler, struct seat *seat,
                               size_t begin, size_t end, bool is_bulk, struct cof_error *err)
{
    const struct cof_bert_group *group = &seat->group;
    size_t hidden_size = scheduler->options.weights->hidden_size;
    struct cof_bert_pass pass = {
        .sequences = group->sequences + begin,
        .sequence_count = end - begin,
        .output = group->output,
        .pooling = scheduler->options.pooling,
        .cancel = group->is_of_one_call ? group->portions[begin]->call->job->cancel : NULL,
        .between_layers = is_bulk ? between_layers : NULL,
        .context = scheduler,
        .out_rows = seat->rows,
    };
    COF_TRY(encode(scheduler, seat, &pass, err));
    const float *rows = seat->rows;
    for (size_t i = begin; i < end; i++) {
        size_t row_count = group->output == COF_BERT_TOKENS ? group->sequences[i].count : 1;
        memcpy(group->entries[i]->row, rows, row_count * hidden_size * sizeof(*rows));
        rows += row_count * hidden_size;
    }
    return COF_OK;
}

static void finish(struct cof_bert_scheduler *scheduler, const struct seat *seat, size_t begin,
                   size_t end, enum cof_status status, const struct cof_error *error)
{
    lock(scheduler);
    cof_bert_queue_finish(&scheduler->shared.queue, &seat->group, begin, end, status, error);
    unlock(scheduler);
}

/* A group of several jobs that failed, job by job, so that the failure is of the one it belongs to.
 */
static void compute_apart(struct cof_bert_scheduler *scheduler, struct seat *seat, bool is_bulk)
{
    const struct cof_bert_group *group = &seat->group;
    for (size_t begin = 0; begin < group->count;) {
        struct cof_error error = {0};
        size_t end = begin + 1;
        while (end < group->count && group->portions[end] == group->portions[begin])
            end++;
        enum cof_status status = compute(scheduler, seat, begin, end, is_bulk, &error);
        finish(scheduler, seat, begin, end, status, &error);
        begin = end;
    }
}

/* Computes the seat's group; its jobs may be gone when this returns. */
static void run_group(struct cof_bert_scheduler *scheduler, struct seat *seat, bool is_bulk)
{
    struct cof_error error = {0};
    const struct cof_bert_group *group = &seat->group;
    int before = cof_openmp_enter();
    enum cof_status status = compute(scheduler, seat, 0, group->count, is_bulk, &error);
    if (status == COF_OK || status == COF_NO_MEMORY || group->is_of_one_call)
        finish(scheduler, seat, 0, group->count, status, &error);
    else
        compute_apart(scheduler, seat, is_bulk);
    cof_openmp_leave(before);
}

static void count_pass(struct cof_bert_scheduler *scheduler, const struct seat *seat)
{
    struct cof_bert_scheduler_stats *stats = &scheduler->shared.stats;
    stats->pass_count++;
    stats->token_count += seat->group.token_count;
    if (!seat->group.is_of_one_call)
        stats->joined_count++;
}

/* ---- Who is next ---- */

static void help(void *context);

/* How much of the bulk queue one thread takes: groups become smaller where there are few tokens for
 * many threads. */
static size_t bulk_target(const struct cof_bert_scheduler *scheduler)
{
    size_t waiting = scheduler->shared.queue.bulk.token_count;
    size_t target = (waiting + thread_limit(scheduler) - 1) / thread_limit(scheduler);
    return target < LEAST_GROUP_TOKENS ? LEAST_GROUP_TOKENS : least(target, scheduler->bulk_tokens);
}

/* Asks the pool for as many threads as there are groups beyond `spare_count` that the calling
 * thread sees to. */
static void call_helpers(struct cof_bert_scheduler *scheduler, size_t spare_count)
{
    size_t waiting = scheduler->shared.queue.bulk.token_count;
    size_t target = bulk_target(scheduler);
    size_t wanted = (waiting + target - 1) / target;
    while (scheduler->options.pool != NULL &&
           wanted > spare_count + scheduler->shared.helper_count &&
           scheduler->shared.bulk_count + scheduler->shared.helper_count + spare_count <
               thread_limit(scheduler)) {
        if (cof_pool_submit(scheduler->options.pool, help, scheduler, NULL) != COF_OK)
            break; /* its queue is full: the callers compute */
        scheduler->shared.helper_count++;
    }
}

/* After a thread left: somebody else shall look. */
static void wake_next(struct cof_bert_scheduler *scheduler, bool may_call_helpers)
{
    struct cof_bert_queue *queue = &scheduler->shared.queue;
    if (queue->questions.first != NULL)
        pthread_cond_signal(&queue->questions.first->call->is_changed);
    if (queue->bulk.first != NULL && scheduler->shared.bulk_count < thread_limit(scheduler)) {
        if (may_call_helpers)
            call_helpers(scheduler, 0);
        pthread_cond_signal(&queue->bulk.first->call->is_changed);
    }
}

static bool take_questions(struct cof_bert_scheduler *scheduler, struct seat *seat)
{
    struct cof_bert_queue *queue = &scheduler->shared.queue;
    bool has_taken =
        cof_bert_queue_take(queue, &queue->questions, scheduler->group_tokens, &seat->group);
    if (queue->questions.first == NULL)
        atomic_store_explicit(&scheduler->question_count, 0, memory_order_relaxed);
    return has_taken;
}

/* One pass of questions on this thread, under the lock. Fails only when there is no memory. */
static enum cof_status ask(struct cof_bert_scheduler *scheduler, bool is_between_layers,
                           struct cof_error *err)
{
    struct seat *seat = NULL;
    scheduler->shared.asking_count++;
    scheduler->shared.leading_count += is_between_layers ? 0 : 1;
    enum cof_status status = borrow_seat(scheduler, &seat, err);
    if (status == COF_OK) {
        if (take_questions(scheduler, seat)) {
            count_pass(scheduler, seat);
            scheduler->shared.stats.overtaken_count += is_between_layers ? 1 : 0;
            unlock(scheduler);
            run_group(scheduler, seat, false);
            lock(scheduler);
        }
        return_seat(scheduler, seat);
    }
    scheduler->shared.asking_count--;
    scheduler->shared.leading_count -= is_between_layers ? 0 : 1;
    wake_next(scheduler, true);
    return status;
}

static void between_layers(void *context)
{
    struct cof_bert_scheduler *scheduler = context;
    if (atomic_load_explicit(&scheduler->question_count, memory_order_relaxed) == 0)
        return;
    lock(scheduler);
    if (scheduler->shared.queue.questions.first != NULL &&
        scheduler->shared.asking_count < thread_limit(scheduler)) {
        struct cof_error error = {0};
        (void)ask(scheduler, true, &error); /* without memory the question's caller is told so */
    }
    unlock(scheduler);
}

/* ---- Bulk ---- */

static bool may_compute(const struct cof_bert_scheduler *scheduler)
{
    return scheduler->shared.queue.bulk.first != NULL &&
           scheduler->shared.bulk_count < thread_limit(scheduler);
}

/* One pass of bulk on this thread, under the lock. Fails only when there is no memory. */
static enum cof_status compute_bulk(struct cof_bert_scheduler *scheduler, struct cof_error *err)
{
    struct cof_bert_queue *queue = &scheduler->shared.queue;
    struct seat *seat = NULL;
    scheduler->shared.bulk_count++;
    enum cof_status status = borrow_seat(scheduler, &seat, err);
    if (status == COF_OK) {
        if (cof_bert_queue_take(queue, &queue->bulk, bulk_target(scheduler), &seat->group)) {
            count_pass(scheduler, seat);
            unlock(scheduler);
            run_group(scheduler, seat, true);
            lock(scheduler);
        }
        return_seat(scheduler, seat);
    }
    scheduler->shared.bulk_count--;
    return status;
}

/* A job on the pool: one group. */
static void help(void *context)
{
    struct cof_bert_scheduler *scheduler = context;
    struct cof_error error = {0};
    lock(scheduler);
    scheduler->shared.helper_count--;
    enum cof_status status = COF_OK;
    if (may_compute(scheduler))
        status = compute_bulk(scheduler, &error);
    /* Without memory the callers compute, or fail. */
    wake_next(scheduler, status == COF_OK);
    if (scheduler->shared.helper_count == 0 && scheduler->shared.bulk_count == 0)
        pthread_cond_broadcast(&scheduler->shared.is_quiet);
    unlock(scheduler);
}

/* ---- Filling portions ---- */

static size_t most_tokens(const struct cof_bert_scheduler *scheduler,
                          const struct cof_bert_job *job, size_t index)
{
    return least(job->most_tokens(job->context, index), scheduler->options.max_tokens);
}

/* Sequences from *next on, as many as there is room for, at least one. */
static enum cof_status fill(const struct cof_bert_scheduler *scheduler, struct cof_bert_call *call,
                            size_t token_room, size_t entry_room, size_t *next,
                            struct cof_bert_portion *portion, struct cof_error *err)
{
    const struct cof_bert_job *job = call->job;
    portion->call = call;
    portion->entry_count = 0;
    portion->taken_count = 0;
    portion->token_count = 0;
    while (*next < job->count && portion->entry_count < entry_room) {
        size_t most = most_tokens(scheduler, job, *next);
        if (portion->token_count + most > token_room)
            break;
        uint32_t *ids = portion->ids + portion->token_count;
        struct cof_bert_entry entry = {.sequence = {.ids = ids}};
        COF_TRY(job->encode(job->context, *next, ids, most, &entry.sequence, err));
        entry.row = job->place(job->context, *next, entry.sequence.count);
        if (entry.row == NULL)
            return COF_FAIL_MEMORY(err);
        portion->token_count += entry.sequence.count;
        portion->entries[portion->entry_count++] = entry;
        (*next)++;
    }
    portion->left_count = portion->entry_count;
    return COF_OK;
}

static int compare_lengths(const void *a, const void *b)
{
    const struct cof_bert_entry *left = a;
    const struct cof_bert_entry *right = b;
    return (left->sequence.count < right->sequence.count) -
           (left->sequence.count > right->sequence.count);
}

/* ---- Callers ---- */

/* Parks until something changed, at most until `until_ns` (0 = no such time) or until it is time to
 * look whether the client has left. */
static void park(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call, int64_t until_ns)
{
    if (until_ns == 0 && call->job->cancel == NULL) {
        pthread_cond_wait(&call->is_changed, &scheduler->shared.lock);
        return;
    }
    int64_t time_ns = cof_clock_steady_ns(cof_clock_system()) + LOOK_NS;
    if (until_ns != 0 && until_ns < time_ns)
        time_ns = until_ns;
    const struct timespec time = {.tv_sec = (time_t)(time_ns / 1000000000),
                                  .tv_nsec = (long)(time_ns % 1000000000)};
    (void)pthread_cond_timedwait(&call->is_changed, &scheduler->shared.lock, &time);
}

/* Takes a job that failed, or whose client has left, out of the queue. */
static void look(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call)
{
    struct cof_error error = {0};
    enum cof_status status = call->status;
    if (status == COF_OK)
        status = cof_cancel_check(call->job->cancel, &error);
    if (status != COF_OK)
        cof_bert_queue_fail(&scheduler->shared.queue, call, status, &error);
}

static bool may_lead(const struct cof_bert_scheduler *scheduler, int64_t until_ns)
{
    if (scheduler->shared.asking_count >= thread_limit(scheduler))
        return false;
    if (scheduler->shared.asking_count == 0 ||
        scheduler->shared.bulk_count + scheduler->shared.leading_count < thread_limit(scheduler))
        return true;
    return cof_clock_steady_ns(cof_clock_system()) >= until_ns;
}

/* Under the lock. */
static void run_question(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call,
                         struct cof_bert_portion *portion)
{
    struct cof_error error = {0};
    int64_t until_ns = 0;
    call->left_count = portion->entry_count;
    cof_bert_portions_append(&scheduler->shared.queue.questions, portion);
    atomic_store_explicit(&scheduler->question_count, 1, memory_order_relaxed);
    while (call->left_count > 0) {
        bool is_waiting = portion->taken_count == 0;
        if (is_waiting && until_ns == 0 && !may_lead(scheduler, INT64_MAX))
            until_ns = cof_clock_steady_ns(cof_clock_system()) +
                       (int64_t)scheduler->options.window_ms * 1000000;
        if (is_waiting && may_lead(scheduler, until_ns)) {
            if (ask(scheduler, false, &error) != COF_OK)
                cof_bert_queue_fail(&scheduler->shared.queue, call, error.status, &error);
            continue;
        }
        bool is_held_by_window =
            is_waiting && scheduler->shared.asking_count < thread_limit(scheduler);
        park(scheduler, call, is_held_by_window ? until_ns : 0);
        look(scheduler, call);
    }
    if (scheduler->shared.queue.questions.first == NULL)
        atomic_store_explicit(&scheduler->question_count, 0, memory_order_relaxed);
    else
        wake_next(scheduler, true); /* one that was canceled may have been the one that was woken */
}

/* Gets a portion and fills it, under the lock that is given up meanwhile. False when there is none
 * to be had now. */
static bool submit_more(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call,
                        size_t *next)
{
    struct cof_bert_queue *queue = &scheduler->shared.queue;
    struct cof_error error = {0};
    bool may_create = false;
    size_t entry_room = scheduler->portion_tokens / 2 + 1;
    struct cof_bert_portion *portion = cof_bert_queue_borrow(queue, call, &may_create);
    if (portion == NULL && !may_create)
        return false;
    unlock(scheduler);
    enum cof_status status = COF_OK;
    if (portion == NULL)
        portion = cof_bert_portion_create(scheduler->portion_tokens, entry_room);
    if (portion == NULL)
        status = COF_FAIL_MEMORY(&error);
    else
        status =
            fill(scheduler, call, scheduler->portion_tokens, entry_room, next, portion, &error);
    if (status == COF_OK)
        qsort(portion->entries, portion->entry_count, sizeof(portion->entries[0]), compare_lengths);
    lock(scheduler);
    if (portion == NULL) {
        queue->portion_count--;
        call->portion_count--;
    } else if (status != COF_OK) {
        cof_bert_queue_return(queue, portion);
    } else {
        call->left_count += portion->entry_count;
        cof_bert_portions_append(&queue->bulk, portion);
        call_helpers(scheduler, 1);
    }
    if (status != COF_OK)
        cof_bert_queue_fail(queue, call, status, &error);
    look(scheduler, call); /* another portion may have failed meanwhile */
    return true;
}

/* Takes part until the job is done or has failed, from its sequence `next` on; under the lock. */
static void run_bulk(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call, size_t next)
{
    struct cof_error error = {0};
    while (call->left_count > 0 || (call->status == COF_OK && next < call->job->count)) {
        if (call->status == COF_OK && next < call->job->count &&
            submit_more(scheduler, call, &next))
            continue;
        if (may_compute(scheduler)) {
            if (compute_bulk(scheduler, &error) != COF_OK)
                cof_bert_queue_fail(&scheduler->shared.queue, call, error.status, &error);
        } else {
            park(scheduler, call, 0);
        }
        look(scheduler, call);
    }
    cof_bert_queue_leave_line(&scheduler->shared.queue, call);
    wake_next(scheduler, true);
}

/* A job that fits one group: on this thread's stack, without asking the queue for anything. */
static enum cof_status run_small(struct cof_bert_scheduler *scheduler, struct cof_bert_call *call,
                                 struct cof_error *err)
{
    uint32_t ids[COF_BERT_GROUP_TOKENS];
    struct cof_bert_entry entries[MAX_SMALL_COUNT];
    struct cof_bert_portion portion = {.ids = ids, .entries = entries, .is_whole = true};
    size_t next = 0;
    COF_TRY(fill(scheduler, call, COF_BERT_GROUP_TOKENS, MAX_SMALL_COUNT, &next, &portion, err));
    lock(scheduler);
    if (call->job->is_question || portion.token_count <= COF_BERT_QUESTION_TOKENS) {
        run_question(scheduler, call, &portion);
    } else {
        call->left_count = portion.entry_count;
        cof_bert_portions_append(&scheduler->shared.queue.bulk, &portion);
        call_helpers(scheduler, 1);
        run_bulk(scheduler, call, next);
    }
    unlock(scheduler);
    return COF_OK;
}

static bool is_small(const struct cof_bert_scheduler *scheduler, const struct cof_bert_job *job)
{
    size_t room = least(COF_BERT_GROUP_TOKENS, scheduler->group_tokens);
    if (job->count > MAX_SMALL_COUNT)
        return false;
    for (size_t i = 0; i < job->count; i++) {
        size_t most = most_tokens(scheduler, job, i);
        if (most > room)
            return false;
        room -= most;
    }
    return true;
}

static enum cof_status enter(struct cof_bert_scheduler *scheduler, struct cof_error *err)
{
    lock(scheduler);
    struct cof_bert_scheduler_stats *stats = &scheduler->shared.stats;
    bool is_full = stats->job_count >= scheduler->max_job_count;
    stats->refused_count += is_full ? 1 : 0;
    stats->job_count += is_full ? 0 : 1;
    unlock(scheduler);
    if (is_full)
        return COF_FAIL(err, COF_LIMITED,
                        "%zu calls are waiting for the embedder already, try again later",
                        scheduler->max_job_count);
    return COF_OK;
}

static void leave(struct cof_bert_scheduler *scheduler)
{
    lock(scheduler);
    scheduler->shared.stats.job_count--;
    unlock(scheduler);
}

/* On the clock that cof_clock_system() reads as steady. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum cof_status cof_bert_scheduler_run(struct cof_bert_scheduler *scheduler,
                                       const struct cof_bert_job *job, struct cof_error *err)
{
    struct cof_bert_call call = {.job = job, .status = COF_OK};
    COF_TRY(cof_cancel_check(job->cancel, err));
    COF_TRY(enter(scheduler, err));
    init_condition(&call.is_changed);
    enum cof_status status = COF_OK;
    if (is_small(scheduler, job)) {
        status = run_small(scheduler, &call, err);
    } else {
        lock(scheduler);
        run_bulk(scheduler, &call, 0);
        unlock(scheduler);
    }
    pthread_cond_destroy(&call.is_changed);
    leave(scheduler);
    if (status == COF_OK && call.status != COF_OK) {
        status = call.status;
        if (err != NULL)
            *err = call.error;
    }
    return status;
}

/* ---- Making and ending ---- */

enum cof_status cof_bert_scheduler_create(const struct cof_bert_scheduler_options *options,
                                          struct cof_bert_scheduler **out_scheduler,
                                          struct cof_error *err)
{
    struct cof_bert_scheduler *scheduler = cof_calloc(1, sizeof(*scheduler));
    if (scheduler == NULL)
        return COF_FAIL_MEMORY(err);
    scheduler->options = *options;
    scheduler->thread_count =
        1 + (options->pool != NULL ? cof_pool_thread_count(options->pool) : 0);
    size_t in_flight = options->max_tokens_in_flight;
    if (in_flight == 0)
        in_flight = DEFAULT_TOKENS_PER_THREAD * scheduler->thread_count;
    if (options->max_tokens_in_flight == 0 && in_flight < DEFAULT_TOKENS_IN_FLIGHT)
        in_flight = DEFAULT_TOKENS_IN_FLIGHT;
    scheduler->bulk_tokens = COF_BERT_GROUP_TOKENS;
    if (options->device != NULL)
        scheduler->bulk_tokens = cof_bert_device_group_tokens(options->device);
    if (options->max_tokens_in_flight == 0 && in_flight < 4 * scheduler->bulk_tokens)
        in_flight = 4 * scheduler->bulk_tokens;
    scheduler->bulk_tokens = least(in_flight, scheduler->bulk_tokens);
    scheduler->space_tokens = least(in_flight, COF_BERT_GROUP_TOKENS);
    if (scheduler->space_tokens < options->max_tokens)
        scheduler->space_tokens = options->max_tokens;
    scheduler->group_tokens = scheduler->bulk_tokens;
    if (scheduler->group_tokens < options->max_tokens)
        scheduler->group_tokens = options->max_tokens;
    scheduler->portion_tokens = least(in_flight, PORTION_TOKENS);
    if (scheduler->portion_tokens < options->max_tokens)
        scheduler->portion_tokens = options->max_tokens;
    scheduler->shared.queue.max_portion_count = in_flight / scheduler->portion_tokens;
    if (scheduler->shared.queue.max_portion_count == 0)
        scheduler->shared.queue.max_portion_count = 1;
    scheduler->max_job_count =
        options->max_job_count != 0 ? options->max_job_count : DEFAULT_JOB_COUNT;
    pthread_mutex_init(&scheduler->shared.lock, NULL);
    pthread_cond_init(&scheduler->shared.is_quiet, NULL);
    *out_scheduler = scheduler;
    return COF_OK;
}

void cof_bert_scheduler_destroy(struct cof_bert_scheduler *scheduler)
{
    if (scheduler == NULL)
        return;
    lock(scheduler);
    while (scheduler->shared.helper_count > 0 || scheduler->shared.bulk_count > 0)
        pthread_cond_wait(&scheduler->shared.is_quiet, &scheduler->shared.lock);
    unlock(scheduler);
    while (scheduler->shared.idle != NULL) {
        struct seat *seat = scheduler->shared.idle;
        scheduler->shared.idle = seat->next;
        destroy_seat(seat);
    }
    while (scheduler->shared.queue.free_portions != NULL) {
        struct cof_bert_portion *portion = scheduler->shared.queue.free_portions;
        scheduler->shared.queue.free_portions = portion->next;
        cof_bert_portion_destroy(portion);
    }
    pthread_cond_destroy(&scheduler->shared.is_quiet);
    pthread_mutex_destroy(&scheduler->shared.lock);
    cof_free(scheduler);
}

void cof_bert_scheduler_stats_get(struct cof_bert_scheduler *scheduler,
                                  struct cof_bert_scheduler_stats *out_stats)
{
    lock(scheduler);
    *out_stats = scheduler->shared.stats;
    out_stats->portion_count = scheduler->shared.queue.portion_count;
    unlock(scheduler);
}
