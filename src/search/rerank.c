/* Texts as the embedder saw them, one call of the reranker, one blend. */
#include "rerank.h"

#include <math.h>
#include <stdlib.h>

#define NS_PER_MS 1000000

static double deviation_of(const float *values, size_t count)
{
    double sum = 0;
    double squares = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    for (size_t i = 0; i < count; i++) {
        double distance = (double)values[i] - sum / (double)count;
        squares += distance * distance;
    }
    return sqrt(squares / (double)count);
}

void cof_rerank_blend(const float *first, const float *second, size_t count, float second_weight,
                      float *out_scores)
{
    double first_deviation = deviation_of(first, count);
    double second_deviation = deviation_of(second, count);
    double share = 0; /* of the second */

    /* One that cannot tell the hits apart has no say. */
    if (second_deviation > 0 && first_deviation > 0) {
        double of_first = (1 - (double)second_weight) / first_deviation;
        double of_second = (double)second_weight / second_deviation;
        share = of_second / (of_first + of_second);
    } else if (second_deviation > 0) {
        share = 1;
    }
    for (size_t i = 0; i < count; i++)
        out_scores[i] = (float)((1 - share) * (double)first[i] + share * (double)second[i]);
}

/* The whole budget, or what the request has left where that is less. */
static struct cof_cancel budget_of(const struct cof_search_query *query)
{
    const struct cof_search_options *options = query->options;
    const struct cof_cancel *cancel = query->request->cancel;
    struct cof_cancel budget = {.clock = options->clock};

    if (options->rerank_budget_ms > 0)
        budget.deadline_steady_ns =
            cof_clock_steady_ns(options->clock) + (int64_t)options->rerank_budget_ms * NS_PER_MS;
    if (cancel != NULL && cancel->deadline_steady_ns != 0 &&
        (budget.deadline_steady_ns == 0 ||
         cancel->deadline_steady_ns < budget.deadline_steady_ns)) {
        budget.deadline_steady_ns = cancel->deadline_steady_ns;
        budget.clock = cancel->clock;
    }
    return budget;
}

static struct cof_text text_of(const struct cof_search_hit *hit, struct cof_arena *arena)
{
    const struct cof_text title = hit->document.title;
    const struct cof_text heading = hit->chunk.heading;

    if (title.size == 0 && heading.size == 0)
        return hit->chunk.text;
    return cof_arena_format(arena, "%.*s%s%.*s%s%.*s", COF_TEXT_ARG(title),
                            title.size > 0 ? " " : "", COF_TEXT_ARG(heading),
                            heading.size > 0 ? " " : "", COF_TEXT_ARG(hit->chunk.text));
}

static int compare_hits(const void *a, const void *b)
{
    const struct cof_search_hit *left = a;
    const struct cof_search_hit *right = b;

    if (left->score > right->score)
        return -1;
    if (left->score < right->score)
        return 1;
    return (left->chunk.chunk_id > right->chunk.chunk_id) -
           (left->chunk.chunk_id < right->chunk.chunk_id);
}

static enum cof_status rank(const struct cof_search_query *query, const struct cof_search_hit *hits,
                            size_t count, struct cof_arena *arena, float *out_scores,
                            struct cof_error *err)
{
    struct cof_cancel budget = budget_of(query);
    struct cof_text *texts = cof_arena_array(arena, count, sizeof(*texts));

    if (texts == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++) {
        texts[i] = text_of(&hits[i], arena);
        if (texts[i].data == NULL)
            return COF_FAIL_MEMORY(err);
    }
    return cof_reranker_rank(query->options->reranker, query->request->query, texts, count, &budget,
                             out_scores, NULL, err);
}

/* What the trace says when the first stage's order stays; NULL when that is no reason. */
static const char *reason_of(enum cof_status status)
{
    if (status == COF_TIMEOUT)
        return "late";
    return status == COF_LIMITED ? "busy" : NULL;
}

enum cof_status cof_search_rerank(const struct cof_search_query *query, struct cof_search_hit *hits,
                                  size_t hit_count, struct cof_arena *arena,
                                  struct cof_search_trace *trace, struct cof_error *err)
{
    size_t most = query->options->rerank_count;
    size_t count = hit_count < most ? hit_count : most;
    int64_t begin = cof_clock_steady_ns(query->options->clock);
    struct cof_error error = {0};

    trace->rerank = "applied";
    if (count == 0)
        return COF_OK;
    float *first = cof_arena_array(arena, 2 * count, sizeof(*first));
    if (first == NULL)
        return COF_FAIL_MEMORY(err);
    float *second = first + count;
    enum cof_status status = rank(query, hits, count, arena, second, &error);
    trace->rerank_ns = cof_clock_steady_ns(query->options->clock) - begin;
    COF_TRY(cof_cancel_check(query->request->cancel, err));
    if (status != COF_OK) {
        if (reason_of(status) == NULL)
            return COF_FAIL(err, status, "%s", error.message);
        trace->rerank = reason_of(status);
        return COF_OK;
    }
    trace->rerank_count = count;
    for (size_t i = 0; i < count; i++) {
        first[i] = hits[i].score;
        hits[i].rerank_score = second[i];
    }
    cof_rerank_blend(first, second, count, query->options->rerank_weight, first);
    for (size_t i = 0; i < count; i++)
        hits[i].score = first[i];
    qsort(hits, count, sizeof(*hits), compare_hits);
    for (size_t i = count; i < hit_count; i++) {
        if (hits[i].score > hits[i - 1].score)
            hits[i].score = hits[i - 1].score;
    }
    return COF_OK;
}
