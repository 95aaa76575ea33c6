/* The newest request ids: all of the last 65,536 are known, older ones are forgotten. */
#include "recent.h"

#include <string.h>

#include "testing.h"

static void id_of(uint64_t number, uint8_t out_id[16])
{
    memset(out_id, 0, 16);
    memcpy(out_id + 8, &number, sizeof(number));
}

static void recent__knows_the_newest_and_forgets_the_oldest(void **state)
{
    enum { COUNT = 65536, MORE = 5000 };
    uint8_t id[16];
    struct cof_recent *recent = cof_recent_create();
    assert_non_null(recent);
    for (uint64_t i = 0; i < COUNT + MORE; i++) {
        id_of(i, id);
        cof_recent_add(recent, id, COF_AUDIT_SEARCH);
    }
    for (uint64_t i = 0; i < COUNT + MORE; i++) {
        id_of(i, id);
        assert_int_equal(cof_recent_has(recent, id, COF_AUDIT_SEARCH), i >= MORE);
        assert_false(cof_recent_has(recent, id, COF_AUDIT_EMBED));
    }
    cof_recent_destroy(recent);
}

static void recent__keeps_events_of_one_request_apart(void **state)
{
    uint8_t id[16];
    struct cof_recent *recent = cof_recent_create();
    assert_non_null(recent);
    id_of(1, id);
    assert_false(cof_recent_has(recent, id, COF_AUDIT_ANSWER_INTENT));
    cof_recent_add(recent, id, COF_AUDIT_ANSWER_INTENT);
    cof_recent_add(recent, id, COF_AUDIT_ANSWER_INTENT);
    assert_true(cof_recent_has(recent, id, COF_AUDIT_ANSWER_INTENT));
    assert_false(cof_recent_has(recent, id, COF_AUDIT_ANSWER_RESULT));
    cof_recent_destroy(recent);
    cof_recent_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recent__knows_the_newest_and_forgets_the_oldest),
        cmocka_unit_test(recent__keeps_events_of_one_request_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
