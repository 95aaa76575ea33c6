/* Backend `cross_encoder` of the reranker's contract: an encoder of our own with a classification
 * head, opened from a model folder as published (ms-marco-MiniLM, bge-reranker and their like).
 *
 * Files read: those of cof/embedder/bert.h; in model.safetensors also the head: pooler.dense and
 * classifier (BERT), or classifier.dense and classifier.out_proj (XLM-RoBERTa). With one label a
 * score is the sigmoid of its logit, with two the softmax's share of the second. */
#ifndef COF_EMBEDDER_CROSS_ENCODER_H
#define COF_EMBEDDER_CROSS_ENCODER_H

#include <stddef.h>

#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/embedder/precision.h>
#include <cof/embedder/reranker.h>

struct cof_cross_encoder_options {
    const char *folder;           /* the model folder */
    const char *name;             /* public name; NULL = the folder's last part */
    struct cof_pool *pool;        /* borrowed; NULL = only the calling thread works */
    size_t max_tokens_in_flight;  /* as in cof/embedder/bert.h, … */
    size_t max_call_count;        /* … */
    enum cof_precision precision; /* of the layers' products; AUTO = f32 */
};

/* COF_NOT_FOUND (no such folder or file, naming it), COF_INVALID (files that are no such model or
 * disagree, naming file and field), COF_CORRUPT (safetensors offsets, shapes or sizes that lie). */
COF_MUST_USE enum cof_status cof_cross_encoder_open(const struct cof_cross_encoder_options *options,
                                                    struct cof_reranker **out_reranker,
                                                    struct cof_error *err);

#endif
