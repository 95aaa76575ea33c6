/* Encodes weights with the same kernels as rows, then lays their codes in panels. */
#include "linear_coded.h"

#include <string.h>

#include <cof/base/alloc.h>

#define GROUP_BYTES 4 /* of one output's depth that lie together in a panel */
#define LINE_BYTES 64

static size_t rounded(size_t value, size_t step)
{
    return (value + step - 1) / step * step;
}

static size_t panel_columns_of(const struct cof_kernels *kernels, enum cof_precision precision)
{
    return precision == COF_PRECISION_BF16 ? kernels->bf16_panel_columns
                                           : kernels->int8_panel_columns;
}

static enum cof_status reserve(struct cof_coded_weights *weights, size_t columns,
                               struct cof_error *err)
{
    size_t panel_bytes = 0;
    size_t total = 0;
    if (__builtin_mul_overflow(columns, weights->depth, &panel_bytes) ||
        __builtin_add_overflow(panel_bytes, 2 * columns * sizeof(float) + LINE_BYTES, &total))
        return COF_FAIL_MEMORY(err);
    weights->memory = cof_calloc(total, 1);
    if (weights->memory == NULL)
        return COF_FAIL_MEMORY(err);
    size_t misplaced = (uintptr_t)weights->memory % LINE_BYTES;
    weights->panels = weights->memory + (LINE_BYTES - misplaced) % LINE_BYTES;
    weights->column_scales = (float *)(void *)(weights->panels + panel_bytes);
    weights->bias = weights->column_scales + columns;
    return COF_OK;
}

/* Column's codes into its place in its panel, four bytes at a time. */
static void lay_column(const struct cof_coded_weights *weights, size_t panel_columns,
                       uint8_t offset, const uint8_t *codes, size_t column)
{
    uint8_t *to = weights->panels + column / panel_columns * panel_columns * weights->depth +
                  column % panel_columns * GROUP_BYTES;
    for (size_t i = 0; i < weights->depth; i++)
        to[i / GROUP_BYTES * panel_columns * GROUP_BYTES + i % GROUP_BYTES] =
            (uint8_t)(codes[i] + offset);
}

static enum cof_status fill(struct cof_coded_weights *weights, const struct cof_kernels *kernels,
                            const float *values, const float *bias, struct cof_error *err)
{
    size_t panel_columns = panel_columns_of(kernels, weights->precision);
    bool is_int8 = weights->precision == COF_PRECISION_INT8;
    uint8_t offset = is_int8 ? kernels->int8_offset : 0;
    size_t columns = rounded(weights->shape.output_size, panel_columns);
    COF_TRY(reserve(weights, columns, err));
    int32_t sum = 0; /* of the weights' codes: nobody asks */
    struct cof_rows row = {
        .codes = cof_calloc(weights->depth, 1), .stride = weights->depth, .sums = &sum};
    if (row.codes == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < columns; i++) {
        row.scales = weights->column_scales + i;
        if (i >= weights->shape.output_size) {
            memset(row.codes, 0, weights->depth);
        } else {
            const float *from = values + i * weights->shape.input_size;
            (is_int8 ? kernels->encode_int8
                     : kernels->encode_bf16)(from, 1, weights->shape.input_size, &row);
            weights->bias[i] = bias[i];
        }
        lay_column(weights, panel_columns, offset, row.codes, i);
    }
    cof_free(row.codes);
    return COF_OK;
}

enum cof_status cof_coded_weights_init(struct cof_coded_weights *weights,
                                       const struct cof_kernels *kernels,
                                       enum cof_precision precision,
                                       const struct cof_linear_shape *shape, const float *values,
                                       const float *bias, struct cof_error *err)
{
    size_t code_bytes = precision == COF_PRECISION_BF16 ? 2 : 1;
    *weights = (struct cof_coded_weights){
        .shape = *shape,
        .precision = precision,
        .depth = rounded(shape->input_size * code_bytes, COF_CODE_STEP),
    };
    enum cof_status status = fill(weights, kernels, values, bias, err);
    if (status != COF_OK)
        cof_coded_weights_deinit(weights);
    return status;
}

void cof_coded_weights_deinit(struct cof_coded_weights *weights)
{
    cof_free(weights->memory);
    weights->memory = NULL;
}

void cof_coded_weights_apply(const struct cof_coded_weights *weights,
                             const struct cof_kernels *kernels, const struct cof_rows *rows,
                             size_t row_count, float *output, uint16_t *output_bf16)
{
    const struct cof_product product = {
        .rows = *rows,
        .row_count = row_count,
        .weights = weights->panels,
        .depth = weights->depth,
        .column_count = weights->shape.output_size,
        .column_scales = weights->column_scales,
        .bias = weights->bias,
        .has_gelu = weights->shape.activation == COF_ACTIVATION_GELU,
        .output = output,
        .output_bf16 = output_bf16,
    };
    if (weights->precision == COF_PRECISION_BF16)
        kernels->multiply_bf16(&product);
    else
        kernels->multiply_int8(&product);
}
