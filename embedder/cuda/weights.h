/* An encoder's tensors on the device, in half precision.
 *
 * They are read from the model's file a second time, in pieces through pinned memory, and converted
 * on the device. The file was checked by bert_weights.h before; names and sizes are looked at
 * again, because a copy of too many bytes would be one all the same. Norms stay f32. */
#ifndef COF_EMBEDDER_CUDA_WEIGHTS_H
#define COF_EMBEDDER_CUDA_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "cuda_kernels.h"
#include "device.h"
#include "matmul.h"
#include "model_config.h"
#include "safetensors.h"

struct cof_cuda_layer {
    struct cof_cuda_linear query_key_value;
    struct cof_cuda_linear attention_output;
    struct cof_cuda_norm attention_norm;
    struct cof_cuda_linear up;
    struct cof_cuda_linear down;
    struct cof_cuda_norm output_norm;
};

struct cof_cuda_weights {
    struct cof_cuda_memory memory; /* all of them */
    size_t hidden_size;
    size_t intermediate_size;
    size_t head_count;
    size_t layer_count;
    size_t max_positions;
    size_t vocabulary_size;
    const uint16_t *words;
    const uint16_t *positions; /* the vector of token type 0 added */
    struct cof_cuda_norm embedding_norm;
    struct cof_cuda_layer *layers;
};

/* Bytes on the device. */
size_t cof_cuda_weights_size(const struct cof_model_config *config);
/* COF_UNAVAILABLE where a weight does not fit half precision or there is no memory for them. */
COF_MUST_USE enum cof_status cof_cuda_weights_create(const struct cof_safetensors *file,
                                                     const struct cof_model_config *config,
                                                     struct cof_cuda_weights **out_weights,
                                                     struct cof_error *err);
void cof_cuda_weights_destroy(struct cof_cuda_weights *weights);

#endif
