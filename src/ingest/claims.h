/* Which documents are being written right now: nobody else may write them meanwhile.
 *
 * A call claims all of its documents at once or waits, so two calls cannot wait for each other. It
 * holds them from the last look at what is stored until the index knows what was written: that
 * takes as long as a commit, not as long as embedding. */
#ifndef COF_INGEST_CLAIMS_H
#define COF_INGEST_CLAIMS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

struct cof_claim {
    uint64_t *keys; /* of the caller, sorted by cof_claims_take */
    size_t count;
    struct cof_claim *next;
};

struct cof_claims {
    pthread_mutex_t lock;
    pthread_cond_t is_released;
    struct cof_claim *held;
};

void cof_claims_init(struct cof_claims *claims);
void cof_claims_deinit(struct cof_claims *claims);

/* Stands for a document; two documents with one key only wait for each other without need. */
uint64_t cof_claim_key(uint64_t collection, struct cof_text external_id);

/* Waits until none of the documents is claimed by another. `claim` is the caller's until released.
 */
void cof_claims_take(struct cof_claims *claims, struct cof_claim *claim);
void cof_claims_release(struct cof_claims *claims, struct cof_claim *claim);

#endif
