/* The one thread that writes: whatever arrived while it synced goes into its next transaction. */
#include "writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/keys/keyring.h>

#include "collection_row.h"
#include "counters.h"
#include "garbage.h"
#include "row.h"

/* Bounds the memory of a transaction's dirty pages; one job may be larger. */
#define MAX_BATCH_BYTES ((size_t)64 << 20)
/* Rows of deleted collections removed beside other work, and in a transaction of their own. */
#define GARBAGE_BESIDE 256
#define GARBAGE_ALONE 4096

/* Of the map, kept free of additions, because deleting needs pages too: a 64th, in these bounds. */
#define MIN_RESERVE_BYTES ((uint64_t)256 << 10)
#define MAX_RESERVE_BYTES ((uint64_t)16 << 20)

struct waiting_job {
    struct waiting_job *next;
    const struct cof_write_job *job;
    struct cof_outbox_entry *entry; /* NULL without outbox; owned until it is in the list */
    bool has_failed;                /* alone, before it wrote anything */
    bool is_over;
    enum cof_status status;
    struct cof_error error;
    pthread_cond_t over;
};

struct cof_writer {
    struct cof_store *store;
    struct cof_outbox_list outbox;
    pthread_t thread;
    atomic_bool is_healthy;
    struct cof_error failure; /* why it stopped; written before is_healthy becomes false */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct waiting_job *first;
        struct waiting_job **end;
        bool has_garbage;
        bool is_stopping;
    } shared;
};

static enum cof_status fail_stopped(const struct cof_writer *writer, struct cof_error *err)
{
    return COF_FAIL(err, COF_UNAVAILABLE,
                    "writing has stopped because the disk failed (%.120s): mend it, then restart",
                    writer->failure.message);
}

static struct cof_row usage_row(uint64_t collection)
{
    return (struct cof_row){.key = cof_row_key_number(COF_TABLE_USAGE, collection),
                            .collection = collection};
}

static enum cof_status flush_usage(struct cof_write_batch *batch, struct cof_error *err)
{
    if (batch->usage_collection == 0)
        return COF_OK;
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    struct cof_row row = usage_row(batch->usage_collection);
    COF_TRY(cof_keyring_collection_key(batch->store->keyring, batch->usage_collection,
                                       COF_KEY_COLLECTION_META, &key, err));
    cof_usage_encode(&batch->usage, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    COF_TRY(cof_row_put(batch->store, &batch->txn, &row, &key, cof_buffer_bytes(&plaintext), err));
    batch->usage_collection = 0;
    return COF_OK;
}

static enum cof_status put_outbox(struct cof_write_batch *batch, struct waiting_job *waiting,
                                  struct cof_error *err)
{
    const struct cof_write_job *job = waiting->job;
    if (job->outbox == NULL)
        return COF_OK;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer record = {0};
    waiting->entry->number = atomic_fetch_add(&batch->store->counters.outbox, 1);
    COF_TRY(
        job->outbox->encode(job->outbox->context, job->outcomes, job->outcome_count, &record, err));
    COF_TRY(cof_buffer_status(&record, err));
    return cof_outbox_put(batch->store, &batch->txn, waiting->entry, cof_buffer_bytes(&record),
                          err);
}

/* Pages are seldom full, so an addition may take twice its bytes. */
static enum cof_status check_room(struct cof_write_batch *batch, const struct cof_write_job *job,
                                  struct cof_error *err)
{
    uint64_t reserve = batch->store->max_bytes / 64;
    uint64_t free_bytes = 0;
    if (job->size_bytes == 0)
        return COF_OK;
    if (reserve < MIN_RESERVE_BYTES)
        reserve = MIN_RESERVE_BYTES;
    if (reserve > MAX_RESERVE_BYTES)
        reserve = MAX_RESERVE_BYTES;
    uint64_t needed = reserve + 2 * (batch->added_bytes + job->size_bytes);
    COF_TRY(cof_lmdb_free_bytes(batch->store->lmdb, needed, &free_bytes, err));
    if (free_bytes < needed)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "disk full (the store has nearly reached its largest size of %llu bytes): "
                        "free space in it, or raise the limit, and try again",
                        (unsigned long long)batch->store->max_bytes);
    batch->added_bytes += job->size_bytes;
    return COF_OK;
}

