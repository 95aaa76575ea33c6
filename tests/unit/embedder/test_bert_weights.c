/* Weights that disagree with config.json, each refused by the name of the tensor. */
#include "bert_weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

static char folder[TEMP_DIR_PATH_SIZE];
static struct tiny_model model;

static int make_model(void **state)
{
    temp_dir_create(folder);
    model = (struct tiny_model){0};
    tiny_model_create(&model, 1);
    return 0;
}

static int remove_model(void **state)
{
    temp_dir_remove(folder);
    tiny_model_destroy(&model);
    return 0;
}

/* Reads what the folder has now. */
static enum cof_status load(struct cof_bert_weights **out_weights, struct cof_error *err)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    struct cof_model_config config = {0};
    struct cof_safetensors *file = NULL;
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(folder, &config, err), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &file, err), COF_OK);
    enum cof_status status = cof_bert_weights_create(file, &config, COF_PRECISION_F32,
                                                     cof_kernels_pick(), out_weights, err);
    cof_safetensors_close(file);
    return status;
}

static void assert_refused(enum cof_status expected, const char *tensor)
{
    struct cof_bert_weights *weights = NULL;
    struct cof_error err = {0};
    tiny_model_write(&model, folder);
    assert_int_equal(load(&weights, &err), expected);
    if (strstr(err.message, "model.safetensors") == NULL || strstr(err.message, tensor) == NULL)
        fail_msg("'%s' is not in '%s'", tensor, err.message);
    assert_null(weights);
}

static void weights__are_read_with_and_without_a_prefix(void **state)
{
    static const char *const prefixes[] = {"", "bert."};
    for (size_t i = 0; i < 2; i++) {
        struct cof_bert_weights *weights = NULL;
        model.prefix = prefixes[i];
        tiny_model_write(&model, folder);
        assert_int_equal(load(&weights, NULL), COF_OK);
        assert_int_equal(weights->layer_count, 2);
        assert_int_equal(weights->hidden_size, 32);
        const struct tiny_tensor *words =
            tiny_model_tensor(&model, "embeddings.word_embeddings.weight");
        assert_memory_equal(weights->words, words->values, 32 * sizeof(float));
        cof_bert_weights_destroy(weights);
    }
    cof_bert_weights_destroy(NULL);
}

static void weights__pass_over_tensors_that_are_not_the_encoders(void **state)
{
    struct cof_bert_weights *weights = NULL;
    float value = 7;
    model.tensors[model.tensor_count++] =
        (struct tiny_tensor){.name = "classifier.weight", .rows = 1, .values = &value};
    tiny_model_write(&model, folder);
    assert_int_equal(load(&weights, NULL), COF_OK);
    cof_bert_weights_destroy(weights);
    model.tensor_count--;
}

static void weights__must_all_be_there(void **state)
{
    for (size_t i = 0; i < model.tensor_count; i++) {
        model.tensors[i].is_left_out = true;
        assert_refused(COF_INVALID, model.tensors[i].name);
        model.tensors[i].is_left_out = false;
    }
}

static void weights__must_have_the_shapes_of_the_config(void **state)
{
    for (size_t i = 0; i < model.tensor_count; i++) {
        struct tiny_tensor *tensor = &model.tensors[i];
        tensor->rows--;
        assert_refused(COF_INVALID, tensor->name);
        tensor->rows++;
        if (tensor->columns == 0)
            continue;
        size_t columns = tensor->columns;
        tensor->columns = columns / 2;
        tensor->rows *= 2; /* as many values, another shape */
        assert_refused(COF_INVALID, tensor->name);
        tensor->columns = columns;
        tensor->rows /= 2;
    }
}

static void weights__must_be_floats(void **state)
{
    struct tiny_tensor *tensor =
        tiny_model_tensor(&model, "encoder.layer.1.attention.self.key.weight");
    tensor->dtype = "I32";
    assert_refused(COF_INVALID, "I32");
}

static void weights__must_be_finite(void **state)
{
    struct tiny_tensor *tensor = tiny_model_tensor(&model, "encoder.layer.0.output.dense.bias");
    float before = tensor->values[3];
    tensor->values[3] = NAN;
    assert_refused(COF_CORRUPT, tensor->name);
    tensor->values[3] = -INFINITY;
    assert_refused(COF_CORRUPT, tensor->name);
    tensor->values[3] = before;
}

static void weights__must_not_have_more_layers_than_the_config(void **state)
{
    model.layer_count = 1;
    assert_refused(COF_INVALID, "num_hidden_layers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(weights__are_read_with_and_without_a_prefix, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(weights__pass_over_tensors_that_are_not_the_encoders,
                                        make_model, remove_model),
        cmocka_unit_test_setup_teardown(weights__must_all_be_there, make_model, remove_model),
        cmocka_unit_test_setup_teardown(weights__must_have_the_shapes_of_the_config, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(weights__must_be_floats, make_model, remove_model),
        cmocka_unit_test_setup_teardown(weights__must_be_finite, make_model, remove_model),
        cmocka_unit_test_setup_teardown(weights__must_not_have_more_layers_than_the_config,
                                        make_model, remove_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
