/* One layer's weights as codes (bf16 or int8), for the products in kernels.h. */
#ifndef COF_EMBEDDER_LINEAR_CODED_H
#define COF_EMBEDDER_LINEAR_CODED_H

#include "kernels.h"
#include "linear.h"

struct cof_coded_weights {
    struct cof_linear_shape shape;
    enum cof_precision precision;
    size_t depth;         /* bytes of a row's codes, filled */
    uint8_t *memory;      /* one piece, cut into the next three */
    uint8_t *panels;      /* as struct cof_product has them */
    float *column_scales; /* int8 */
    float *bias;
};

/* `values` has output_size rows of input_size; everything is copied. int8: each output's weights
 * are w = code * scale with its greatest at 127. */
COF_MUST_USE enum cof_status cof_coded_weights_init(struct cof_coded_weights *weights,
                                                    const struct cof_kernels *kernels,
                                                    enum cof_precision precision,
                                                    const struct cof_linear_shape *shape,
                                                    const float *values, const float *bias,
                                                    struct cof_error *err);
void cof_coded_weights_deinit(struct cof_coded_weights *weights);

/* Into `output`, or into `output_bf16` where that is not NULL. Any thread. */
void cof_coded_weights_apply(const struct cof_coded_weights *weights,
                             const struct cof_kernels *kernels, const struct cof_rows *rows,
                             size_t row_count, float *output, uint16_t *output_bf16);

#endif
