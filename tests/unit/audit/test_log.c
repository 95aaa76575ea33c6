/* The log under threads, failing disks and killed processes: what was acknowledged is there. */
#include <cof/audit/log.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cof/base/alloc.h>

#include "audit_fixture.h"
#include "log_state.h"
#include "seeded_random.h"

static void log__appends_in_order_and_closes_sound(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report;
    struct cof_audit_log *log = audit_open(fixture);
    assert_int_equal(cof_audit_log_size(log), 0);
    audit_append(log, 0, 20);
    assert_int_equal(cof_audit_log_size(log), 20);
    assert_true(cof_audit_log_is_healthy(log));
    cof_audit_log_close(log);
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.entry_count, 20);
    assert_int_equal(report.checkpoint_size, 20);
    assert_int_equal(report.checkpoint_count, 2); /* the empty tree's and this one */
    assert_int_equal(report.payload_count, 20);
    assert_int_equal(report.first_bad_seq, UINT64_MAX);
}

static void log__goes_on_where_it_ended(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report;
    for (uint64_t round = 0; round < 5; round++) {
        struct cof_audit_log *log = audit_open(fixture);
        assert_int_equal(cof_audit_log_size(log), round * 7);
        audit_append(log, round * 7, 7);
        cof_audit_log_close(log);
    }
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.entry_count, 35);
    assert_int_equal(report.checkpoint_count, 6);
    assert_string_equal(fixture->notices, "");
}

static void log__opened_and_closed_without_records_writes_no_checkpoint(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report;
    for (int round = 0; round < 3; round++)
        cof_audit_log_close(audit_open(fixture));
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.entry_count, 0);
    assert_int_equal(report.checkpoint_count, 1);
}

static void log__begins_new_segments_and_tiles(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report;
    char path[COF_MAX_PATH];
    for (uint64_t round = 0; round < 3; round++) {
        struct cof_audit_log *log = audit_open_small(fixture, 5000);
        audit_append_plain(log, 300, 11);
        cof_audit_log_close(log);
        assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
        assert_int_equal(report.entry_count, (round + 1) * 300);
    }
    audit_path(fixture, "tile/0/002", path);
    assert_true(cof_path_exists(path));
    audit_path(fixture, "tile/0/003", path);
    assert_false(cof_path_exists(path));
}

static void append_many__keeps_the_order_and_one_place(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = audit_open(fixture);
    struct cof_audit_record records[10];
    uint64_t first = UINT64_MAX;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = 0;
    audit_append(log, 0, 3);
    for (uint64_t i = 0; i < 10; i++) {
        records[i] = (struct cof_audit_record){
            .event = COF_AUDIT_DOCUMENT_PUT, .intent_seq = UINT64_MAX, .collection = i + 1};
        records[i].request_id[0] = (uint8_t)i;
    }
    assert_int_equal(cof_audit_log_append_many(log, records, 10, &first, NULL), COF_OK);
    assert_int_equal(first, 3);
    assert_int_equal(cof_audit_log_append_many(log, records, 0, &first, NULL), COF_INVALID);
    cof_audit_log_close(log);
    assert_int_equal(cof_audit_read(fixture->folder, NULL, 3, 10, &arena, &entries, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 10);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(entries[i].record.collection, i + 1);
}

static void append__refuses_a_bad_record_and_goes_on(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = audit_open(fixture);
    struct cof_audit_record record = audit_record(0);
    record.query = COF_TEXT("\xff");
    assert_int_equal(cof_audit_log_append(log, &record, NULL, NULL), COF_INVALID);
    struct cof_audit_record records[2] = {audit_record(0), record};
    assert_int_equal(cof_audit_log_append_many(log, records, 2, NULL, NULL), COF_INVALID);
    assert_int_equal(cof_audit_log_size(log), 0);
    audit_append(log, 0, 1);
    cof_audit_log_close(log);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void log__of_another_store_is_refused(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_fixture *other = NULL;
    struct cof_audit_log *log = NULL;
    struct cof_error err;
    cof_audit_log_close(audit_open(fixture));
    assert_int_equal(audit_set_up((void **)&other), 0);
    struct cof_audit_log_options options = audit_options(fixture);
    options.keyring = other->keyring;
    assert_int_equal(cof_audit_log_open(&options, &log, &err), COF_CONFLICT);
    assert_non_null(strstr(err.message, "another store"));
    assert_null(log);
    (void)audit_tear_down((void **)&other);
}

static void log__is_opened_by_one_at_a_time(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *second = NULL;
    const struct cof_audit_log_options options = audit_options(fixture);
    struct cof_audit_log *log = audit_open(fixture);
    assert_int_equal(cof_audit_log_open(&options, &second, NULL), COF_CONFLICT);
    cof_audit_log_close(log);
    cof_audit_log_close(audit_open(fixture));
}

static void checkpoint__covers_what_is_durable_and_is_shown(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer first = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer again = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer shown = {0};
    struct cof_audit_report report;
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, 5);
    assert_int_equal(cof_audit_log_checkpoint(log, &first, NULL), COF_OK);
    audit_load(fixture, "checkpoint", &shown);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&first), cof_buffer_bytes(&shown)));
    assert_int_equal(cof_audit_log_checkpoint(log, &again, NULL), COF_OK);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&first), cof_buffer_bytes(&again)));
    audit_append(log, 5, 1);
    /* beside the open log */
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, 5);
    assert_int_equal(report.entry_count, 6);
    cof_audit_log_close(log);
}

