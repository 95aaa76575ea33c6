/* A GPU for the forward pass of bert_encoder.h: the same passes, the same rows, in half precision.
 *
 * Built with COF_WITH_CUDA it is embedder/cuda/, which holds a copy of the weights on the first
 * device that CUDA shows; without, there never is a device. The processor's weights stay where they
 * are: every pass that the device does not take, or loses, is computed there.
 *
 * Opened once, then used by any number of threads at the same time. */
#ifndef COF_EMBEDDER_BERT_DEVICE_H
#define COF_EMBEDDER_BERT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

#include "bert_encoder.h"
#include "model_config.h"
#include "safetensors.h"

struct cof_bert_device; /* opaque */

struct cof_bert_device_options {
    const struct cof_safetensors *file;    /* read while opening; checked by bert_weights.h */
    const struct cof_model_config *config; /* the same */
    size_t thread_count;                   /* that will encode at the same time */
    size_t max_memory_bytes;               /* on the device; 0 = three quarters of what is free */
    cof_notice_fn notice;                  /* (optional) told once when the device is given up */
    void *notice_context;
};

/* Whether this program can have one at all. */
bool cof_bert_device_is_built(void);

/* COF_UNAVAILABLE, "no device: " and why: no driver, no device, no library, a model that it does
 * not fit or whose sizes the kernels do not know. */
COF_MUST_USE enum cof_status cof_bert_device_open(const struct cof_bert_device_options *options,
                                                  struct cof_bert_device **out_device,
                                                  struct cof_error *err);
/* Passes must have ended. What was on the device is overwritten before it is given back. */
void cof_bert_device_close(struct cof_bert_device *device);

/* As the device calls itself; borrowed until close. */
const char *cof_bert_device_name(const struct cof_bert_device *device);
/* How many passes of bulk it computes at a time; 0 once it failed, and for NULL. */
size_t cof_bert_device_stream_count(const struct cof_bert_device *device);
/* As many tokens as one pass should have, where there are so many. */
size_t cof_bert_device_group_tokens(const struct cof_bert_device *device);

/* As cof_bert_encode(), for any number of sequences of at most config->max_tokens. COF_CANCELED and
 * COF_TIMEOUT are final; after every other failure the pass is still to be computed, and the
 * processor can: COF_LIMITED (a pass without between_layers waits for nobody, and all streams are
 * taken), COF_CORRUPT (a row is not finite, perhaps only in half precision), COF_UNAVAILABLE (the
 * device failed, now or before, and is not used any more). out_rows may have been written. */
COF_MUST_USE enum cof_status cof_bert_device_encode(struct cof_bert_device *device,
                                                    const struct cof_bert_pass *pass,
                                                    struct cof_error *err);

#endif
