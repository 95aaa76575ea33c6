/* Chooses how to attend; and attends by oneDNN, ATTENTION_ROWS queries of one head at a time, so
 * that memory grows with the length of a sequence and not with its square. */
#include "bert_attention.h"

#include <math.h>

#include "onednn.h"

#define ATTENTION_ROWS 128

static size_t stride_of(size_t count)
{
    return (count + COF_KERNEL_LANES - 1) / COF_KERNEL_LANES * COF_KERNEL_LANES;
}

struct cof_bert_attention cof_bert_attention_choose(const struct cof_bert_weights *weights,
                                                    size_t max_sequence_tokens)
{
    const struct cof_kernels *kernels = cof_linear_set_kernels(weights->linears);
    size_t head_size = weights->hidden_size / weights->head_count;
    struct cof_bert_attention attention = {
        .kernels = kernels,
        .hidden_size = weights->hidden_size,
        .head_count = weights->head_count,
        .scratch_size = ATTENTION_ROWS * stride_of(max_sequence_tokens),
    };
    bool is_f32 = cof_linear_set_precision(weights->linears) == COF_PRECISION_F32;
    if (!is_f32 && kernels->attend_bf16 != NULL && head_size % 32 == 0) {
        attention.takes_bf16 = true;
        attention.attend = kernels->attend_bf16;
        attention.scratch_size = kernels->attend_bf16_scratch(max_sequence_tokens, head_size);
    } else if (kernels->attend_f32 != NULL && head_size % 16 == 0) {
        attention.attend = kernels->attend_f32;
        attention.scratch_size = kernels->attend_f32_scratch(max_sequence_tokens, head_size);
    }
    return attention;
}

/* One head of one sequence: softmax(queries * keys^T / sqrt(head_size)) * values. `triple` and
 * `context` point to the head's first column in the sequence's first row. */
static enum cof_status attend_head(const struct cof_bert_attention *attention, const float *triple,
                                   size_t token_count, float *context, float *scores,
                                   struct cof_error *err)
{
    dnnl_dim_t hidden = (dnnl_dim_t)attention->hidden_size;
    dnnl_dim_t head_size = (dnnl_dim_t)(attention->hidden_size / attention->head_count);
    dnnl_dim_t count = (dnnl_dim_t)token_count;
    dnnl_dim_t stride = (dnnl_dim_t)stride_of(token_count);
    const float *keys = triple + hidden;
    const float *values = keys + hidden;
    float scale = 1.0F / sqrtf((float)head_size);
    for (size_t row = 0; row < token_count; row += ATTENTION_ROWS) {
        size_t left = token_count - row;
        size_t row_count = left < ATTENTION_ROWS ? left : ATTENTION_ROWS;
        const float *queries = triple + row * 3 * attention->hidden_size;
        COF_DNNL_TRY(dnnl_sgemm('N', 'T', (dnnl_dim_t)row_count, count, head_size, scale, queries,
                                3 * hidden, keys, 3 * hidden, 0.0F, scores, stride),
                     err);
        attention->kernels->softmax(scores, row_count, token_count, (size_t)stride);
        COF_DNNL_TRY(dnnl_sgemm('N', 'N', (dnnl_dim_t)row_count, head_size, count, 1.0F, scores,
                                stride, values, 3 * hidden, 0.0F,
                                context + row * attention->hidden_size, hidden),
                     err);
    }
    return COF_OK;
}

static enum cof_status attend_heads(const struct cof_bert_attention *attention, const float *triple,
                                    size_t token_count, float *context, float *scores,
                                    struct cof_error *err)
{
    size_t head_size = attention->hidden_size / attention->head_count;
    for (size_t i = 0; i < attention->hidden_size; i += head_size)
        COF_TRY(attend_head(attention, triple + i, token_count, context + i, scores, err));
    return COF_OK;
}

enum cof_status cof_bert_attention_run(const struct cof_bert_attention *attention,
                                       const void *triple,
                                       const struct cof_bert_sequence *sequences,
                                       size_t sequence_count, float *context, float *scratch,
                                       struct cof_error *err)
{
    size_t row_bytes =
        3 * attention->hidden_size * (attention->takes_bf16 ? sizeof(uint16_t) : sizeof(float));
    const uint8_t *rows = triple;
    for (size_t i = 0; i < sequence_count; i++) {
        size_t count = sequences[i].count;
        if (attention->attend != NULL)
            attention->attend(&(struct cof_attention){
                .triple = rows,
                .token_count = count,
                .hidden_size = attention->hidden_size,
                .head_count = attention->head_count,
                .context = context,
                .scratch = scratch,
            });
        else
            COF_TRY(attend_heads(attention, (const float *)(const void *)rows, count, context,
                                 scratch, err));
        rows += count * row_bytes;
        context += count * attention->hidden_size;
    }
    return COF_OK;
}