/* COF_OK also when the job failed alone, which is then noted in it. */
static enum cof_status apply_job(struct cof_write_batch *batch, struct waiting_job *waiting,
                                 struct cof_error *err)
{
    uint64_t change_count = batch->txn.change_count;
    struct cof_error failure = {0};
    enum cof_status status = check_room(batch, waiting->job, &failure);
    if (status == COF_OK)
        status = waiting->job->apply(batch, waiting->job->context, &failure);
    if (status == COF_OK)
        status = put_outbox(batch, waiting, &failure);
    if (status == COF_OK)
        return cof_txn_status(&batch->txn, err);
    COF_TRY(cof_txn_status(&batch->txn, err));
    if (batch->txn.change_count != change_count) {
        *err = failure;
        return status;
    }
    waiting->has_failed = true;
    waiting->status = status;
    waiting->error = failure;
    return COF_OK;
}

/* Everything of one transaction but its begin and its end. */
static enum cof_status fill(struct cof_writer *writer, struct cof_write_batch *batch,
                            struct waiting_job *jobs, size_t max_garbage, bool *out_has_garbage,
                            struct cof_error *err)
{
    for (struct waiting_job *waiting = jobs; waiting != NULL; waiting = waiting->next) {
        waiting->has_failed = false;
        COF_TRY(apply_job(batch, waiting, err));
    }
    COF_TRY(flush_usage(batch, err));
    cof_outbox_list_drop(&writer->outbox, &batch->txn);
    if (max_garbage > 0)
        COF_TRY(cof_garbage_collect(writer->store, &batch->txn, max_garbage, out_has_garbage, err));
    bool is_last = jobs == NULL && cof_counters_are_behind(&writer->store->counters);
    if (batch->txn.change_count > 0 || is_last)
        COF_TRY(cof_counters_put(writer->store, &batch->txn, err));
    return cof_txn_status(&batch->txn, err);
}

static enum cof_status commit(struct cof_writer *writer, struct waiting_job *jobs,
                              size_t max_garbage, bool *out_has_garbage, struct cof_error *err)
{
    struct cof_write_batch batch = {.store = writer->store,
                                    .now_ns = cof_clock_wall_ns(writer->store->clock)};
    COF_TRY(cof_txn_begin_write(writer->store->lmdb, &batch.txn, err));
    enum cof_status status = fill(writer, &batch, jobs, max_garbage, out_has_garbage, err);
    if (status != COF_OK || batch.txn.change_count == 0)
        cof_txn_abort(&batch.txn);
    else
        status = cof_txn_commit(&batch.txn, err);
    cof_outbox_list_finish(&writer->outbox, status == COF_OK);
    return status;
}

static void stop_for_good(struct cof_writer *writer, const struct cof_error *why)
{
    writer->failure = *why;
    atomic_store(&writer->is_healthy, false);
    cof_store_notice(writer->store, "the store's disk failed, only reading works until restart: %s",
                     why->message);
}

/* One transaction; every job in it that did not fail alone shares its fate. */
static enum cof_status commit_jobs(struct cof_writer *writer, struct waiting_job *jobs,
                                   size_t max_garbage, bool *out_has_garbage)
{
    struct cof_error failure = {0};
    enum cof_status status = commit(writer, jobs, max_garbage, out_has_garbage, &failure);
    if (status == COF_IO) {
        stop_for_good(writer, &failure);
        status = fail_stopped(writer, &failure);
    }
    for (struct waiting_job *waiting = jobs; waiting != NULL; waiting = waiting->next) {
        if (waiting->has_failed && status == COF_OK)
            continue;
        waiting->status = status;
        waiting->error = failure;
    }
    return status;
}

static void commit_one_by_one(struct cof_writer *writer, struct waiting_job *jobs)
{
    bool has_garbage = false;
    struct waiting_job *next = NULL;
    for (struct waiting_job *waiting = jobs; waiting != NULL; waiting = next) {
        next = waiting->next;
        waiting->next = NULL;
        if (atomic_load(&writer->is_healthy))
            (void)commit_jobs(writer, waiting, 0, &has_garbage);
        else
            waiting->status = fail_stopped(writer, &waiting->error);
        waiting->next = next;
    }
}

