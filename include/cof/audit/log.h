/* The audit log: an RFC 6962 Merkle tree over records, on files that only grow.
 *
 * `cof_audit_log_append` returns when the record is durable. One writer thread commits whatever
 * arrived during its last fdatasync in one write (group commit, no timer), so throughput grows with
 * load and an idle append costs one sync. After the first failed write or sync the log is closed
 * for good (fail closed, COF_UNAVAILABLE "audit log cannot be written: …; free space or mend the
 * disk, then restart"): a failed fsync is never retried (Rebello et al., USENIX ATC 2020).
 *
 * Signed checkpoints (C2SP tlog-checkpoint in a signed note, Ed25519) are written after at most
 * checkpoint_ms when there are new leaves, every 4096 leaves, and at close; the newest checkpoint
 * is made durable before it is shown. A checkpoint never covers a leaf that is not durable.
 *
 * Folder: `origin`, `vkey`, `seg/<first seq, 16 hex>.log` (frames, magic CAUD), `tile/…` (C2SP
 * tlog-tiles, the full tiles), `checkpoint`, `checkpoints.log`, `lock`. Formats:
 * docs/audit-format.md.
 *
 * Opening recovers: a torn tail beyond the newest checkpoint is cut off and a RECOVERY record
 * appended; anything inconsistent with the newest checkpoint is COF_CORRUPT and nothing is changed.
 */
#ifndef COF_AUDIT_LOG_H
#define COF_AUDIT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/audit/record.h>
#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>

struct cof_audit_log;

struct cof_audit_log_options {
    const char *folder; /* made if absent */
    const struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
    uint64_t max_segment_bytes; /* 0 = 64 MiB */
    long checkpoint_ms;         /* 0 = 1000 */
    /* Entries that the log held before, as somebody else remembers: opening one that holds fewer is
     * COF_CORRUPT and changes nothing. 0 = nothing is known. */
    uint64_t known_entry_count;
    cof_notice_fn notice; /* may be NULL */
    void *notice_context;
};

/* COF_CONFLICT when another process has the log open or it is another store's, COF_CORRUPT as
 * above, COF_IO. The keyring, the clock and the source of randomness outlive the log. */
COF_MUST_USE enum cof_status cof_audit_log_open(const struct cof_audit_log_options *options,
                                                struct cof_audit_log **out_log,
                                                struct cof_error *err);
/* Commits what waits, writes the last checkpoint, joins the writer. NULL is fine. */
void cof_audit_log_close(struct cof_audit_log *log);

/* Appends one record and waits until it is durable. Any thread. out_seq may be NULL. COF_INVALID
 * (unknown event, text that is not UTF-8), COF_TOO_LARGE (too many resources or results, over 16
 * MiB of text), COF_NO_MEMORY, and COF_UNAVAILABLE when the log has failed or is closing. */
COF_MUST_USE enum cof_status cof_audit_log_append(struct cof_audit_log *log,
                                                  const struct cof_audit_record *record,
                                                  uint64_t *out_seq, struct cof_error *err);
/* Appends several in order, durable together. out_first_seq may be NULL. */
COF_MUST_USE enum cof_status cof_audit_log_append_many(struct cof_audit_log *log,
                                                       const struct cof_audit_record *records,
                                                       size_t count, uint64_t *out_first_seq,
                                                       struct cof_error *err);

/* True when a record with this request id and event is among the newest 65,536 leaves, or was
 * found in the log's last segments at open: the outbox asks before it appends again. */
bool cof_audit_log_has(const struct cof_audit_log *log, const uint8_t request_id[16],
                       enum cof_audit_event event);

/* Signs a checkpoint over everything durable now (if newer than the last) and appends the signed
 * note to `out`. */
COF_MUST_USE enum cof_status cof_audit_log_checkpoint(struct cof_audit_log *log,
                                                      struct cof_buffer *out,
                                                      struct cof_error *err);
uint64_t cof_audit_log_size(const struct cof_audit_log *log); /* durable leaves */
/* True when appends can succeed; false after the log failed closed. For /readyz. */
bool cof_audit_log_is_healthy(const struct cof_audit_log *log);

/* One decoded record with its leaf's facts; views live in the arena. */
struct cof_audit_entry {
    uint64_t seq;
    struct cof_audit_record record; /* payload fields empty when the payload cannot be opened */
    bool has_payload;               /* the leaf names one, opened or not */
};
/* Reads [first, first + count) clipped to the complete entries in the folder, in order, into the
 * arena. With a keyring the payloads are opened; `keyring` NULL leaves them sealed. Works on the
 * folder alone, beside a running server. COF_NOT_FOUND when there is no log, COF_CORRUPT when an
 * entry on the way is damaged. */
COF_MUST_USE enum cof_status cof_audit_read(const char *folder, const struct cof_keyring *keyring,
                                            uint64_t first, size_t count, struct cof_arena *arena,
                                            struct cof_audit_entry **out_entries, size_t *out_count,
                                            struct cof_error *err);
/* Complete leaves in the folder's segments right now (a torn tail is not counted). */
COF_MUST_USE enum cof_status cof_audit_count(const char *folder, uint64_t *out_count,
                                             struct cof_error *err);

#endif
