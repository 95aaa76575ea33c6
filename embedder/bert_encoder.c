/* The layers in order, each over all tokens of a group.
 *
 * What follows attention is done in blocks of COF_LINEAR_MAX_ROWS tokens, so that the widest matrix
 * of a block stays in the processor's second-level cache between the two products that use it.
 * Attention takes ATTENTION_ROWS queries of one head at a time; its memory grows with the length of
 * a sequence, not with its square. */
#include "bert_encoder.h"

#include <math.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "kernels.h"
#include "onednn.h"
#include "vector.h"

#define ATTENTION_ROWS 128

struct cof_bert_workspace {
    struct cof_linear_worker *worker;
    const struct cof_kernels *kernels;
    size_t max_tokens;
    size_t max_sequence_tokens;
    float *memory;  /* one piece, cut into the matrices below */
    float *hidden;  /* max_tokens * hidden: the state between layers */
    float *triple;  /* max_tokens * 3 * hidden: queries, keys, values */
    float *context; /* max_tokens * hidden: what attention gives */
    float *wide;    /* a block * intermediate */
    float *block;   /* a block * hidden: what is added to the state */
    float *scores;  /* ATTENTION_ROWS * stride_of(max_sequence_tokens) */
};

static size_t stride_of(size_t count)
{
    return (count + COF_KERNEL_LANES - 1) / COF_KERNEL_LANES * COF_KERNEL_LANES;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* hidden = layer_norm(word + position); the token type is in the position's vector. */
static void embed_tokens(const struct cof_bert_weights *weights, struct cof_bert_workspace *space,
                         const struct cof_bert_sequence *sequences, size_t sequence_count)
{
    size_t size = weights->hidden_size;
    size_t row = 0;
    for (size_t i = 0; i < sequence_count; i++) {
        const struct cof_bert_sequence *sequence = &sequences[i];
        float *rows = space->hidden + row * size;
        for (size_t j = 0; j < sequence->count; j++)
            memcpy(rows + j * size, weights->words + sequence->ids[j] * size, size * sizeof(float));
        space->kernels->add_layer_norm(rows, weights->positions, sequence->count, size,
                                       weights->embedding_norm.scale, weights->embedding_norm.shift,
                                       weights->layer_norm_epsilon);
        row += sequence->count;
    }
}

static enum cof_status apply_linear(const struct cof_linear *linear,
                                    struct cof_bert_workspace *space, const float *input,
                                    size_t input_size, size_t row_count, float *output,
                                    size_t output_size, struct cof_error *err)
{
    for (size_t row = 0; row < row_count; row += COF_LINEAR_MAX_ROWS) {
        size_t count = least(row_count - row, COF_LINEAR_MAX_ROWS);
        COF_TRY(cof_linear_apply(linear, space->worker, input + row * input_size, count,
                                 output + row * output_size, err));
    }
    return COF_OK;
}

/* One head of one sequence: softmax(queries * keys^T / sqrt(head_size)) * values. `triple` and
 * `context` point to the head's first column in the sequence's first row. */
static enum cof_status attend_head(const struct cof_bert_weights *weights,
                                   struct cof_bert_workspace *space, const float *triple,
                                   size_t token_count, float *context, struct cof_error *err)
{
    dnnl_dim_t hidden = (dnnl_dim_t)weights->hidden_size;
    dnnl_dim_t head_size = (dnnl_dim_t)(weights->hidden_size / weights->head_count);
    dnnl_dim_t count = (dnnl_dim_t)token_count;
    dnnl_dim_t stride = (dnnl_dim_t)stride_of(token_count);
    const float *keys = triple + hidden;
    const float *values = keys + hidden;
    float scale = 1.0F / sqrtf((float)head_size);
    for (size_t row = 0; row < token_count; row += ATTENTION_ROWS) {
        size_t row_count = least(token_count - row, ATTENTION_ROWS);
        const float *queries = triple + row * 3 * weights->hidden_size;
        COF_DNNL_TRY(dnnl_sgemm('N', 'T', (dnnl_dim_t)row_count, count, head_size, scale, queries,
                                3 * hidden, keys, 3 * hidden, 0.0F, space->scores, stride),
                     err);
        space->kernels->softmax(space->scores, row_count, token_count, (size_t)stride);
        COF_DNNL_TRY(dnnl_sgemm('N', 'N', (dnnl_dim_t)row_count, head_size, count, 1.0F,
                                space->scores, stride, values, 3 * hidden, 0.0F,
                                context + row * weights->hidden_size, hidden),
                     err);
    }
    return COF_OK;
}

static enum cof_status attend(const struct cof_bert_weights *weights,
                              struct cof_bert_workspace *space,
                              const struct cof_bert_sequence *sequences, size_t sequence_count,
                              struct cof_error *err)
{
    size_t head_size = weights->hidden_size / weights->head_count;
    size_t row = 0;
    for (size_t i = 0; i < sequence_count; i++) {
        const float *triple = space->triple + row * 3 * weights->hidden_size;
        float *context = space->context + row * weights->hidden_size;
        for (size_t head = 0; head < weights->head_count; head++)
            COF_TRY(attend_head(weights, space, triple + head * head_size, sequences[i].count,
                                context + head * head_size, err));
        row += sequences[i].count;
    }
    return COF_OK;
}

/* state = norm(state + attention_output(context)); state = norm(state + down(up(state))) */
static enum cof_status finish_block(const struct cof_bert_weights *weights,
                                    const struct cof_bert_layer *layer,
                                    struct cof_bert_workspace *space, size_t row, size_t row_count,
                                    struct cof_error *err)
{
    size_t size = weights->hidden_size;
    float epsilon = weights->layer_norm_epsilon;
    float *state = space->hidden + row * size;
    COF_TRY(cof_linear_apply(layer->attention_output, space->worker, space->context + row * size,
                             row_count, space->block, err));
    space->kernels->add_layer_norm(state, space->block, row_count, size,
                                   layer->attention_norm.scale, layer->attention_norm.shift,
                                   epsilon);
    COF_TRY(cof_linear_apply(layer->up, space->worker, state, row_count, space->wide, err));
    COF_TRY(
        cof_linear_apply(layer->down, space->worker, space->wide, row_count, space->block, err));
    space->kernels->add_layer_norm(state, space->block, row_count, size, layer->output_norm.scale,
                                   layer->output_norm.shift, epsilon);
    return COF_OK;
}

static enum cof_status run_layer(const struct cof_bert_weights *weights,
                                 const struct cof_bert_layer *layer,
                                 struct cof_bert_workspace *space,
                                 const struct cof_bert_sequence *sequences, size_t sequence_count,
                                 size_t token_count, struct cof_error *err)
{
    size_t size = weights->hidden_size;
    COF_TRY(apply_linear(layer->query_key_value, space, space->hidden, size, token_count,
                         space->triple, 3 * size, err));
    COF_TRY(attend(weights, space, sequences, sequence_count, err));
    for (size_t row = 0; row < token_count; row += COF_LINEAR_MAX_ROWS)
        COF_TRY(finish_block(weights, layer, space, row,
                             least(token_count - row, COF_LINEAR_MAX_ROWS), err));
    return COF_OK;
}

static enum cof_status scale_to_unit(float *vector, size_t size, struct cof_error *err)
{
    if (!cof_vector_normalize(vector, size))
        return COF_FAIL(err, COF_CORRUPT,
                        "the model's weights give a vector that has no finite length");
    return COF_OK;
}

static enum cof_status write_pooled(const struct cof_bert_weights *weights,
                                    const struct cof_bert_workspace *space,
                                    const struct cof_bert_pass *pass, struct cof_error *err)
{
    size_t size = weights->hidden_size;
    size_t row = 0;
    for (size_t i = 0; i < pass->sequence_count; i++) {
        float *vector = pass->out_rows + i * size;
        size_t count = pass->pooling == COF_POOLING_CLS ? 1 : pass->sequences[i].count;
        memset(vector, 0, size * sizeof(float));
        /* The mean's divisor is left to the scaling to unit length. */
        space->kernels->add_rows(vector, space->hidden + row * size, count, size);
        COF_TRY(scale_to_unit(vector, size, err));
        row += pass->sequences[i].count;
    }
    return COF_OK;
}

static enum cof_status write_tokens(const struct cof_bert_weights *weights,
                                    const struct cof_bert_workspace *space,
                                    const struct cof_bert_pass *pass, size_t token_count,
                                    struct cof_error *err)
{
    size_t size = weights->hidden_size;
    memcpy(pass->out_rows, space->hidden, token_count * size * sizeof(float));
    for (size_t row = 0; row < token_count; row++)
        COF_TRY(scale_to_unit(pass->out_rows + row * size, size, err));
    return COF_OK;
}

static void write_first(const struct cof_bert_weights *weights,
                        const struct cof_bert_workspace *space, const struct cof_bert_pass *pass)
{
    size_t size = weights->hidden_size;
    size_t row = 0;
    for (size_t i = 0; i < pass->sequence_count; i++) {
        memcpy(pass->out_rows + i * size, space->hidden + row * size, size * sizeof(float));
        row += pass->sequences[i].count;
    }
}

static enum cof_status write_output(const struct cof_bert_weights *weights,
                                    const struct cof_bert_workspace *space,
                                    const struct cof_bert_pass *pass, size_t token_count,
                                    struct cof_error *err)
{
    switch (pass->output) {
    case COF_BERT_POOLED:
        return write_pooled(weights, space, pass, err);
    case COF_BERT_TOKENS:
        return write_tokens(weights, space, pass, token_count, err);
    case COF_BERT_FIRST:
        write_first(weights, space, pass);
        return COF_OK;
    }
    return COF_FAIL(err, COF_INTERNAL, "no such output of an encoder");
}

static bool multiply(size_t *product, size_t factor)
{
    return !__builtin_mul_overflow(*product, factor, product);
}

/* Cuts one allocation into the matrices, each beginning on a cache line of its own. */
static enum cof_status reserve(struct cof_bert_workspace *space,
                               const struct cof_bert_weights *weights, struct cof_error *err)
{
    struct part {
        float **place;
        size_t rows;
        size_t columns;
    };
    const struct part parts[] = {
        {&space->hidden, space->max_tokens, weights->hidden_size},
        {&space->triple, space->max_tokens, 3 * weights->hidden_size},
        {&space->context, space->max_tokens, weights->hidden_size},
        {&space->wide, COF_LINEAR_MAX_ROWS, weights->intermediate_size},
        {&space->block, COF_LINEAR_MAX_ROWS, weights->hidden_size},
        {&space->scores, ATTENTION_ROWS, stride_of(space->max_sequence_tokens)},
    };
    size_t total = COF_KERNEL_LANES;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t count = parts[i].rows;
        if (!multiply(&count, parts[i].columns) ||
            __builtin_add_overflow(total, stride_of(count), &total))
            return COF_FAIL_MEMORY(err);
    }
    space->memory = cof_calloc(total, sizeof(float));
    if (space->memory == NULL)
        return COF_FAIL_MEMORY(err);
    size_t misplaced = (uintptr_t)space->memory / sizeof(float) % COF_KERNEL_LANES;
    float *next = space->memory + (COF_KERNEL_LANES - misplaced) % COF_KERNEL_LANES;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i].place = next;
        next += stride_of(parts[i].rows * parts[i].columns);
    }
    return COF_OK;
}