/* Returns whether there is more garbage to collect. */
static bool run_jobs(struct cof_writer *writer, struct waiting_job *jobs, bool has_garbage)
{
    if (!atomic_load(&writer->is_healthy)) {
        commit_one_by_one(writer, jobs);
        return false;
    }
    size_t max_garbage = 0;
    if (has_garbage)
        max_garbage = jobs != NULL ? GARBAGE_BESIDE : GARBAGE_ALONE;
    bool has_more = false;
    enum cof_status status = commit_jobs(writer, jobs, max_garbage, &has_more);
    if (status == COF_OK)
        return has_more;
    if (jobs != NULL && (jobs->next != NULL || has_garbage))
        commit_one_by_one(writer, jobs);
    /* The garbage waits for the next start: it may be what failed. */
    return false;
}

/* Cuts from the queue what fits in one transaction. The lock is held. */
static struct waiting_job *take_jobs(struct cof_writer *writer)
{
    struct waiting_job *jobs = writer->shared.first;
    struct waiting_job **link = &writer->shared.first;
    size_t size_bytes = 0;
    while (*link != NULL && (link == &writer->shared.first ||
                             size_bytes + (*link)->job->size_bytes <= MAX_BATCH_BYTES)) {
        size_bytes += (*link)->job->size_bytes;
        link = &(*link)->next;
    }
    if (link == &writer->shared.first)
        return NULL;
    struct waiting_job *rest = *link;
    *link = NULL;
    writer->shared.first = rest;
    if (rest == NULL)
        writer->shared.end = &writer->shared.first;
    return jobs;
}

static void finish_jobs(struct cof_writer *writer, struct waiting_job *jobs)
{
    for (struct waiting_job *waiting = jobs; waiting != NULL; waiting = waiting->next) {
        if (waiting->status != COF_OK || waiting->entry == NULL)
            continue;
        cof_outbox_list_add(&writer->outbox, waiting->entry);
        waiting->entry = NULL;
    }
    (void)pthread_mutex_lock(&writer->shared.lock);
    for (struct waiting_job *waiting = jobs; waiting != NULL;) {
        struct waiting_job *next = waiting->next; /* gone as soon as its owner wakes */
        waiting->is_over = true;
        (void)pthread_cond_signal(&waiting->over);
        waiting = next;
    }
    (void)pthread_mutex_unlock(&writer->shared.lock);
}

static void *run_writer(void *context)
{
    struct cof_writer *writer = context;
    (void)pthread_mutex_lock(&writer->shared.lock);
    for (;;) {
        while (writer->shared.first == NULL && !writer->shared.has_garbage &&
               !writer->shared.is_stopping)
            (void)pthread_cond_wait(&writer->shared.wake, &writer->shared.lock);
        if (writer->shared.first == NULL && writer->shared.is_stopping)
            break;
        struct waiting_job *jobs = take_jobs(writer);
        bool has_garbage = writer->shared.has_garbage;
        writer->shared.has_garbage = false;
        (void)pthread_mutex_unlock(&writer->shared.lock);
        bool has_more = run_jobs(writer, jobs, has_garbage);
        finish_jobs(writer, jobs);
        (void)pthread_mutex_lock(&writer->shared.lock);
        writer->shared.has_garbage = writer->shared.has_garbage || has_more;
    }
    (void)pthread_mutex_unlock(&writer->shared.lock);
    if (cof_outbox_list_has_done(&writer->outbox) ||
        cof_counters_are_behind(&writer->store->counters))
        (void)run_jobs(writer, NULL, false);
    return NULL;
}

/* Signals are the business of the program's other threads. */
static int start_thread(struct cof_writer *writer)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&writer->thread, NULL, run_writer, writer);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code == 0)
        (void)pthread_setname_np(writer->thread, "cof-store");
    return code;
}

static void release(struct cof_writer *writer)
{
    cof_outbox_list_deinit(&writer->outbox);
    (void)pthread_cond_destroy(&writer->shared.wake);
    (void)pthread_mutex_destroy(&writer->shared.lock);
    cof_free(writer);
}

