/* The log's public face: opening, appending, closing. */
#include <cof/audit/log.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "checkpoints.h"
#include "log_state.h"
#include "recover.h"
#include "segment.h"

#define LOCK_NAME "lock"
#define DEFAULT_SEGMENT_BYTES ((uint64_t)64 << 20)
#define DEFAULT_CHECKPOINT_MS 1000L

static enum cof_status system_write_at(void *context, int fd, uint64_t offset,
                                       struct cof_bytes bytes, struct cof_error *err)
{
    (void)context;
    return cof_fd_write_at(fd, offset, bytes, err);
}

static enum cof_status system_sync(void *context, int fd, struct cof_error *err)
{
    (void)context;
    return cof_fd_sync(fd, err);
}

static const struct cof_audit_io system_io = {.write_at = system_write_at, .sync = system_sync};

static void notice(const struct cof_audit_log *log, const char *message)
{
    if (log->notice != NULL)
        log->notice(log->notice_context, message);
}

static enum cof_status log_alloc(const struct cof_audit_log_options *options,
                                 const struct cof_audit_io *io, struct cof_audit_log **out_log,
                                 struct cof_error *err)
{
    pthread_condattr_t attributes;
    size_t folder_size = strlen(options->folder);
    if (folder_size >= COF_MAX_PATH - 64)
        return COF_FAIL(err, COF_INVALID, "the audit folder's path is too long");
    struct cof_audit_log *log = cof_calloc(1, sizeof(*log));
    if (log == NULL)
        return COF_FAIL_MEMORY(err);
    memcpy(log->folder, options->folder, folder_size + 1);
    log->keyring = options->keyring;
    log->clock = options->clock;
    log->random = options->random;
    log->max_segment_bytes =
        options->max_segment_bytes > 0 ? options->max_segment_bytes : DEFAULT_SEGMENT_BYTES;
    log->checkpoint_ms =
        options->checkpoint_ms > 0 ? options->checkpoint_ms : DEFAULT_CHECKPOINT_MS;
    log->notice = options->notice;
    log->notice_context = options->notice_context;
    log->io = io;
    log->lock_fd = -1;
    log->writer.fd = -1;
    log->signing.log_fd = -1;
    log->shared.last = &log->shared.first;
    cof_log_identity_init(&log->identity, options->keyring);
    (void)pthread_mutex_init(&log->shared.lock, NULL);
    (void)pthread_mutex_init(&log->signing.lock, NULL);
    (void)pthread_cond_init(&log->shared.has_work, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&log->shared.has_dirty, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    *out_log = log;
    return COF_OK;
}

static void log_free(struct cof_audit_log *log)
{
    cof_fd_close(&log->writer.fd);
    cof_fd_close(&log->signing.log_fd);
    cof_fd_close(&log->lock_fd);
    cof_recent_destroy(log->shared.recent);
    cof_buffer_deinit(&log->shared.hashes);
    cof_buffer_deinit(&log->writer.group);
    cof_buffer_deinit(&log->writer.leaf);
    cof_buffer_deinit(&log->writer.hashes);
    cof_buffer_deinit(&log->signing.newest);
    (void)pthread_cond_destroy(&log->shared.has_dirty);
    (void)pthread_cond_destroy(&log->shared.has_work);
    (void)pthread_mutex_destroy(&log->signing.lock);
    (void)pthread_mutex_destroy(&log->shared.lock);
    cof_free(log);
}

static enum cof_status open_for_appending(const char *path, int *out_fd, struct cof_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return COF_FAIL(err, COF_IO, "cannot open '%.160s': %s", path, strerror(errno));
    *out_fd = fd;
    return COF_OK;
}

/* Takes over what was found; `recovery` keeps only what is not moved. */
static enum cof_status adopt(struct cof_audit_log *log, struct cof_recovery *recovery,
                             struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct cof_checkpoint shown;
    struct cof_checkpoint_tail tail;
    if (recovery->has_segment) {
        COF_TRY(cof_segment_path(log->folder, recovery->segment_first_seq, path, err));
        COF_TRY(open_for_appending(path, &log->writer.fd, err));
    }
    COF_TRY(cof_path_join(path, log->folder, COF_CHECKPOINT_LOG_NAME, err));
    COF_TRY(open_for_appending(path, &log->signing.log_fd, err));
    COF_TRY(cof_checkpoint_tail_load(log->folder, &log->identity.key, &tail, err));
    COF_TRY(
        cof_checkpoint_load(log->folder, &log->identity.key, &shown, &log->signing.newest, err));
    log->signing.log_size = tail.whole_size;
    log->signing.tiles = recovery->tiles;
    log->writer.segment_size = recovery->segment_size;
    log->writer.next_seq = recovery->tree.size;
    log->shared.tree = recovery->tree;
    log->shared.signed_size = recovery->signed_at.size;
    log->shared.recent = recovery->recent;
    recovery->recent = NULL;
    log->shared.hashes = recovery->hashes;
    recovery->hashes = (struct cof_buffer){0};
    return COF_OK;
}

static enum cof_status start_threads(struct cof_audit_log *log, struct cof_error *err)
{
    if (pthread_create(&log->writer_thread, NULL, cof_audit_writer_run, log) != 0)
        return COF_FAIL(err, COF_NO_MEMORY, "cannot start the audit log's writer");
    (void)pthread_setname_np(log->writer_thread, "audit-write");
    if (pthread_create(&log->signer_thread, NULL, cof_audit_signer_run, log) != 0) {
        (void)pthread_mutex_lock(&log->shared.lock);
        log->shared.is_closing = true;
        (void)pthread_cond_signal(&log->shared.has_work);
        (void)pthread_mutex_unlock(&log->shared.lock);
        (void)pthread_join(log->writer_thread, NULL);
        return COF_FAIL(err, COF_NO_MEMORY, "cannot start the audit log's signer");
    }
    (void)pthread_setname_np(log->signer_thread, "audit-sign");
    log->has_threads = true;
    return COF_OK;
}

static enum cof_status record_recovery(struct cof_audit_log *log, uint64_t cut_bytes,
                                       struct cof_error *err)
{
    char details[96];
    char message[160];
    int size =
        snprintf(details, sizeof(details), "{\"cut_bytes\":%" PRIu64 ",\"entries\":%" PRIu64 "}",
                 cut_bytes, log->writer.next_seq);
    struct cof_audit_record record = {
        .event = COF_AUDIT_RECOVERY,
        .outcome = COF_OK,
        .intent_seq = UINT64_MAX,
        .details = {.data = details, .size = (size_t)size},
    };
    cof_uuid7(log->clock, log->random, record.request_id);
    (void)snprintf(message, sizeof(message),
                   "the audit log ended in %" PRIu64
                   " bytes of an entry that was never acknowledged; they were cut off",
                   cut_bytes);
    notice(log, message);
    return cof_audit_log_append(log, &record, NULL, err);
}

/* Where there was a log there must be one: a new one would hide that it is gone. */
static enum cof_status check_not_gone(const struct cof_audit_log *log, uint64_t known_entry_count,
                                      struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, log->folder, COF_CHECKPOINT_NAME, err));
    if (known_entry_count == 0 || cof_path_exists(path))
        return COF_OK;
    return COF_FAIL(err, COF_CORRUPT,
                    "the audit log is gone: the store has seen %" PRIu64
                    " entries; restore the folder audit from a copy",
                    known_entry_count);
}

