/* The packed forward pass against one sequence at a time in doubles, over shapes that real models
 * do not have. */
#include "bert_encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/clock.h>

#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

enum { MAX_SEQUENCES = 16, MAX_COUNT = 512, MAX_HIDDEN = 96 };

struct fixture {
    char folder[TEMP_DIR_PATH_SIZE];
    struct tiny_model model;
    struct cof_bert_weights *weights;
    struct cof_bert_workspace *workspace;
    double least_cosine;
};

static void fixture_init_with(struct fixture *fixture, const struct tiny_model *shape,
                              enum cof_precision precision, const struct cof_kernels *kernels)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    struct cof_model_config config = {0};
    struct cof_safetensors *file = NULL;
    temp_dir_create(fixture->folder);
    fixture->model = *shape;
    tiny_model_create(&fixture->model, 42);
    tiny_model_write(&fixture->model, fixture->folder);
    temp_dir_join(fixture->folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(fixture->folder, &config, NULL), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &file, NULL), COF_OK);
    assert_int_equal(
        cof_bert_weights_create(file, &config, precision, kernels, &fixture->weights, NULL),
        COF_OK);
    /* Random weights of so few numbers lose more than a trained model's. */
    static const double least[] = {[COF_PRECISION_F32] = 0.9999999,
                                   [COF_PRECISION_BF16] = 0.9995,
                                   [COF_PRECISION_INT8] = 0.99};
    fixture->least_cosine = least[precision];
    cof_safetensors_close(file);
    assert_int_equal(cof_bert_workspace_create(fixture->weights, 1024, fixture->model.max_positions,
                                               &fixture->workspace, NULL),
                     COF_OK);
}

static void fixture_init(struct fixture *fixture, const struct tiny_model *shape)
{
    fixture_init_with(fixture, shape, COF_PRECISION_F32, cof_kernels_pick());
}

static void fixture_deinit(struct fixture *fixture)
{
    cof_bert_workspace_destroy(fixture->workspace);
    cof_bert_weights_destroy(fixture->weights);
    tiny_model_destroy(&fixture->model);
    temp_dir_remove(fixture->folder);
}

static double cosine(const float *vector, const double *expected, size_t size)
{
    double product = 0;
    double length = 0;
    for (size_t i = 0; i < size; i++) {
        product += (double)vector[i] * expected[i];
        length += (double)vector[i] * (double)vector[i];
    }
    assert_true(fabs(length - 1) < 1e-5);
    return product / sqrt(length);
}

/* One packed group of the given lengths; every vector is compared. */
static void check_group(struct fixture *fixture, const size_t *counts, size_t sequence_count)
{
    static uint32_t ids[MAX_SEQUENCES][MAX_COUNT];
    struct cof_bert_sequence sequences[MAX_SEQUENCES];
    float vectors[MAX_SEQUENCES * MAX_HIDDEN];
    double expected[MAX_HIDDEN];
    const struct tiny_model *model = &fixture->model;
    enum cof_pooling pooling = model->is_cls ? COF_POOLING_CLS : COF_POOLING_MEAN;
    struct seeded_random random;
    struct cof_error err = {0};
    seeded_random_init(&random, sequence_count);
    for (size_t i = 0; i < sequence_count; i++) {
        for (size_t j = 0; j < counts[i]; j++)
            ids[i][j] = (uint32_t)seeded_random_below(&random, model->vocabulary_size);
        sequences[i] = (struct cof_bert_sequence){.ids = ids[i], .count = counts[i]};
    }
    struct cof_bert_pass pass = {
        .sequences = sequences,
        .sequence_count = sequence_count,
        .pooling = pooling,
        .out_rows = vectors,
    };
    int before = cof_openmp_enter();
    if (cof_bert_encode(fixture->weights, fixture->workspace, &pass, &err) != COF_OK)
        fail_msg("%s", err.message);
    cof_openmp_leave(before);
    for (size_t i = 0; i < sequence_count; i++) {
        tiny_model_embed(model, ids[i], counts[i], expected);
        double similarity = cosine(vectors + i * model->hidden_size, expected, model->hidden_size);
        if (!(similarity >= fixture->least_cosine))
            fail_msg("%s: sequence %zu of %zu tokens: cosine %.9f",
                     cof_linear_set_kernels(fixture->weights->linears)->name, i, counts[i],
                     similarity);
    }
}

