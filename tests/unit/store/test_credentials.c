/* Credentials in the store: numbered, kept, rewritten. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

static int set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    store_fixture_setup(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_teardown(*state);
    free(*state);
    return 0;
}

static void credentials__come_back_after_a_restart_and_can_be_rewritten(void **state)
{
    static const struct cof_text groups[] = {{.data = "staff", .size = 5},
                                             {.data = "hr", .size = 2}};
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_credential *listed = NULL;
    size_t count = 0;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t again = 0;
    struct cof_credential credential = {.key_id = "abcdefghijkl",
                                        .name = COF_TEXT("intranet"),
                                        .roles = 5,
                                        .user = COF_TEXT("alice"),
                                        .groups = groups,
                                        .group_count = 2,
                                        .secret_hash = {1, 2, 3},
                                        .created_ns = 17};
    expect_ok(cof_store_put_credential(fixture->store, &credential, NULL, &first, &err), err);
    credential.key_id[0] = 'z';
    expect_ok(cof_store_put_credential(fixture->store, &credential, NULL, &second, &err), err);
    assert_true(second > first);
    credential.number = second;
    credential.revoked_ns = 99;
    expect_ok(cof_store_put_credential(fixture->store, &credential, NULL, &again, &err), err);
    assert_int_equal(again, second);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    expect_ok(cof_store_list_credentials(fixture->store, &arena, &listed, &count, &err), err);
    assert_int_equal(count, 2);
    assert_int_equal(listed[0].number, first);
    assert_string_equal(listed[0].key_id, "abcdefghijkl");
    assert_int_equal(listed[0].revoked_ns, 0);
    assert_string_equal(listed[1].key_id, "zbcdefghijkl");
    assert_int_equal(listed[1].revoked_ns, 99);
    assert_int_equal(listed[1].created_ns, 17);
    assert_int_equal(listed[1].roles, 5);
    assert_true(cof_text_equal(listed[1].name, COF_TEXT("intranet")));
    assert_true(cof_text_equal(listed[1].user, COF_TEXT("alice")));
    assert_int_equal(listed[1].group_count, 2);
    assert_true(cof_text_equal(listed[1].groups[1], COF_TEXT("hr")));
    assert_memory_equal(listed[1].secret_hash, credential.secret_hash, 32);
    cof_arena_deinit(&arena);
}

static void credential__of_an_unknown_number_is_not_made(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    uint64_t number = 7;
    struct cof_credential credential = {.number = 4711};
    assert_int_equal(cof_store_put_credential(fixture->store, &credential, NULL, &number, &err),
                     COF_NOT_FOUND);
    assert_int_equal(number, 7);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(credentials__come_back_after_a_restart_and_can_be_rewritten),
        CASE(credential__of_an_unknown_number_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
