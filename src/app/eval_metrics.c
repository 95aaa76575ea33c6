/* Retrieval metrics as trec_eval computes them. */
#include "eval_metrics.h"

#include <math.h>
#include <stdint.h>

static int64_t grade_of(const struct cof_eval_query *query, struct cof_text document)
{
    for (size_t i = 0; i < query->judgment_count; i++) {
        if (cof_text_equal(query->judgments[i].document, document)) {
            return query->judgments[i].grade;
        }
    }
    return 0;
}

/* DCG of the best possible ranking: grades taken from the highest down. */
static double ideal_dcg(const struct cof_eval_query *query, size_t depth)
{
    double sum = 0;
    size_t rank = 0;
    int64_t ceiling = INT64_MAX;
    while (rank < depth && rank < query->judgment_count) {
        int64_t best = 0;
        size_t ties = 0;
        for (size_t i = 0; i < query->judgment_count; i++) {
            int64_t grade = query->judgments[i].grade;
            if (grade < ceiling && grade > best) {
                best = grade;
                ties = 0;
            }
            ties += grade == best ? 1 : 0;
        }
        for (size_t i = 0; i < ties && rank < depth; i++, rank++) {
            sum += (double)best / log2((double)rank + 2);
        }
        ceiling = best;
    }
    return sum;
}

double cof_eval_ndcg(const struct cof_eval_query *query, const struct cof_text *ranking,
                     size_t count, size_t depth)
{
    double sum = 0;
    for (size_t i = 0; i < count && i < depth; i++) {
        sum += (double)grade_of(query, ranking[i]) / log2((double)i + 2);
    }
    double ideal = ideal_dcg(query, depth);
    return ideal > 0 ? sum / ideal : 0;
}

double cof_eval_recall(const struct cof_eval_query *query, const struct cof_text *ranking,
                       size_t count, size_t depth)
{
    size_t found = 0;
    for (size_t i = 0; i < count && i < depth; i++) {
        found += grade_of(query, ranking[i]) > 0 ? 1 : 0;
    }
    return query->judgment_count > 0 ? (double)found / (double)query->judgment_count : 0;
}

double cof_eval_reciprocal_rank(const struct cof_eval_query *query, const struct cof_text *ranking,
                                size_t count, size_t depth)
{
    for (size_t i = 0; i < count && i < depth; i++) {
        if (grade_of(query, ranking[i]) > 0) {
            return 1.0 / (double)(i + 1);
        }
    }
    return 0;
}