/* In every precision, by every set of kernels that runs here. */
static void check_shape(const struct tiny_model *shape)
{
    static const size_t mixed[] = {1, 2, 40, 7, 16, 17, 33, 3};
    static const size_t alone[] = {5};
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
            struct fixture fixture = {0};
            fixture_init_with(&fixture, shape, (enum cof_precision)i, usable[k]);
            check_group(&fixture, mixed, sizeof(mixed) / sizeof(mixed[0]));
            check_group(&fixture, alone, 1);
            fixture_deinit(&fixture);
        }
    }
}

static void encoder__agrees_with_the_formulas(void **state)
{
    check_shape(&(struct tiny_model){0});
}

static void encoder__agrees_for_xlm_roberta(void **state)
{
    check_shape(&(struct tiny_model){.is_xlm_roberta = true});
    check_shape(&(struct tiny_model){.is_xlm_roberta = true,
                                     .prefix = "roberta.",
                                     .is_cls = true,
                                     .hidden_size = 96,
                                     .head_count = 6,
                                     .intermediate_size = 200,
                                     .layer_count = 4});
    check_shape(&(struct tiny_model){.is_xlm_roberta = true,
                                     .dtype = "F16",
                                     .hidden_size = 60,
                                     .head_count = 3,
                                     .intermediate_size = 52,
                                     .layer_count = 3});
}

static void encoder__agrees_for_sizes_that_fit_no_register(void **state)
{
    check_shape(&(struct tiny_model){
        .hidden_size = 60, .head_count = 3, .intermediate_size = 52, .layer_count = 3});
    check_shape(&(struct tiny_model){
        .hidden_size = 14, .head_count = 7, .intermediate_size = 9, .layer_count = 1});
    check_shape(&(struct tiny_model){
        .hidden_size = 96, .head_count = 1, .intermediate_size = 200, .layer_count = 2});
    check_shape(&(struct tiny_model){
        .hidden_size = 48, .head_count = 3, .intermediate_size = 80, .layer_count = 2});
}

static void encoder__pools_the_first_token_where_asked(void **state)
{
    check_shape(&(struct tiny_model){.is_cls = true});
}

static void encoder__reads_half_precision_weights(void **state)
{
    check_shape(&(struct tiny_model){.dtype = "F16"});
    check_shape(&(struct tiny_model){.dtype = "BF16"});
}

static void encoder__takes_sequences_longer_than_its_blocks(void **state)
{
    static const size_t counts[] = {300, 129, 128, 65, 64, 1};
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
            struct fixture fixture = {0};
            fixture_init_with(
                &fixture,
                &(struct tiny_model){
                    .hidden_size = 64, .head_count = 2, .max_positions = 300, .layer_count = 1},
                (enum cof_precision)i, usable[k]);
            check_group(&fixture, counts, sizeof(counts) / sizeof(counts[0]));
            fixture_deinit(&fixture);
        }
    }
}

static void encoder__stops_between_layers(void **state)
{
    struct fixture fixture = {0};
    struct cof_cancel cancel = {0};
    const uint32_t ids[] = {2, 3};
    const struct cof_bert_sequence sequence = {.ids = ids, .count = 2};
    float vector[MAX_HIDDEN] = {0};
    fixture_init(&fixture, &(struct tiny_model){0});
    cof_cancel_request(&cancel);
    struct cof_bert_pass pass = {
        .sequences = &sequence, .sequence_count = 1, .cancel = &cancel, .out_rows = vector};
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, NULL),
                     COF_CANCELED);
    fixture_deinit(&fixture);
}

