/* The layers in order, each over all tokens of a group.
 *
 * What follows attention is done in blocks of COF_LINEAR_MAX_ROWS tokens, so that the widest matrix
 * of a block stays in the processor's second-level cache between the two products that use it.
 * Beside the state in floats, on which sums and norms are computed, lies its copy in the precision
 * that products read (struct cof_rows); in f32 both are the same memory. */
#include "bert_encoder.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "bert_attention.h"
#include "kernels.h"
#include "vector.h"

#define LINE_BYTES 64

struct cof_bert_workspace {
    struct cof_linear_worker *worker;
    const struct cof_kernels *kernels;
    struct cof_bert_attention attention;
    uint8_t *memory;           /* one piece, cut into the matrices below */
    float *hidden;             /* max_tokens * hidden: the state between layers */
    struct cof_rows state;     /* the same, for products */
    uint8_t *triple;           /* max_tokens * 3 * hidden floats or bf16: queries, keys, values */
    float *context;            /* max_tokens * hidden: what attention gives */
    struct cof_rows block_in;  /* a block * hidden: of the context, for products */
    float *wide;               /* a block * intermediate */
    struct cof_rows wide_rows; /* the same, for products */
    float *block;              /* a block * hidden: what is added to the state */
    float *scratch;            /* attention's own */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* From row `first` on. */
static struct cof_rows rows_from(const struct cof_rows *rows, size_t first)
{
    struct cof_rows from = *rows;
    if (from.codes != NULL)
        from.codes += first * rows->stride;
    if (from.scales != NULL) {
        from.scales += first;
        from.sums += first;
    }
    return from;
}

/* Positions hold the vector of token type 0; what a second text's type adds to that comes here. */
static void add_second_type(const struct cof_bert_weights *weights,
                            const struct cof_bert_sequence *sequence, float *rows)
{
    size_t size = weights->hidden_size;
    if (sequence->second_begin == 0 || weights->second_type == NULL)
        return;
    for (size_t i = sequence->second_begin; i < sequence->count; i++) {
        for (size_t j = 0; j < size; j++)
            rows[i * size + j] += weights->second_type[j];
    }
}

/* hidden = layer_norm(word + position + token type) */
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
        add_second_type(weights, sequence, rows);
        space->kernels->add_layer_norm(rows, weights->positions, sequence->count, size,
                                       weights->embedding_norm.scale, weights->embedding_norm.shift,
                                       weights->layer_norm_epsilon);
        row += sequence->count;
    }
}

/* state = norm(state + attention_output(context)); state = norm(state + down(up(state))) */
static enum cof_status finish_block(const struct cof_bert_weights *weights,
                                    const struct cof_bert_layer *layer,
                                    struct cof_bert_workspace *space, size_t row, size_t row_count,
                                    struct cof_error *err)
{
    const struct cof_linear_set *set = weights->linears;
    size_t size = weights->hidden_size;
    float epsilon = weights->layer_norm_epsilon;
    float *state = space->hidden + row * size;
    struct cof_rows state_rows = rows_from(&space->state, row);
    cof_linear_encode(set, space->context + row * size, row_count, size, &space->block_in);
    COF_TRY(cof_linear_apply(layer->attention_output, space->worker, &space->block_in, row_count,
                             space->block, err));
    space->kernels->add_layer_norm(state, space->block, row_count, size,
                                   layer->attention_norm.scale, layer->attention_norm.shift,
                                   epsilon);
    cof_linear_encode(set, state, row_count, size, &state_rows);
    COF_TRY(cof_linear_apply(layer->up, space->worker, &state_rows, row_count, space->wide, err));
    cof_linear_encode(set, space->wide, row_count, weights->intermediate_size, &space->wide_rows);
    COF_TRY(cof_linear_apply(layer->down, space->worker, &space->wide_rows, row_count, space->block,
                             err));
    space->kernels->add_layer_norm(state, space->block, row_count, size, layer->output_norm.scale,
                                   layer->output_norm.shift, epsilon);
    cof_linear_encode(set, state, row_count, size, &state_rows);
    return COF_OK;
}

