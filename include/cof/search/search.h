/* Question → permitted hits, with the trace that is recorded.
 *
 * Vector half and lexical half run over the permitted chunks only (access list and filter inside
 * the scan), are fused, threshold and k applied, and the texts read and unsealed at the end; a
 * document that was replaced meanwhile is dropped and the next candidate takes its place. A hit
 * that the caller may not read never leaves this folder: the access list is checked again on the
 * document that was actually read.
 *
 * A second stage, where it is asked for, lets a reranker read the best hits within a budget of time
 * and blends its scores with the first stage's.
 *
 * Any thread. Results live in the arena. */
#ifndef COF_SEARCH_SEARCH_H
#define COF_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/auth/auth.h>
#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>
#include <cof/embedder/query_cache.h>
#include <cof/embedder/reranker.h>
#include <cof/index/attributes.h>
#include <cof/index/index_set.h>
#include <cof/store/store.h>

enum cof_search_mode {
    COF_SEARCH_HYBRID = 0,
    COF_SEARCH_VECTOR,
    COF_SEARCH_LEXICAL,
};

enum cof_fusion {
    COF_FUSION_WEIGHTED = 0, /* each half normalised over its candidates (z-score), weighted sum */
    COF_FUSION_RRF,          /* reciprocal rank, k = 60 (Cormack et al., SIGIR 2009) */
};

#define COF_SEARCH_MAX_K 100
#define COF_SEARCH_MAX_QUERY_BYTES 32768

struct cof_search_request {
    const uint64_t *collections; /* numbers; hits of several are fused into one list */
    size_t collection_count;     /* at most 16 */
    struct cof_text query;       /* may be empty when query_vector is given */
    const float *query_vector;   /* dimension floats, normalised by us; NULL = embed the query */
    size_t query_vector_count;
    size_t k; /* 1 … COF_SEARCH_MAX_K */
    enum cof_search_mode mode;
    enum cof_fusion fusion;
    float vector_weight; /* of the weighted fusion, 0 … 1; negative = default */
    float min_score;     /* 0 = none */
    bool must_be_exact;
    bool must_rerank;                      /* the best hits are read once more by the reranker */
    const struct cof_filter *filter;       /* NULL = none */
    const struct cof_principal *principal; /* whose permissions apply; required */
    const struct cof_cancel *cancel;
};

struct cof_search_hit {
    uint64_t collection;
    struct cof_document document; /* version included */
    struct cof_chunk chunk;
    float score;         /* fused, monotone, in [0, 1]; calibration: docs/search.md */
    float vector_score;  /* cosine, whichever half found it; NAN without a vector half */
    float lexical_score; /* BM25, the same; NAN without a lexical half */
    float coverage;      /* share of the query's word weight in this chunk, 0 … 1 */
    float rerank_score;  /* the reranker's, 0 … 1; NAN where it was not asked */
};

struct cof_search_trace {
    const char *plan;
    uint64_t chunk_count; /* in the collections searched */
    uint64_t permitted_count;
    size_t query_tokens; /* of the embedder */
    const char *rerank;  /* NULL = not wanted; "applied"; "late" or "busy": the order is the first
                          * stage's, because the budget ended or the reranker had no room */
    size_t rerank_count; /* hits that it read */
    int64_t embed_ns, permit_ns, vector_ns, word_ns, fuse_ns, read_ns, rerank_ns, total_ns;
};

struct cof_search_result {
    struct cof_search_hit *hits; /* score descending, then chunk id */
    size_t hit_count;
    struct cof_search_trace trace;
};

struct cof_search_options {
    struct cof_store *store;
    struct cof_index_set *indexes;
    struct cof_embedder *embedder;       /* may be NULL: lexical and query_vector only */
    struct cof_query_cache *query_cache; /* over the same embedder; NULL = none */
    struct cof_reranker *reranker;       /* NULL = none: must_rerank is COF_UNAVAILABLE */
    const struct cof_clock *clock;
    float default_vector_weight; /* 0 = the built-in default */
    float rerank_weight;         /* of the reranker against the first stage, 0 … 1 */
    size_t rerank_count;         /* of the best hits that it reads, at most COF_SEARCH_MAX_K */
    long rerank_budget_ms;       /* after which the first stage's order stays; 0 = no limit */
};
struct cof_searcher;
COF_MUST_USE enum cof_status cof_searcher_create(const struct cof_search_options *options,
                                                 struct cof_searcher **out_searcher,
                                                 struct cof_error *err);
void cof_searcher_destroy(struct cof_searcher *searcher);

/* COF_NOT_FOUND (a collection), COF_INVALID (empty query and no vector, k, dimension), COF_CONFLICT
 * (a collection was embedded by another model than the one loaded: name both; lexical still works),
 * COF_UNAVAILABLE (no embedder for a vector search, no reranker), COF_CANCELED, COF_TIMEOUT. */
COF_MUST_USE enum cof_status cof_search(struct cof_searcher *searcher,
                                        const struct cof_search_request *request,
                                        struct cof_arena *arena,
                                        struct cof_search_result *out_result,
                                        struct cof_error *err);

const char *cof_search_mode_name(enum cof_search_mode mode);
COF_MUST_USE enum cof_status cof_search_mode_parse(struct cof_text name,
                                                   enum cof_search_mode *out_mode,
                                                   struct cof_error *err);

#endif