static void count_layer(void *context)
{
    (*(size_t *)context)++;
}

static void encoder__gives_the_rows_that_are_asked_for(void **state)
{
    struct fixture fixture = {0};
    const uint32_t first[] = {2, 3, 5};
    const uint32_t second[] = {7, 4};
    const struct cof_bert_sequence sequences[] = {{.ids = first, .count = 3},
                                                  {.ids = second, .count = 2}};
    float pooled[2 * MAX_HIDDEN];
    float tokens[5 * MAX_HIDDEN];
    float heads[2 * MAX_HIDDEN];
    size_t layer_count = 0;
    fixture_init(&fixture, &(struct tiny_model){0});
    size_t size = fixture.model.hidden_size;
    struct cof_bert_pass pass = {.sequences = sequences,
                                 .sequence_count = 2,
                                 .pooling = COF_POOLING_CLS,
                                 .between_layers = count_layer,
                                 .context = &layer_count,
                                 .out_rows = pooled};
    int before = cof_openmp_enter();
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, NULL), COF_OK);
    assert_int_equal(layer_count, fixture.weights->layer_count);
    pass.output = COF_BERT_TOKENS;
    pass.out_rows = tokens;
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, NULL), COF_OK);
    pass.output = COF_BERT_FIRST;
    pass.out_rows = heads;
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, NULL), COF_OK);
    cof_openmp_leave(before);

    const size_t first_rows[] = {0, 3};
    for (size_t i = 0; i < 2; i++) {
        assert_memory_equal(pooled + i * size, tokens + first_rows[i] * size, size * sizeof(float));
        double length = 0;
        for (size_t j = 0; j < size; j++)
            length += (double)heads[i * size + j] * (double)heads[i * size + j];
        for (size_t j = 0; j < size; j++)
            assert_true(fabs((double)heads[i * size + j] / sqrt(length) -
                             (double)pooled[i * size + j]) < 1e-6);
    }
    fixture_deinit(&fixture);
}

static void encoder__reports_weights_that_give_no_vector(void **state)
{
    struct fixture fixture = {0};
    struct cof_error err = {0};
    const uint32_t ids[] = {2, 3};
    const struct cof_bert_sequence sequence = {.ids = ids, .count = 2};
    float vector[MAX_HIDDEN] = {0};
    fixture_init(&fixture, &(struct tiny_model){.layer_count = 1});
    const struct cof_bert_norm *last = &fixture.weights->layers[0].output_norm;
    memset(last->scale, 0, fixture.model.hidden_size * sizeof(float));
    memset(last->shift, 0, fixture.model.hidden_size * sizeof(float));
    struct cof_bert_pass pass = {.sequences = &sequence, .sequence_count = 1, .out_rows = vector};
    int before = cof_openmp_enter();
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, &err), COF_CORRUPT);
    for (size_t i = 0; i < fixture.model.hidden_size; i++)
        last->shift[i] = 3e38F;
    assert_int_equal(cof_bert_encode(fixture.weights, fixture.workspace, &pass, &err), COF_CORRUPT);
    cof_openmp_leave(before);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder__agrees_with_the_formulas),
        cmocka_unit_test(encoder__agrees_for_xlm_roberta),
        cmocka_unit_test(encoder__agrees_for_sizes_that_fit_no_register),
        cmocka_unit_test(encoder__pools_the_first_token_where_asked),
        cmocka_unit_test(encoder__reads_half_precision_weights),
        cmocka_unit_test(encoder__takes_sequences_longer_than_its_blocks),
        cmocka_unit_test(encoder__stops_between_layers),
        cmocka_unit_test(encoder__gives_the_rows_that_are_asked_for),
        cmocka_unit_test(encoder__reports_weights_that_give_no_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
