/* The GPU of this machine, or the sentence that says why there is none: nothing here is a double.
 *
 * On a machine without a GPU this proves that the same program finds that out and goes on; on one
 * with a GPU it compares the whole encoder with the formulas. */
#include "device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bert_device.h"
#include "cublaslt.h"
#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

static void cublaslt__says_which_library_is_missing(void **state)
{
    struct cof_cublaslt library = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_cublaslt_open("libcublasLt.so.none", &library, &err), COF_UNAVAILABLE);
    assert_non_null(strstr(err.message, "libcublasLt.so.none"));
    assert_null(library.library);
    cof_cublaslt_close(&library);
}

static void cublaslt__says_which_function_is_missing(void **state)
{
    struct cof_cublaslt library = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_cublaslt_open("libm.so.6", &library, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "cuBLASLt has no function cublasLtCreate");
    assert_null(library.library);
}

/* The library that the toolkit brought, where it did: all functions are there, and without a device
 * its first one fails by a status. */
static void cublaslt__has_every_function(void **state)
{
    struct cof_cublaslt library = {0};
    struct cof_cuda_device device;
    void *handle = NULL;
    if (cof_cublaslt_open(COF_TEST_CUBLASLT, &library, NULL) != COF_OK)
        skip();
    bool has_device = cof_cuda_device_open(&device, NULL) == COF_OK;
    int result = library.create(&handle);
    assert_true(has_device ? result == 0 : result != 0);
    if (result == 0)
        assert_int_equal(library.destroy(handle), 0);
    else
        assert_int_equal(cof_cublaslt_done(&library, result, "cublasLtCreate", NULL), COF_IO);
    cof_cublaslt_close(&library);
}

static void device__is_there_or_says_why_not(void **state)
{
    struct cof_cuda_device device = {0};
    struct cof_error err = {0};
    enum cof_status status = cof_cuda_device_open(&device, &err);
    if (status == COF_OK) {
        assert_true(device.free_bytes > 0);
        return;
    }
    print_message("%s\n", err.message);
    assert_int_equal(status, COF_UNAVAILABLE);
    assert_true(strlen(err.message) > 10);
    /* And again: one failure does not spoil the next answer. */
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_UNAVAILABLE);
}

static void check_vectors(struct cof_bert_device *device, const struct tiny_model *model)
{
    static const size_t counts[] = {1, 64, 65, 17, 128, 3};
    enum { COUNT = sizeof(counts) / sizeof(counts[0]) };
    struct cof_bert_sequence sequences[COUNT];
    uint32_t ids[COUNT][128];
    float rows[COUNT * 64];
    struct seeded_random random;
    struct cof_error err = {0};
    seeded_random_init(&random, 3);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < counts[i]; j++)
            ids[i][j] = (uint32_t)seeded_random_below(&random, model->vocabulary_size);
        sequences[i] = (struct cof_bert_sequence){.ids = ids[i], .count = counts[i]};
    }
    const struct cof_bert_pass pass = {.sequences = sequences,
                                       .sequence_count = COUNT,
                                       .output = COF_BERT_POOLED,
                                       .pooling = COF_POOLING_MEAN,
                                       .out_rows = rows};
    if (cof_bert_device_encode(device, &pass, &err) != COF_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < COUNT; i++) {
        double expected[64];
        double product = 0;
        tiny_model_embed(model, ids[i], counts[i], expected);
        for (size_t j = 0; j < 64; j++)
            product += (double)rows[i * 64 + j] * expected[j];
        if (!(product > 0.9999))
            fail_msg("sequence %zu of %zu tokens: cosine %.9f", i, counts[i], product);
    }
}

static void device__computes_what_the_formulas_say_where_there_is_one(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    char path[TEMP_DIR_PATH_SIZE + 32];
    struct tiny_model model = {.hidden_size = 64,
                               .head_count = 2,
                               .intermediate_size = 128,
                               .max_positions = 128,
                               .max_tokens = 128};
    struct cof_model_config config = {0};
    struct cof_safetensors *file = NULL;
    struct cof_bert_device *device = NULL;
    struct cof_error err = {0};
    temp_dir_create(folder);
    tiny_model_create(&model, 42);
    tiny_model_write(&model, folder);
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(folder, &config, NULL), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &file, NULL), COF_OK);
    const struct cof_bert_device_options options = {
        .file = file, .config = &config, .thread_count = 1};
    enum cof_status status = cof_bert_device_open(&options, &device, &err);
    if (status == COF_OK) {
        check_vectors(device, &model);
    } else {
        print_message("%s\n", err.message);
        assert_int_equal(status, COF_UNAVAILABLE);
        assert_memory_equal(err.message, "no device: ", 11);
    }
    cof_bert_device_close(device);
    cof_safetensors_close(file);
    tiny_model_destroy(&model);
    temp_dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cublaslt__says_which_library_is_missing),
        cmocka_unit_test(cublaslt__says_which_function_is_missing),
        cmocka_unit_test(cublaslt__has_every_function),
        cmocka_unit_test(device__is_there_or_says_why_not),
        cmocka_unit_test(device__computes_what_the_formulas_say_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
