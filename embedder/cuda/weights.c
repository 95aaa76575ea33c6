/* Finds each tensor by its published name and takes it up piece by piece.
 *
 * Where everything goes is decided by one walk over the model (`walk`), made twice: first to add up
 * the bytes, then to copy. */
#include "weights.h"

#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>

#define MAX_NAME_BYTES 128
/* Pieces end where tensors do, so this only bounds the pinned memory. */
#define PIECE_VALUES ((size_t)1 << 20)
#define ALIGNMENT 256

struct walk {
    const struct cof_safetensors *file; /* NULL: only sizes are wanted */
    const struct cof_model_config *config;
    const char *prefix; /* "", "bert.", "roberta." */
    struct cof_cuda_weights *weights;
    size_t used;                    /* bytes of the device's memory */
    struct cof_cuda_memory piece;   /* pinned: f32 values */
    struct cof_cuda_memory scratch; /* the same on the device, then the flag for a bad one */
    float *type_zero;               /* added to every position */
    void *stream;
    struct cof_error *err;
};

static uint8_t *reserve(struct walk *walk, size_t size)
{
    size_t at = walk->used;
    walk->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return walk->file != NULL ? (uint8_t *)walk->weights->memory.address + at : NULL;
}

static uint32_t *bad_flag(const struct walk *walk)
{
    return (uint32_t *)(void *)((uint8_t *)walk->scratch.address + PIECE_VALUES * sizeof(float));
}

static enum cof_status find(const struct walk *walk, const char *name, size_t least_count,
                            const struct cof_tensor **out_tensor)
{
    char full_name[MAX_NAME_BYTES];
    (void)snprintf(full_name, sizeof(full_name), "%s%s", walk->prefix, name);
    const struct cof_tensor *tensor = cof_safetensors_find(walk->file, cof_text_from(full_name));
    if (tensor == NULL || tensor->type == COF_TENSOR_OTHER || tensor->element_count < least_count)
        return COF_FAIL(walk->err, COF_INVALID,
                        "model.safetensors: '%s' is missing or smaller than config.json says",
                        full_name);
    *out_tensor = tensor;
    return COF_OK;
}

/* `count` values of a tensor from `first` on, to `to`, as f32 or converted. */
static enum cof_status take_up(const struct walk *walk, const struct cof_tensor *tensor,
                               size_t first, size_t count, void *to, bool is_half)
{
    size_t hidden = walk->config->hidden_size;
    for (size_t done = 0; done < count;) {
        size_t some = count - done < PIECE_VALUES ? count - done : PIECE_VALUES;
        float *values = walk->piece.address;
        cof_tensor_to_f32(tensor, first + done, some, values);
        for (size_t i = 0; walk->type_zero != NULL && i < some; i++)
            values[i] += walk->type_zero[(done + i) % hidden];
        void *up = is_half ? walk->scratch.address : (void *)((float *)to + done);
        COF_TRY(cof_cuda_copy_up(up, values, some * sizeof(float), walk->stream, walk->err));
        if (is_half)
            COF_TRY(cof_cuda_launched(cof_cuda_convert(walk->stream, walk->scratch.address,
                                                       (uint16_t *)to + done, some, bad_flag(walk)),
                                      "cof_cuda_convert", walk->err));
        COF_TRY(cof_cuda_stream_finish(walk->stream, walk->err));
        done += some;
    }
    return COF_OK;
}

static enum cof_status take_tensor(const struct walk *walk, const char *name, size_t first,
                                   size_t count, void *to, bool is_half)
{
    const struct cof_tensor *tensor = NULL;
    if (walk->file == NULL)
        return COF_OK;
    COF_TRY(find(walk, name, first + count, &tensor));
    return take_up(walk, tensor, first, count, to, is_half);
}

