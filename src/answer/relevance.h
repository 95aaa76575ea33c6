/* Whether what was found can answer the question at all.
 *
 * An absolute score is not enough: a question about something that the documents never mention
 * still finds its nearest neighbours. What tells the two apart is the rare words of the question
 * that occur nowhere in the best passages, together with the embedder's cosine. Floors and figures:
 * docs/answers.md. */
#ifndef COF_ANSWER_RELEVANCE_H
#define COF_ANSWER_RELEVANCE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/search/search.h>

struct cof_relevance {
    bool is_relevant;
    float coverage; /* of the question's word weight by the best passage */
    float cosine;   /* of the best passage */
};

/* `min_score` over 0 replaces the calibrated floor by a floor on the search score. */
COF_MUST_USE enum cof_status cof_relevance_judge(
    struct cof_text question, const struct cof_search_hit *hits, size_t hit_count, float min_score,
    struct cof_arena *arena, struct cof_relevance *out_relevance, struct cof_error *err);

#endif
