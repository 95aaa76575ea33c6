/* The forward pass of a BERT encoder (Devlin et al. 2019) over sequences packed without padding.
 *
 * All sequences of a group stand in one matrix, a row per token; matrix products and norms do not
 * see where one ends, attention runs inside each. A workspace is one thread's memory for it: every
 * matrix a group needs, allocated once and reused. Two threads never share a workspace; they share
 * the weights. */
#ifndef COF_EMBEDDER_BERT_ENCODER_H
#define COF_EMBEDDER_BERT_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/status.h>

#include "bert_weights.h"

struct cof_bert_sequence {
    const uint32_t *ids; /* below vocabulary_size */
    size_t count;        /* 1 … max_positions */
    /* Of a pair: from this token on, types are those of a second text; 0 = there is none. Models
     * with one token type make no difference. */
    size_t second_begin;
};

/* What a pass leaves of the last hidden state. */
enum cof_bert_output {
    COF_BERT_POOLED, /* a row per sequence, pooled and of unit length */
    COF_BERT_TOKENS, /* a row per token, each of unit length */
    COF_BERT_FIRST,  /* a row per sequence: its first token's state as it is, for a head */
};

/* One group of sequences on its way through the encoder. */
struct cof_bert_pass {
    const struct cof_bert_sequence *sequences;
    size_t sequence_count;
    enum cof_bert_output output;
    enum cof_pooling pooling;        /* of COF_BERT_POOLED */
    const struct cof_cancel *cancel; /* looked at between layers; may be NULL */
    /* (optional) Called between layers, on the thread that computes, which may run another pass
     * there in a workspace of its own: how a question overtakes a long batch. */
    void (*between_layers)(void *context);
    void *context;
    float *out_rows; /* rows of hidden_size floats */
};

struct cof_bert_workspace;

/* For groups of up to max_tokens tokens with no sequence over max_sequence_tokens. */
COF_MUST_USE enum cof_status cof_bert_workspace_create(const struct cof_bert_weights *weights,
                                                       size_t max_tokens,
                                                       size_t max_sequence_tokens,
                                                       struct cof_bert_workspace **out_workspace,
                                                       struct cof_error *err);
void cof_bert_workspace_destroy(struct cof_bert_workspace *workspace);

/* Computes the last hidden state of every token and writes what pass->output names. The thread must
 * have entered cof_openmp_enter(). COF_CORRUPT when the weights give a row that is not finite or
 * has no length; COF_CANCELED and COF_TIMEOUT between layers. */
COF_MUST_USE enum cof_status cof_bert_encode(const struct cof_bert_weights *weights,
                                             struct cof_bert_workspace *workspace,
                                             const struct cof_bert_pass *pass,
                                             struct cof_error *err);

#endif
