/* Two small products a sequence, in f32: a thousandth of what its encoder costs. */
#include "classifier.h"

#include <math.h>

#include <cof/base/alloc.h>

#define MAX_LABELS 2
/* States are taken through the dense layer in blocks, so that its weights are read once a block. */
#define BLOCK_ROWS 16

struct cof_classifier {
    size_t hidden_size;
    size_t label_count;
    float *dense; /* hidden_size * hidden_size, the input's index first */
    float *dense_bias;
    float *out; /* label_count * hidden_size */
    float *out_bias;
};

/* Names in the file; `dense` stands with the encoder's prefix or without. */
struct names {
    const char *dense_weight[2];
    const char *dense_bias[2];
    const char *out_weight;
    const char *out_bias;
};

static const struct names BERT_NAMES = {
    .dense_weight = {"bert.pooler.dense.weight", "pooler.dense.weight"},
    .dense_bias = {"bert.pooler.dense.bias", "pooler.dense.bias"},
    .out_weight = "classifier.weight",
    .out_bias = "classifier.bias",
};
static const struct names XLM_ROBERTA_NAMES = {
    .dense_weight = {"classifier.dense.weight", "classifier.dense.weight"},
    .dense_bias = {"classifier.dense.bias", "classifier.dense.bias"},
    .out_weight = "classifier.out_proj.weight",
    .out_bias = "classifier.out_proj.bias",
};

static enum cof_status need(const struct cof_safetensors *file, const char *name,
                            const struct cof_tensor **out_tensor, struct cof_error *err)
{
    const struct cof_tensor *tensor = cof_safetensors_find(file, cof_text_from(name));
    if (tensor == NULL)
        return COF_FAIL(err, COF_INVALID,
                        "model.safetensors: there is no tensor '%s', so this is no cross-encoder",
                        name);
    if (tensor->type == COF_TENSOR_OTHER)
        return COF_FAIL(err, COF_INVALID,
                        "model.safetensors: '%s' has type %.*s, only F32, F16 and BF16 are read",
                        name, COF_TEXT_ARG(tensor->type_name));
    *out_tensor = tensor;
    return COF_OK;
}

/* The whole tensor of rows * columns values (columns 0: a vector) as floats. */
static enum cof_status load(const struct cof_safetensors *file, const char *name, size_t rows,
                            size_t columns, float **out, struct cof_error *err)
{
    const struct cof_tensor *tensor = NULL;
    COF_TRY(need(file, name, &tensor, err));
    size_t rank = columns == 0 ? 1 : 2;
    if (tensor->rank != rank || tensor->shape[0] != rows ||
        (rank == 2 && tensor->shape[1] != columns))
        return COF_FAIL(err, COF_INVALID,
                        "model.safetensors: '%s' has not the shape that config.json's "
                        "'hidden_size' asks for",
                        name);
    *out = cof_calloc(tensor->element_count, sizeof(**out));
    if (*out == NULL)
        return COF_FAIL_MEMORY(err);
    cof_tensor_to_f32(tensor, 0, tensor->element_count, *out);
    for (size_t i = 0; i < tensor->element_count; i++) {
        if (!isfinite((*out)[i]))
            return COF_FAIL(err, COF_CORRUPT,
                            "model.safetensors: '%s' has a value that is not finite", name);
    }
    return COF_OK;
}

static void transpose(float *square, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        for (size_t j = i + 1; j < size; j++) {
            float value = square[i * size + j];
            square[i * size + j] = square[j * size + i];
            square[j * size + i] = value;
        }
    }
}

