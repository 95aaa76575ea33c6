/* The searchable form of one collection: vectors and words over the same documents, in memory,
 * rebuilt from the store at any time.
 *
 * Vectors lie in segments: one small mutable one (exact scan) and immutable ones that a background
 * job builds (hnsw) when the mutable one is full; a search runs over all of them. Words are BM25
 * (Robertson & Zaragoza 2009; k1 1.2, b 0.75) over title, heading and body; UAX #29 words, NFKC
 * case-folded, CJK as unigrams and bigrams. Deleted chunks are tombstones that no search returns.
 *
 * Any thread may call any function. Writers exclude each other; a search sees a document whole, in
 * one version, or not at all. Puts may arrive out of order: an older version than the one known, or
 * any version of a deleted document, is ignored (document numbers are never used again). */
#ifndef COF_INDEX_COLLECTION_INDEX_H
#define COF_INDEX_COLLECTION_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/index/attributes.h>
#include <cof/index/vector_index.h>
#include <cof/store/document.h>

struct cof_collection_index;

struct cof_collection_index_options {
    size_t dimension;
    size_t seal_count; /* vectors in the mutable segment before it is sealed; 0 = 16,384 */
    const struct cof_vector_index_ops *sealed_ops; /* NULL = hnsw */
    struct cof_pool *background; /* builds run there; NULL = on the writing thread */
    cof_notice_fn notice;        /* may be NULL */
    void *notice_context;
};
COF_MUST_USE enum cof_status cof_collection_index_create(
    const struct cof_collection_index_options *options, struct cof_collection_index **out_index,
    struct cof_error *err);
/* Waits for a build in flight. NULL is fine. */
void cof_collection_index_destroy(struct cof_collection_index *index);

/* Everything is copied. `document` gives number, version, first_chunk_id, chunk_count, title,
 * attributes and ACL; vectors are chunk_count * dimension. */
COF_MUST_USE enum cof_status cof_collection_index_put(struct cof_collection_index *index,
                                                      const struct cof_document *document,
                                                      const struct cof_chunk *chunks,
                                                      const float *vectors, struct cof_error *err);
/* The same version with other attributes, ACL or title: chunks and vectors stay. An update that
 * comes before the put of its version is kept and applied with it. */
COF_MUST_USE enum cof_status cof_collection_index_update(struct cof_collection_index *index,
                                                         const struct cof_document *document,
                                                         struct cof_error *err);
COF_MUST_USE enum cof_status cof_collection_index_delete(struct cof_collection_index *index,
                                                         uint64_t document_number,
                                                         struct cof_error *err);

/* What a permission or filter looks at. Borrowed during the callback. */
struct cof_indexed_document {
    uint64_t number;
    uint32_t version;
    const struct cof_attributes *attributes;
    const struct cof_acl *acl;
};
/* Called once per document and search; must not call this index. */
typedef bool (*cof_permit_fn)(void *context, const struct cof_indexed_document *document);

/* One candidate of one half. */
struct cof_candidate {
    uint64_t chunk_id;
    uint64_t document_number;
    uint32_t version;
    uint32_t chunk_index;
    float score; /* of the half that found it: inner product, or BM25 */
    float
        coverage; /* share of the query's weight (idf) that the chunk has, 0 … 1; 0 without words */
    /* Both, whichever half found it; NAN where the query has no such half. */
    float vector_score;
    float word_score;
};

struct cof_index_query {
    const float *vector;   /* NULL = no vector half */
    struct cof_text words; /* empty = no lexical half; any text: it is analysed like a document */
    size_t k;              /* candidates wanted of each half */
    cof_permit_fn permit;  /* NULL = everything is permitted */
    void *permit_context;
    bool must_be_exact; /* exact scan of every segment */
    const struct cof_cancel *cancel;
};

struct cof_index_result {
    struct cof_candidate *vector_candidates; /* score descending, then chunk id */
    size_t vector_count;
    struct cof_candidate *word_candidates;
    size_t word_count;
    /* The BM25 that no chunk can exceed: every word of the query, endlessly often. 0 without words.
     */
    float greatest_word_score;
    /* For the trace. */
    uint64_t chunk_count;     /* alive in the collection */
    uint64_t permitted_count; /* chunks permitted; chunk_count when permit is NULL */
    const char *plan;         /* "exact", "hnsw", "exact over permitted" … */
    int64_t permit_ns, vector_ns, word_ns;
};

/* Both halves over one consistent state, the permitted set computed once and applied inside both
 * scans: full k whenever k permitted chunks exist. Results live in the arena. IDF and lengths are
 * those of the collection. COF_INVALID for a vector of NaN or infinity. */
COF_MUST_USE enum cof_status cof_collection_index_search(struct cof_collection_index *index,
                                                         const struct cof_index_query *query,
                                                         struct cof_arena *arena,
                                                         struct cof_index_result *out_result,
                                                         struct cof_error *err);

/* Adds to each frequency how many living chunks hold the word, whoever may read them; of a text of
 * several words the rarest counts. Scratch in the arena. */
COF_MUST_USE enum cof_status cof_collection_index_count_words(
    struct cof_collection_index *index, const struct cof_text *words, size_t word_count,
    struct cof_arena *arena, uint64_t *frequencies, struct cof_error *err);

struct cof_collection_index_stats {
    uint64_t document_count;
    uint64_t chunk_count;
    uint64_t tombstone_count;
    size_t segment_count;
    size_t memory_bytes;
};
void cof_collection_index_stats_get(struct cof_collection_index *index,
                                    struct cof_collection_index_stats *out_stats);

#endif