static enum cof_status take_norm(struct walk *walk, const char *owner, struct cof_cuda_norm *norm)
{
    char name[MAX_NAME_BYTES];
    size_t size = walk->config->hidden_size;
    float *scale = (float *)(void *)reserve(walk, size * sizeof(float));
    float *shift = (float *)(void *)reserve(walk, size * sizeof(float));
    (void)snprintf(name, sizeof(name), "%s.LayerNorm.weight", owner);
    COF_TRY(take_tensor(walk, name, 0, size, scale, false));
    (void)snprintf(name, sizeof(name), "%s.LayerNorm.bias", owner);
    COF_TRY(take_tensor(walk, name, 0, size, shift, false));
    *norm = (struct cof_cuda_norm){
        .scale = scale, .shift = shift, .epsilon = walk->config->layer_norm_epsilon};
    return COF_OK;
}

/* Several published layers with the same input become one, their outputs side by side. */
static enum cof_status take_linear(struct walk *walk, size_t layer, const char *const *names,
                                   size_t name_count, size_t input_size, size_t output_size,
                                   struct cof_cuda_linear *linear)
{
    char name[MAX_NAME_BYTES];
    size_t rows = output_size / name_count;
    uint16_t *weights =
        (uint16_t *)(void *)reserve(walk, input_size * output_size * sizeof(uint16_t));
    uint16_t *bias = (uint16_t *)(void *)reserve(walk, output_size * sizeof(uint16_t));
    for (size_t i = 0; walk->file != NULL && i < name_count; i++) {
        (void)snprintf(name, sizeof(name), "encoder.layer.%zu.%s.weight", layer, names[i]);
        COF_TRY(
            take_tensor(walk, name, 0, rows * input_size, weights + i * rows * input_size, true));
        (void)snprintf(name, sizeof(name), "encoder.layer.%zu.%s.bias", layer, names[i]);
        COF_TRY(take_tensor(walk, name, 0, rows, bias + i * rows, true));
    }
    *linear = (struct cof_cuda_linear){
        .weights = weights, .bias = bias, .input_size = input_size, .output_size = output_size};
    return COF_OK;
}

