/* Linear layers of odd and even shapes, for every number of rows, against doubles. */
#include "linear.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "seeded_random.h"
#include "testing.h"

struct layer {
    struct cof_linear_shape shape;
    float *weights;
    float *bias;
    float *input;
    struct cof_linear *linear;
};

static float *random_floats(struct seeded_random *random, size_t count)
{
    float *values = calloc(count, sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(2.0 * seeded_random_unit(random) - 1.0);
    return values;
}

static void make_layer(struct cof_linear_set *set, struct layer *layer, size_t input_size,
                       size_t output_size, enum cof_activation activation)
{
    struct seeded_random random;
    struct cof_error err = {0};
    seeded_random_init(&random, input_size * 1000 + output_size);
    layer->shape = (struct cof_linear_shape){
        .input_size = input_size, .output_size = output_size, .activation = activation};
    layer->weights = random_floats(&random, input_size * output_size);
    layer->bias = random_floats(&random, output_size);
    layer->input = random_floats(&random, input_size * COF_LINEAR_MAX_ROWS);
    if (cof_linear_create(set, &layer->shape, layer->weights, layer->bias, &layer->linear, &err) !=
        COF_OK)
        fail_msg("%s", err.message);
}

static void free_layer(struct layer *layer)
{
    cof_linear_destroy(layer->linear);
    free(layer->weights);
    free(layer->bias);
    free(layer->input);
}

static double expected_of(const struct layer *layer, size_t row, size_t column)
{
    size_t size = layer->shape.input_size;
    double sum = (double)layer->bias[column];
    for (size_t i = 0; i < size; i++)
        sum += (double)layer->input[row * size + i] * (double)layer->weights[column * size + i];
    if (layer->shape.activation == COF_ACTIVATION_GELU)
        sum = 0.5 * sum * (1.0 + erf(sum / sqrt(2.0)));
    return sum;
}

static void check_rows(const struct layer *layer, struct cof_linear_worker *worker,
                       size_t row_count)
{
    size_t count = row_count * layer->shape.output_size;
    float *output = calloc(count + 1, sizeof(*output));
    assert_non_null(output);
    output[count] = 77;
    struct cof_rows rows = {.codes = (uint8_t *)layer->input,
                            .stride = layer->shape.input_size * sizeof(float)};
    assert_int_equal(cof_linear_apply(layer->linear, worker, &rows, row_count, output, NULL),
                     COF_OK);
    for (size_t r = 0; r < row_count; r++) {
        for (size_t c = 0; c < layer->shape.output_size; c++) {
            double difference =
                (double)output[r * layer->shape.output_size + c] - expected_of(layer, r, c);
            assert_true(fabs(difference) < 3e-5);
        }
    }
    assert_true(output[count] == 77);
    free(output);
}

static void linear__computes_every_number_of_rows(void **state)
{
    static const size_t shapes[][2] = {{32, 96}, {60, 52}, {7, 13}, {1, 1}, {384, 48}};
    struct cof_linear_set *set = NULL;
    struct cof_linear_worker *worker = NULL;
    int before = cof_openmp_enter();
    assert_int_equal(cof_linear_set_create(COF_PRECISION_F32, cof_kernels_pick(), &set, NULL),
                     COF_OK);
    assert_int_equal(cof_linear_worker_create(set, &worker, NULL), COF_OK);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct layer layer = {0};
        make_layer(set, &layer, shapes[i][0], shapes[i][1],
                   i % 2 == 0 ? COF_ACTIVATION_GELU : COF_ACTIVATION_NONE);
        for (size_t rows = 1; rows <= COF_LINEAR_MAX_ROWS; rows++)
            check_rows(&layer, worker, rows);
        free_layer(&layer);
    }
    cof_linear_worker_destroy(worker);
    cof_linear_worker_destroy(NULL);
    cof_linear_set_destroy(set);
    cof_linear_set_destroy(NULL);
    cof_linear_destroy(NULL);
    cof_openmp_leave(before);
}

static void linear__layers_of_one_shape_keep_their_own_weights(void **state)
{
    struct cof_linear_set *set = NULL;
    struct cof_linear_worker *worker = NULL;
    struct layer layers[3] = {0};
    int before = cof_openmp_enter();
    assert_int_equal(cof_linear_set_create(COF_PRECISION_F32, cof_kernels_pick(), &set, NULL),
                     COF_OK);
    assert_int_equal(cof_linear_worker_create(set, &worker, NULL), COF_OK);
    for (size_t i = 0; i < 3; i++) {
        make_layer(set, &layers[i], 16, 24, COF_ACTIVATION_NONE);
        layers[i].bias[0] += (float)i;
        cof_linear_destroy(layers[i].linear);
        assert_int_equal(cof_linear_create(set, &layers[i].shape, layers[i].weights, layers[i].bias,
                                           &layers[i].linear, NULL),
                         COF_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        check_rows(&layers[i], worker, 5);
        free_layer(&layers[i]);
    }
    cof_linear_worker_destroy(worker);
    cof_linear_set_destroy(set);
    cof_openmp_leave(before);
}

static void linear__refuses_more_shapes_than_it_keeps(void **state)
{
    struct cof_linear_set *set = NULL;
    const float values[64] = {0};
    enum cof_status status = COF_OK;
    int before = cof_openmp_enter();
    assert_int_equal(cof_linear_set_create(COF_PRECISION_F32, cof_kernels_pick(), &set, NULL),
                     COF_OK);
    for (size_t i = 1; i < 12 && status == COF_OK; i++) {
        const struct cof_linear_shape shape = {.input_size = 2, .output_size = i};
        struct cof_linear *linear = NULL;
        status = cof_linear_create(set, &shape, values, values, &linear, NULL);
        if (status == COF_OK)
            cof_linear_destroy(linear);
    }
    assert_int_equal(status, COF_INVALID);
    cof_linear_set_destroy(set);
    cof_openmp_leave(before);
}

struct thread_run {
    struct cof_linear_set *set;
    const struct layer *layer;
};

static void *apply_many(void *argument)
{
    const struct thread_run *run = argument;
    struct cof_linear_worker *worker = NULL;
    int before = cof_openmp_enter();
    assert_int_equal(cof_linear_worker_create(run->set, &worker, NULL), COF_OK);
    for (size_t rows = 1; rows <= 40; rows++)
        check_rows(run->layer, worker, rows);
    cof_linear_worker_destroy(worker);
    cof_openmp_leave(before);
    return NULL;
}

static void linear__is_shared_by_threads(void **state)
{
    enum { THREADS = 4 };
    struct cof_linear_set *set = NULL;
    struct layer layer = {0};
    pthread_t threads[THREADS];
    int before = cof_openmp_enter();
    assert_int_equal(cof_linear_set_create(COF_PRECISION_F32, cof_kernels_pick(), &set, NULL),
                     COF_OK);
    make_layer(set, &layer, 24, 40, COF_ACTIVATION_GELU);
    struct thread_run run = {.set = set, .layer = &layer};
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, apply_many, &run), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    free_layer(&layer);
    cof_linear_set_destroy(set);
    cof_openmp_leave(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear__computes_every_number_of_rows),
        cmocka_unit_test(linear__layers_of_one_shape_keep_their_own_weights),
        cmocka_unit_test(linear__refuses_more_shapes_than_it_keeps),
        cmocka_unit_test(linear__is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
