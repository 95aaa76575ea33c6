/* The device encoder on the double of a GPU, against one sequence at a time in doubles. */
#include "bert_device.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "cuda_double.h"
#include "lane.h"
#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"
#include "weights.h"

enum { MAX_SEQUENCES = 64, MAX_COUNT = 512, MAX_HIDDEN = 320 };

struct fixture {
    char folder[TEMP_DIR_PATH_SIZE];
    struct tiny_model model;
    struct cof_model_config config;
    struct cof_safetensors *file;
    struct cof_bert_device *device;
    int notice_count;
    char notice[320];
    struct cof_bert_sequence sequences[MAX_SEQUENCES];
    uint32_t ids[MAX_SEQUENCES][MAX_COUNT];
    size_t sequence_count;
    float *rows;
};

static void remember_notice(void *context, const char *message)
{
    struct fixture *fixture = context;
    fixture->notice_count++;
    (void)snprintf(fixture->notice, sizeof(fixture->notice), "%s", message);
}

static void fixture_init(struct fixture *fixture, const struct tiny_model *shape)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    cuda_double_reset();
    temp_dir_create(fixture->folder);
    fixture->model = *shape;
    tiny_model_create(&fixture->model, 42);
    tiny_model_write(&fixture->model, fixture->folder);
    temp_dir_join(fixture->folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(fixture->folder, &fixture->config, NULL), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &fixture->file, NULL), COF_OK);
    fixture->rows = calloc((size_t)MAX_SEQUENCES * MAX_COUNT * MAX_HIDDEN, sizeof(float));
}

static struct cof_bert_device_options options_of(struct fixture *fixture)
{
    return (struct cof_bert_device_options){
        .file = fixture->file,
        .config = &fixture->config,
        .thread_count = 1,
        .notice = remember_notice,
        .notice_context = fixture,
    };
}

static void open_device(struct fixture *fixture, size_t max_memory_bytes)
{
    struct cof_error err = {0};
    struct cof_bert_device_options options = options_of(fixture);
    options.max_memory_bytes = max_memory_bytes;
    if (cof_bert_device_open(&options, &fixture->device, &err) != COF_OK)
        fail_msg("%s", err.message);
}

static void fixture_deinit(struct fixture *fixture)
{
    cof_bert_device_close(fixture->device);
    assert_int_equal(cuda_double_allocated_bytes(), 0);
    assert_int_equal(cuda_double_object_count(), 0);
    cof_safetensors_close(fixture->file);
    tiny_model_destroy(&fixture->model);
    temp_dir_remove(fixture->folder);
    free(fixture->rows);
}

static void make_sequences(struct fixture *fixture, const size_t *counts, size_t sequence_count)
{
    struct seeded_random random;
    seeded_random_init(&random, sequence_count);
    for (size_t i = 0; i < sequence_count; i++) {
        for (size_t j = 0; j < counts[i]; j++)
            fixture->ids[i][j] =
                (uint32_t)seeded_random_below(&random, fixture->model.vocabulary_size);
        fixture->sequences[i] =
            (struct cof_bert_sequence){.ids = fixture->ids[i], .count = counts[i]};
    }
    fixture->sequence_count = sequence_count;
}

static struct cof_bert_pass pass_of(struct fixture *fixture)
{
    return (struct cof_bert_pass){
        .sequences = fixture->sequences,
        .sequence_count = fixture->sequence_count,
        .output = COF_BERT_POOLED,
        .pooling = fixture->config.pooling,
        .out_rows = fixture->rows,
    };
}

static void check_vectors(const struct fixture *fixture)
{
    size_t size = fixture->model.hidden_size;
    for (size_t i = 0; i < fixture->sequence_count; i++) {
        double expected[MAX_HIDDEN];
        double product = 0;
        double length = 0;
        tiny_model_embed(&fixture->model, fixture->ids[i], fixture->sequences[i].count, expected);
        for (size_t j = 0; j < size; j++) {
            double value = (double)fixture->rows[i * size + j];
            product += value * expected[j];
            length += value * value;
        }
        assert_true(fabs(length - 1) < 1e-5);
        if (!(product / sqrt(length) > 0.99999))
            fail_msg("sequence %zu of %zu tokens: cosine %.9f", i, fixture->sequences[i].count,
                     product / sqrt(length));
    }
}

