/* Attention over sequences packed one behind the other: the kernels' own where the set and the
 * heads' size allow it, else oneDNN's products of floats and softmax. */
#ifndef COF_EMBEDDER_BERT_ATTENTION_H
#define COF_EMBEDDER_BERT_ATTENTION_H

#include "bert_encoder.h"
#include "kernels.h"

struct cof_bert_attention {
    const struct cof_kernels *kernels;
    size_t hidden_size;
    size_t head_count;
    /* Queries, keys and values come as bf16 and not as floats. */
    bool takes_bf16;
    void (*attend)(const struct cof_attention *attention); /* NULL = by oneDNN */
    size_t scratch_size;                                   /* floats, for the longest sequence */
};

/* By the precision and the kernels of the layers. */
struct cof_bert_attention cof_bert_attention_choose(const struct cof_bert_weights *weights,
                                                    size_t max_sequence_tokens);

/* `triple` has a row of 3 * hidden_size per token, `context` gets one of hidden_size; `scratch`
 * lies on a cache line. Fails only when oneDNN does. */
COF_MUST_USE enum cof_status cof_bert_attention_run(const struct cof_bert_attention *attention,
                                                    const void *triple,
                                                    const struct cof_bert_sequence *sequences,
                                                    size_t sequence_count, float *context,
                                                    float *scratch, struct cof_error *err);

#endif
