/* The signer: full tiles, then a signed checkpoint in checkpoints.log, then in `checkpoint`.
 *
 * It works on what is durable and beside the writer, so no append waits for a checkpoint. */
#include "log_state.h"

#include <string.h>
#include <time.h>

#include <cof/base/file.h>

#include "checkpoints.h"

static enum cof_status write_tile(void *context, unsigned level, uint64_t index,
                                  const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                  struct cof_error *err)
{
    const struct cof_audit_log *log = context;
    return cof_tile_write(log->folder, level, index, hashes, err);
}

static enum cof_status grow_tiles(struct cof_audit_log *log, const struct cof_buffer *hashes,
                                  struct cof_error *err)
{
    for (size_t at = 0; at < hashes->size; at += sizeof(struct cof_merkle_hash)) {
        struct cof_merkle_hash hash;
        memcpy(&hash, hashes->data + at, sizeof(hash));
        COF_TRY(cof_tiles_append(&log->signing.tiles, &hash, write_tile, log, err));
    }
    return COF_OK;
}

static enum cof_status show_checkpoint(struct cof_audit_log *log,
                                       const struct cof_checkpoint *checkpoint,
                                       struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    cof_log_sign(&log->identity, log->keyring, checkpoint, &note);
    COF_TRY(cof_buffer_status(&note, err));
    COF_TRY(log->io->write_at(log->io->context, log->signing.log_fd, log->signing.log_size,
                              cof_buffer_bytes(&note), err));
    COF_TRY(log->io->sync(log->io->context, log->signing.log_fd, err));
    log->signing.log_size += note.size;
    COF_TRY(cof_path_join(path, log->folder, COF_CHECKPOINT_NAME, err));
    COF_TRY(cof_file_write_atomic(path, cof_buffer_bytes(&note), 0600, err));
    struct cof_buffer replaced = log->signing.newest;
    log->signing.newest = note;
    note = replaced;
    return COF_OK;
}

/* The caller holds signing.lock. */
static enum cof_status sign_durable(struct cof_audit_log *log, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer hashes = {0};
    struct cof_checkpoint checkpoint;
    (void)pthread_mutex_lock(&log->shared.lock);
    enum cof_status failure = cof_audit_failure(log, err);
    bool is_dirty = log->shared.tree.size != log->shared.signed_size;
    if (failure == COF_OK && is_dirty) {
        checkpoint.size = log->shared.tree.size;
        cof_merkle_root(&log->shared.tree, &checkpoint.root);
        hashes = log->shared.hashes;
        log->shared.hashes = (struct cof_buffer){0};
    }
    (void)pthread_mutex_unlock(&log->shared.lock);
    COF_TRY(failure);
    if (!is_dirty)
        return COF_OK;

    struct cof_error cause = {0};
    enum cof_status status = grow_tiles(log, &hashes, &cause);
    if (status == COF_OK)
        status = show_checkpoint(log, &checkpoint, &cause);
    if (status != COF_OK)
        cof_audit_fail(log, &cause);
    (void)pthread_mutex_lock(&log->shared.lock);
    if (status == COF_OK)
        log->shared.signed_size = checkpoint.size;
    status = cof_audit_failure(log, err);
    (void)pthread_mutex_unlock(&log->shared.lock);
    return status;
}

/* Waits until there is something to sign and a reason to sign it now; false when the log ends. */
static bool wait_for_leaves(struct cof_audit_log *log)
{
    struct timespec deadline;
    (void)pthread_mutex_lock(&log->shared.lock);
    while (!log->shared.is_signer_stopping &&
           (log->shared.has_failed || log->shared.tree.size == log->shared.signed_size))
        (void)pthread_cond_wait(&log->shared.has_dirty, &log->shared.lock);
    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += log->checkpoint_ms / 1000;
    deadline.tv_nsec += log->checkpoint_ms % 1000 * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    int result = 0;
    while (!log->shared.is_signer_stopping && result == 0 &&
           log->shared.tree.size - log->shared.signed_size < COF_AUDIT_CHECKPOINT_LEAVES)
        result = pthread_cond_timedwait(&log->shared.has_dirty, &log->shared.lock, &deadline);
    bool goes_on = !log->shared.is_signer_stopping;
    (void)pthread_mutex_unlock(&log->shared.lock);
    return goes_on;
}

enum cof_status cof_audit_sign(struct cof_audit_log *log, struct cof_error *err)
{
    (void)pthread_mutex_lock(&log->signing.lock);
    enum cof_status status = sign_durable(log, err);
    (void)pthread_mutex_unlock(&log->signing.lock);
    return status;
}

void *cof_audit_signer_run(void *context)
{
    struct cof_audit_log *log = context;
    while (wait_for_leaves(log))
        (void)cof_audit_sign(log, NULL);
    return NULL;
}
