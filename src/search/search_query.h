/* A request that was checked: the collections it asks, its vector and its words. */
#ifndef COF_SEARCH_SEARCH_QUERY_H
#define COF_SEARCH_SEARCH_QUERY_H

#include <cof/search/search.h>

struct cof_searcher {
    struct cof_search_options options;
};

struct cof_search_query {
    const struct cof_search_request *request;
    const struct cof_search_options *options;
    struct cof_collection *collections; /* request->collection_count */
    const float *vector;                /* of unit length; NULL without a vector half */
    struct cof_text words;              /* empty without a lexical half */
    float vector_weight;
    size_t read_count; /* hits to be read: k, or more where they are reranked */
    size_t token_count;
    int64_t embed_ns;
};

/* Everything in the arena; the statuses of cof_search(). */
COF_MUST_USE enum cof_status cof_search_query_make(const struct cof_search_options *options,
                                                   const struct cof_search_request *request,
                                                   struct cof_arena *arena,
                                                   struct cof_search_query *out_query,
                                                   struct cof_error *err);

/* Whether the one who asks may see a document, and the filter lets it pass. */
bool cof_search_permits(const struct cof_search_query *query, const struct cof_acl *acl,
                        const struct cof_attributes *attributes);
/* True when it is so for every document, and nobody need look. */
bool cof_search_permits_all(const struct cof_search_query *query);

#endif
