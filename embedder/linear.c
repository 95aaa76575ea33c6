/* Packed weights and compiled products over oneDNN's matmul primitive.
 *
 * Why matmul and not dnnl_sgemm: with weights in the layout that the kernel wants, and bias and
 * GELU fused, small row counts run up to twice as fast and large ones no slower (README.md has
 * figures). Why a product for every row count: on AVX-512 each is compiled in 0.1 to 0.3 ms, all
 * take the same weights layout, and nothing is padded.
 *
 * Threads: `products` is filled under `lock` and read without it (release/acquire); primitives keep
 * no state, because scratch memory is given by the caller's worker. */
#include "linear.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "onednn.h"

/* OpenMP's own API, declared here because clang's <omp.h> is a package of its own. */
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

#define MAX_SHAPE_COUNT 8

/* One compiled primitive: a shape and a number of rows. */
struct product {
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t input;
    dnnl_memory_desc_t output;
    dnnl_memory_desc_t scratch;
};

struct plan {
    struct cof_linear_shape shape;
    dnnl_memory_desc_t weights; /* the packed layout, the same for every number of rows */
    dnnl_memory_desc_t bias;
    struct product *_Atomic products[COF_LINEAR_MAX_ROWS + 1]; /* by rows; [0] unused */
};

struct cof_linear_set {
    dnnl_engine_t engine;
    pthread_mutex_t lock;
    size_t plan_count;
    struct plan plans[MAX_SHAPE_COUNT];
};

struct cof_linear {
    struct cof_linear_set *set;
    size_t plan_index;
    dnnl_memory_t weights;
    dnnl_memory_t bias;
};

/* oneDNN's views of this worker's memory, made when a product is first used here. */
struct views {
    dnnl_memory_t input;
    dnnl_memory_t output;
    dnnl_memory_t scratch;
};

struct cof_linear_worker {
    struct cof_linear_set *set;
    dnnl_stream_t stream;
    uint8_t *scratch;
    size_t scratch_size;
    struct views views[MAX_SHAPE_COUNT][COF_LINEAR_MAX_ROWS + 1];
};

int cof_openmp_enter(void)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

void cof_openmp_leave(int before)
{
    omp_set_num_threads(before);
}

