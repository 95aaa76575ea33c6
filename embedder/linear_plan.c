/* Compiles matrix products with fused bias and activation through oneDNN. */
#include "linear_plan.h"

#include <cof/base/alloc.h>

enum cof_status cof_linear_describe(dnnl_memory_desc_t *desc, size_t rows, size_t columns,
                                    dnnl_format_tag_t tag, struct cof_error *err)
{
    const dnnl_dims_t extents = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    COF_DNNL_TRY(dnnl_memory_desc_init_by_tag(desc, 2, extents, dnnl_f32, tag), err);
    return COF_OK;
}

static enum cof_status set_attributes(dnnl_primitive_attr_t attributes,
                                      enum cof_activation activation, struct cof_error *err)
{
    COF_DNNL_TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
                 err);
    if (activation == COF_ACTIVATION_NONE)
        return COF_OK;
    dnnl_post_ops_t steps = NULL;
    COF_DNNL_TRY(dnnl_post_ops_create(&steps), err);
    dnnl_status_t status =
        dnnl_post_ops_append_eltwise(steps, 1.0F, dnnl_eltwise_gelu_erf, 0.0F, 0.0F);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attributes, steps);
    (void)dnnl_post_ops_destroy(steps);
    return cof_onednn_check(status, "dnnl_primitive_attr_set_post_ops", err);
}

static enum cof_status compile_with(dnnl_engine_t engine, const dnnl_matmul_desc_t *operation,
                                    const_dnnl_primitive_attr_t attributes,
                                    struct cof_linear_product *product,
                                    dnnl_memory_desc_t *out_weights, struct cof_error *err)
{
    dnnl_primitive_desc_t description = NULL;
    COF_DNNL_TRY(dnnl_primitive_desc_create(&description, operation, attributes, engine, NULL),
                 err);
    *out_weights = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    product->scratch = *dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    dnnl_status_t status = dnnl_primitive_create(&product->primitive, description);
    (void)dnnl_primitive_desc_destroy(description);
    return cof_onednn_check(status, "dnnl_primitive_create", err);
}

/* Fills product and *out_weights; plan->weights is the layout to compile for, or "any". */
static enum cof_status compile(dnnl_engine_t engine, const struct cof_linear_plan *plan,
                               size_t row_count, struct cof_linear_product *product,
                               dnnl_memory_desc_t *out_weights, struct cof_error *err)
{
    dnnl_matmul_desc_t operation;
    dnnl_primitive_attr_t attributes = NULL;
    COF_TRY(cof_linear_describe(&product->input, row_count, plan->shape.input_size, dnnl_ab, err));
    COF_TRY(
        cof_linear_describe(&product->output, row_count, plan->shape.output_size, dnnl_ab, err));
    COF_DNNL_TRY(dnnl_matmul_desc_init(&operation, &product->input, &plan->weights, &plan->bias,
                                       &product->output),
                 err);
    COF_DNNL_TRY(dnnl_primitive_attr_create(&attributes), err);
    enum cof_status status = set_attributes(attributes, plan->shape.activation, err);
    if (status == COF_OK)
        status = compile_with(engine, &operation, attributes, product, out_weights, err);
    (void)dnnl_primitive_attr_destroy(attributes);
    return status;
}

static enum cof_status create_product(dnnl_engine_t engine, const struct cof_linear_plan *plan,
                                      size_t row_count, struct cof_linear_product **out_product,
                                      dnnl_memory_desc_t *out_weights, struct cof_error *err)
{
    struct cof_linear_product *product = cof_calloc(1, sizeof(*product));
    if (product == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = compile(engine, plan, row_count, product, out_weights, err);
    if (status != COF_OK) {
        cof_free(product);
        return status;
    }
    *out_product = product;
    return COF_OK;
}

enum cof_status cof_linear_plan_find(struct cof_linear_plan *plan, dnnl_engine_t engine,
                                     pthread_mutex_t *lock, size_t row_count,
                                     const struct cof_linear_product **out_product,
                                     struct cof_error *err)
{
    struct cof_linear_product *product =
        atomic_load_explicit(&plan->products[row_count], memory_order_acquire);
    enum cof_status status = COF_OK;
    if (product == NULL) {
        pthread_mutex_lock(lock);
        product = atomic_load_explicit(&plan->products[row_count], memory_order_relaxed);
        if (product == NULL) {
            dnnl_memory_desc_t weights;
            status = create_product(engine, plan, row_count, &product, &weights, err);
            if (status == COF_OK)
                atomic_store_explicit(&plan->products[row_count], product, memory_order_release);
        }
        pthread_mutex_unlock(lock);
    }
    if (status == COF_OK)
        *out_product = product;
    return status;
}

/* The full block decides the layout of the weights; the other row counts are compiled for it. */
enum cof_status cof_linear_plan_init(struct cof_linear_plan *plan, dnnl_engine_t engine,
                                     const struct cof_linear_shape *shape, struct cof_error *err)
{
    struct cof_linear_product *product = NULL;
    dnnl_memory_desc_t weights;
    plan->shape = *shape;
    COF_TRY(cof_linear_describe(&plan->weights, shape->input_size, shape->output_size,
                                dnnl_format_tag_any, err));
    COF_TRY(cof_linear_describe(&plan->bias, 1, shape->output_size, dnnl_ab, err));
    COF_TRY(create_product(engine, plan, COF_LINEAR_MAX_ROWS, &product, &weights, err));
    plan->weights = weights;
    atomic_store_explicit(&plan->products[COF_LINEAR_MAX_ROWS], product, memory_order_release);
    return COF_OK;
}

void cof_linear_plan_deinit(struct cof_linear_plan *plan)
{
    for (size_t rows = 1; rows <= COF_LINEAR_MAX_ROWS; rows++) {
        struct cof_linear_product *product = atomic_load(&plan->products[rows]);
        if (product != NULL)
            (void)dnnl_primitive_destroy(product->primitive);
        cof_free(product);
    }
}