static enum cof_status log_begin(struct cof_audit_log *log,
                                 const struct cof_audit_log_options *options,
                                 struct cof_recovery *recovery, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(check_not_gone(log, options->known_entry_count, err));
    COF_TRY(cof_folder_create(log->folder, 0700, err));
    COF_TRY(cof_path_join(path, log->folder, LOCK_NAME, err));
    COF_TRY(cof_lock_open(path, &log->lock_fd, err));
    COF_TRY(cof_log_folder_prepare(log->folder, &log->identity, log->keyring, err));
    COF_TRY(cof_recover(log->folder, &log->identity, log->keyring, options->known_entry_count,
                        recovery, err));
    COF_TRY(adopt(log, recovery, err));
    if (recovery->has_rebuilt_tiles)
        notice(log, "the audit log's tiles were missing and were rebuilt from its entries");
    COF_TRY(start_threads(log, err));
    if (recovery->cut_bytes > 0)
        COF_TRY(record_recovery(log, recovery->cut_bytes, err));
    return COF_OK;
}

static enum cof_status submit(struct cof_audit_log *log, struct cof_append_request *request,
                              struct cof_error *err)
{
    (void)pthread_mutex_lock(&log->shared.lock);
    enum cof_status status = cof_audit_failure(log, err);
    if (status == COF_OK && log->shared.is_closing)
        status = COF_FAIL(err, COF_UNAVAILABLE, "the audit log is closing");
    if (status == COF_OK) {
        *log->shared.last = request;
        log->shared.last = &request->next;
        (void)pthread_cond_signal(&log->shared.has_work);
    }
    (void)pthread_mutex_unlock(&log->shared.lock);
    COF_TRY(status);
    while (sem_wait(&request->done) != 0) {
        /* interrupted by a signal: the writer still holds the request */
    }
    if (request->status != COF_OK && err != NULL)
        *err = request->err;
    return request->status;
}

