/* Finds each tensor by its published name, checks its shape, and packs it. */
#include "bert_weights.h"

#include <math.h>
#include <stdio.h>

#include <cof/base/alloc.h>

#define MAX_NAME_BYTES 128

struct loader {
    const struct cof_safetensors *file;
    const char *prefix; /* "", "bert.", "roberta." */
    struct cof_bert_weights *weights;
    enum cof_precision precision;
    const struct cof_kernels *kernels;
    float *scratch_weights; /* the largest layer, before it is packed */
    float *scratch_bias;
    struct cof_error *err;
};

/* The tensor of that name with rows * columns values (columns 0: a vector of `rows`). */
static enum cof_status find_tensor(const struct loader *loader, const char *name, size_t rows,
                                   size_t columns, const struct cof_tensor **out_tensor)
{
    char full_name[MAX_NAME_BYTES];
    (void)snprintf(full_name, sizeof(full_name), "%s%s", loader->prefix, name);
    const struct cof_tensor *tensor = cof_safetensors_find(loader->file, cof_text_from(full_name));
    if (tensor == NULL)
        return COF_FAIL(loader->err, COF_INVALID, "model.safetensors: there is no tensor '%s'",
                        full_name);
    if (tensor->type == COF_TENSOR_OTHER)
        return COF_FAIL(loader->err, COF_INVALID,
                        "model.safetensors: '%s' has type %.*s, only F32, F16 and BF16 are read",
                        full_name, COF_TEXT_ARG(tensor->type_name));
    size_t rank = columns == 0 ? 1 : 2;
    bool is_right = tensor->rank == rank && tensor->shape[0] == rows &&
                    (rank == 1 || tensor->shape[1] == columns);
    if (!is_right && rank == 1)
        return COF_FAIL(loader->err, COF_INVALID,
                        "model.safetensors: '%s' should have shape [%zu] by config.json", full_name,
                        rows);
    if (!is_right)
        return COF_FAIL(loader->err, COF_INVALID,
                        "model.safetensors: '%s' should have shape [%zu, %zu] by config.json",
                        full_name, rows, columns);
    *out_tensor = tensor;
    return COF_OK;
}

/* `count` values from `first` on. One that is no number would silently spoil every vector. */
static enum cof_status convert(const struct loader *loader, const struct cof_tensor *tensor,
                               size_t first, size_t count, float *out)
{
    cof_tensor_to_f32(tensor, first, count, out);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(out[i]))
            return COF_FAIL(loader->err, COF_CORRUPT,
                            "model.safetensors: '%.*s' has a value that is not finite",
                            COF_TEXT_ARG(tensor->name));
    }
    return COF_OK;
}

static enum cof_status read_values(const struct loader *loader, const char *name, size_t rows,
                                   size_t columns, float *out)
{
    const struct cof_tensor *tensor = NULL;
    COF_TRY(find_tensor(loader, name, rows, columns, &tensor));
    return convert(loader, tensor, 0, tensor->element_count, out);
}

/* The same into memory of its own. The shape is checked before memory is asked for. */
static enum cof_status load_values(const struct loader *loader, const char *name, size_t rows,
                                   size_t columns, float **out)
{
    const struct cof_tensor *tensor = NULL;
    COF_TRY(find_tensor(loader, name, rows, columns, &tensor));
    *out = cof_calloc(tensor->element_count, sizeof(**out));
    if (*out == NULL)
        return COF_FAIL_MEMORY(loader->err);
    return convert(loader, tensor, 0, tensor->element_count, *out);
}

static enum cof_status load_norm(const struct loader *loader, const char *owner,
                                 struct cof_bert_norm *norm)
{
    char name[MAX_NAME_BYTES];
    size_t size = loader->weights->hidden_size;
    (void)snprintf(name, sizeof(name), "%s.LayerNorm.weight", owner);
    COF_TRY(load_values(loader, name, size, 0, &norm->scale));
    (void)snprintf(name, sizeof(name), "%s.LayerNorm.bias", owner);
    return load_values(loader, name, size, 0, &norm->shift);
}

/* Only the rows that a sequence can have. */
static enum cof_status load_positions(const struct loader *loader,
                                      const struct cof_model_config *config)
{
    struct cof_bert_weights *weights = loader->weights;
    const struct cof_tensor *table = NULL;
    COF_TRY(find_tensor(loader, "embeddings.position_embeddings.weight",
                        config->first_position + weights->max_positions, weights->hidden_size,
                        &table));
    size_t count = weights->max_positions * weights->hidden_size;
    weights->positions = cof_calloc(count, sizeof(*weights->positions));
    if (weights->positions == NULL)
        return COF_FAIL_MEMORY(loader->err);
    return convert(loader, table, config->first_position * weights->hidden_size, count,
                   weights->positions);
}