static void encode(struct fixture *fixture, const struct cof_bert_pass *pass)
{
    struct cof_error err = {0};
    memset(fixture->rows, 0, fixture->sequence_count * fixture->model.hidden_size * sizeof(float));
    if (cof_bert_device_encode(fixture->device, pass, &err) != COF_OK)
        fail_msg("%s", err.message);
}

/* Lengths around the borders of tiles: of 8, 16 and 64 queries, of 64 keys. */
static void check_shape(const struct tiny_model *shape)
{
    static const size_t mixed[] = {1, 2, 40, 7, 16, 17, 33, 3};
    static const size_t alone[] = {5};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture_init(fixture, shape);
    open_device(fixture, 0);
    make_sequences(fixture, mixed, sizeof(mixed) / sizeof(mixed[0]));
    struct cof_bert_pass pass = pass_of(fixture);
    encode(fixture, &pass);
    check_vectors(fixture);
    make_sequences(fixture, alone, 1);
    pass = pass_of(fixture);
    encode(fixture, &pass);
    check_vectors(fixture);
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__agrees_with_the_formulas(void **state)
{
    check_shape(&(struct tiny_model){.hidden_size = 64, .head_count = 2, .intermediate_size = 128});
}

static void device_encoder__agrees_for_sizes_that_fill_no_register(void **state)
{
    check_shape(&(struct tiny_model){
        .hidden_size = 40, .head_count = 5, .intermediate_size = 56, .layer_count = 3});
    check_shape(&(struct tiny_model){
        .hidden_size = 72, .head_count = 1, .intermediate_size = 200, .layer_count = 1});
    check_shape(&(struct tiny_model){
        .hidden_size = 104, .head_count = 1, .intermediate_size = 8, .layer_count = 2});
    check_shape(&(struct tiny_model){
        .hidden_size = 264, .head_count = 11, .intermediate_size = 24, .layer_count = 1});
}

static void device_encoder__agrees_for_xlm_roberta(void **state)
{
    check_shape(&(struct tiny_model){.is_xlm_roberta = true,
                                     .prefix = "roberta.",
                                     .is_cls = true,
                                     .hidden_size = 96,
                                     .head_count = 6,
                                     .intermediate_size = 200,
                                     .layer_count = 3});
}

static void device_encoder__reads_half_precision_weights(void **state)
{
    check_shape(&(struct tiny_model){
        .dtype = "F16", .hidden_size = 48, .head_count = 2, .intermediate_size = 64});
    check_shape(&(struct tiny_model){
        .dtype = "BF16", .hidden_size = 48, .head_count = 2, .intermediate_size = 64});
}

static void device_encoder__takes_sequences_of_many_tiles(void **state)
{
    static const size_t counts[] = {300, 129, 128, 65, 64, 63, 1};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture_init(fixture, &(struct tiny_model){.hidden_size = 48,
                                               .head_count = 2,
                                               .intermediate_size = 64,
                                               .layer_count = 1,
                                               .max_positions = 512,
                                               .max_tokens = 512});
    open_device(fixture, 0);
    make_sequences(fixture, counts, sizeof(counts) / sizeof(counts[0]));
    const struct cof_bert_pass pass = pass_of(fixture);
    encode(fixture, &pass);
    check_vectors(fixture);
    cuda_double_set_reverse(true); /* another order of threads, the same rows */
    encode(fixture, &pass);
    check_vectors(fixture);
    fixture_deinit(fixture);
    free(fixture);
}

/* A small model, and a pass that is several slices of 64 tokens. */
static void init_sliced(struct fixture *fixture)
{
    static const size_t counts[] = {50, 30, 10, 20, 64, 40, 6, 1, 7, 63, 64, 2, 9};
    fixture_init(fixture, &(struct tiny_model){.hidden_size = 16,
                                               .head_count = 2,
                                               .intermediate_size = 24,
                                               .layer_count = 1,
                                               .max_positions = 64,
                                               .max_tokens = 64});
    make_sequences(fixture, counts, sizeof(counts) / sizeof(counts[0]));
}

/* One lane without the rest of the device, for slices shorter than a device makes. */
static enum cof_status run_lane(const struct fixture *fixture, size_t max_tokens,
                                const struct cof_bert_pass *pass, struct cof_error *err)
{
    struct cof_cublaslt library = {0};
    struct cof_cuda_weights *weights = NULL;
    struct cof_cuda_lane *lane = NULL;
    enum cof_status status = cof_cublaslt_open("", &library, err);
    if (status == COF_OK)
        status = cof_cuda_weights_create(fixture->file, &fixture->config, &weights, err);
    if (status == COF_OK)
        status = cof_cuda_lane_create(&library, weights, &fixture->config, max_tokens, &lane, err);
    if (status == COF_OK)
        status = cof_cuda_lane_run(lane, pass, err);
    cof_cuda_lane_destroy(lane);
    cof_cuda_weights_destroy(weights);
    cof_cublaslt_close(&library);
    return status;
}

/* Room for the weights and one lane with the shortest slices. */
static size_t small_budget(const struct fixture *fixture)
{
    return cof_cuda_weights_size(&fixture->config) + cof_cuda_lane_size(&fixture->config, 1024);
}

static void device_encoder__keeps_slices_apart_in_any_order_of_its_streams(void **state)
{
    static const enum cuda_double_order orders[] = {CUDA_DOUBLE_AT_ONCE, CUDA_DOUBLE_OLD_FIRST,
                                                    CUDA_DOUBLE_YOUNG_FIRST};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    const struct cof_bert_pass pass = pass_of(fixture);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        memset(fixture->rows, 0, (size_t)MAX_SEQUENCES * MAX_HIDDEN * sizeof(float));
        cuda_double_set_order(orders[i]);
        assert_int_equal(run_lane(fixture, 64, &pass, NULL), COF_OK);
        check_vectors(fixture);
    }
    assert_true(cuda_double_overlap_count() > 0);
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__gives_every_token_where_asked(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    size_t size = fixture->model.hidden_size;
    size_t token_count = 0;
    struct cof_bert_pass pass = pass_of(fixture);
    pass.output = COF_BERT_TOKENS;
    assert_int_equal(run_lane(fixture, 64, &pass, NULL), COF_OK);
    for (size_t i = 0; i < fixture->sequence_count; i++)
        token_count += fixture->sequences[i].count;
    float *tokens = calloc(token_count * size, sizeof(float));
    memcpy(tokens, fixture->rows, token_count * size * sizeof(float));
    pass.output = COF_BERT_FIRST;
    assert_int_equal(run_lane(fixture, 64, &pass, NULL), COF_OK);
    size_t row = 0;
    for (size_t i = 0; i < fixture->sequence_count; i++) {
        double length = 0;
        double product = 0;
        const float *first = fixture->rows + i * size;
        for (size_t j = 0; j < size; j++) {
            product += (double)first[j] * (double)tokens[row * size + j];
            length += (double)first[j] * (double)first[j];
        }
        /* A head gets the state as it is: after a norm, its length is not 1. */
        assert_true(fabs(length - 1) > 0.1);
        assert_true(fabs(product / sqrt(length) - 1) < 1e-5);
        row += fixture->sequences[i].count;
    }
    for (size_t i = 0; i < token_count; i++) {
        double length = 0;
        for (size_t j = 0; j < size; j++)
            length += (double)tokens[i * size + j] * (double)tokens[i * size + j];
        assert_true(fabs(length - 1) < 1e-5);
    }
    free(tokens);
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__stays_within_its_memory(void **state)
{
    static const size_t mib[] = {1, 20, 32, 36, 70, 110, 200};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    struct cof_bert_device_options options = options_of(fixture);
    struct cof_error err = {0};
    fixture->sequence_count = 2;
    for (size_t i = 0; i < sizeof(mib) / sizeof(mib[0]); i++) {
        cuda_double_reset();
        options.thread_count = i;
        options.max_memory_bytes = mib[i] << 20;
        enum cof_status status = cof_bert_device_open(&options, &fixture->device, &err);
        if (mib[i] < 34) {
            assert_int_equal(status, COF_UNAVAILABLE);
            assert_non_null(strstr(err.message, "MiB may be used"));
        } else {
            assert_int_equal(status, COF_OK);
            const struct cof_bert_pass pass = pass_of(fixture);
            encode(fixture, &pass);
            check_vectors(fixture);
            assert_true(cuda_double_most_bytes() <= mib[i] << 20);
            /* What more memory is good for: a second lane, then a third. */
            assert_true(cuda_double_most_bytes() > (mib[i] << 20) / 3 * (i > 5 ? 1 : 2));
        }
        cof_bert_device_close(fixture->device);
        fixture->device = NULL;
        assert_int_equal(cuda_double_object_count(), 0);
    }
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__says_why_there_is_no_device(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    const struct cof_bert_device_options options = options_of(fixture);
    struct cof_error err = {0};
    cuda_double_set_free_bytes(0);
    assert_int_equal(cof_bert_device_open(&options, &fixture->device, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "no device: cudaGetDeviceCount: there is none");
    cuda_double_set_free_bytes((size_t)1 << 30);
    fixture->config.hidden_size = 60;
    assert_int_equal(cof_bert_device_open(&options, &fixture->device, &err), COF_UNAVAILABLE);
    assert_non_null(strstr(err.message, "not all multiples of 8"));
    fixture->config.hidden_size = 4096;
    assert_int_equal(cof_bert_device_open(&options, &fixture->device, &err), COF_UNAVAILABLE);
    assert_non_null(strstr(err.message, "the model has 4096"));
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__refuses_weights_that_half_precision_cannot_hold(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char path[TEMP_DIR_PATH_SIZE + 32];
    init_sliced(fixture);
    tiny_model_tensor(&fixture->model, "encoder.layer.0.output.dense.weight")->values[3] = 70000;
    cof_safetensors_close(fixture->file);
    tiny_model_write(&fixture->model, fixture->folder);
    temp_dir_join(fixture->folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_safetensors_open(path, &fixture->file, NULL), COF_OK);
    const struct cof_bert_device_options options = options_of(fixture);
    struct cof_error err = {0};
    assert_int_equal(cof_bert_device_open(&options, &fixture->device, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "no device: a weight does not fit half precision");
    fixture_deinit(fixture);
    free(fixture);
}

/* Whichever call fails: a status, a notice, nothing left behind; and the same device works for who
 * opens it again. */
static void device_encoder__survives_a_failure_of_any_call(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    struct cof_bert_device_options options = options_of(fixture);
    options.max_memory_bytes = small_budget(fixture);
    make_sequences(fixture, &(const size_t){3}, 1);
    bool is_at_end = false;
    for (long n = 1; !is_at_end; n++) {
        struct cof_error err = {0};
        struct cof_bert_device *device = NULL;
        cuda_double_reset();
        cuda_double_set_order(n % 2 == 0 ? CUDA_DOUBLE_OLD_FIRST : CUDA_DOUBLE_YOUNG_FIRST);
        cuda_double_fail_after(n, n % 3 == 0);
        fixture->notice_count = 0;
        enum cof_status opened = cof_bert_device_open(&options, &device, &err);
        if (opened != COF_OK) {
            assert_int_equal(opened, COF_UNAVAILABLE);
            assert_memory_equal(err.message, "no device: ", 11);
            assert_int_equal(fixture->notice_count, 0);
        } else {
            const struct cof_bert_pass pass = pass_of(fixture);
            enum cof_status status = cof_bert_device_encode(device, &pass, &err);
            is_at_end = status == COF_OK && !cuda_double_has_failed();
            if (status == COF_OK) {
                check_vectors(fixture);
            } else {
                assert_int_equal(status, COF_UNAVAILABLE);
                assert_int_equal(fixture->notice_count, 1);
                assert_non_null(strstr(fixture->notice, "the GPU failed: "));
                /* It is not asked again, and says so only once. */
                assert_int_equal(cof_bert_device_encode(device, &pass, &err), COF_UNAVAILABLE);
                assert_int_equal(fixture->notice_count, 1);
            }
        }
        cof_bert_device_close(device);
        assert_int_equal(cuda_double_object_count(), 0);
    }
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__leaves_nothing_in_its_streams_when_a_slice_fails(void **state)
{
    static const size_t counts[] = {5, 4, 6};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    make_sequences(fixture, counts, 3); /* three slices */
    bool is_at_end = false;
    for (long n = 1; !is_at_end; n++) {
        struct cof_error err = {0};
        const struct cof_bert_pass pass = pass_of(fixture);
        cuda_double_reset();
        cuda_double_set_order(n % 2 == 0 ? CUDA_DOUBLE_OLD_FIRST : CUDA_DOUBLE_YOUNG_FIRST);
        cuda_double_fail_after(n, n % 3 == 0);
        enum cof_status status = run_lane(fixture, 8, &pass, &err);
        is_at_end = !cuda_double_has_failed();
        assert_int_equal(status == COF_OK, is_at_end);
        assert_int_equal(cuda_double_object_count(), 0);
    }
    check_vectors(fixture);
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__survives_running_out_of_memory(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    init_sliced(fixture);
    struct cof_bert_device_options options = options_of(fixture);
    options.max_memory_bytes = small_budget(fixture);
    make_sequences(fixture, &(const size_t){3}, 1);
    bool is_at_end = false;
    for (long n = 1; !is_at_end; n++) {
        struct cof_error err = {0};
        struct cof_bert_device *device = NULL;
        cuda_double_reset();
        cof_alloc_fail_after(n);
        enum cof_status status = cof_bert_device_open(&options, &device, &err);
        if (status == COF_OK) {
            const struct cof_bert_pass pass = pass_of(fixture);
            status = cof_bert_device_encode(device, &pass, &err);
            if (status == COF_OK)
                check_vectors(fixture);
            else
                assert_int_equal(status, COF_NO_MEMORY);
            is_at_end = cof_alloc_fail_is_pending();
        }
        cof_alloc_fail_after(-1);
        cof_bert_device_close(device);
        assert_int_equal(cuda_double_object_count(), 0);
    }
    fixture_deinit(fixture);
    free(fixture);
}

static void device_encoder__ends_a_canceled_pass_between_slices(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct cof_cancel cancel = {0};
    init_sliced(fixture);
    open_device(fixture, small_budget(fixture));

    struct cof_bert_pass pass = pass_of(fixture);
    pass.cancel = &cancel;
    cof_cancel_request(&cancel);
    assert_int_equal(cof_bert_device_encode(fixture->device, &pass, NULL), COF_CANCELED);
    assert_int_equal(fixture->notice_count, 0);
    pass.cancel = NULL;
    encode(fixture, &pass);
    check_vectors(fixture);
    fixture_deinit(fixture);
    free(fixture);
}

struct overtaking {
    struct fixture *fixture;
    size_t count;
    enum cof_status status;
};

/* A question between two slices of bulk, on the thread that holds the only lane. */
static void ask(void *context)
{
    struct overtaking *overtaking = context;
    float row[MAX_HIDDEN];
    struct cof_bert_pass pass = pass_of(overtaking->fixture);
    pass.sequence_count = 1;
    pass.out_rows = row;
    overtaking->count++;
    overtaking->status = cof_bert_device_encode(overtaking->fixture->device, &pass, NULL);
}

static void device_encoder__never_lets_a_question_wait_for_a_lane(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct overtaking overtaking = {.fixture = fixture};
    init_sliced(fixture);
    open_device(fixture, small_budget(fixture)); /* one lane */
    assert_int_equal(cof_bert_device_group_tokens(fixture->device), 2048);
    struct cof_bert_pass pass = pass_of(fixture);
    pass.between_layers = ask;
    pass.context = &overtaking;
    encode(fixture, &pass);
    check_vectors(fixture);
    assert_int_equal(overtaking.count, 1);
    assert_int_equal(overtaking.status, COF_LIMITED);
    cof_bert_device_close(fixture->device);
    open_device(fixture, 0); /* one lane is for questions */
    encode(fixture, &pass);
    check_vectors(fixture);
    assert_int_equal(overtaking.status, COF_OK);
    fixture_deinit(fixture);
    free(fixture);
}

static void nothing(void *context)
{
    (void)context;
}

struct caller {
    struct fixture *fixture;
    bool is_bulk;
    size_t sequence;
    bool is_refused; /* a question that found every lane taken */
};

static void *call(void *context)
{
    struct caller *caller = context;
    struct fixture *fixture = caller->fixture;
    for (int i = 0; i < 3; i++) {
        struct cof_bert_pass pass = pass_of(fixture);
        pass.sequences += caller->sequence;
        pass.sequence_count = 1;
        pass.out_rows += caller->sequence * fixture->model.hidden_size;
        pass.between_layers = caller->is_bulk ? nothing : NULL;
        enum cof_status status = cof_bert_device_encode(fixture->device, &pass, NULL);
        if (status != COF_OK && (caller->is_bulk || status != COF_LIMITED))
            return context;
        caller->is_refused = status == COF_LIMITED;
    }
    return NULL;
}

static void device_encoder__shares_its_lanes_between_threads(void **state)
{
    static const size_t counts[] = {20, 64, 9, 33, 5, 12, 40, 3};
    enum { COUNT = sizeof(counts) / sizeof(counts[0]) };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct caller callers[COUNT];
    pthread_t threads[COUNT];
    init_sliced(fixture);
    open_device(fixture, 80 << 20); /* two lanes */
    make_sequences(fixture, counts, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        callers[i] = (struct caller){.fixture = fixture, .is_bulk = i % 2 == 0, .sequence = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (callers[i].is_refused)
            assert_null(call(&callers[i])); /* alone, nobody is in its way */
    }
    check_vectors(fixture);
    fixture_deinit(fixture);
    free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_encoder__agrees_with_the_formulas),
        cmocka_unit_test(device_encoder__agrees_for_sizes_that_fill_no_register),
        cmocka_unit_test(device_encoder__agrees_for_xlm_roberta),
        cmocka_unit_test(device_encoder__reads_half_precision_weights),
        cmocka_unit_test(device_encoder__takes_sequences_of_many_tiles),
        cmocka_unit_test(device_encoder__keeps_slices_apart_in_any_order_of_its_streams),
        cmocka_unit_test(device_encoder__gives_every_token_where_asked),
        cmocka_unit_test(device_encoder__stays_within_its_memory),
        cmocka_unit_test(device_encoder__says_why_there_is_no_device),
        cmocka_unit_test(device_encoder__refuses_weights_that_half_precision_cannot_hold),
        cmocka_unit_test(device_encoder__survives_a_failure_of_any_call),
        cmocka_unit_test(device_encoder__leaves_nothing_in_its_streams_when_a_slice_fails),
        cmocka_unit_test(device_encoder__survives_running_out_of_memory),
        cmocka_unit_test(device_encoder__ends_a_canceled_pass_between_slices),
        cmocka_unit_test(device_encoder__never_lets_a_question_wait_for_a_lane),
        cmocka_unit_test(device_encoder__shares_its_lanes_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