enum cof_status cof_writer_create(struct cof_store *store, struct cof_writer **out_writer,
                                  struct cof_error *err)
{
    struct cof_writer *writer = cof_calloc(1, sizeof(*writer));
    if (writer == NULL)
        return COF_FAIL_MEMORY(err);
    writer->store = store;
    writer->shared.end = &writer->shared.first;
    writer->shared.has_garbage = true; /* looked for once, at the start */
    atomic_init(&writer->is_healthy, true);
    cof_outbox_list_init(&writer->outbox);
    (void)pthread_mutex_init(&writer->shared.lock, NULL);
    (void)pthread_cond_init(&writer->shared.wake, NULL);
    enum cof_status status = cof_outbox_load(store, &writer->outbox, err);
    if (status == COF_OK && start_thread(writer) != 0)
        status = COF_FAIL(err, COF_UNAVAILABLE, "the store's writer thread cannot be started");
    if (status != COF_OK) {
        release(writer);
        return status;
    }
    *out_writer = writer;
    return COF_OK;
}

bool cof_writer_destroy(struct cof_writer *writer)
{
    if (writer == NULL)
        return false;
    (void)pthread_mutex_lock(&writer->shared.lock);
    writer->shared.is_stopping = true;
    (void)pthread_cond_signal(&writer->shared.wake);
    (void)pthread_mutex_unlock(&writer->shared.lock);
    (void)pthread_join(writer->thread, NULL);
    bool is_healthy = atomic_load(&writer->is_healthy);
    release(writer);
    return is_healthy;
}

enum cof_status cof_writer_run(struct cof_writer *writer, const struct cof_write_job *job,
                               struct cof_error *err)
{
    if (!atomic_load(&writer->is_healthy))
        return fail_stopped(writer, err);
    struct waiting_job waiting = {.job = job};
    if (job->outbox != NULL) {
        waiting.entry = cof_outbox_entry_create(job->outbox->id);
        if (waiting.entry == NULL)
            return COF_FAIL_MEMORY(err);
    }
    (void)pthread_cond_init(&waiting.over, NULL);
    (void)pthread_mutex_lock(&writer->shared.lock);
    *writer->shared.end = &waiting;
    writer->shared.end = &waiting.next;
    (void)pthread_cond_signal(&writer->shared.wake);
    while (!waiting.is_over)
        (void)pthread_cond_wait(&waiting.over, &writer->shared.lock);
    (void)pthread_mutex_unlock(&writer->shared.lock);
    (void)pthread_cond_destroy(&waiting.over);
    cof_free(waiting.entry);
    if (waiting.status != COF_OK && err != NULL)
        *err = waiting.error;
    return waiting.status;
}

size_t cof_writer_waiting_count(struct cof_writer *writer)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&writer->shared.lock);
    for (const struct waiting_job *job = writer->shared.first; job != NULL; job = job->next)
        count++;
    (void)pthread_mutex_unlock(&writer->shared.lock);
    return count;
}

bool cof_writer_is_healthy(const struct cof_writer *writer)
{
    return atomic_load(&writer->is_healthy);
}

struct cof_outbox_list *cof_writer_outbox(struct cof_writer *writer)
{
    return &writer->outbox;
}

void cof_writer_collect_garbage(struct cof_writer *writer)
{
    (void)pthread_mutex_lock(&writer->shared.lock);
    writer->shared.has_garbage = true;
    (void)pthread_cond_signal(&writer->shared.wake);
    (void)pthread_mutex_unlock(&writer->shared.lock);
}

enum cof_status cof_batch_usage(struct cof_write_batch *batch, uint64_t collection,
                                struct cof_usage **out_usage, struct cof_error *err)
{
    if (batch->usage_collection != collection) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_key_wipe) struct cof_key key;
        struct cof_row row = usage_row(collection);
        struct cof_bytes plaintext;
        struct cof_usage usage;
        COF_TRY(flush_usage(batch, err));
        COF_TRY(cof_collection_row_key(batch->store, &batch->txn, collection,
                                       COF_KEY_COLLECTION_META, &key, err));
        enum cof_status status =
            cof_row_load(batch->store, &batch->txn, &row, &key, &arena, &plaintext, NULL, err);
        if (status == COF_NOT_FOUND)
            return cof_row_corrupt(&row.key, "is missing", err);
        COF_TRY(status);
        if (cof_usage_decode(plaintext, &usage, err) != COF_OK)
            return cof_row_corrupt(&row.key, "does not parse", err);
        batch->usage = usage;
        batch->usage_collection = collection;
    }
    *out_usage = &batch->usage;
    return COF_OK;
}

void cof_batch_forget_usage(struct cof_write_batch *batch, uint64_t collection)
{
    if (batch->usage_collection == collection)
        batch->usage_collection = 0;
}