static enum cof_status describe(dnnl_memory_desc_t *desc, size_t rows, size_t columns,
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
                                    const_dnnl_primitive_attr_t attributes, struct product *product,
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
static enum cof_status compile(dnnl_engine_t engine, const struct plan *plan, size_t row_count,
                               struct product *product, dnnl_memory_desc_t *out_weights,
                               struct cof_error *err)
{
    dnnl_matmul_desc_t operation;
    dnnl_primitive_attr_t attributes = NULL;
    COF_TRY(describe(&product->input, row_count, plan->shape.input_size, dnnl_ab, err));
    COF_TRY(describe(&product->output, row_count, plan->shape.output_size, dnnl_ab, err));
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

static enum cof_status create_product(dnnl_engine_t engine, const struct plan *plan,
                                      size_t row_count, struct product **out_product,
                                      dnnl_memory_desc_t *out_weights, struct cof_error *err)
{
    struct product *product = cof_calloc(1, sizeof(*product));
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

static enum cof_status find_product(struct cof_linear_set *set, struct plan *plan, size_t row_count,
                                    const struct product **out_product, struct cof_error *err)
{
    struct product *product =
        atomic_load_explicit(&plan->products[row_count], memory_order_acquire);
    enum cof_status status = COF_OK;
    if (product == NULL) {
        pthread_mutex_lock(&set->lock);
        product = atomic_load_explicit(&plan->products[row_count], memory_order_relaxed);
        if (product == NULL) {
            dnnl_memory_desc_t weights;
            status = create_product(set->engine, plan, row_count, &product, &weights, err);
            if (status == COF_OK)
                atomic_store_explicit(&plan->products[row_count], product, memory_order_release);
        }
        pthread_mutex_unlock(&set->lock);
    }
    if (status == COF_OK)
        *out_product = product;
    return status;
}

/* The full block decides the layout of the weights; the other row counts are compiled for it. */
static enum cof_status create_plan(struct cof_linear_set *set, const struct cof_linear_shape *shape,
                                   struct cof_error *err)
{
    if (set->plan_count == MAX_SHAPE_COUNT)
        return COF_FAIL(err, COF_INVALID, "the model has layers of more than %d shapes",
                        MAX_SHAPE_COUNT);
    struct plan *plan = &set->plans[set->plan_count];
    struct product *product = NULL;
    dnnl_memory_desc_t weights;
    plan->shape = *shape;
    COF_TRY(
        describe(&plan->weights, shape->input_size, shape->output_size, dnnl_format_tag_any, err));
    COF_TRY(describe(&plan->bias, 1, shape->output_size, dnnl_ab, err));
    COF_TRY(create_product(set->engine, plan, COF_LINEAR_MAX_ROWS, &product, &weights, err));
    plan->weights = weights;
    atomic_store_explicit(&plan->products[COF_LINEAR_MAX_ROWS], product, memory_order_release);
    set->plan_count++;
    return COF_OK;
}

static enum cof_status find_plan(struct cof_linear_set *set, const struct cof_linear_shape *shape,
                                 size_t *out_index, struct cof_error *err)
{
    size_t index = 0;
    while (index < set->plan_count && (set->plans[index].shape.input_size != shape->input_size ||
                                       set->plans[index].shape.output_size != shape->output_size ||
                                       set->plans[index].shape.activation != shape->activation))
        index++;
    if (index == set->plan_count)
        COF_TRY(create_plan(set, shape, err));
    *out_index = index;
    return COF_OK;
}

enum cof_status cof_linear_set_create(struct cof_linear_set **out_set, struct cof_error *err)
{
    struct cof_linear_set *set = cof_calloc(1, sizeof(*set));
    if (set == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status =
        cof_onednn_check(dnnl_engine_create(&set->engine, dnnl_cpu, 0), "dnnl_engine_create", err);
    if (status != COF_OK) {
        cof_free(set);
        return status;
    }
    pthread_mutex_init(&set->lock, NULL);
    *out_set = set;
    return COF_OK;
}

void cof_linear_set_destroy(struct cof_linear_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->plan_count; i++) {
        for (size_t rows = 1; rows <= COF_LINEAR_MAX_ROWS; rows++) {
            struct product *product = atomic_load(&set->plans[i].products[rows]);
            if (product != NULL)
                (void)dnnl_primitive_destroy(product->primitive);
            cof_free(product);
        }
    }
    (void)dnnl_engine_destroy(set->engine);
    pthread_mutex_destroy(&set->lock);
    cof_free(set);
}

/* Runs one oneDNN reorder on a stream of its own. */
static enum cof_status reorder(dnnl_engine_t engine, dnnl_memory_t from, dnnl_memory_t to,
                               dnnl_primitive_t primitive, struct cof_error *err)
{
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_stream_t stream = NULL;
    COF_DNNL_TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), err);
    dnnl_status_t status = dnnl_primitive_execute(primitive, stream, 2, arguments);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    (void)dnnl_stream_destroy(stream);
    return cof_onednn_check(status, "dnnl_primitive_execute", err);
}

/* Copies `values`, laid out as `from` says, into the new memory `to`. */
static enum cof_status pack(dnnl_engine_t engine, const dnnl_memory_desc_t *from,
                            const float *values, dnnl_memory_t to, struct cof_error *err)
{
    const dnnl_memory_desc_t *layout = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t source = NULL;
    /* oneDNN only reads it, but its handle is not const. */
    void *bytes = (void *)(uintptr_t)values;

    dnnl_status_t status = dnnl_memory_get_memory_desc(to, &layout);
    if (status == dnnl_success)
        status = dnnl_memory_create(&source, from, engine, bytes);
    if (status == dnnl_success)
        status =
            dnnl_reorder_primitive_desc_create(&description, from, engine, layout, engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, description);
    enum cof_status result = cof_onednn_check(status, "dnnl_reorder_primitive_desc_create", err);
    if (result == COF_OK)
        result = reorder(engine, source, to, primitive, err);
    (void)dnnl_primitive_destroy(primitive);
    (void)dnnl_primitive_desc_destroy(description);
    (void)dnnl_memory_destroy(source);
    return result;
}

static enum cof_status fill(struct cof_linear *linear, const float *weights, const float *bias,
                            struct cof_error *err)
{
    dnnl_engine_t engine = linear->set->engine;
    const struct plan *plan = &linear->set->plans[linear->plan_index];
    dnnl_memory_desc_t published; /* output rows of input values: the product's transpose */
    COF_TRY(describe(&published, plan->shape.input_size, plan->shape.output_size, dnnl_ba, err));
    COF_DNNL_TRY(dnnl_memory_create(&linear->weights, &plan->weights, engine, DNNL_MEMORY_ALLOCATE),
                 err);
    COF_DNNL_TRY(dnnl_memory_create(&linear->bias, &plan->bias, engine, DNNL_MEMORY_ALLOCATE), err);
    COF_TRY(pack(engine, &published, weights, linear->weights, err));
    return pack(engine, &plan->bias, bias, linear->bias, err);
}

enum cof_status cof_linear_create(struct cof_linear_set *set, const struct cof_linear_shape *shape,
                                  const float *weights, const float *bias,
                                  struct cof_linear **out_linear, struct cof_error *err)
{
    size_t plan_index = 0;
    COF_TRY(find_plan(set, shape, &plan_index, err));
    struct cof_linear *linear = cof_calloc(1, sizeof(*linear));
    if (linear == NULL)
        return COF_FAIL_MEMORY(err);
    linear->set = set;
    linear->plan_index = plan_index;
    enum cof_status status = fill(linear, weights, bias, err);
    if (status != COF_OK) {
        cof_linear_destroy(linear);
        return status;
    }
    *out_linear = linear;
    return COF_OK;
}

void cof_linear_destroy(struct cof_linear *linear)
{
    if (linear == NULL)
        return;
    (void)dnnl_memory_destroy(linear->weights);
    (void)dnnl_memory_destroy(linear->bias);
    cof_free(linear);
}

enum cof_status cof_linear_worker_create(struct cof_linear_set *set,
                                         struct cof_linear_worker **out_worker,
                                         struct cof_error *err)
{
    struct cof_linear_worker *worker = cof_calloc(1, sizeof(*worker));
    if (worker == NULL)
        return COF_FAIL_MEMORY(err);
    worker->set = set;
    enum cof_status status = cof_onednn_check(
        dnnl_stream_create(&worker->stream, set->engine, dnnl_stream_default_flags),
        "dnnl_stream_create", err);
    if (status != COF_OK) {
        cof_linear_worker_destroy(worker);
        return status;
    }
    *out_worker = worker;
    return COF_OK;
}

void cof_linear_worker_destroy(struct cof_linear_worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t i = 0; i < MAX_SHAPE_COUNT; i++) {
        for (size_t rows = 1; rows <= COF_LINEAR_MAX_ROWS; rows++) {
            (void)dnnl_memory_destroy(worker->views[i][rows].input);
            (void)dnnl_memory_destroy(worker->views[i][rows].output);
            (void)dnnl_memory_destroy(worker->views[i][rows].scratch);
        }
    }
    (void)dnnl_stream_destroy(worker->stream);
    cof_free(worker->scratch);
    cof_free(worker);
}

