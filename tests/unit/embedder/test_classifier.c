/* Heads that fit their model, and ones that do not; the scores themselves are compared in
 * test_cross_encoder.c. */
#include "classifier.h"

#include <math.h>
#include <string.h>

#include "../base/torture.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

static char folder[TEMP_DIR_PATH_SIZE];
static struct tiny_model model;

static int make_model(void **state)
{
    temp_dir_create(folder);
    model = (struct tiny_model){.label_count = 2};
    tiny_model_create(&model, 3);
    return 0;
}

static int remove_model(void **state)
{
    temp_dir_remove(folder);
    tiny_model_destroy(&model);
    return 0;
}

/* Of what the folder has now. */
static enum cof_status create(struct cof_classifier **out_classifier, struct cof_error *err)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    const struct cof_model_config config = {.hidden_size = model.hidden_size};
    struct cof_safetensors *file = NULL;
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    COF_TRY(cof_safetensors_open(path, &file, err));
    enum cof_status status = cof_classifier_create(file, &config, out_classifier, err);
    cof_safetensors_close(file);
    return status;
}

static void assert_refused(enum cof_status expected, const char *part)
{
    struct cof_classifier *classifier = NULL;
    struct cof_error err = {0};
    tiny_model_write(&model, folder);
    assert_int_equal(create(&classifier, &err), expected);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, err.message);
    assert_null(classifier);
}

static void classifier__names_the_tensor_that_is_missing(void **state)
{
    static const char *const names[] = {"classifier.weight", "classifier.bias",
                                        "pooler.dense.weight", "pooler.dense.bias"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tiny_tensor *tensor = tiny_model_tensor(&model, names[i]);
        tensor->is_left_out = true;
        assert_refused(COF_INVALID, names[i]);
        tensor->is_left_out = false;
    }
}

static void classifier__refuses_another_shape(void **state)
{
    struct tiny_tensor *out = tiny_model_tensor(&model, "classifier.weight");
    struct tiny_tensor *bias = tiny_model_tensor(&model, "pooler.dense.bias");
    bias->rows--;
    assert_refused(COF_INVALID, "'pooler.dense.bias'");
    bias->rows++;
    out->columns--;
    assert_refused(COF_INVALID, "'classifier.weight'");
    out->columns = 0;
    assert_refused(COF_INVALID, "one or two labels");
}

static void classifier__refuses_other_types_and_values(void **state)
{
    struct tiny_tensor *out = tiny_model_tensor(&model, "classifier.weight");
    out->dtype = "I32";
    assert_refused(COF_INVALID, "I32");
    out->dtype = NULL;
    out->values[3] = NAN;
    assert_refused(COF_CORRUPT, "not finite");
}

static void classifier__reports_a_state_that_is_not_finite(void **state)
{
    struct cof_classifier *classifier = NULL;
    float states[2 * 32] = {0};
    float scores[2];
    tiny_model_write(&model, folder);
    assert_int_equal(create(&classifier, NULL), COF_OK);
    assert_int_equal(cof_classifier_score(classifier, states, 2, scores, NULL), COF_OK);
    assert_true(scores[0] == scores[1]);
    states[40] = NAN;
    assert_int_equal(cof_classifier_score(classifier, states, 2, scores, NULL), COF_CORRUPT);
    cof_classifier_destroy(classifier);
    cof_classifier_destroy(NULL);
}

static enum cof_status create_once(void *context, struct cof_error *err)
{
    struct cof_classifier *classifier = NULL;
    COF_TRY(create(&classifier, err));
    cof_classifier_destroy(classifier);
    return COF_OK;
}

static void classifier__survives_every_failed_allocation(void **state)
{
    tiny_model_write(&model, folder);
    assert_true(torture(create_once, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(classifier__names_the_tensor_that_is_missing, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(classifier__refuses_another_shape, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(classifier__refuses_other_types_and_values, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(classifier__reports_a_state_that_is_not_finite, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(classifier__survives_every_failed_allocation, make_model,
                                        remove_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