static void checkpoint__is_written_by_itself_soon(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = NULL;
    struct cof_audit_log_options options = audit_options(fixture);
    struct cof_audit_report report = {0};
    options.checkpoint_ms = 5;
    assert_int_equal(cof_audit_log_open(&options, &log, NULL), COF_OK);
    audit_append(log, 0, 3);
    for (int i = 0; i < 10000 && report.checkpoint_size < 3; i++)
        assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, 3);
    cof_audit_log_close(log);
}

static void checkpoint__is_written_at_once_behind_many_leaves(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report = {0};
    struct cof_audit_log *log = audit_open(fixture);
    audit_append_plain(log, COF_AUDIT_CHECKPOINT_LEAVES, 512);
    for (int i = 0; i < 1000 && report.checkpoint_size < COF_AUDIT_CHECKPOINT_LEAVES; i++)
        assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, COF_AUDIT_CHECKPOINT_LEAVES);
    cof_audit_log_close(log);
}

static void has__knows_requests_of_this_run_and_the_last(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = audit_open_small(fixture, 5000);
    const struct cof_audit_record there = audit_record(3);
    const struct cof_audit_record absent = audit_record(99);
    audit_append(log, 0, 40);
    for (int round = 0; round < 2; round++) {
        const struct cof_audit_record last = audit_record(39);
        assert_true(cof_audit_log_has(log, there.request_id, there.event));
        assert_true(cof_audit_log_has(log, last.request_id, last.event));
        assert_false(cof_audit_log_has(log, last.request_id, COF_AUDIT_EMBED));
        assert_false(cof_audit_log_has(log, absent.request_id, absent.event));
        cof_audit_log_close(log);
        log = audit_open_small(fixture, 5000);
    }
    cof_audit_log_close(log);
}

/* --- threads --- */

struct appender {
    struct cof_audit_log *log;
    uint64_t first;
    uint64_t count;
    uint64_t *seqs; /* acknowledged for record first + i */
    size_t failures;
};

static void *append_from_thread(void *context)
{
    struct appender *work = context;
    for (uint64_t i = 0; i < work->count; i++) {
        const struct cof_audit_record record = audit_record(work->first + i);
        if (cof_audit_log_append(work->log, &record, &work->seqs[i], NULL) != COF_OK)
            work->failures++;
        if (!cof_audit_log_has(work->log, record.request_id, record.event))
            work->failures++;
    }
    return NULL;
}

static void *checkpoint_from_thread(void *context)
{
    struct appender *work = context;
    for (uint64_t i = 0; i < 20; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
        if (cof_audit_log_checkpoint(work->log, &note, NULL) != COF_OK || note.size < 100)
            work->failures++;
    }
    return NULL;
}

static void log__keeps_every_record_of_eight_threads(void **state)
{
    struct audit_fixture *fixture = *state;
    enum { THREADS = 8, EACH = 60 };
    static uint64_t seqs[THREADS * EACH];
    pthread_t threads[THREADS + 1];
    struct appender work[THREADS + 1];
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    struct cof_audit_report report;
    size_t count = 0;
    struct cof_audit_log *log = audit_open_small(fixture, 100000);
    for (size_t i = 0; i <= THREADS; i++) {
        work[i] = (struct appender){.log = log, .first = i * EACH, .count = EACH};
        work[i].seqs = i < THREADS ? seqs + i * EACH : NULL;
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < THREADS ? append_from_thread : checkpoint_from_thread,
                                        &work[i]),
                         0);
    }
    for (size_t i = 0; i <= THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(work[i].failures, 0);
    }
    cof_audit_log_close(log);

    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.entry_count, THREADS * EACH);
    assert_int_equal(cof_audit_read(fixture->folder, fixture->keyring, 0, THREADS * EACH, &arena,
                                    &entries, &count, NULL),
                     COF_OK);
    assert_int_equal(count, THREADS * EACH);
    for (uint64_t i = 0; i < THREADS * EACH; i++) {
        const struct cof_audit_record record = audit_record(i);
        assert_in_range(seqs[i], 0, THREADS * EACH - 1);
        const struct cof_audit_entry *entry = &entries[seqs[i]];
        assert_memory_equal(entry->record.request_id, record.request_id, 16);
        assert_true(cof_text_equal(entry->record.query, record.query));
        if (i % EACH > 0) /* one thread's records keep their order */
            assert_true(seqs[i] > seqs[i - 1]);
    }
}

