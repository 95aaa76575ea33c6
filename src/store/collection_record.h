/* What collection and usage rows hold, as deterministic CBOR arrays (docs/store-format.md). */
#ifndef COF_STORE_COLLECTION_RECORD_H
#define COF_STORE_COLLECTION_RECORD_H

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/store/document.h>

/* The part of a collection that every write changes: a row of its own, so that the rest is
 * not rewritten each time. */
struct cof_usage {
    uint64_t document_count;
    uint64_t chunk_count;
    uint64_t source_bytes;
    int64_t last_active_ns;
};

/* All but the usage and the number, which is in the row's key. */
void cof_collection_record_encode(const struct cof_collection *collection, struct cof_buffer *out);
/* Views point into the plaintext. */
COF_MUST_USE enum cof_status cof_collection_record_decode(struct cof_bytes plaintext,
                                                          struct cof_collection *out_collection,
                                                          struct cof_error *err);
void cof_usage_encode(const struct cof_usage *usage, struct cof_buffer *out);
COF_MUST_USE enum cof_status cof_usage_decode(struct cof_bytes plaintext,
                                              struct cof_usage *out_usage, struct cof_error *err);

#endif
