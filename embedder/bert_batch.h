/* Texts, token ids and token vectors as jobs of a model's scheduler.
 *
 * Borrows a model's read-only parts. Any number of threads at the same time. */
#ifndef COF_EMBEDDER_BERT_BATCH_H
#define COF_EMBEDDER_BERT_BATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>

#include "bert_scheduler.h"
#include "tokenizer.h"

struct cof_bert_rows; /* opaque: results on their way */

struct cof_bert_batcher {
    const struct cof_tokenizer *tokenizer;
    size_t hidden_size;
    size_t dimension; /* at most hidden_size: vectors are cut to it */
    size_t vocabulary_size;
    struct cof_bert_scheduler *scheduler;
    struct {
        pthread_mutex_t lock;
        struct cof_bert_rows *idle;
        size_t idle_count;
    } shared;
};

/* The tokenizer and what the options name are borrowed until deinit. dimension 0 = all. */
COF_MUST_USE enum cof_status cof_bert_batcher_init(struct cof_bert_batcher *batcher,
                                                   const struct cof_tokenizer *tokenizer,
                                                   size_t dimension,
                                                   const struct cof_bert_scheduler_options *options,
                                                   struct cof_error *err);
/* Calls must have ended. One that is all zeros is fine. */
void cof_bert_batcher_deinit(struct cof_bert_batcher *batcher);

/* What one call is about, besides its texts. */
struct cof_bert_batch {
    struct cof_text prefix; /* before every text */
    bool is_question;
    const struct cof_cancel *cancel;
};

/* Each embeds count (>= 1) texts. The out parameters are written only on success; token counts may
 * be NULL. */
COF_MUST_USE enum cof_status cof_bert_batcher_embed(struct cof_bert_batcher *batcher,
                                                    const struct cof_bert_batch *batch,
                                                    const struct cof_text *texts, size_t count,
                                                    float *out_vectors, size_t *out_token_counts,
                                                    struct cof_error *err);
COF_MUST_USE enum cof_status cof_bert_batcher_embed_ids(struct cof_bert_batcher *batcher,
                                                        const struct cof_bert_batch *batch,
                                                        const struct cof_token_ids *texts,
                                                        size_t count, float *out_vectors,
                                                        size_t *out_token_counts,
                                                        struct cof_error *err);
COF_MUST_USE enum cof_status cof_bert_batcher_embed_tokens(struct cof_bert_batcher *batcher,
                                                           const struct cof_bert_batch *batch,
                                                           const struct cof_text *texts,
                                                           size_t count, struct cof_arena *arena,
                                                           struct cof_token_vectors *out_texts,
                                                           struct cof_error *err);

#endif
