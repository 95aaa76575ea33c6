/* The head of a sequence classifier: a sequence's first state in, a score in [0, 1] out.
 *
 * logits = out * tanh(dense * state): BERT keeps `dense` in its pooler (Devlin et al. 2019),
 * XLM-RoBERTa in the classifier. Read-only after it was opened; any thread. */
#ifndef COF_EMBEDDER_CLASSIFIER_H
#define COF_EMBEDDER_CLASSIFIER_H

#include <stddef.h>

#include <cof/base/status.h>

#include "model_config.h"
#include "safetensors.h"

struct cof_classifier;

/* COF_INVALID when a tensor is missing, has another shape than config.json says, or there are more
 * than two labels; COF_CORRUPT when one has a value that is not finite. The file is not kept. */
COF_MUST_USE enum cof_status cof_classifier_create(const struct cof_safetensors *file,
                                                   const struct cof_model_config *config,
                                                   struct cof_classifier **out_classifier,
                                                   struct cof_error *err);
void cof_classifier_destroy(struct cof_classifier *classifier);

/* Scores count states of hidden_size floats each. COF_CORRUPT when a logit is not finite. */
COF_MUST_USE enum cof_status cof_classifier_score(const struct cof_classifier *classifier,
                                                  const float *states, size_t count,
                                                  float *out_scores, struct cof_error *err);

#endif
