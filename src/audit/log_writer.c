/* The writer: whatever arrived during the last sync becomes the next group, one write and one sync.
 *
 * A request is answered when its records are durable, or when it is known that they will not be. */
#include "log_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "segment.h"

/* A group ends behind the request that makes it this large. */
#define GROUP_BYTES ((size_t)8 << 20)

static void answer(struct cof_append_request *request, enum cof_status status,
                   const struct cof_error *err)
{
    request->status = status;
    if (status != COF_OK)
        request->err = *err;
    (void)sem_post(&request->done); /* the request is the caller's again */
}

static void answer_all(struct cof_append_request *first, const struct cof_append_request *end,
                       enum cof_status status, const struct cof_error *err)
{
    while (first != end) {
        struct cof_append_request *next = first->next;
        answer(first, status, err);
        first = next;
    }
}

static void append_record(struct cof_audit_log *log, struct cof_prepared *prepared, uint64_t seq)
{
    struct cof_merkle_hash hash;
    prepared->leaf.seq = seq;
    cof_buffer_clear(&log->writer.leaf);
    cof_leaf_append(&log->writer.leaf, &prepared->leaf);
    const struct cof_bytes leaf = cof_buffer_bytes(&log->writer.leaf);
    if (log->writer.leaf.has_failed) {
        log->writer.group.has_failed = true;
        return;
    }
    cof_frame_append(&log->writer.group, COF_FRAME_LEAF, seq, leaf);
    if (prepared->payload.size > 0)
        cof_frame_append(&log->writer.group, COF_FRAME_PAYLOAD, seq,
                         cof_buffer_bytes(&prepared->payload));
    cof_merkle_leaf_hash(leaf, &hash);
    cof_buffer_append(&log->writer.hashes, &hash, sizeof(hash));
}

/* Gathers requests from `first`; *out_end is the first one left out. */
static enum cof_status gather(struct cof_audit_log *log, struct cof_append_request *first,
                              bool is_new_segment, struct cof_append_request **out_end,
                              struct cof_error *err)
{
    uint64_t seq = log->writer.next_seq;
    struct cof_append_request *request = first;
    cof_buffer_clear(&log->writer.group);
    cof_buffer_clear(&log->writer.hashes);
    if (is_new_segment)
        cof_segment_append_head(&log->writer.group, log->identity.store_uuid, seq);
    for (; request != NULL && log->writer.group.size < GROUP_BYTES; request = request->next) {
        request->first_seq = seq;
        for (size_t i = 0; i < request->count; i++)
            append_record(log, &request->prepared[i], seq++);
    }
    *out_end = request;
    COF_TRY(cof_buffer_status(&log->writer.hashes, err));
    return cof_buffer_status(&log->writer.group, err);
}

/* So that nothing can fail any more once the group is durable. */
static enum cof_status reserve_hashes(struct cof_audit_log *log, struct cof_error *err)
{
    (void)pthread_mutex_lock(&log->shared.lock);
    cof_buffer_reserve(&log->shared.hashes, log->writer.hashes.size);
    enum cof_status status = cof_buffer_status(&log->shared.hashes, err);
    log->shared.hashes.has_failed = false; /* what it holds is whole */
    (void)pthread_mutex_unlock(&log->shared.lock);
    return status;
}

static enum cof_status begin_segment(struct cof_audit_log *log, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_segment_path(log->folder, log->writer.next_seq, path, err));
    log->writer.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    log->writer.segment_size = 0;
    if (log->writer.fd < 0)
        return COF_FAIL(err, COF_IO, "cannot create '%.160s': %s", path, strerror(errno));
    return COF_OK;
}

static enum cof_status write_group(struct cof_audit_log *log, bool is_new_segment,
                                   struct cof_error *err)
{
    char folder[COF_MAX_PATH];
    if (is_new_segment)
        COF_TRY(begin_segment(log, err));
    COF_TRY(log->io->write_at(log->io->context, log->writer.fd, log->writer.segment_size,
                              cof_buffer_bytes(&log->writer.group), err));
    COF_TRY(log->io->sync(log->io->context, log->writer.fd, err));
    if (is_new_segment) {
        COF_TRY(cof_path_join(folder, log->folder, COF_SEGMENT_FOLDER, err));
        COF_TRY(cof_folder_sync(folder, err));
    }
    return COF_OK;
}

