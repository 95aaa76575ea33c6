/* What is found of a log when it is opened, checked against its newest checkpoint.
 *
 * Only the end is read: the frontier comes from the tiles, then the entries behind the last full
 * tile, and enough segments before them to know the newest request ids. Earlier entries are
 * verify's matter. */
#ifndef COF_AUDIT_RECOVER_PRIVATE_H
#define COF_AUDIT_RECOVER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>

#include "checkpoints.h"
#include "identity.h"
#include "merkle.h"
#include "recent.h"
#include "tiles.h"

struct cof_recovery {
    struct cof_merkle tree;          /* over every complete entry */
    struct cof_tiles tiles;          /* their edge, up to the last full level-0 tile signed */
    struct cof_buffer hashes;        /* of the leaves behind that */
    struct cof_checkpoint signed_at; /* the newest checkpoint */
    struct cof_recent *recent;
    bool has_segment; /* that can be appended to */
    uint64_t segment_first_seq;
    uint64_t segment_size;
    uint64_t cut_bytes; /* of a torn tail */
    bool has_rebuilt_tiles;
};

/* Reads, checks and, when everything fits, mends: cuts the torn tail off, and what a crash left
 * unfinished of the checkpoints. COF_CORRUPT, with nothing changed, when the entries do not fit the
 * newest checkpoint, or are fewer than known_entry_count. `recent` is filled for the caller to own.
 */
COF_MUST_USE enum cof_status cof_recover(const char *folder,
                                         const struct cof_log_identity *identity,
                                         const struct cof_keyring *keyring,
                                         uint64_t known_entry_count,
                                         struct cof_recovery *out_recovery, struct cof_error *err);
void cof_recovery_deinit(struct cof_recovery *recovery);

#endif