static enum cof_status append_prepared(struct cof_audit_log *log, struct cof_prepared *prepared,
                                       size_t count, uint64_t *out_first_seq, struct cof_error *err)
{
    struct cof_append_request request = {.prepared = prepared, .count = count};
    (void)sem_init(&request.done, 0, 0);
    enum cof_status status = submit(log, &request, err);
    (void)sem_destroy(&request.done);
    if (status == COF_OK && out_first_seq != NULL)
        *out_first_seq = request.first_seq;
    return status;
}

void cof_audit_fail(struct cof_audit_log *log, const struct cof_error *cause)
{
    (void)pthread_mutex_lock(&log->shared.lock);
    bool is_first = !log->shared.has_failed;
    if (is_first) {
        log->shared.has_failed = true;
        (void)COF_FAIL(
            &log->shared.failure, COF_UNAVAILABLE,
            "audit log cannot be written: %.140s; free space or mend the disk, then restart",
            cause->message);
    }
    (void)pthread_mutex_unlock(&log->shared.lock);
    if (is_first)
        notice(log, log->shared.failure.message); /* written once, above */
}

enum cof_status cof_audit_failure(const struct cof_audit_log *log, struct cof_error *err)
{
    if (!log->shared.has_failed)
        return COF_OK;
    if (err != NULL)
        *err = log->shared.failure;
    return COF_UNAVAILABLE;
}

enum cof_status cof_audit_log_open_with(const struct cof_audit_log_options *options,
                                        const struct cof_audit_io *io,
                                        struct cof_audit_log **out_log, struct cof_error *err)
{
    struct cof_audit_log *log = NULL;
    COF_TRY(log_alloc(options, io, &log, err));
    assert(log != NULL);
    struct cof_recovery *recovery = cof_calloc(1, sizeof(*recovery));
    enum cof_status status =
        recovery != NULL ? log_begin(log, options, recovery, err) : COF_FAIL_MEMORY(err);
    if (recovery != NULL)
        cof_recovery_deinit(recovery);
    cof_free(recovery);
    if (status != COF_OK) {
        cof_audit_log_close(log);
        return status;
    }
    *out_log = log;
    return COF_OK;
}

