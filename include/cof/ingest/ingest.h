/* Documents → stored and searchable, in one call.
 *
 * parse → chunk → embed (all documents of the call in packed batches) → store (one group-committed
 * transaction) → index. Each document is whole or not at all; one that fails does not stop the
 * others. The same content again is recognised by its keyed hash and costs neither parsing nor
 * embedding. When the call returns, what it acknowledges is durable and found by the next search.
 *
 * Any thread; parallel calls share the group commit. */
#ifndef COF_INGEST_INGEST_H
#define COF_INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/clock.h>
#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>
#include <cof/index/index_set.h>
#include <cof/ingest/parser.h>
#include <cof/store/store.h>

struct cof_ingest_document {
    struct cof_text external_id; /* empty = made from filename (cof_store_path_id) */
    struct cof_text title;       /* cleaned; empty = the parser's, or the stored one when the
                                  * content is the same. A new title alone embeds nothing */
    struct cof_text filename;    /* may be empty */
    struct cof_text media_type;  /* empty = by filename, else text/plain */
    struct cof_bytes source;
    struct cof_text attributes; /* flat JSON object as text; empty = none */
    struct cof_acl acl;
};

struct cof_ingest_result {
    struct cof_text external_id; /* in the arena */
    struct cof_write_outcome outcome;
    size_t token_count; /* embedded now; 0 when nothing was */
};

struct cof_ingester_options {
    struct cof_parser *parser;
    struct cof_embedder *embedder;
    struct cof_store *store;
    struct cof_index_set *indexes;
    struct cof_pool *pool; /* parsing and chunking in parallel; NULL = calling thread */
    const struct cof_clock *clock;
    size_t max_document_bytes; /* 0 = 64 MiB */
    size_t max_chunks;         /* per document; 0 = 20,000 */
};
struct cof_ingester;
COF_MUST_USE enum cof_status cof_ingester_create(const struct cof_ingester_options *options,
                                                 struct cof_ingester **out_ingester,
                                                 struct cof_error *err);
void cof_ingester_destroy(struct cof_ingester *ingester);

/* Puts count documents (1 … 1024) into one collection. `outbox` makes the one audit record of the
 * call. out_results has room for count. Fails as a whole only with COF_NOT_FOUND (collection),
 * COF_CONFLICT (the collection was embedded by another model: both named), COF_UNAVAILABLE,
 * COF_CANCELED, COF_NO_MEMORY; then nothing was stored.
 * A document that is stored but that the index could not take (out of memory) is COF_WRITE_FAILED
 * with COF_UNAVAILABLE and says so; putting it again, or a restart, mends it. When every document
 * failed before the store, the store is not called and the outbox not run. Of documents with one id
 * in a call the last wins. */
COF_MUST_USE enum cof_status cof_ingest_put(
    struct cof_ingester *ingester, uint64_t collection, const struct cof_ingest_document *documents,
    size_t count, const struct cof_outbox *outbox, const struct cof_cancel *cancel,
    struct cof_arena *arena, struct cof_ingest_result *out_results, struct cof_error *err);
/* Deletes from store and index. COF_NOT_FOUND. */
COF_MUST_USE enum cof_status cof_ingest_delete(struct cof_ingester *ingester, uint64_t collection,
                                               struct cof_text external_id,
                                               const struct cof_outbox *outbox,
                                               struct cof_write_outcome *out_outcome,
                                               struct cof_error *err);

#endif