/* Adds type 0 to every position, since a text alone has no other. */
static enum cof_status load_types(const struct loader *loader,
                                  const struct cof_model_config *config)
{
    struct cof_bert_weights *weights = loader->weights;
    size_t hidden = weights->hidden_size;
    const struct cof_tensor *types = NULL;
    COF_TRY(find_tensor(loader, "embeddings.token_type_embeddings.weight", config->token_type_count,
                        hidden, &types));
    COF_TRY(convert(loader, types, 0, hidden, loader->scratch_bias));
    for (size_t i = 0; i < weights->max_positions; i++) {
        for (size_t j = 0; j < hidden; j++)
            weights->positions[i * hidden + j] += loader->scratch_bias[j];
    }
    if (config->token_type_count == 1)
        return COF_OK;
    weights->second_type = cof_calloc(hidden, sizeof(*weights->second_type));
    if (weights->second_type == NULL)
        return COF_FAIL_MEMORY(loader->err);
    COF_TRY(convert(loader, types, hidden, hidden, weights->second_type));
    for (size_t j = 0; j < hidden; j++)
        weights->second_type[j] -= loader->scratch_bias[j];
    return COF_OK;
}

static enum cof_status load_embeddings(const struct loader *loader,
                                       const struct cof_model_config *config)
{
    struct cof_bert_weights *weights = loader->weights;
    size_t hidden = weights->hidden_size;
    COF_TRY(load_values(loader, "embeddings.word_embeddings.weight", weights->vocabulary_size,
                        hidden, &weights->words));
    COF_TRY(load_positions(loader, config));
    COF_TRY(load_types(loader, config));
    return load_norm(loader, "embeddings", &weights->embedding_norm);
}

/* Several published layers with the same input become one, their outputs side by side. */
static enum cof_status load_linear(const struct loader *loader, size_t layer,
                                   const char *const *names, size_t name_count,
                                   const struct cof_linear_shape *shape,
                                   struct cof_linear **out_linear)
{
    char name[MAX_NAME_BYTES];
    size_t rows = shape->output_size / name_count;
    for (size_t i = 0; i < name_count; i++) {
        (void)snprintf(name, sizeof(name), "encoder.layer.%zu.%s.weight", layer, names[i]);
        COF_TRY(read_values(loader, name, rows, shape->input_size,
                            loader->scratch_weights + i * rows * shape->input_size));
        (void)snprintf(name, sizeof(name), "encoder.layer.%zu.%s.bias", layer, names[i]);
        COF_TRY(read_values(loader, name, rows, 0, loader->scratch_bias + i * rows));
    }
    return cof_linear_create(loader->weights->linears, shape, loader->scratch_weights,
                             loader->scratch_bias, out_linear, loader->err);
}

static enum cof_status load_layer(const struct loader *loader, size_t index,
                                  struct cof_bert_layer *layer)
{
    static const char *const query_key_value[] = {"attention.self.query", "attention.self.key",
                                                  "attention.self.value"};
    static const char *const attention_output[] = {"attention.output.dense"};
    static const char *const up[] = {"intermediate.dense"};
    static const char *const down[] = {"output.dense"};
    size_t hidden = loader->weights->hidden_size;
    size_t wide = loader->weights->intermediate_size;
    const struct cof_linear_shape triple = {.input_size = hidden, .output_size = 3 * hidden};
    const struct cof_linear_shape square = {.input_size = hidden, .output_size = hidden};
    const struct cof_linear_shape widening = {
        .input_size = hidden, .output_size = wide, .activation = COF_ACTIVATION_GELU};
    const struct cof_linear_shape narrowing = {.input_size = wide, .output_size = hidden};
    char owner[MAX_NAME_BYTES];

