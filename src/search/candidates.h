/* The candidates of every collection asked, each once, with the scores of both halves, fused. */
#ifndef COF_SEARCH_CANDIDATES_H
#define COF_SEARCH_CANDIDATES_H

#include <cof/index/collection_index.h>
#include <cof/search/search.h>

#include "fusion.h"
#include "search_query.h"

struct cof_candidates {
    struct cof_fusable *items; /* sorted; `tag` is an index into details */
    struct cof_candidate *details;
    size_t count;
    bool may_have_more; /* some half gave as many as it was asked for */
};

/* `depth` candidates of each half and collection. Adds its times and counts to the trace. */
COF_MUST_USE enum cof_status cof_candidates_find(const struct cof_search_query *query, size_t depth,
                                                 struct cof_arena *arena,
                                                 struct cof_candidates *out_candidates,
                                                 struct cof_search_trace *trace,
                                                 struct cof_error *err);

#endif
