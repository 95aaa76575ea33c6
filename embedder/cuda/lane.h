/* One worker's way through the device: two streams, its matrices, its pinned buffers.
 *
 * A pass is cut into slices of whole sequences. While one slice is computed, the ids of the next go
 * up and the rows of the one before come down: there are two slots of everything that is copied,
 * and events that keep the two streams in step. Matrices are there once, because slices are
 * computed one after the other. All of it is allocated when the lane is made; its size is known
 * before.
 *
 * A lane is used by one thread at a time. */
#ifndef COF_EMBEDDER_CUDA_LANE_H
#define COF_EMBEDDER_CUDA_LANE_H

#include <stddef.h>

#include <cof/base/status.h>

#include "bert_encoder.h"
#include "cublaslt.h"
#include "model_config.h"
#include "weights.h"

struct cof_cuda_lane;

/* Bytes on the device for slices of up to max_tokens tokens. */
size_t cof_cuda_lane_size(const struct cof_model_config *config, size_t max_tokens);
/* Library and weights are borrowed until destroy. */
COF_MUST_USE enum cof_status cof_cuda_lane_create(const struct cof_cublaslt *library,
                                                  const struct cof_cuda_weights *weights,
                                                  const struct cof_model_config *config,
                                                  size_t max_tokens,
                                                  struct cof_cuda_lane **out_lane,
                                                  struct cof_error *err);
void cof_cuda_lane_destroy(struct cof_cuda_lane *lane);

/* Nothing of the pass is in the streams any more when it returns, whatever it returns. No sequence
 * may be longer than max_tokens. COF_CORRUPT when a row is not finite or has no length. */
COF_MUST_USE enum cof_status cof_cuda_lane_run(struct cof_cuda_lane *lane,
                                               const struct cof_bert_pass *pass,
                                               struct cof_error *err);

#endif
