/* Retrieval metrics as trec_eval computes them: nDCG with linear gain and log2 discount, recall,
 * reciprocal rank. */
#ifndef COF_APP_EVAL_METRICS_H
#define COF_APP_EVAL_METRICS_H

#include <stddef.h>

#include "eval_set.h"

/* `ranking` holds document ids, best first, without repetition. All are in [0, 1]. */
double cof_eval_ndcg(const struct cof_eval_query *query, const struct cof_text *ranking,
                     size_t count, size_t depth);
double cof_eval_recall(const struct cof_eval_query *query, const struct cof_text *ranking,
                       size_t count, size_t depth);
double cof_eval_reciprocal_rank(const struct cof_eval_query *query, const struct cof_text *ranking,
                                size_t count, size_t depth);

#endif
