/* Where a hit or a citation comes from, as clients read it: shared by search and chat. */
#ifndef COF_API_HITS_H
#define COF_API_HITS_H

#include <stddef.h>

#include <cof/base/json.h>

#include "request.h"

/* The collections of one request: internal numbers and the ids that clients know. */
struct cof_stores {
    const struct cof_text *names; /* as the client gave them */
    size_t count;
    uint64_t *numbers; /* filled when there are several */
    struct cof_text *ids;
};

/* Looks up what replies need to name: nothing when one id was given, else each one. */
COF_MUST_USE enum cof_status cof_stores_resolve(struct cof_request *request,
                                                const struct cof_text *names, size_t count,
                                                struct cof_stores *out_stores,
                                                struct cof_error *err);
/* The public id of a collection; empty when unknown. */
struct cof_text cof_stores_id(const struct cof_stores *stores, uint64_t number);

/* "chunk_id": "123" — a string, because it may be beyond what JavaScript counts. */
void cof_put_chunk_id(struct cof_json_writer *writer, uint64_t chunk_id);
/* "byte_range": [begin, end] */
void cof_put_byte_range(struct cof_json_writer *writer, uint64_t begin, uint64_t end);
/* "url": "/v1/documents/…?vector_store_id=…" */
void cof_put_document_url(struct cof_json_writer *writer, struct cof_text document_id,
                          struct cof_text store_id);

#endif