static enum cof_status load_all(struct cof_classifier *classifier,
                                const struct cof_safetensors *file, const struct names *names,
                                struct cof_error *err)
{
    const struct cof_tensor *out = NULL;
    size_t size = classifier->hidden_size;
    COF_TRY(need(file, names->out_weight, &out, err));
    if (out->rank != 2 || out->shape[0] < 1 || out->shape[0] > MAX_LABELS)
        return COF_FAIL(err, COF_INVALID,
                        "model.safetensors: '%s' must have one or two labels, to be scores",
                        names->out_weight);
    classifier->label_count = out->shape[0];
    COF_TRY(load(file, names->out_weight, classifier->label_count, size, &classifier->out, err));
    COF_TRY(load(file, names->out_bias, classifier->label_count, 0, &classifier->out_bias, err));
    bool has_prefix = cof_safetensors_find(file, cof_text_from(names->dense_weight[0])) != NULL;
    COF_TRY(
        load(file, names->dense_weight[has_prefix ? 0 : 1], size, size, &classifier->dense, err));
    COF_TRY(
        load(file, names->dense_bias[has_prefix ? 0 : 1], size, 0, &classifier->dense_bias, err));
    transpose(classifier->dense, size);
    return COF_OK;
}

enum cof_status cof_classifier_create(const struct cof_safetensors *file,
                                      const struct cof_model_config *config,
                                      struct cof_classifier **out_classifier, struct cof_error *err)
{
    struct cof_classifier *classifier = cof_calloc(1, sizeof(*classifier));
    if (classifier == NULL)
        return COF_FAIL_MEMORY(err);
    classifier->hidden_size = config->hidden_size;
    enum cof_status status =
        load_all(classifier, file,
                 config->family == COF_MODEL_XLM_ROBERTA ? &XLM_ROBERTA_NAMES : &BERT_NAMES, err);
    if (status != COF_OK) {
        cof_classifier_destroy(classifier);
        return status;
    }
    *out_classifier = classifier;
    return COF_OK;
}

void cof_classifier_destroy(struct cof_classifier *classifier)
{
    if (classifier == NULL)
        return;
    cof_free(classifier->dense);
    cof_free(classifier->dense_bias);
    cof_free(classifier->out);
    cof_free(classifier->out_bias);
    cof_free(classifier);
}

/* outputs = dense * states + bias, a row of the weights at a time. */
static void apply_dense(const struct cof_classifier *classifier, const float *states, size_t count,
                        float *outputs)
{
    size_t size = classifier->hidden_size;
    for (size_t row = 0; row < count; row++) {
        for (size_t j = 0; j < size; j++)
            outputs[row * size + j] = classifier->dense_bias[j];
    }
    for (size_t i = 0; i < size; i++) {
        const float *weights = classifier->dense + i * size;
        for (size_t row = 0; row < count; row++) {
            float state = states[row * size + i];
            float *restrict output = outputs + row * size;
            for (size_t j = 0; j < size; j++)
                output[j] += state * weights[j];
        }
    }
}

static float score_of(const struct cof_classifier *classifier, const float *row)
{
    size_t size = classifier->hidden_size;
    double logits[MAX_LABELS] = {0};
    for (size_t label = 0; label < classifier->label_count; label++) {
        logits[label] = (double)classifier->out_bias[label];
        for (size_t i = 0; i < size; i++)
            logits[label] += (double)classifier->out[label * size + i] * (double)row[i];
    }
    /* The softmax of two is the sigmoid of their difference. */
    double logit = classifier->label_count == 2 ? logits[1] - logits[0] : logits[0];
    return (float)(1.0 / (1.0 + exp(-logit)));
}

enum cof_status cof_classifier_score(const struct cof_classifier *classifier, const float *states,
                                     size_t count, float *out_scores, struct cof_error *err)
{
    size_t size = classifier->hidden_size;
    float *outputs = cof_calloc(BLOCK_ROWS * size, sizeof(*outputs));
    enum cof_status status = COF_OK;
    if (outputs == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t done = 0; done < count && status == COF_OK; done += BLOCK_ROWS) {
        size_t rows = count - done < BLOCK_ROWS ? count - done : BLOCK_ROWS;
        apply_dense(classifier, states + done * size, rows, outputs);
        for (size_t row = 0; row < rows && status == COF_OK; row++) {
            for (size_t i = 0; i < size; i++)
                outputs[row * size + i] = tanhf(outputs[row * size + i]);
            float score = score_of(classifier, outputs + row * size);
            out_scores[done + row] = score;
            if (!isfinite(score))
                status = COF_FAIL(err, COF_CORRUPT,
                                  "the model's weights give a score that is not finite");
        }
    }
    cof_free(outputs);
    return status;
}
