/* Shared by the files of the ingester: one document on its way, and its steps. */
#ifndef COF_INGEST_INGEST_PRIVATE_H
#define COF_INGEST_INGEST_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/ingest/ingest.h>

#include "claims.h"

#define COF_MAX_UNINDEXED 1024
/* Chunks in one call: what their vectors take in memory. */
#define COF_MAX_CALL_CHUNKS ((size_t)65536)

/* Documents that are stored but that the index could not take for want of memory. Putting one again
 * mends it. */
struct cof_unindexed {
    pthread_mutex_t lock;
    uint64_t keys[COF_MAX_UNINDEXED]; /* as of claims */
    size_t count;
    bool is_over; /* there were more: any document may be one */
};

struct cof_ingester {
    struct cof_ingester_options options; /* with defaults filled in */
    struct cof_claims claims;
    struct cof_unindexed unindexed;
};

/* One document of a call. */
struct cof_ingest_item {
    const struct cof_ingest_document *document;
    struct cof_arena arena; /* of all that follows */
    struct cof_text external_id;
    struct cof_text media_type;
    struct cof_text title; /* given, or the parser's, or the stored one */
    uint8_t content_hash[32];
    bool is_repeated; /* an earlier document of this call has the same id */
    bool has_content; /* it must be parsed, embedded and written */
    bool is_prepared; /* its chunks are made */
    struct cof_chunk_write *chunks;
    size_t chunk_count;
    struct cof_text *texts; /* to be embedded, one for each chunk */
    float *vectors;         /* NULL = not embedded yet */
    bool is_in_batch;       /* of the round of embedding that is under way */
    size_t token_count;
    enum cof_status status; /* why it fails, alone or with the whole call */
    struct cof_error error;
};

/* A call of cof_ingest_put. */
struct cof_ingest_call {
    struct cof_ingester *ingester;
    uint64_t collection_number;
    struct cof_collection collection;
    struct cof_collection_index *index;
    const struct cof_cancel *cancel;
    struct cof_ingest_item *items;
    size_t count;
    struct cof_arena arena; /* of vectors and the like */
};

/* ---- ingest_prepare.c ---- */

/* Whether this status fails a document alone and not the whole call. */
bool cof_ingest_fails_alone(enum cof_status status);
/* Checks the labels and makes id, media type and content hash; says in has_content whether the
 * stored document differs. */
void cof_ingest_identify(const struct cof_ingest_call *call, struct cof_ingest_item *item);
/* Parses and chunks. */
void cof_ingest_prepare(const struct cof_ingest_call *call, struct cof_ingest_item *item);
/* Whether a document that was thought to be stored with this content still is. */
COF_MUST_USE enum cof_status cof_ingest_is_current(const struct cof_ingest_call *call,
                                                   struct cof_ingest_item *item,
                                                   bool *out_is_current, struct cof_error *err);

/* ---- ingest_index.c ---- */

bool cof_unindexed_has(struct cof_unindexed *unindexed, uint64_t key);
/* Tells the index what the store did with the item. A failure turns the outcome into
 * COF_WRITE_FAILED with an error that says that the document is stored. */
void cof_ingest_apply(const struct cof_ingest_call *call, const struct cof_ingest_item *item,
                      struct cof_write_outcome *outcome);

#endif