static enum cof_status take_layer(struct walk *walk, size_t index, struct cof_cuda_layer *layer)
{
    static const char *const query_key_value[] = {"attention.self.query", "attention.self.key",
                                                  "attention.self.value"};
    static const char *const attention_output[] = {"attention.output.dense"};
    static const char *const up[] = {"intermediate.dense"};
    static const char *const down[] = {"output.dense"};
    size_t hidden = walk->config->hidden_size;
    size_t wide = walk->config->intermediate_size;
    char owner[MAX_NAME_BYTES];
    COF_TRY(
        take_linear(walk, index, query_key_value, 3, hidden, 3 * hidden, &layer->query_key_value));
    COF_TRY(
        take_linear(walk, index, attention_output, 1, hidden, hidden, &layer->attention_output));
    COF_TRY(take_linear(walk, index, up, 1, hidden, wide, &layer->up));
    COF_TRY(take_linear(walk, index, down, 1, wide, hidden, &layer->down));
    (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.attention.output", index);
    COF_TRY(take_norm(walk, owner, &layer->attention_norm));
    (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.output", index);
    return take_norm(walk, owner, &layer->output_norm);
}

static enum cof_status take_embeddings(struct walk *walk)
{
    const struct cof_model_config *config = walk->config;
    size_t hidden = config->hidden_size;
    size_t word_count = config->vocabulary_size * hidden;
    size_t position_count = config->max_positions * hidden;
    uint16_t *words = (uint16_t *)(void *)reserve(walk, word_count * sizeof(uint16_t));
    uint16_t *positions = (uint16_t *)(void *)reserve(walk, position_count * sizeof(uint16_t));
    COF_TRY(take_tensor(walk, "embeddings.word_embeddings.weight", 0, word_count, words, true));
    if (walk->file != NULL) {
        const struct cof_tensor *types = NULL;
        float *type_zero = cof_calloc(hidden, sizeof(*type_zero));
        if (type_zero == NULL)
            return COF_FAIL_MEMORY(walk->err);
        enum cof_status status =
            find(walk, "embeddings.token_type_embeddings.weight", hidden, &types);
        if (status == COF_OK) {
            cof_tensor_to_f32(types, 0, hidden, type_zero);
            walk->type_zero = type_zero;
            status = take_tensor(walk, "embeddings.position_embeddings.weight",
                                 config->first_position * hidden, position_count, positions, true);
            walk->type_zero = NULL;
        }
        cof_free(type_zero);
        COF_TRY(status);
    }
    walk->weights->words = words;
    walk->weights->positions = positions;
    return take_norm(walk, "embeddings", &walk->weights->embedding_norm);
}

static enum cof_status take_model(struct walk *walk)
{
    struct cof_cuda_layer unused;
    COF_TRY(take_embeddings(walk));
    for (size_t i = 0; i < walk->config->layer_count; i++)
        COF_TRY(take_layer(walk, i, walk->file != NULL ? &walk->weights->layers[i] : &unused));
    return COF_OK;
}

size_t cof_cuda_weights_size(const struct cof_model_config *config)
{
    struct cof_cuda_weights unused = {0};
    struct walk walk = {.config = config, .weights = &unused};
    (void)take_model(&walk); /* only adds up */
    return walk.used;
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

static enum cof_status check_flag(struct walk *walk)
{
    COF_TRY(cof_cuda_copy_down(walk->piece.address, bad_flag(walk), sizeof(uint32_t), walk->stream,
                               walk->err));
    COF_TRY(cof_cuda_stream_finish(walk->stream, walk->err));
    uint32_t is_bad = 0;
    memcpy(&is_bad, walk->piece.address, sizeof(is_bad));
    if (is_bad != 0)
        return COF_FAIL(walk->err, COF_UNAVAILABLE, "a weight does not fit half precision");
    return COF_OK;
}

static enum cof_status fill(struct walk *walk)
{
    struct cof_cuda_weights *weights = walk->weights;
    size_t scratch_size = PIECE_VALUES * sizeof(float);
    COF_TRY(
        cof_cuda_memory_create(cof_cuda_weights_size(walk->config), &weights->memory, walk->err));
    COF_TRY(cof_cuda_stream_create(&walk->stream, walk->err));
    COF_TRY(cof_cuda_pinned_create(scratch_size, &walk->piece, walk->err));
    COF_TRY(cof_cuda_memory_create(scratch_size + ALIGNMENT, &walk->scratch, walk->err));
    COF_TRY(take_model(walk));
    return check_flag(walk);
}

enum cof_status cof_cuda_weights_create(const struct cof_safetensors *file,
                                        const struct cof_model_config *config,
                                        struct cof_cuda_weights **out_weights,
                                        struct cof_error *err)
{
    struct cof_cuda_weights *weights = cof_calloc(1, sizeof(*weights));
    if (weights == NULL)
        return COF_FAIL_MEMORY(err);
    weights->hidden_size = config->hidden_size;
    weights->intermediate_size = config->intermediate_size;
    weights->head_count = config->head_count;
    weights->layer_count = config->layer_count;
    weights->max_positions = config->max_positions;
    weights->vocabulary_size = config->vocabulary_size;
    struct walk walk = {.file = file,
                        .config = config,
                        .prefix = find_prefix(file),
                        .weights = weights,
                        .err = err};
    enum cof_status status = COF_OK;
    weights->layers = cof_calloc(config->layer_count, sizeof(*weights->layers));
    if (weights->layers == NULL)
        status = COF_FAIL_MEMORY(err);
    if (status == COF_OK)
        status = fill(&walk);
    cof_cuda_stream_destroy(walk.stream);
    cof_cuda_memory_destroy(&walk.scratch);
    cof_cuda_pinned_destroy(&walk.piece);
    if (status != COF_OK) {
        cof_cuda_weights_destroy(weights);
        return status;
    }
    *out_weights = weights;
    return COF_OK;
}

void cof_cuda_weights_destroy(struct cof_cuda_weights *weights)
{
    if (weights == NULL)
        return;
    cof_cuda_memory_destroy(&weights->memory);
    cof_free(weights->layers);
    cof_free(weights);
}
