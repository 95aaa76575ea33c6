/* Whether what was found can answer the question at all. */
#include "relevance.h"

#include <math.h>

#include "terms.h"

/* How many of the best passages are looked at. */
#define MAX_LOOKED_AT 3

/* Floors, set on the `tune` half of the sample questions (docs/answers.md). A passage is relevant
 * when it lies above this line: coverage and cosine make up for each other. */
static const float coverage_weight = 1.0f;
static const float cosine_weight = 1.0f;
static const float min_sum = 0.95f;
static const float min_coverage = 0.20f;

/* Share of the question's word weight that passage, title and heading have. */
static enum cof_status coverage_by(const struct cof_terms *question,
                                   const struct cof_search_hit *hit, struct cof_arena *arena,
                                   float *out_coverage, struct cof_error *err)
{
    struct cof_terms terms = {0};
    struct cof_text all =
        cof_arena_format(arena, "%.*s\n%.*s\n%.*s", COF_TEXT_ARG(hit->document.title),
                         COF_TEXT_ARG(hit->chunk.heading), COF_TEXT_ARG(hit->chunk.text));
    if (all.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    COF_TRY(cof_terms_make(all, arena, &terms, err));
    float sum = 0;
    float found = 0;
    for (size_t i = 0; i < question->count; i++) {
        sum += question->items[i].weight;
        found += cof_terms_has(&terms, question->items[i].hash) ? question->items[i].weight : 0;
    }
    *out_coverage = sum > 0 ? found / sum : 0;
    return COF_OK;
}

enum cof_status cof_relevance_judge(struct cof_text question, const struct cof_search_hit *hits,
                                    size_t hit_count, float min_score, struct cof_arena *arena,
                                    struct cof_relevance *out_relevance, struct cof_error *err)
{
    struct cof_relevance relevance = {0};
    struct cof_terms terms = {0};
    COF_TRY(cof_terms_make(question, arena, &terms, err));
    float best = -1;
    for (size_t i = 0; i < hit_count && i < MAX_LOOKED_AT; i++) {
        float coverage = 0;
        COF_TRY(coverage_by(&terms, &hits[i], arena, &coverage, err));
        float cosine = isnan(hits[i].vector_score) ? 0 : hits[i].vector_score;
        float sum = coverage_weight * coverage + cosine_weight * cosine;
        if (sum > best) {
            best = sum;
            relevance.coverage = coverage;
            relevance.cosine = cosine;
        }
    }
    relevance.is_relevant = min_score > 0 ? hit_count > 0 && hits[0].score >= min_score
                                          : best >= min_sum && relevance.coverage >= min_coverage;
    *out_relevance = relevance;
    return COF_OK;
}