static enum cof_status run_layer(const struct cof_bert_weights *weights,
                                 const struct cof_bert_layer *layer,
                                 struct cof_bert_workspace *space,
                                 const struct cof_bert_sequence *sequences, size_t sequence_count,
                                 size_t token_count, struct cof_error *err)
{
    if (space->attention.takes_bf16)
        cof_linear_apply_bf16(layer->query_key_value, &space->state, token_count,
                              (uint16_t *)(void *)space->triple);
    else
        COF_TRY(cof_linear_apply(layer->query_key_value, space->worker, &space->state, token_count,
                                 (float *)(void *)space->triple, err));
    COF_TRY(cof_bert_attention_run(&space->attention, space->triple, sequences, sequence_count,
                                   space->context, space->scratch, err));
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

/* A matrix to be cut out of the workspace's memory. */
struct part {
    uint8_t **place;
    size_t rows;
    size_t row_bytes;
};

/* Rows for products: codes with room behind them, and in the coded precisions a scale and a sum a
 * row. */
static struct part *add_rows_parts(struct part *next, const struct cof_linear_set *set,
                                   struct cof_rows *rows, size_t row_count, size_t size)
{
    rows->stride = cof_linear_row_bytes(set, size);
    if (cof_linear_set_precision(set) == COF_PRECISION_F32)
        return next;
    *next++ = (struct part){&rows->codes, row_count + COF_CODE_SPARE_ROWS, rows->stride};
    *next++ = (struct part){(uint8_t **)(void *)&rows->scales, row_count, sizeof(*rows->scales)};
    *next++ = (struct part){(uint8_t **)(void *)&rows->sums, row_count, sizeof(*rows->sums)};
    return next;
}

static bool add_size(const struct part *part, size_t *total)
{
    size_t bytes = 0;
    return !__builtin_mul_overflow(part->rows, part->row_bytes, &bytes) &&
           !__builtin_add_overflow(bytes, LINE_BYTES - 1, &bytes) &&
           !__builtin_add_overflow(*total, bytes / LINE_BYTES * LINE_BYTES, total);
}

/* Cuts one allocation into the matrices, each beginning on a cache line of its own. */
static enum cof_status reserve(struct cof_bert_workspace *space,
                               const struct cof_bert_weights *weights, size_t max_tokens,
                               struct cof_error *err)
{
    const struct cof_linear_set *set = weights->linears;
    size_t row = weights->hidden_size * sizeof(float);
    size_t wide_row = weights->intermediate_size * sizeof(float);
    struct part parts[16] = {
        {(uint8_t **)(void *)&space->hidden, max_tokens, row},
        {&space->triple, max_tokens + COF_CODE_SPARE_ROWS, 3 * row},
        {(uint8_t **)(void *)&space->context, max_tokens, row},
        {(uint8_t **)(void *)&space->wide, COF_LINEAR_MAX_ROWS, wide_row},
        {(uint8_t **)(void *)&space->block, COF_LINEAR_MAX_ROWS, row},
        {(uint8_t **)(void *)&space->scratch, space->attention.scratch_size, sizeof(float)},
    };
    struct part *end = parts + 6;
    end = add_rows_parts(end, set, &space->state, max_tokens, weights->hidden_size);
    end = add_rows_parts(end, set, &space->block_in, COF_LINEAR_MAX_ROWS, weights->hidden_size);
    end = add_rows_parts(end, set, &space->wide_rows, COF_LINEAR_MAX_ROWS,
                         weights->intermediate_size);
    size_t total = LINE_BYTES;
    for (const struct part *part = parts; part < end; part++) {
        if (!add_size(part, &total))
            return COF_FAIL_MEMORY(err);
    }
    space->memory = cof_calloc(total, 1);
    if (space->memory == NULL)
        return COF_FAIL_MEMORY(err);
    size_t misplaced = (uintptr_t)space->memory % LINE_BYTES;
    size_t place = (LINE_BYTES - misplaced) % LINE_BYTES;
    for (const struct part *part = parts; part < end; part++) {
        *part->place = space->memory + place;
        (void)add_size(part, &place);
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
    space->kernels = cof_linear_set_kernels(weights->linears);
    space->attention = cof_bert_attention_choose(weights, max_sequence_tokens);
    enum cof_status status = cof_linear_worker_create(weights->linears, &space->worker, err);
    if (status == COF_OK)
        status = reserve(space, weights, max_tokens, err);
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
    cof_linear_encode(weights->linears, workspace->hidden, token_count, weights->hidden_size,
                      &workspace->state);
    for (size_t i = 0; i < weights->layer_count; i++) {
        COF_TRY(cof_cancel_check(pass->cancel, err));
        if (pass->between_layers != NULL)
            pass->between_layers(pass->context);
        COF_TRY(run_layer(weights, &weights->layers[i], workspace, pass->sequences,
                          pass->sequence_count, token_count, err));
    }
    return write_output(weights, workspace, pass, token_count, err);
}
