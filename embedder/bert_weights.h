/* The tensors of a BERT encoder, converted to f32 and packed for computing.
 *
 * Everything is copied out of the file, so that a model file replaced or cut under a running server
 * changes nothing. Read-only after loading, from any thread. */
#ifndef COF_EMBEDDER_BERT_WEIGHTS_H
#define COF_EMBEDDER_BERT_WEIGHTS_H

#include <stddef.h>

#include <cof/base/status.h>

#include "linear.h"
#include "model_config.h"
#include "safetensors.h"

struct cof_bert_norm {
    float *scale; /* hidden_size */
    float *shift;
};

struct cof_bert_layer {
    struct cof_linear *query_key_value; /* hidden → 3 * hidden: query, key, value side by side */
    struct cof_linear *attention_output;
    struct cof_bert_norm attention_norm;
    struct cof_linear *up; /* hidden → intermediate, GELU fused */
    struct cof_linear *down;
    struct cof_bert_norm output_norm;
};

struct cof_bert_weights {
    size_t hidden_size;
    size_t intermediate_size;
    size_t head_count;
    size_t max_positions;
    size_t vocabulary_size;
    float layer_norm_epsilon;
    float *words;       /* vocabulary_size * hidden_size */
    float *positions;   /* max_positions * hidden_size, the vector of token type 0 added */
    float *second_type; /* hidden_size: type 1 less type 0; NULL where there is one type */
    struct cof_bert_norm embedding_norm;
    size_t layer_count;
    struct cof_bert_layer *layers;
    struct cof_linear_set *linears;
};

/* Layers are packed for `kernels` in `precision` (not AUTO). COF_INVALID when a tensor is missing
 * or has another shape or type than config.json says, naming it. Tensors that an encoder does not
 * use are passed over. */
COF_MUST_USE enum cof_status cof_bert_weights_create(const struct cof_safetensors *file,
                                                     const struct cof_model_config *config,
                                                     enum cof_precision precision,
                                                     const struct cof_kernels *kernels,
                                                     struct cof_bert_weights **out_weights,
                                                     struct cof_error *err);
void cof_bert_weights_destroy(struct cof_bert_weights *weights);

#endif
