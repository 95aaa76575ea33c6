/* What is opened of a model folder, whatever is computed with it: settings, tokenizer, weights.
 *
 * Once opened it is only read, from any thread. */
#ifndef COF_EMBEDDER_BERT_MODEL_H
#define COF_EMBEDDER_BERT_MODEL_H

#include <stddef.h>

#include <cof/base/status.h>
#include <cof/embedder/precision.h>

#include "bert_weights.h"
#include "model_config.h"
#include "safetensors.h"
#include "tokenizer.h"

#define COF_BERT_MAX_NAME_BYTES 128

struct cof_bert_model {
    struct cof_model_config config;
    struct cof_tokenizer *tokenizer;
    struct cof_bert_weights *weights;
    struct cof_safetensors *file; /* until cof_bert_model_release_file() */
};

/* `precision` must not be AUTO. On failure the model must be deinitialised all the same.
 * COF_NOT_FOUND, COF_INVALID and COF_CORRUPT name file and field. */
COF_MUST_USE enum cof_status cof_bert_model_init(struct cof_bert_model *model, const char *folder,
                                                 enum cof_precision precision,
                                                 struct cof_error *err);
void cof_bert_model_release_file(struct cof_bert_model *model);
/* One that is all zeros is fine. */
void cof_bert_model_deinit(struct cof_bert_model *model);

/* The public name: `name`, or the last part of the folder's path. */
void cof_bert_model_name(const char *folder, const char *name,
                         char out_name[COF_BERT_MAX_NAME_BYTES]);

#endif
