/* What the index remembers of a document: everything but its words and vectors, in one block. */
#ifndef COF_INDEX_INDEX_DOCUMENT_H
#define COF_INDEX_INDEX_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/index/attributes.h>
#include <cof/index/collection_index.h>
#include <cof/store/document.h>

#include "language.h"

struct cof_segment;

struct cof_index_document {
    struct cof_indexed_document seen; /* what a permission or filter looks at */
    struct cof_acl acl;
    struct cof_text title;
    uint64_t first_chunk_id;
    uint32_t chunk_count;
    enum cof_language language;
    struct cof_segment *segment; /* NULL when there are no chunks, or none yet */
    uint32_t first_ordinal;      /* in that segment */
    bool awaits_put;             /* an update came before the first put: nothing to search yet */
    struct cof_index_document *pending; /* an update that came before the put of a later version */
};

/* Copies number, version, chunks, title, attributes and ACL. COF_INVALID for attributes that are
 * none. The rest is zero. */
COF_MUST_USE enum cof_status cof_index_document_create(const struct cof_document *document,
                                                       struct cof_index_document **out_document,
                                                       struct cof_error *err);
/* With what is pending on it. */
void cof_index_document_destroy(struct cof_index_document *document);
size_t cof_index_document_memory_bytes(const struct cof_index_document *document);

#endif
