/* The compiled products of one shape of linear layers, for each number of rows.
 *
 * On AVX-512 a product is compiled in 0.1 to 0.3 ms, when it is first needed; all of a plan's
 * products take weights in the same layout. After init any number of threads may call find:
 * `products` is filled under the lock and read without it (release and acquire). */
#ifndef COF_EMBEDDER_LINEAR_PLAN_H
#define COF_EMBEDDER_LINEAR_PLAN_H

#include <pthread.h>
#include <stdatomic.h>

#include "linear.h"
#include "onednn.h"

/* One compiled primitive: a shape and a number of rows. */
struct cof_linear_product {
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t input;
    dnnl_memory_desc_t output;
    dnnl_memory_desc_t scratch;
};

struct cof_linear_plan {
    struct cof_linear_shape shape;
    dnnl_memory_desc_t weights; /* the packed layout, the same for every number of rows */
    dnnl_memory_desc_t bias;
    struct cof_linear_product *_Atomic products[COF_LINEAR_MAX_ROWS + 1]; /* by rows; [0] unused */
};

/* A matrix of floats, for oneDNN. */
COF_MUST_USE enum cof_status cof_linear_describe(dnnl_memory_desc_t *desc, size_t rows,
                                                 size_t columns, dnnl_format_tag_t tag,
                                                 struct cof_error *err);

COF_MUST_USE enum cof_status cof_linear_plan_init(struct cof_linear_plan *plan,
                                                  dnnl_engine_t engine,
                                                  const struct cof_linear_shape *shape,
                                                  struct cof_error *err);
void cof_linear_plan_deinit(struct cof_linear_plan *plan);

/* The product for 1 to COF_LINEAR_MAX_ROWS rows, compiled if it is the first time; it lives as long
 * as the plan. */
COF_MUST_USE enum cof_status cof_linear_plan_find(struct cof_linear_plan *plan,
                                                  dnnl_engine_t engine, pthread_mutex_t *lock,
                                                  size_t row_count,
                                                  const struct cof_linear_product **out_product,
                                                  struct cof_error *err);

#endif
