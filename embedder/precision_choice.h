/* Which precision a model is computed in, and why.
 *
 * Of f32 and of those that the model's manifest calls faithful, the fastest on this processor: a
 * slice of a layer is timed in each. Processors differ too much for flags to tell: one has bf16 at
 * half the speed of f32, the next at six times. */
#ifndef COF_EMBEDDER_PRECISION_CHOICE_H
#define COF_EMBEDDER_PRECISION_CHOICE_H

#include <cof/embedder/manifest.h>

#include "kernels.h"
#include "model_config.h"

#define COF_REASON_BYTES 160

struct cof_precision_choice {
    enum cof_precision precision;
    char reason[COF_REASON_BYTES]; /* a sentence without its full stop, for operators */
};

/* Nanoseconds a token for the slice. Takes a few milliseconds. */
COF_MUST_USE enum cof_status cof_precision_measure(const struct cof_model_config *config,
                                                   const struct cof_kernels *kernels,
                                                   enum cof_precision precision, double *out_ns,
                                                   struct cof_error *err);

/* `wanted` if it is not AUTO. `weights_sha256` (may be NULL: not compared) must be the manifest's,
 * or the manifest does not count. */
COF_MUST_USE enum cof_status cof_precision_choose(
    const char *folder, const struct cof_model_config *config, const struct cof_kernels *kernels,
    enum cof_precision wanted, const uint8_t *weights_sha256,
    struct cof_precision_choice *out_choice, struct cof_error *err);

#endif
