/* What the small JSON files of a model folder say about an encoder, checked.
 *
 * Read: config.json; and where present modules.json, the pooling module's config.json,
 * sentence_bert_config.json, tokenizer_config.json, config_sentence_transformers.json (prompts),
 * and last coffer.settings.json, the operator's word on what the published files leave out:
 *
 *     {"query_prefix": "query: ", "passage_prefix": "passage: ", "pooling": "mean",
 *      "max_tokens": 512}
 *
 * each optional, each winning over the others. (coffer.json beside it is not for hands: what
 * `coffer model add` measured.) Every error is COF_INVALID and names the file and the field. Any
 * thread. */
#ifndef COF_EMBEDDER_MODEL_CONFIG_H
#define COF_EMBEDDER_MODEL_CONFIG_H

#include <stddef.h>

#include <cof/base/status.h>

#define COF_MODEL_MAX_PREFIX_BYTES 512

enum cof_pooling {
    COF_POOLING_MEAN,
    COF_POOLING_CLS,
};

/* Which published architecture the tensors and the tokenizer follow. */
enum cof_model_family {
    COF_MODEL_BERT,
    COF_MODEL_XLM_ROBERTA, /* positions begin behind the padding id; one token type */
};

struct cof_model_config {
    /* config.json */
    enum cof_model_family family;
    size_t hidden_size;
    size_t layer_count;
    size_t head_count; /* divides hidden_size */
    size_t intermediate_size;
    size_t vocabulary_size;
    size_t max_positions;  /* that a sequence can have */
    size_t first_position; /* row of the position table that a sequence begins with */
    size_t token_type_count;
    float layer_norm_epsilon;
    /* the other files */
    enum cof_pooling pooling;
    size_t max_tokens; /* special tokens included; 2 … max_positions */
    char query_prefix[COF_MODEL_MAX_PREFIX_BYTES];
    char passage_prefix[COF_MODEL_MAX_PREFIX_BYTES];
};

const char *cof_pooling_name(enum cof_pooling pooling);

/* COF_NOT_FOUND when there is no config.json. */
COF_MUST_USE enum cof_status cof_model_config_read(const char *folder,
                                                   struct cof_model_config *out_config,
                                                   struct cof_error *err);

#endif
