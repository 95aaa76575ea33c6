/* The second stage: a reranker reads the best hits and has a say in their order. */
#ifndef COF_SEARCH_RERANK_H
#define COF_SEARCH_RERANK_H

#include <cof/search/search.h>

#include "search_query.h"

/* Blends the reranker's scores into the first `rerank_count` hits and sorts them; those behind keep
 * their order, with scores not above. When the budget ends or the reranker is busy nothing is
 * changed and the trace says so. Adds to the trace. */
COF_MUST_USE enum cof_status cof_search_rerank(const struct cof_search_query *query,
                                               struct cof_search_hit *hits, size_t hit_count,
                                               struct cof_arena *arena,
                                               struct cof_search_trace *trace,
                                               struct cof_error *err);

/* Pure: the weighted sum of two z-scored lists as one of numbers between the two (see fusion.h).
 * `out_scores` may be one of the inputs. */
void cof_rerank_blend(const float *first, const float *second, size_t count, float second_weight,
                      float *out_scores);

#endif
