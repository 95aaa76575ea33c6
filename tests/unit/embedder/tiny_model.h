/* A model folder made by the test: a small BERT or XLM-RoBERTa with seeded random weights. */
#ifndef COF_TESTS_UNIT_EMBEDDER_TINY_MODEL_H
#define COF_TESTS_UNIT_EMBEDDER_TINY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TINY_MAX_TENSORS = 128, TINY_MAX_NAME = 96 };

struct tiny_tensor {
    char name[TINY_MAX_NAME];
    size_t rows;
    size_t columns; /* 0: a vector of `rows` */
    float *values;
    bool is_left_out;  /* when written */
    const char *dtype; /* when written; NULL = the model's */
};

struct tiny_model {
    size_t hidden_size;
    size_t layer_count;
    size_t head_count;
    size_t intermediate_size;
    size_t max_positions;
    size_t max_tokens;
    bool is_cls;
    bool is_xlm_roberta; /* positions behind the padding id, one token type, sentencepiece */
    size_t label_count;  /* of a classification head; 0 = none */
    const char *dtype;   /* "F32", "F16" or "BF16" */
    const char *prefix;  /* of tensor names */
    /* Filled by create. */
    size_t vocabulary_size;
    size_t first_position; /* row of the position table that sequences begin with */
    double epsilon;        /* of the norms */
    struct tiny_tensor tensors[TINY_MAX_TENSORS];
    size_t tensor_count;
};

/* The vocabulary: special tokens, "##" pieces, letters, digits and a few words and signs. */
extern const char *const TINY_VOCABULARY[];
extern const size_t TINY_VOCABULARY_COUNT;

/* Fills the sizes that are 0 with small defaults and makes the weights, each rounded to dtype. */
void tiny_model_create(struct tiny_model *model, uint64_t seed);
void tiny_model_destroy(struct tiny_model *model);
/* By its name without prefix; ends the test when there is none. */
struct tiny_tensor *tiny_model_tensor(struct tiny_model *model, const char *name);

/* Writes config.json, tokenizer.json (or sentencepiece.bpe.model), 1_Pooling/config.json,
 * sentence_bert_config.json and model.safetensors into an existing folder. */
void tiny_model_write(const struct tiny_model *model, const char *folder);
/* Writes or replaces one file; a `name` with a slash makes the folder. */
void tiny_model_put(const char *folder, const char *name, const void *bytes, size_t size);
void tiny_model_put_text(const char *folder, const char *name, const char *text);
void tiny_model_delete(const char *folder, const char *name);

/* What the classification head makes of a pair whose second part begins at `second_begin`, by the
 * same formulas: a score in [0, 1]. */
double tiny_model_score(const struct tiny_model *model, const uint32_t *ids, size_t count,
                        size_t second_begin);

/* The forward pass over one sequence, written from the papers in doubles, sharing nothing with the
 * encoder; out has hidden_size values of unit length. */
void tiny_model_embed(const struct tiny_model *model, const uint32_t *ids, size_t count,
                      double *out);

#endif
