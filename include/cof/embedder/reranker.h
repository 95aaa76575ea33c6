/* Contract: how well each of several texts answers a query.
 *
 * A reranker reads query and text together, so it sees more than the angle between two vectors and
 * costs more; it sorts a few dozen hits, never a collection. Backends: `cross_encoder` (a BERT or
 * XLM-RoBERTa encoder with a classification head; Nogueira and Cho 2019) and `late_interaction`
 * (MaxSim over an embedder's token vectors; Khattab and Zaharia, SIGIR 2020). src/app/backends.c is
 * the list.
 *
 * Opened once and then only read: any number of threads at the same time. */
#ifndef COF_EMBEDDER_RERANKER_H
#define COF_EMBEDDER_RERANKER_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* Facts of an open reranker, all borrowed until close. */
struct cof_reranker_info {
    const char *name;      /* public model name */
    const char *backend;   /* "cross_encoder", "late_interaction" */
    const char *precision; /* "f32", … */
    size_t max_tokens;     /* of query and text together; the text is cut */
};

struct cof_reranker;

struct cof_reranker_ops {
    const char *name;
    /* Scores in [0, 1], higher is more relevant; comparable within one reranker only.
     * out_token_count (may be NULL) gets the tokens that were computed, query included. */
    enum cof_status (*rank)(struct cof_reranker *reranker, struct cof_text query,
                            const struct cof_text *texts, size_t count,
                            const struct cof_cancel *cancel, float *out_scores,
                            size_t *out_token_count, struct cof_error *err);
    void (*close)(struct cof_reranker *reranker);
};

struct cof_reranker {
    const struct cof_reranker_ops *ops;
    struct cof_reranker_info info;
};

/* Checks arguments once: COF_INVALID for no text, an empty query, or bad UTF-8 (naming the index).
 * Then what the backend reports: COF_CANCELED, COF_TIMEOUT, COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_reranker_rank(struct cof_reranker *reranker, struct cof_text query,
                                               const struct cof_text *texts, size_t count,
                                               const struct cof_cancel *cancel, float *out_scores,
                                               size_t *out_token_count, struct cof_error *err);
void cof_reranker_close(struct cof_reranker *reranker);

#endif