enum cof_status cof_bert_workspace_create(const struct cof_bert_weights *weights, size_t max_tokens,
                                          size_t max_sequence_tokens,
                                          struct cof_bert_workspace **out_workspace,
                                          struct cof_error *err)
{
    struct cof_bert_workspace *space = cof_calloc(1, sizeof(*space));
    if (space == NULL)
        return COF_FAIL_MEMORY(err);
    space->kernels = cof_kernels_pick();
    space->max_tokens = max_tokens;
    space->max_sequence_tokens = max_sequence_tokens;
    enum cof_status status = cof_linear_worker_create(weights->linears, &space->worker, err);
    if (status == COF_OK)
        status = reserve(space, weights, err);
    if (status != COF_OK) {
        cof_bert_workspace_destroy(space);
        return status;
    }
    *out_workspace = space;
    return COF_OK;
}

void cof_bert_workspace_destroy(struct cof_bert_workspace *workspace)
{
    if (workspace == NULL)
        return;
    cof_linear_worker_destroy(workspace->worker);
    cof_free(workspace->memory);
    cof_free(workspace);
}

enum cof_status cof_bert_encode(const struct cof_bert_weights *weights,
                                struct cof_bert_workspace *workspace,
                                const struct cof_bert_pass *pass, struct cof_error *err)
{
    size_t token_count = 0;
    for (size_t i = 0; i < pass->sequence_count; i++)
        token_count += pass->sequences[i].count;
    embed_tokens(weights, workspace, pass->sequences, pass->sequence_count);
    for (size_t i = 0; i < weights->layer_count; i++) {
        COF_TRY(cof_cancel_check(pass->cancel, err));
        if (pass->between_layers != NULL)
            pass->between_layers(pass->context);
        COF_TRY(run_layer(weights, &weights->layers[i], workspace, pass->sequences,
                          pass->sequence_count, token_count, err));
    }
    return write_output(weights, workspace, pass, token_count, err);
}