static enum cof_status reserve_scratch(struct cof_linear_worker *worker, size_t size,
                                       struct cof_error *err)
{
    if (size <= worker->scratch_size)
        return COF_OK;
    uint8_t *scratch = cof_calloc(1, size);
    if (scratch == NULL)
        return COF_FAIL_MEMORY(err);
    cof_free(worker->scratch);
    worker->scratch = scratch;
    worker->scratch_size = size;
    return COF_OK;
}

static enum cof_status make_views(struct cof_linear_worker *worker, const struct product *product,
                                  struct views *views, struct cof_error *err)
{
    dnnl_engine_t engine = worker->set->engine;
    COF_TRY(reserve_scratch(worker, dnnl_memory_desc_get_size(&product->scratch), err));
    if (views->input == NULL)
        COF_DNNL_TRY(dnnl_memory_create(&views->input, &product->input, engine, NULL), err);
    if (views->output == NULL)
        COF_DNNL_TRY(dnnl_memory_create(&views->output, &product->output, engine, NULL), err);
    if (views->scratch == NULL)
        COF_DNNL_TRY(dnnl_memory_create(&views->scratch, &product->scratch, engine, NULL), err);
    return COF_OK;
}

enum cof_status cof_linear_apply(const struct cof_linear *linear, struct cof_linear_worker *worker,
                                 const float *input, size_t row_count, float *output,
                                 struct cof_error *err)
{
    struct plan *plan = &linear->set->plans[linear->plan_index];
    struct views *views = &worker->views[linear->plan_index][row_count];
    const struct product *product = NULL;
    COF_TRY(find_product(linear->set, plan, row_count, &product, err));
    if (views->scratch == NULL)
        COF_TRY(make_views(worker, product, views, err));
    void *input_bytes = (void *)(uintptr_t)input; /* only read */
    COF_DNNL_TRY(dnnl_memory_set_data_handle(views->input, input_bytes), err);
    COF_DNNL_TRY(dnnl_memory_set_data_handle(views->output, output), err);
    COF_DNNL_TRY(dnnl_memory_set_data_handle(views->scratch, worker->scratch), err);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, views->input},          {DNNL_ARG_WEIGHTS, linear->weights},
        {DNNL_ARG_BIAS, linear->bias},         {DNNL_ARG_DST, views->output},
        {DNNL_ARG_SCRATCHPAD, views->scratch},
    };
    COF_DNNL_TRY(dnnl_primitive_execute(product->primitive, worker->stream,
                                        sizeof(arguments) / sizeof(arguments[0]), arguments),
                 err);
    COF_DNNL_TRY(dnnl_stream_wait(worker->stream), err);
    return COF_OK;
}
