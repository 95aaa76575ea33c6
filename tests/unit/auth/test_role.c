/* Roles: names, permissions, refusals. */
#include "testing.h"

#include <string.h>

#include <cof/auth/auth.h>

static const uint32_t all_roles[] = {COF_ROLE_READER,  COF_ROLE_WRITER,   COF_ROLE_OPERATOR,
                                     COF_ROLE_AUDITOR, COF_ROLE_SECURITY, COF_ROLE_ADMIN,
                                     COF_ROLE_DELEGATE};

static bool can(uint32_t roles, enum cof_action action)
{
    struct cof_principal principal = {.roles = roles};
    struct cof_error err = {0};
    return cof_auth_permit(&principal, action, &err) == COF_OK;
}

static void role__is_parsed_and_formatted(void **state)
{
    struct cof_error err = {0};
    char names[64];
    for (size_t i = 0; i < sizeof(all_roles) / sizeof(all_roles[0]); i++) {
        uint32_t roles = 0;
        cof_role_format(all_roles[i], names);
        assert_int_equal(cof_role_parse(cof_text_from(names), &roles, &err), COF_OK);
        assert_int_equal(roles, all_roles[i]);
    }
    cof_role_format(UINT32_MAX, names);
    assert_string_equal(names, "reader,writer,operator,auditor,security,admin,delegate");
    cof_role_format(0, names);
    assert_string_equal(names, "");
}

static void role__unknown_is_refused_with_the_list(void **state)
{
    struct cof_error err = {0};
    uint32_t roles = 77;
    const char *const wrong[] = {"", "Reader", "reader ", "root", "reader,writer"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(cof_role_parse(cof_text_from(wrong[i]), &roles, &err), COF_INVALID);
        assert_non_null(
            strstr(err.message, "reader, writer, operator, auditor, security, admin, delegate"));
    }
    assert_int_equal(roles, 77);
}

static void role__permits_exactly_what_the_table_says(void **state)
{
    const uint32_t readers = COF_ROLE_READER | COF_ROLE_WRITER | COF_ROLE_ADMIN;
    const struct {
        enum cof_action action;
        uint32_t permitting;
    } table[] = {
        {COF_ACTION_SEARCH, readers},
        {COF_ACTION_ANSWER, readers},
        {COF_ACTION_EMBED, readers},
        {COF_ACTION_READ_DOCUMENT, readers},
        {COF_ACTION_WRITE_DOCUMENT, COF_ROLE_WRITER | COF_ROLE_ADMIN},
        {COF_ACTION_READ_COLLECTION, readers},
        {COF_ACTION_WRITE_COLLECTION, COF_ROLE_WRITER | COF_ROLE_ADMIN},
        {COF_ACTION_READ_AUDIT, COF_ROLE_AUDITOR | COF_ROLE_ADMIN},
        {COF_ACTION_MANAGE_KEYS, COF_ROLE_SECURITY | COF_ROLE_ADMIN},
        {COF_ACTION_READ_SYSTEM, COF_ROLE_OPERATOR | COF_ROLE_ADMIN},
        {COF_ACTION_READ_MODELS, readers | COF_ROLE_OPERATOR},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (size_t j = 0; j < 6; j++)
            assert_int_equal(can(all_roles[j], table[i].action),
                             (table[i].permitting & all_roles[j]) != 0);
        assert_false(can(0, table[i].action));
    }
    assert_true(can(COF_ROLE_AUDITOR | COF_ROLE_READER, COF_ACTION_SEARCH));
}

static void refusal__names_the_role_that_is_missing(void **state)
{
    struct cof_principal principal = {.roles = COF_ROLE_AUDITOR | COF_ROLE_OPERATOR};
    struct cof_error err = {0};
    assert_int_equal(cof_auth_permit(&principal, COF_ACTION_WRITE_DOCUMENT, &err), COF_DENIED);
    assert_string_equal(err.message, "this needs the role writer; the key has operator,auditor");
}

static void refusal__of_an_action_that_does_not_exist_needs_admin(void **state)
{
    struct cof_principal principal = {.roles = COF_ROLE_READER};
    struct cof_error err = {0};
    assert_int_equal(cof_auth_permit(&principal, (enum cof_action)999, &err), COF_DENIED);
}

static void local_operator__may_do_everything(void **state)
{
    struct cof_principal local = cof_principal_local();
    struct cof_error err = {0};
    assert_int_equal(local.credential_id, 0);
    assert_true(cof_text_equal(local.name, COF_TEXT("local")));
    for (int action = COF_ACTION_SEARCH; action <= COF_ACTION_READ_MODELS; action++)
        assert_int_equal(cof_auth_permit(&local, (enum cof_action)action, &err), COF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(role__is_parsed_and_formatted),
        cmocka_unit_test(role__unknown_is_refused_with_the_list),
        cmocka_unit_test(role__permits_exactly_what_the_table_says),
        cmocka_unit_test(refusal__names_the_role_that_is_missing),
        cmocka_unit_test(refusal__of_an_action_that_does_not_exist_needs_admin),
        cmocka_unit_test(local_operator__may_do_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
