/* The reference that the encoder is compared with: one sequence, doubles, loops as the formulas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"
#include "tiny_model.h"

static const float *values_of(const struct tiny_model *model, size_t layer, const char *name)
{
    char full_name[TINY_MAX_NAME];
    if (layer == SIZE_MAX)
        (void)snprintf(full_name, sizeof(full_name), "%s", name);
    else
        (void)snprintf(full_name, sizeof(full_name), "encoder.layer.%zu.%s", layer, name);
    for (size_t i = 0; i < model->tensor_count; i++) {
        if (strcmp(model->tensors[i].name, full_name) == 0)
            return model->tensors[i].values;
    }
    fail_msg("the tiny model has no tensor %s", full_name);
    return NULL;
}

static double *new_matrix(size_t count)
{
    double *matrix = calloc(count, sizeof(*matrix));
    assert_non_null(matrix);
    return matrix;
}

static void linear(const struct tiny_model *model, size_t layer, const char *name,
                   const double *input, size_t rows, size_t input_size, size_t output_size,
                   double *output)
{
    char part[TINY_MAX_NAME];
    (void)snprintf(part, sizeof(part), "%s.weight", name);
    const float *weights = values_of(model, layer, part);
    (void)snprintf(part, sizeof(part), "%s.bias", name);
    const float *bias = values_of(model, layer, part);
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = 0; o < output_size; o++) {
            double sum = (double)bias[o];
            for (size_t i = 0; i < input_size; i++)
                sum += input[r * input_size + i] * (double)weights[o * input_size + i];
            output[r * output_size + o] = sum;
        }
    }
}

static void norm(const struct tiny_model *model, size_t layer, const char *name, double *rows,
                 size_t count)
{
    char part[TINY_MAX_NAME];
    size_t size = model->hidden_size;
    (void)snprintf(part, sizeof(part), "%s.LayerNorm.weight", name);
    const float *scale = values_of(model, layer, part);
    (void)snprintf(part, sizeof(part), "%s.LayerNorm.bias", name);
    const float *shift = values_of(model, layer, part);
    for (size_t r = 0; r < count; r++) {
        double *row = rows + r * size;
        double mean = 0;
        double variance = 0;
        for (size_t i = 0; i < size; i++)
            mean += row[i] / (double)size;
        for (size_t i = 0; i < size; i++)
            variance += (row[i] - mean) * (row[i] - mean) / (double)size;
        for (size_t i = 0; i < size; i++)
            row[i] = (row[i] - mean) / sqrt(variance + model->epsilon) * (double)scale[i] +
                     (double)shift[i];
    }
}

static void attend(const struct tiny_model *model, const double *query, const double *key,
                   const double *value, size_t count, double *context)
{
    size_t size = model->hidden_size;
    size_t head_size = size / model->head_count;
    double *weights = new_matrix(count);
    for (size_t h = 0; h < size; h += head_size) {
        for (size_t q = 0; q < count; q++) {
            double sum = 0;
            for (size_t k = 0; k < count; k++) {
                double score = 0;
                for (size_t i = h; i < h + head_size; i++)
                    score += query[q * size + i] * key[k * size + i];
                weights[k] = exp(score / sqrt((double)head_size));
                sum += weights[k];
            }
            for (size_t i = h; i < h + head_size; i++) {
                context[q * size + i] = 0;
                for (size_t k = 0; k < count; k++)
                    context[q * size + i] += weights[k] / sum * value[k * size + i];
            }
        }
    }
    free(weights);
}

static void run_layer(const struct tiny_model *model, size_t layer, double *state, size_t count)
{
    size_t size = model->hidden_size;
    size_t wide_size = model->intermediate_size;
    double *query = new_matrix(count * size);
    double *key = new_matrix(count * size);
    double *value = new_matrix(count * size);
    double *context = new_matrix(count * size);
    double *wide = new_matrix(count * wide_size);
    linear(model, layer, "attention.self.query", state, count, size, size, query);
    linear(model, layer, "attention.self.key", state, count, size, size, key);
    linear(model, layer, "attention.self.value", state, count, size, size, value);
    attend(model, query, key, value, count, context);
    linear(model, layer, "attention.output.dense", context, count, size, size, query);
    for (size_t i = 0; i < count * size; i++)
        state[i] += query[i];
    norm(model, layer, "attention.output", state, count);
    linear(model, layer, "intermediate.dense", state, count, size, wide_size, wide);
    for (size_t i = 0; i < count * wide_size; i++)
        wide[i] = 0.5 * wide[i] * (1.0 + erf(wide[i] / sqrt(2.0)));
    linear(model, layer, "output.dense", wide, count, wide_size, size, query);
    for (size_t i = 0; i < count * size; i++)
        state[i] += query[i];
    norm(model, layer, "output", state, count);
    free(query);
    free(key);
    free(value);
    free(context);
    free(wide);
}

/* The last hidden state, a row per token; freed by the caller. */
static double *run_encoder(const struct tiny_model *model, const uint32_t *ids, size_t count,
                           size_t second_begin)
{
    size_t size = model->hidden_size;
    double *state = new_matrix(count * size);
    const float *words = values_of(model, SIZE_MAX, "embeddings.word_embeddings.weight");
    const float *positions = values_of(model, SIZE_MAX, "embeddings.position_embeddings.weight");
    const float *types = values_of(model, SIZE_MAX, "embeddings.token_type_embeddings.weight");
    for (size_t r = 0; r < count; r++) {
        bool is_second = !model->is_xlm_roberta && second_begin > 0 && r >= second_begin;
        for (size_t i = 0; i < size; i++)
            state[r * size + i] = (double)words[ids[r] * size + i] +
                                  (double)positions[(model->first_position + r) * size + i] +
                                  (double)types[(is_second ? size : 0) + i];
    }
    norm(model, SIZE_MAX, "embeddings", state, count);
    for (size_t layer = 0; layer < model->layer_count; layer++)
        run_layer(model, layer, state, count);
    return state;
}

void tiny_model_embed(const struct tiny_model *model, const uint32_t *ids, size_t count,
                      double *out)
{
    size_t size = model->hidden_size;
    double *state = run_encoder(model, ids, count, 0);
    double length = 0;
    for (size_t i = 0; i < size; i++) {
        out[i] = 0;
        for (size_t r = 0; r < (model->is_cls ? 1 : count); r++)
            out[i] += state[r * size + i];
        length += out[i] * out[i];
    }
    for (size_t i = 0; i < size; i++)
        out[i] /= sqrt(length);
    free(state);
}

double tiny_model_score(const struct tiny_model *model, const uint32_t *ids, size_t count,
                        size_t second_begin)
{
    size_t size = model->hidden_size;
    double *state = run_encoder(model, ids, count, second_begin);
    double *pooled = new_matrix(size);
    double logits[2] = {0};
    linear(model, SIZE_MAX, model->is_xlm_roberta ? "classifier.dense" : "pooler.dense", state, 1,
           size, size, pooled);
    for (size_t i = 0; i < size; i++)
        pooled[i] = tanh(pooled[i]);
    linear(model, SIZE_MAX, model->is_xlm_roberta ? "classifier.out_proj" : "classifier", pooled, 1,
           size, model->label_count, logits);
    free(state);
    free(pooled);
    if (model->label_count == 1)
        return 1 / (1 + exp(-logits[0]));
    return exp(logits[1]) / (exp(logits[0]) + exp(logits[1]));
}