    COF_TRY(load_linear(loader, index, query_key_value, 3, &triple, &layer->query_key_value));
    COF_TRY(load_linear(loader, index, attention_output, 1, &square, &layer->attention_output));
    COF_TRY(load_linear(loader, index, up, 1, &widening, &layer->up));
    COF_TRY(load_linear(loader, index, down, 1, &narrowing, &layer->down));
    (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.attention.output", index);
    COF_TRY(load_norm(loader, owner, &layer->attention_norm));
    (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.output", index);
    return load_norm(loader, owner, &layer->output_norm);
}

/* Once for each layer, then for the layer that is one too many: more layers in the file than
 * config.json says would silently be another model. */
static enum cof_status load_layers(const struct loader *loader)
{
    struct cof_bert_weights *weights = loader->weights;
    char name[MAX_NAME_BYTES];
    for (size_t i = 0; i < weights->layer_count; i++)
        COF_TRY(load_layer(loader, i, &weights->layers[i]));
    (void)snprintf(name, sizeof(name), "%sencoder.layer.%zu.output.dense.weight", loader->prefix,
                   weights->layer_count);
    if (cof_safetensors_find(loader->file, cof_text_from(name)) != NULL)
        return COF_FAIL(loader->err, COF_INVALID,
                        "model.safetensors has more layers than config.json's "
                        "'num_hidden_layers' %zu",
                        weights->layer_count);
    return COF_OK;
}

static enum cof_status load(struct loader *loader, const struct cof_model_config *config)
{
    struct cof_bert_weights *weights = loader->weights;
    const struct cof_tensor *first = NULL;
    COF_TRY(
        cof_linear_set_create(loader->precision, loader->kernels, &weights->linears, loader->err));
    /* Before memory is asked for by what config.json says alone. */
    COF_TRY(find_tensor(loader, "encoder.layer.0.intermediate.dense.weight",
                        weights->intermediate_size, weights->hidden_size, &first));
    size_t widest = weights->intermediate_size > 3 * weights->hidden_size
                        ? weights->intermediate_size
                        : 3 * weights->hidden_size;
    loader->scratch_weights = cof_calloc(widest * weights->hidden_size, sizeof(float));
    loader->scratch_bias = cof_calloc(widest, sizeof(float));
    weights->layers = cof_calloc(weights->layer_count, sizeof(*weights->layers));
    if (loader->scratch_weights == NULL || loader->scratch_bias == NULL || weights->layers == NULL)
        return COF_FAIL_MEMORY(loader->err);
    COF_TRY(load_embeddings(loader, config));
    return load_layers(loader);
}

static void free_norm(struct cof_bert_norm *norm)
{
    cof_free(norm->scale);
    cof_free(norm->shift);
}

/* Models saved with a head keep the encoder under a name of its own. */
static const char *find_prefix(const struct cof_safetensors *file)
{
    static const char *const prefixes[] = {"bert.", "roberta."};
    char name[MAX_NAME_BYTES];
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        (void)snprintf(name, sizeof(name), "%sembeddings.word_embeddings.weight", prefixes[i]);
        if (cof_safetensors_find(file, cof_text_from(name)) != NULL)
            return prefixes[i];
    }
    return "";
}

enum cof_status cof_bert_weights_create(const struct cof_safetensors *file,
                                        const struct cof_model_config *config,
                                        enum cof_precision precision,
                                        const struct cof_kernels *kernels,
                                        struct cof_bert_weights **out_weights,
                                        struct cof_error *err)
{
    struct cof_bert_weights *weights = cof_calloc(1, sizeof(*weights));
    if (weights == NULL)
        return COF_FAIL_MEMORY(err);
    weights->hidden_size = config->hidden_size;
    weights->intermediate_size = config->intermediate_size;
    weights->head_count = config->head_count;
    weights->max_positions = config->max_positions;
    weights->vocabulary_size = config->vocabulary_size;
    weights->layer_norm_epsilon = config->layer_norm_epsilon;
    weights->layer_count = config->layer_count;

    struct loader loader = {
        .file = file,
        .prefix = find_prefix(file),
        .weights = weights,
        .precision = precision,
        .kernels = kernels,
        .err = err,
    };
    int before = cof_openmp_enter();
    enum cof_status status = load(&loader, config);
    cof_openmp_leave(before);
    cof_free(loader.scratch_weights);
    cof_free(loader.scratch_bias);
    if (status != COF_OK) {
        cof_bert_weights_destroy(weights);
        return status;
    }
    *out_weights = weights;
    return COF_OK;
}

void cof_bert_weights_destroy(struct cof_bert_weights *weights)
{
    if (weights == NULL)
        return;
    for (size_t i = 0; weights->layers != NULL && i < weights->layer_count; i++) {
        struct cof_bert_layer *layer = &weights->layers[i];
        cof_linear_destroy(layer->query_key_value);
        cof_linear_destroy(layer->attention_output);
        cof_linear_destroy(layer->up);
        cof_linear_destroy(layer->down);
        free_norm(&layer->attention_norm);
        free_norm(&layer->output_norm);
    }
    cof_free(weights->layers);
    cof_free(weights->words);
    cof_free(weights->positions);
    cof_free(weights->second_type);
    free_norm(&weights->embedding_norm);
    cof_linear_set_destroy(weights->linears);
    cof_free(weights);
}