/* --- disks that fail --- */

struct faulty {
    atomic_long writes_left; /* the next ones succeed */
    atomic_long syncs_left;
    atomic_long syncs;
    bool is_slow;
};

static enum cof_status faulty_write(void *context, int fd, uint64_t offset, struct cof_bytes bytes,
                                    struct cof_error *err)
{
    struct faulty *faulty = context;
    if (atomic_fetch_sub(&faulty->writes_left, 1) <= 0) {
        const struct cof_bytes half = {.data = bytes.data, .size = bytes.size / 2};
        assert_int_equal(cof_fd_write_at(fd, offset, half, NULL), COF_OK);
        return COF_FAIL(err, COF_IO, "cannot write: No space left on device");
    }
    return cof_fd_write_at(fd, offset, bytes, err);
}

static enum cof_status faulty_sync(void *context, int fd, struct cof_error *err)
{
    struct faulty *faulty = context;
    atomic_fetch_add(&faulty->syncs, 1);
    if (faulty->is_slow) {
        const struct timespec disk = {.tv_nsec = 5 * 1000 * 1000};
        (void)nanosleep(&disk, NULL);
    }
    if (atomic_fetch_sub(&faulty->syncs_left, 1) <= 0)
        return COF_FAIL(err, COF_IO, "cannot sync: Input/output error");
    return cof_fd_sync(fd, err);
}

static struct cof_audit_log *open_faulty(struct audit_fixture *fixture, struct faulty *faulty,
                                         struct cof_audit_io *io)
{
    struct cof_audit_log *log = NULL;
    const struct cof_audit_log_options options = audit_options(fixture);
    *io = (struct cof_audit_io){.context = faulty, .write_at = faulty_write, .sync = faulty_sync};
    assert_int_equal(cof_audit_log_open_with(&options, io, &log, NULL), COF_OK);
    return log;
}

static void assert_closed_for_good(struct cof_audit_log *log, const char *cause)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct cof_error err = {0};
    const struct cof_audit_record record = audit_record(0);
    assert_false(cof_audit_log_is_healthy(log));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cof_audit_log_append(log, &record, NULL, &err), COF_UNAVAILABLE);
        assert_non_null(strstr(err.message, "audit log cannot be written: "));
        assert_non_null(strstr(err.message, cause));
        assert_non_null(strstr(err.message, "then restart"));
    }
    assert_int_equal(cof_audit_log_checkpoint(log, &note, NULL), COF_UNAVAILABLE);
}

/* Whatever write or sync fails, what was acknowledged before is there afterwards, and the log that
 * was not restarted never signs or takes anything again. */
static void log__fails_closed_at_every_failing_write_and_sync(void **state)
{
    struct audit_fixture *fixture = *state;
    for (long at = 0; at < 6; at++) {
        for (int kind = 0; kind < 2; kind++) {
            struct faulty faulty = {.writes_left = kind == 0 ? at : 1000,
                                    .syncs_left = kind == 1 ? at : 1000};
            struct cof_audit_io io;
            struct cof_audit_log *log = open_faulty(fixture, &faulty, &io);
            uint64_t acknowledged = cof_audit_log_size(log);
            enum cof_status status = COF_OK;
            while (status == COF_OK) {
                const struct cof_audit_record record = audit_record(acknowledged);
                uint64_t seq = 0;
                status = cof_audit_log_append(log, &record, &seq, NULL);
                if (status == COF_OK)
                    assert_int_equal(seq, acknowledged++);
            }
            assert_int_equal(status, COF_UNAVAILABLE);
            assert_int_equal(cof_audit_log_size(log), acknowledged);
            assert_closed_for_good(log, kind == 0 ? "No space left" : "Input/output");
            long syncs = atomic_load(&faulty.syncs);
            cof_audit_log_close(log);
            assert_int_equal(atomic_load(&faulty.syncs), syncs); /* a failed sync is not retried */

            log = audit_open(fixture);
            assert_true(cof_audit_log_size(log) >= acknowledged);
            cof_audit_log_close(log);
            assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
        }
    }
}

