/* Packed weights over oneDNN's matmul primitive, or as codes.
 *
 * Why matmul and not dnnl_sgemm: with weights in the layout that the kernel wants, and bias and
 * GELU fused, small row counts run up to twice as fast and large ones no slower (README.md has
 * figures).
 *
 * Threads: primitives keep no state, because scratch memory is given by the caller's worker. */
#include "linear.h"

#include <pthread.h>
#include <stdint.h>

#include <cof/base/alloc.h>

#include "linear_coded.h"
#include "linear_plan.h"
#include "onednn.h"

/* OpenMP's own API, declared here because clang's <omp.h> is a package of its own. */
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

#define MAX_SHAPE_COUNT 8

struct cof_linear_set {
    enum cof_precision precision;
    const struct cof_kernels *kernels;
    dnnl_engine_t engine;
    pthread_mutex_t lock;
    size_t plan_count;
    struct cof_linear_plan plans[MAX_SHAPE_COUNT];
};

struct cof_linear {
    struct cof_linear_set *set;
    size_t plan_index;
    dnnl_memory_t weights; /* f32 */
    dnnl_memory_t bias;
    struct cof_coded_weights coded; /* bf16, int8 */
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

static enum cof_status find_plan(struct cof_linear_set *set, const struct cof_linear_shape *shape,
                                 size_t *out_index, struct cof_error *err)
{
    size_t index = 0;
    while (index < set->plan_count && (set->plans[index].shape.input_size != shape->input_size ||
                                       set->plans[index].shape.output_size != shape->output_size ||
                                       set->plans[index].shape.activation != shape->activation))
        index++;
    if (index == MAX_SHAPE_COUNT)
        return COF_FAIL(err, COF_INVALID, "the model has layers of more than %d shapes",
                        MAX_SHAPE_COUNT);
    if (index == set->plan_count) {
        COF_TRY(cof_linear_plan_init(&set->plans[index], set->engine, shape, err));
        set->plan_count++;
    }
    *out_index = index;
    return COF_OK;
}

enum cof_status cof_linear_set_create(enum cof_precision precision,
                                      const struct cof_kernels *kernels,
                                      struct cof_linear_set **out_set, struct cof_error *err)
{
    struct cof_linear_set *set = cof_calloc(1, sizeof(*set));
    if (set == NULL)
        return COF_FAIL_MEMORY(err);
    set->precision = precision;
    set->kernels = kernels;
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
    for (size_t i = 0; i < set->plan_count; i++)
        cof_linear_plan_deinit(&set->plans[i]);
    (void)dnnl_engine_destroy(set->engine);
    pthread_mutex_destroy(&set->lock);
    cof_free(set);
}

enum cof_precision cof_linear_set_precision(const struct cof_linear_set *set)
{
    return set->precision;
}

const struct cof_kernels *cof_linear_set_kernels(const struct cof_linear_set *set)
{
    return set->kernels;
}

size_t cof_linear_row_bytes(const struct cof_linear_set *set, size_t size)
{
    if (set->precision == COF_PRECISION_F32)
        return size * sizeof(float);
    size_t bytes = set->precision == COF_PRECISION_BF16 ? 2 * size : size;
    return (bytes + COF_CODE_STEP - 1) / COF_CODE_STEP * COF_CODE_STEP;
}

void cof_linear_encode(const struct cof_linear_set *set, const float *values, size_t row_count,
                       size_t size, struct cof_rows *rows)
{
    if (set->precision == COF_PRECISION_F32)
        rows->codes = (uint8_t *)(uintptr_t)values; /* only read */
    else if (set->precision == COF_PRECISION_BF16)
        set->kernels->encode_bf16(values, row_count, size, rows);
    else
        set->kernels->encode_int8(values, row_count, size, rows);
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
    const struct cof_linear_plan *plan = &linear->set->plans[linear->plan_index];
    dnnl_memory_desc_t published; /* output rows of input values: the product's transpose */
    COF_TRY(cof_linear_describe(&published, plan->shape.input_size, plan->shape.output_size,
                                dnnl_ba, err));
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
    if (set->precision == COF_PRECISION_F32)
        COF_TRY(find_plan(set, shape, &plan_index, err));
    struct cof_linear *linear = cof_calloc(1, sizeof(*linear));
    if (linear == NULL)
        return COF_FAIL_MEMORY(err);
    linear->set = set;
    linear->plan_index = plan_index;
    enum cof_status status =
        set->precision == COF_PRECISION_F32
            ? fill(linear, weights, bias, err)
            : cof_coded_weights_init(&linear->coded, set->kernels, set->precision, shape, weights,
                                     bias, err);
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
    cof_coded_weights_deinit(&linear->coded);
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

static enum cof_status make_views(struct cof_linear_worker *worker,
                                  const struct cof_linear_product *product, struct views *views,
                                  struct cof_error *err)
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

/* 1 to COF_LINEAR_MAX_ROWS rows of floats. */
static enum cof_status apply_block(const struct cof_linear *linear,
                                   struct cof_linear_worker *worker, const uint8_t *input,
                                   size_t row_count, float *output, struct cof_error *err)
{
    struct cof_linear_plan *plan = &linear->set->plans[linear->plan_index];
    struct views *views = &worker->views[linear->plan_index][row_count];
    const struct cof_linear_product *product = NULL;
    COF_TRY(cof_linear_plan_find(plan, linear->set->engine, &linear->set->lock, row_count, &product,
                                 err));
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

enum cof_status cof_linear_apply(const struct cof_linear *linear, struct cof_linear_worker *worker,
                                 const struct cof_rows *rows, size_t row_count, float *output,
                                 struct cof_error *err)
{
    if (linear->set->precision != COF_PRECISION_F32) {
        cof_coded_weights_apply(&linear->coded, linear->set->kernels, rows, row_count, output,
                                NULL);
        return COF_OK;
    }
    const struct cof_linear_shape *shape = &linear->set->plans[linear->plan_index].shape;
    for (size_t row = 0; row < row_count; row += COF_LINEAR_MAX_ROWS) {
        size_t left = row_count - row;
        COF_TRY(apply_block(linear, worker, rows->codes + row * rows->stride,
                            left < COF_LINEAR_MAX_ROWS ? left : COF_LINEAR_MAX_ROWS,
                            output + row * shape->output_size, err));
    }
    return COF_OK;
}

void cof_linear_apply_bf16(const struct cof_linear *linear, const struct cof_rows *rows,
                           size_t row_count, uint16_t *output)
{
    cof_coded_weights_apply(&linear->coded, linear->set->kernels, rows, row_count, NULL, output);
}
