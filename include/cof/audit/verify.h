/* Offline verification of an audit folder: files and the public key, nothing else.
 *
 * Checks every frame, the payload hash bound into each leaf, sequence numbers, the Merkle root and
 * signature of every checkpoint in checkpoints.log, that each extends the one before, and the
 * tiles. Takes no lock: beside a running server it verifies up to the newest checkpoint it reads
 * first. */
#ifndef COF_AUDIT_VERIFY_H
#define COF_AUDIT_VERIFY_H

#include <stdint.h>

#include <cof/base/status.h>

enum cof_audit_verdict {
    COF_AUDIT_SOUND = 0,     /* exit code 0 */
    COF_AUDIT_TAMPERED = 2,  /* a byte, an order or a signature is not what was signed */
    COF_AUDIT_TRUNCATED = 3, /* fewer entries than a signed checkpoint covers */
    COF_AUDIT_TORN_TAIL = 4, /* only unsigned bytes at the end are incomplete (a crash) */
};

struct cof_audit_report {
    enum cof_audit_verdict verdict;
    uint64_t entry_count;     /* complete entries found */
    uint64_t checkpoint_size; /* entries covered by the newest valid checkpoint */
    uint64_t checkpoint_count;
    uint64_t payload_count; /* sealed payloads whose hash was checked */
    uint64_t first_bad_seq; /* UINT64_MAX = none */
    uint8_t root[32];       /* of the newest checkpoint */
    char message[240];      /* one sentence for people */
};

/* `vkey_path` NULL = the folder's own `vkey`; an auditor passes the copy he kept. A status other
 * than COF_OK means that verification could not be done (folder unreadable, no vkey; COF_CONFLICT:
 * a log of a newer format). */
COF_MUST_USE enum cof_status cof_audit_verify(const char *folder, const char *vkey_path,
                                              struct cof_audit_report *out_report,
                                              struct cof_error *err);

/* The same, and that the log still holds what `checkpoint_path` covers, a signed checkpoint that
 * was kept elsewhere (GET /v1/audit/checkpoint): TRUNCATED when it has fewer entries, TAMPERED when
 * others. COF_INVALID when the file is no checkpoint of this log's key. Without such a copy a log
 * that was taken back whole to an earlier state is sound in itself. NULL = none was kept. */
COF_MUST_USE enum cof_status cof_audit_verify_against(const char *folder, const char *vkey_path,
                                                      const char *checkpoint_path,
                                                      struct cof_audit_report *out_report,
                                                      struct cof_error *err);

#endif