enum cof_status cof_audit_log_open(const struct cof_audit_log_options *options,
                                   struct cof_audit_log **out_log, struct cof_error *err)
{
    return cof_audit_log_open_with(options, &system_io, out_log, err);
}

void cof_audit_log_close(struct cof_audit_log *log)
{
    if (log == NULL)
        return;
    if (log->has_threads) {
        (void)pthread_mutex_lock(&log->shared.lock);
        log->shared.is_closing = true;
        (void)pthread_cond_signal(&log->shared.has_work);
        (void)pthread_mutex_unlock(&log->shared.lock);
        (void)pthread_join(log->writer_thread, NULL);
        (void)pthread_mutex_lock(&log->shared.lock);
        log->shared.is_signer_stopping = true;
        (void)pthread_cond_signal(&log->shared.has_dirty);
        (void)pthread_mutex_unlock(&log->shared.lock);
        (void)pthread_join(log->signer_thread, NULL);
        (void)cof_audit_sign(log, NULL);
    }
    log_free(log);
}

enum cof_status cof_audit_log_append(struct cof_audit_log *log,
                                     const struct cof_audit_record *record, uint64_t *out_seq,
                                     struct cof_error *err)
{
    struct cof_prepared prepared = {0};
    COF_TRY(cof_prepared_init(&prepared, record, log->keyring, cof_clock_wall_ns(log->clock),
                              log->random, err));
    enum cof_status status = append_prepared(log, &prepared, 1, out_seq, err);
    cof_prepared_deinit(&prepared);
    return status;
}

enum cof_status cof_audit_log_append_many(struct cof_audit_log *log,
                                          const struct cof_audit_record *records, size_t count,
                                          uint64_t *out_first_seq, struct cof_error *err)
{
    if (count == 0)
        return COF_FAIL(err, COF_INVALID, "no audit record is given");
    struct cof_prepared *prepared = cof_calloc(count, sizeof(*prepared));
    if (prepared == NULL)
        return COF_FAIL_MEMORY(err);
    size_t done = 0;
    enum cof_status status = COF_OK;
    int64_t now_ns = cof_clock_wall_ns(log->clock);
    for (; done < count && status == COF_OK; done++)
        status = cof_prepared_init(&prepared[done], &records[done], log->keyring, now_ns,
                                   log->random, err);
    if (status == COF_OK)
        status = append_prepared(log, prepared, count, out_first_seq, err);
    for (size_t i = 0; i < done; i++)
        cof_prepared_deinit(&prepared[i]);
    cof_free(prepared);
    return status;
}

bool cof_audit_log_has(const struct cof_audit_log *log, const uint8_t request_id[16],
                       enum cof_audit_event event)
{
    /* the lock is no part of what const promises */
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->shared.lock;
    (void)pthread_mutex_lock(lock);
    bool is_there = cof_recent_has(log->shared.recent, request_id, event);
    (void)pthread_mutex_unlock(lock);
    return is_there;
}

enum cof_status cof_audit_log_checkpoint(struct cof_audit_log *log, struct cof_buffer *out,
                                         struct cof_error *err)
{
    COF_TRY(cof_audit_sign(log, err));
    (void)pthread_mutex_lock(&log->signing.lock);
    cof_buffer_append(out, log->signing.newest.data, log->signing.newest.size);
    (void)pthread_mutex_unlock(&log->signing.lock);
    return cof_buffer_status(out, err);
}

uint64_t cof_audit_log_size(const struct cof_audit_log *log)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->shared.lock;
    (void)pthread_mutex_lock(lock);
    uint64_t size = log->shared.tree.size;
    (void)pthread_mutex_unlock(lock);
    return size;
}

bool cof_audit_log_is_healthy(const struct cof_audit_log *log)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->shared.lock;
    (void)pthread_mutex_lock(lock);
    bool is_healthy = !log->shared.has_failed;
    (void)pthread_mutex_unlock(lock);
    return is_healthy;
}
