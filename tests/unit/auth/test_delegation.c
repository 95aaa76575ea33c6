/* Asking for somebody else: who may, and as whom. */
#include "testing.h"

#include <string.h>

#include <cof/auth/delegation.h>

static struct cof_principal application(uint32_t roles)
{
    return (struct cof_principal){
        .credential_id = 7,
        .name = COF_TEXT("intranet"),
        .user = COF_TEXT("intranet"),
        .roles = roles | (uint32_t)COF_ROLE_DELEGATE,
    };
}

static enum cof_status act_for(const struct cof_principal *asker, const char *user,
                               const char *groups, struct cof_arena *arena,
                               struct cof_principal *out_principal)
{
    struct cof_error err = {0};
    enum cof_status status = cof_auth_act_for(asker, cof_text_from(user), cof_text_from(groups),
                                              arena, out_principal, &err);

    if (status != COF_OK && status != COF_NO_MEMORY && strstr(err.message, "X-Coffer-") == NULL)
        fail_msg("'%s' does not name the header", err.message);
    return status;
}

static void delegation__is_the_user_and_the_groups_that_are_named(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_principal asker = application((uint32_t)COF_ROLE_READER);
    struct cof_principal principal = {0};

    assert_int_equal(act_for(&asker, "anna", " staff ,leave team,", &arena, &principal), COF_OK);
    assert_true(cof_text_equal(principal.user, COF_TEXT("anna")));
    assert_true(cof_text_equal(principal.name, COF_TEXT("anna")));
    assert_int_equal(principal.credential_id, 7);
    assert_int_equal(principal.group_count, 2);
    assert_true(cof_text_equal(principal.groups[0], COF_TEXT("staff")));
    assert_true(cof_text_equal(principal.groups[1], COF_TEXT("leave team")));
    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_OK);
    assert_int_equal(principal.group_count, 0);
}

static void delegation__needs_the_role(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal asker = application(0);
    struct cof_principal principal = {.credential_id = 99};

    asker.roles = (uint32_t)COF_ROLE_READER | (uint32_t)COF_ROLE_WRITER |
                  (uint32_t)COF_ROLE_SECURITY | (uint32_t)COF_ROLE_OPERATOR;
    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_DENIED);
    assert_int_equal(principal.credential_id, 99);
}

static void delegation__brings_no_role_but_reader_and_writer(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal asker =
        application((uint32_t)COF_ROLE_READER | (uint32_t)COF_ROLE_AUDITOR);
    struct cof_principal principal = {0};

    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_OK);
    assert_int_equal(principal.roles, COF_ROLE_READER);
    asker.roles = (uint32_t)COF_ROLE_ADMIN;
    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_OK);
    assert_int_equal(principal.roles, (uint32_t)COF_ROLE_READER | (uint32_t)COF_ROLE_WRITER);
    asker.roles = (uint32_t)COF_ROLE_DELEGATE;
    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_OK);
    assert_int_equal(principal.roles, 0);
}

static void delegation__passes_no_list_because_of_the_asker(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_text asker_name[] = {COF_TEXT("user:intranet")};
    const struct cof_text user_name[] = {COF_TEXT("user:anna")};
    const struct cof_acl for_asker = {.is_set = true, .allow = asker_name, .allow_count = 1};
    const struct cof_acl for_user = {.is_set = true, .allow = user_name, .allow_count = 1};
    const struct cof_principal asker = application((uint32_t)COF_ROLE_ADMIN);
    struct cof_principal principal = {0};

    assert_int_equal(act_for(&asker, "anna", "", &arena, &principal), COF_OK);
    assert_false(cof_auth_can_read(&principal, &for_asker));
    assert_true(cof_auth_can_read(&principal, &for_user));
}

static void delegation__refuses_names_that_are_none(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_principal asker = application((uint32_t)COF_ROLE_READER);
    struct cof_principal principal = {0};
    char many[COF_MAX_GROUPS * 2 + 3];
    char longest[200];

    for (size_t i = 0; i < sizeof(many) - 1; i++)
        many[i] = i % 2 == 0 ? 'g' : ',';
    many[sizeof(many) - 1] = '\0';
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(act_for(&asker, "", "", &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, "an\tna", "", &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, "an\xff", "", &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, longest, "", &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, "anna", "a,,b", &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, "anna", longest, &arena, &principal), COF_INVALID);
    assert_int_equal(act_for(&asker, "anna", many, &arena, &principal), COF_INVALID);
    many[COF_MAX_GROUPS * 2 - 1] = '\0';
    assert_int_equal(act_for(&asker, "anna", many, &arena, &principal), COF_OK);
    assert_int_equal(principal.group_count, COF_MAX_GROUPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delegation__is_the_user_and_the_groups_that_are_named),
        cmocka_unit_test(delegation__needs_the_role),
        cmocka_unit_test(delegation__brings_no_role_but_reader_and_writer),
        cmocka_unit_test(delegation__passes_no_list_because_of_the_asker),
        cmocka_unit_test(delegation__refuses_names_that_are_none),
    };

    return cmocka_run_group_tests_name("delegation", tests, NULL, NULL);
}
