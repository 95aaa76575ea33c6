/* Texts through tokenizer and encoder, over as many threads as there are.
 *
 * The batcher borrows a model's read-only parts. Any number of threads may embed through one
 * batcher at the same time; each takes part in its own call. */
#ifndef COF_EMBEDDER_BERT_BATCH_H
#define COF_EMBEDDER_BERT_BATCH_H

#include <pthread.h>
#include <stddef.h>

#include <cof/base/cancel.h>
#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#include "bert_weights.h"
#include "model_config.h"
#include "tokenizer.h"

struct cof_bert_idle_workspace; /* opaque */

struct cof_bert_batcher {
    const struct cof_model_config *config;
    const struct cof_tokenizer *tokenizer;
    const struct cof_bert_weights *weights;
    struct cof_pool *pool; /* NULL = only the calling thread works */
    size_t max_tokens_in_flight;
    struct {
        pthread_mutex_t lock;
        struct cof_bert_idle_workspace *idle; /* never more than threads that computed at once */
    } shared;
};

/* Everything given is borrowed until deinit. */
void cof_bert_batcher_init(struct cof_bert_batcher *batcher, const struct cof_model_config *config,
                           const struct cof_tokenizer *tokenizer,
                           const struct cof_bert_weights *weights, struct cof_pool *pool,
                           size_t max_tokens_in_flight);
void cof_bert_batcher_deinit(struct cof_bert_batcher *batcher);

/* Embeds count (>= 1) texts, each behind `prefix`. The out parameters are written only on success;
 * out_token_counts may be NULL. */
COF_MUST_USE enum cof_status cof_bert_batcher_embed(struct cof_bert_batcher *batcher,
                                                    struct cof_text prefix,
                                                    const struct cof_text *texts, size_t count,
                                                    const struct cof_cancel *cancel,
                                                    float *out_vectors, size_t *out_token_counts,
                                                    struct cof_error *err);

#endif
