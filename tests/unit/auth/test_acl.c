/* Access lists: matching and form. */
#include "testing.h"

#include <string.h>

#include <cof/auth/auth.h>

#define LIST(...) ((const struct cof_text[]){__VA_ARGS__})
#define COUNT(...) (sizeof((const struct cof_text[]){__VA_ARGS__}) / sizeof(struct cof_text))
#define ALLOW(...) .is_set = true, .allow = LIST(__VA_ARGS__), .allow_count = COUNT(__VA_ARGS__)
#define DENY(...) .deny = LIST(__VA_ARGS__), .deny_count = COUNT(__VA_ARGS__)

static const struct cof_text groups[] = {{.data = "staff", .size = 5}, {.data = "hr", .size = 2}};
static const struct cof_principal alice = {.name = {.data = "key", .size = 3},
                                           .roles = COF_ROLE_READER,
                                           .user = {.data = "alice", .size = 5},
                                           .groups = groups,
                                           .group_count = 2};

static bool can_alice(struct cof_acl acl)
{
    return cof_auth_can_read(&alice, &acl);
}

static void acl__not_set_lets_every_reader_of_the_collection_in(void **state)
{
    assert_true(can_alice((struct cof_acl){0}));
    /* entries of a list that is not set do not count */
    assert_true(can_alice((struct cof_acl){DENY(COF_TEXT("alice"))}));
}

static void acl__empty_lets_nobody_in_but_administrators(void **state)
{
    struct cof_acl nobody = {.is_set = true};
    struct cof_principal admin = {.roles = COF_ROLE_ADMIN};
    struct cof_principal local = cof_principal_local();
    assert_false(can_alice(nobody));
    assert_true(cof_auth_can_read(&admin, &nobody));
    assert_true(cof_auth_can_read(&local, &nobody));
}

static void acl__allows_users_and_groups_by_name(void **state)
{
    assert_true(can_alice((struct cof_acl){ALLOW(COF_TEXT("alice"))}));
    assert_true(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:alice"))}));
    assert_true(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:bob"), COF_TEXT("group:hr"))}));
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("group:alice"))}));
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:staff"), COF_TEXT("hr"))}));
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:Alice"))}));
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:alic"))}));
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("user:alice2"))}));
    /* the key's name is not its user */
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("key"))}));
}

static void acl__deny_wins_over_allow(void **state)
{
    assert_false(can_alice((struct cof_acl){ALLOW(COF_TEXT("alice")), DENY(COF_TEXT("group:hr"))}));
    assert_false(
        can_alice((struct cof_acl){ALLOW(COF_TEXT("group:staff")), DENY(COF_TEXT("alice"))}));
    assert_true(can_alice((struct cof_acl){ALLOW(COF_TEXT("group:staff")), DENY(COF_TEXT("bob"))}));
}

static void acl__never_matches_an_empty_name(void **state)
{
    struct cof_text empty_group[] = {{.data = "", .size = 0}};
    struct cof_principal nameless = {
        .roles = COF_ROLE_READER, .groups = empty_group, .group_count = 1};
    struct cof_acl acl = {ALLOW(COF_TEXT("user:"), COF_TEXT("group:"), COF_TEXT(""))};
    assert_false(cof_auth_can_read(&nameless, &acl));
}

static void check__accepts_what_the_manual_says(void **state)
{
    struct cof_error err = {0};
    struct cof_acl good = {
        ALLOW(COF_TEXT("alice"), COF_TEXT("user:a:b"), COF_TEXT("group:株式会社")),
        DENY(COF_TEXT("user:bob@example.org"))};
    struct cof_acl unset = {DENY(COF_TEXT(""))};
    assert_int_equal(cof_acl_check(&good, &err), COF_OK);
    unset.is_set = false;
    assert_int_equal(cof_acl_check(&unset, &err), COF_OK);
}

static void check__refuses_malformed_entries_on_either_list(void **state)
{
    char long_name[129];
    memset(long_name, 'x', sizeof(long_name));
    const struct cof_text wrong[] = {
        COF_TEXT(""),          COF_TEXT("user:"),
        COF_TEXT("group:"),    COF_TEXT("gruop:hr"),
        COF_TEXT("a\nb"),      COF_TEXT("user:\x7f"),
        COF_TEXT("a\xff"),     COF_TEXT("Group:hr"),
        COF_TEXT("u\xc2\x85"), {.data = long_name, .size = 129},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct cof_error err = {0};
        struct cof_acl allow = {.is_set = true, .allow = &wrong[i], .allow_count = 1};
        struct cof_acl deny = {.is_set = true, .deny = &wrong[i], .deny_count = 1};
        assert_int_equal(cof_acl_check(&allow, &err), COF_INVALID);
        assert_int_equal(cof_acl_check(&deny, &err), COF_INVALID);
    }
}

static void check__refuses_more_than_256_entries(void **state)
{
    struct cof_text many[257];
    struct cof_error err = {0};
    for (size_t i = 0; i < 257; i++)
        many[i] = COF_TEXT("alice");
    struct cof_acl acl = {
        .is_set = true, .allow = many, .allow_count = 200, .deny = many, .deny_count = 56};
    assert_int_equal(cof_acl_check(&acl, &err), COF_OK);
    acl.deny_count = 57;
    assert_int_equal(cof_acl_check(&acl, &err), COF_INVALID);
    acl.allow_count = SIZE_MAX;
    assert_int_equal(cof_acl_check(&acl, &err), COF_INVALID);
}

static void acl__names_the_entry_that_decided(void **state)
{
    const struct cof_principal admin = {.roles = COF_ROLE_ADMIN};
    struct cof_text entry = COF_TEXT_INIT("untouched");

    assert_int_equal(cof_auth_explain(&alice, &(struct cof_acl){0}, &entry), COF_ACL_NO_LIST);
    assert_int_equal(cof_auth_explain(&admin, &(struct cof_acl){.is_set = true}, &entry),
                     COF_ACL_PASSED);
    assert_int_equal(
        cof_auth_explain(&alice, &(struct cof_acl){ALLOW(COF_TEXT("group:board"))}, &entry),
        COF_ACL_NOT_NAMED);
    assert_true(cof_text_equal(entry, COF_TEXT("untouched")));
    assert_int_equal(
        cof_auth_explain(&alice, &(struct cof_acl){ALLOW(COF_TEXT("bob"), COF_TEXT("group:hr"))},
                         &entry),
        COF_ACL_ALLOWED);
    assert_true(cof_text_equal(entry, COF_TEXT("group:hr")));
    assert_int_equal(
        cof_auth_explain(&alice,
                         &(struct cof_acl){ALLOW(COF_TEXT("alice")), DENY(COF_TEXT("user:alice"))},
                         &entry),
        COF_ACL_DENIED);
    assert_true(cof_text_equal(entry, COF_TEXT("user:alice")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acl__names_the_entry_that_decided),
        cmocka_unit_test(acl__not_set_lets_every_reader_of_the_collection_in),
        cmocka_unit_test(acl__empty_lets_nobody_in_but_administrators),
        cmocka_unit_test(acl__allows_users_and_groups_by_name),
        cmocka_unit_test(acl__deny_wins_over_allow),
        cmocka_unit_test(acl__never_matches_an_empty_name),
        cmocka_unit_test(check__accepts_what_the_manual_says),
        cmocka_unit_test(check__refuses_malformed_entries_on_either_list),
        cmocka_unit_test(check__refuses_more_than_256_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
