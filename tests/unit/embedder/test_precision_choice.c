/* The choice of a precision: by configuration, by manifest, and never an unfaithful one. */
#include "precision_choice.h"

#include <string.h>

#include "temp_dir.h"
#include "testing.h"

static const struct cof_model_config CONFIG = {
    .hidden_size = 64, .head_count = 2, .intermediate_size = 128, .layer_count = 1};

static struct cof_precision_choice choose(const char *folder, enum cof_precision wanted,
                                          const uint8_t *digest)
{
    struct cof_precision_choice choice = {0};
    struct cof_error err = {0};
    if (cof_precision_choose(folder, &CONFIG, cof_kernels_pick(), wanted, digest, &choice, &err) !=
        COF_OK)
        fail_msg("%s", err.message);
    assert_true(choice.precision != COF_PRECISION_AUTO);
    assert_true(strlen(choice.reason) > 0);
    return choice;
}

static void choice__by_configuration_asks_nobody(void **state)
{
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
        struct cof_precision_choice choice =
            choose("/a folder that is not there", (enum cof_precision)i, NULL);
        assert_int_equal(choice.precision, i);
        assert_string_equal(choice.reason, "by configuration");
    }
}

static void choice__without_a_manifest_is_f32(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    temp_dir_create(folder);
    struct cof_precision_choice choice = choose(folder, COF_PRECISION_AUTO, NULL);
    assert_int_equal(choice.precision, COF_PRECISION_F32);
    assert_non_null(strstr(choice.reason, "coffer model add"));
    temp_dir_remove(folder);
}

static void choice__takes_only_what_is_faithful_and_of_these_weights(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_manifest manifest = {.text_count = 1};
    const uint8_t others[32] = {1};
    temp_dir_create(folder);
    for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++)
        manifest.fidelity[i] = (struct cof_fidelity){true, 0.9, 0.9};
    assert_int_equal(cof_manifest_write(folder, &manifest, NULL), COF_OK);
    struct cof_precision_choice choice =
        choose(folder, COF_PRECISION_AUTO, manifest.weights_sha256);
    assert_int_equal(choice.precision, COF_PRECISION_F32);
    assert_non_null(strstr(choice.reason, "faithful"));

    manifest.fidelity[COF_PRECISION_INT8] = (struct cof_fidelity){true, 0.999, 0.999};
    assert_int_equal(cof_manifest_write(folder, &manifest, NULL), COF_OK);
    choice = choose(folder, COF_PRECISION_AUTO, manifest.weights_sha256);
    assert_int_not_equal(choice.precision, COF_PRECISION_BF16);
    choice = choose(folder, COF_PRECISION_AUTO, others);
    assert_int_equal(choice.precision, COF_PRECISION_F32);
    assert_non_null(strstr(choice.reason, "weights"));
    temp_dir_remove(folder);
}

static void choice__measures_every_precision_of_every_set(void **state)
{
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    for (size_t k = 0; k < usable_count; k++) {
        for (int i = COF_PRECISION_F32; i < COF_PRECISION_COUNT; i++) {
            double ns = 0;
            assert_int_equal(
                cof_precision_measure(&CONFIG, usable[k], (enum cof_precision)i, &ns, NULL),
                COF_OK);
            assert_true(ns > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice__by_configuration_asks_nobody),
        cmocka_unit_test(choice__without_a_manifest_is_f32),
        cmocka_unit_test(choice__takes_only_what_is_faithful_and_of_these_weights),
        cmocka_unit_test(choice__measures_every_precision_of_every_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
