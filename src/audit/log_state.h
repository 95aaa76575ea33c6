/* The inside of an open log, shared by its writer, its signer and its public face.
 *
 * One writer thread owns the segment file; one signer thread (or whoever asks for a checkpoint)
 * holds `signing.lock`. What both and the callers see lies in `shared`. Locks are taken in the
 * order signing, shared. */
#ifndef COF_AUDIT_LOG_STATE_PRIVATE_H
#define COF_AUDIT_LOG_STATE_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <cof/audit/log.h>
#include <cof/base/file.h>

#include "identity.h"
#include "leaf.h"
#include "merkle.h"
#include "recent.h"
#include "tiles.h"

/* So many unsigned leaves are signed at once, without waiting for checkpoint_ms. */
#define COF_AUDIT_CHECKPOINT_LEAVES 4096

/* Writing and syncing, so that a test can make them fail. */
struct cof_audit_io {
    void *context;
    enum cof_status (*write_at)(void *context, int fd, uint64_t offset, struct cof_bytes bytes,
                                struct cof_error *err);
    enum cof_status (*sync)(void *context, int fd, struct cof_error *err);
};

/* As cof_audit_log_open() with another way to write; `io` outlives the log. */
COF_MUST_USE enum cof_status cof_audit_log_open_with(const struct cof_audit_log_options *options,
                                                     const struct cof_audit_io *io,
                                                     struct cof_audit_log **out_log,
                                                     struct cof_error *err);

/* Records of one caller, on his stack until `done` is posted. */
struct cof_append_request {
    struct cof_prepared *prepared;
    size_t count;
    struct cof_append_request *next;
    sem_t done;
    uint64_t first_seq;
    enum cof_status status;
    struct cof_error err;
};

struct cof_audit_log {
    char folder[COF_MAX_PATH];
    const struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
    uint64_t max_segment_bytes;
    long checkpoint_ms;
    cof_notice_fn notice;
    void *notice_context;
    const struct cof_audit_io *io;
    struct cof_log_identity identity;
    int lock_fd;
    bool has_threads;
    pthread_t writer_thread;
    pthread_t signer_thread;

    struct {
        pthread_mutex_t lock;
        pthread_cond_t has_work;  /* the writer waits for requests */
        pthread_cond_t has_dirty; /* the signer waits for leaves */
        struct cof_append_request *first;
        struct cof_append_request **last;
        bool is_closing;         /* no more requests are taken */
        bool is_signer_stopping; /* the writer has ended */
        bool has_failed;
        struct cof_error failure;
        struct cof_merkle tree;   /* over the durable leaves */
        struct cof_buffer hashes; /* of the durable leaves that no tile holds yet */
        struct cof_recent *recent;
        uint64_t signed_size;
    } shared;

    struct {    /* the writer's alone */
        int fd; /* -1 = the next group begins a segment */
        uint64_t segment_size;
        uint64_t next_seq;
        struct cof_buffer group;
        struct cof_buffer leaf;
        struct cof_buffer hashes; /* of the group's leaves */
    } writer;

    struct {
        pthread_mutex_t lock;
        struct cof_tiles tiles;
        int log_fd; /* checkpoints.log */
        uint64_t log_size;
        struct cof_buffer newest; /* the newest note */
    } signing;
};

/* Thread bodies; `context` is the log. */
void *cof_audit_writer_run(void *context);
void *cof_audit_signer_run(void *context);

/* Signs what is durable, unless it is signed already. A failure has closed the log and was noticed
 * when this returns, so the status is only for who waits for the checkpoint. */
enum cof_status cof_audit_sign(struct cof_audit_log *log, struct cof_error *err);

/* Closes the log for good; the first failure is the one that is told. Takes shared.lock. */
void cof_audit_fail(struct cof_audit_log *log, const struct cof_error *cause);
/* What appends are answered after that; the caller holds shared.lock. */
COF_MUST_USE enum cof_status cof_audit_failure(const struct cof_audit_log *log,
                                               struct cof_error *err);

#endif
