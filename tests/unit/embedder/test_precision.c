/* Names of precisions, both ways. */
#include <cof/embedder/precision.h>

#include "testing.h"

static void precision__names_are_read_back(void **state)
{
    for (int i = 0; i < COF_PRECISION_COUNT; i++) {
        enum cof_precision precision = COF_PRECISION_COUNT;
        const char *name = cof_precision_name((enum cof_precision)i);
        assert_true(cof_precision_parse(cof_text_from(name), &precision));
        assert_int_equal(precision, i);
    }
    enum cof_precision untouched = COF_PRECISION_INT8;
    assert_false(cof_precision_parse(COF_TEXT("f16"), &untouched));
    assert_false(cof_precision_parse(COF_TEXT(""), &untouched));
    assert_int_equal(untouched, COF_PRECISION_INT8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(precision__names_are_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