static void log__fails_closed_when_a_checkpoint_cannot_be_written(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct faulty faulty = {.writes_left = 4, .syncs_left = 1000};
    struct cof_audit_io io;
    struct cof_audit_log *log = open_faulty(fixture, &faulty, &io);
    audit_append(log, 0, 4);
    assert_int_equal(cof_audit_log_checkpoint(log, &note, NULL), COF_UNAVAILABLE);
    assert_closed_for_good(log, "No space left");
    cof_audit_log_close(log);
    /* half a note stands at the end of checkpoints.log */
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TORN_TAIL);
    cof_audit_log_close(audit_open(fixture));
    struct cof_audit_report report;
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, 4);
}

static void log__fails_closed_on_a_full_disk(void **state)
{
    struct audit_fixture *fixture = *state;
    struct rlimit old_limit;
    struct cof_error err = {0};
    struct cof_audit_log *log = audit_open(fixture);
    uint64_t acknowledged = 0;
    enum cof_status status = COF_OK;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const struct rlimit limit = {.rlim_cur = 20000, .rlim_max = old_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (status == COF_OK) {
        const struct cof_audit_record record = audit_record(acknowledged);
        status = cof_audit_log_append(log, &record, NULL, &err);
        acknowledged += status == COF_OK;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    assert_int_equal(status, COF_UNAVAILABLE);
    assert_in_range(acknowledged, 5, 100);
    assert_closed_for_good(log, "File too large");
    assert_non_null(strstr(fixture->notices, "audit log cannot be written"));
    cof_audit_log_close(log);

    /* the full disk left half an entry: unsigned, so a torn tail; opening cuts it off and says so
     */
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TORN_TAIL);
    log = audit_open(fixture);
    assert_int_equal(cof_audit_log_size(log), acknowledged + 1);
    cof_audit_log_close(log);
    assert_non_null(strstr(fixture->notices, "cut off"));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void log__answers_every_waiting_thread_when_it_fails(void **state)
{
    struct audit_fixture *fixture = *state;
    enum { THREADS = 16, EACH = 20 };
    static uint64_t seqs[THREADS * EACH];
    pthread_t threads[THREADS];
    struct appender work[THREADS];
    struct faulty faulty = {.writes_left = 1000, .syncs_left = 10};
    struct cof_audit_io io;
    size_t failures = 0;
    struct cof_audit_log *log = open_faulty(fixture, &faulty, &io);
    for (size_t i = 0; i < THREADS; i++) {
        work[i] = (struct appender){
            .log = log, .first = i * EACH, .count = EACH, .seqs = seqs + i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, append_from_thread, &work[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        failures += work[i].failures;
    }
    assert_true(failures > 0);
    assert_closed_for_good(log, "Input/output");
    cof_audit_log_close(log);
}

/* With a disk that takes 5 ms for a sync, 64 threads share syncs instead of queueing for them. */
static void log__groups_what_arrives_during_a_sync(void **state)
{
    struct audit_fixture *fixture = *state;
    enum { THREADS = 64, EACH = 10 };
    static uint64_t seqs[THREADS * EACH];
    pthread_t threads[THREADS];
    struct appender work[THREADS];
    struct faulty faulty = {.writes_left = 10000, .syncs_left = 10000, .is_slow = true};
    struct cof_audit_io io;
    struct cof_audit_log *log = open_faulty(fixture, &faulty, &io);
    for (size_t i = 0; i < THREADS; i++) {
        work[i] = (struct appender){
            .log = log, .first = i * EACH, .count = EACH, .seqs = seqs + i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, append_from_thread, &work[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(work[i].failures, 0);
    }
    /* 640 records; each round of 64 needs about two syncs, one under way and one for the rest */
    assert_in_range(atomic_load(&faulty.syncs), EACH, THREADS * EACH / 4);
    cof_audit_log_close(log);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void append__survives_every_failing_allocation(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = audit_open(fixture);
    uint64_t acknowledged = 0;
    for (long n = 1;; n++) {
        const struct cof_audit_record record = audit_record(acknowledged);
        uint64_t seq = 0;
        cof_alloc_fail_after(n);
        enum cof_status status = cof_audit_log_append(log, &record, &seq, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (status == COF_OK)
            assert_int_equal(seq, acknowledged++);
        else
            assert_int_equal(status, COF_NO_MEMORY);
        if (is_pending)
            break;
    }
    assert_true(cof_audit_log_is_healthy(log));
    cof_audit_log_close(log);
    struct cof_audit_report report;
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.entry_count, acknowledged);
}

static void open__survives_every_failing_allocation(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = audit_open_small(fixture, 3000);
    const struct cof_audit_log_options options = audit_options(fixture);
    audit_append(log, 0, 10);
    cof_audit_log_close(log);
    for (long n = 1;; n++) {
        log = NULL;
        cof_alloc_fail_after(n);
        enum cof_status status = cof_audit_log_open(&options, &log, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (status == COF_OK)
            cof_audit_log_close(log);
        else
            assert_int_equal(status, COF_NO_MEMORY);
        if (is_pending)
            break;
    }
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

/* --- killed processes --- */

/* Appends until it is killed; writes the number of each acknowledged record to the pipe. */
static void append_until_killed(struct audit_fixture *fixture, int pipe_fd)
{
    struct cof_audit_log *log = NULL;
    struct cof_audit_log_options options = audit_options(fixture);
    options.checkpoint_ms = 2;
    options.max_segment_bytes = 8000;
    options.notice = NULL;
    if (cof_audit_log_open(&options, &log, NULL) != COF_OK)
        _exit(9);
    for (;;) {
        uint64_t number = cof_audit_log_size(log);
        const struct cof_audit_record record = audit_record(number);
        uint64_t seq = 0;
        if (cof_audit_log_append(log, &record, &seq, NULL) != COF_OK ||
            write(pipe_fd, &seq, sizeof(seq)) != (ssize_t)sizeof(seq))
            _exit(8);
    }
}

static void log__killed_at_any_moment_keeps_what_it_acknowledged(void **state)
{
    struct audit_fixture *fixture = *state;
    struct seeded_random random;
    uint64_t acknowledged = 0;
    seeded_random_init(&random, 17);
    for (int round = 0; round < 12; round++) {
        int pipe_fds[2];
        uint64_t seq = 0;
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(pipe_fds[0]);
            append_until_killed(fixture, pipe_fds[1]);
        }
        (void)close(pipe_fds[1]);
        uint64_t until = 1 + seeded_random_below(&random, 30);
        for (uint64_t i = 0; i < until; i++) {
            assert_int_equal(read(pipe_fds[0], &seq, sizeof(seq)), sizeof(seq));
            acknowledged = seq + 1;
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(pipe_fds[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq))
            acknowledged = seq + 1;
        (void)close(pipe_fds[0]);

        enum cof_audit_verdict verdict = audit_verdict(fixture, NULL);
        assert_true(verdict == COF_AUDIT_SOUND || verdict == COF_AUDIT_TORN_TAIL);
        struct cof_audit_log *log = audit_open_small(fixture, 8000);
        assert_true(cof_audit_log_size(log) >= acknowledged);
        cof_audit_log_close(log);
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    }
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = 0;
    assert_int_equal(cof_audit_read(fixture->folder, fixture->keyring, 0, (size_t)acknowledged,
                                    &arena, &entries, &count, NULL),
                     COF_OK);
    assert_int_equal(count, acknowledged);
    for (uint64_t i = 0; i < acknowledged; i++) {
        const struct cof_audit_record record = audit_record(i);
        if (entries[i].record.event == COF_AUDIT_RECOVERY)
            continue;
        assert_memory_equal(entries[i].record.request_id, record.request_id, 16);
        assert_true(cof_text_equal(entries[i].record.query, record.query));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(log__appends_in_order_and_closes_sound),
        CASE(log__goes_on_where_it_ended),
        CASE(log__opened_and_closed_without_records_writes_no_checkpoint),
        CASE(log__begins_new_segments_and_tiles),
        CASE(append_many__keeps_the_order_and_one_place),
        CASE(append__refuses_a_bad_record_and_goes_on),
        CASE(log__of_another_store_is_refused),
        CASE(log__is_opened_by_one_at_a_time),
        CASE(checkpoint__covers_what_is_durable_and_is_shown),
        CASE(checkpoint__is_written_by_itself_soon),
        CASE(checkpoint__is_written_at_once_behind_many_leaves),
        CASE(has__knows_requests_of_this_run_and_the_last),
        CASE(log__keeps_every_record_of_eight_threads),
        CASE(log__fails_closed_at_every_failing_write_and_sync),
        CASE(log__fails_closed_when_a_checkpoint_cannot_be_written),
        CASE(log__fails_closed_on_a_full_disk),
        CASE(log__answers_every_waiting_thread_when_it_fails),
        CASE(log__groups_what_arrives_during_a_sync),
        CASE(append__survives_every_failing_allocation),
        CASE(open__survives_every_failing_allocation),
        CASE(log__killed_at_any_moment_keeps_what_it_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