static void publish_group(struct cof_audit_log *log, const struct cof_append_request *first,
                          const struct cof_append_request *end)
{
    size_t count = log->writer.hashes.size / sizeof(struct cof_merkle_hash);
    (void)pthread_mutex_lock(&log->shared.lock);
    bool was_clean = log->shared.tree.size == log->shared.signed_size;
    for (size_t i = 0; i < count; i++) {
        struct cof_merkle_hash hash;
        memcpy(&hash, log->writer.hashes.data + i * sizeof(hash), sizeof(hash));
        cof_merkle_append(&log->shared.tree, &hash);
    }
    cof_buffer_append(&log->shared.hashes, log->writer.hashes.data, log->writer.hashes.size);
    for (const struct cof_append_request *request = first; request != end;
         request = request->next) {
        for (size_t i = 0; i < request->count; i++)
            cof_recent_add(log->shared.recent, request->prepared[i].leaf.request_id,
                           request->prepared[i].leaf.event);
    }
    uint64_t unsigned_count = log->shared.tree.size - log->shared.signed_size;
    if (was_clean || unsigned_count >= COF_AUDIT_CHECKPOINT_LEAVES)
        (void)pthread_cond_signal(&log->shared.has_dirty);
    (void)pthread_mutex_unlock(&log->shared.lock);
    log->writer.next_seq += count;
    log->writer.segment_size += log->writer.group.size;
}

/* Commits a group from the front of `first` and answers it; returns the requests left over. */
static struct cof_append_request *commit_group(struct cof_audit_log *log,
                                               struct cof_append_request *first)
{
    struct cof_error err = {0};
    struct cof_append_request *end = NULL;
    if (log->writer.fd >= 0 && log->writer.segment_size >= log->max_segment_bytes)
        cof_fd_close(&log->writer.fd);
    bool is_new_segment = log->writer.fd < 0;
    enum cof_status status = gather(log, first, is_new_segment, &end, &err);
    if (status == COF_OK)
        status = reserve_hashes(log, &err);
    if (status != COF_OK) { /* out of memory: nothing was written, the next may succeed */
        answer_all(first, end, status, &err);
        return end;
    }
    status = write_group(log, is_new_segment, &err);
    if (status != COF_OK) {
        cof_audit_fail(log, &err);
        (void)pthread_mutex_lock(&log->shared.lock);
        status = cof_audit_failure(log, &err);
        (void)pthread_mutex_unlock(&log->shared.lock);
        answer_all(first, NULL, status, &err);
        return NULL;
    }
    publish_group(log, first, end);
    answer_all(first, end, COF_OK, NULL);
    return end;
}

/* Everything that waits; NULL when the log closes and nothing does. */
static struct cof_append_request *take_requests(struct cof_audit_log *log)
{
    (void)pthread_mutex_lock(&log->shared.lock);
    while (log->shared.first == NULL && !log->shared.is_closing)
        (void)pthread_cond_wait(&log->shared.has_work, &log->shared.lock);
    struct cof_append_request *first = log->shared.first;
    log->shared.first = NULL;
    log->shared.last = &log->shared.first;
    (void)pthread_mutex_unlock(&log->shared.lock);
    return first;
}

static void answer_failed(struct cof_audit_log *log, struct cof_append_request *first)
{
    struct cof_error err;
    (void)pthread_mutex_lock(&log->shared.lock);
    enum cof_status status = cof_audit_failure(log, &err);
    (void)pthread_mutex_unlock(&log->shared.lock);
    answer_all(first, NULL, status, &err);
}

void *cof_audit_writer_run(void *context)
{
    struct cof_audit_log *log = context;
    for (;;) {
        struct cof_append_request *requests = take_requests(log);
        if (requests == NULL)
            return NULL;
        while (requests != NULL && cof_audit_log_is_healthy(log))
            requests = commit_group(log, requests);
        answer_failed(log, requests);
    }
}
