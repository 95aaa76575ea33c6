/* Keys: made, presented, revoked, kept over a restart, and out of memory. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/auth/auth.h>
#include <cof/base/alloc.h>

#include "api_key.h"
#include "store_fixture.h"

struct setting {
    struct store_fixture fixture;
    struct cof_auth *auth;
    struct cof_arena arena;
};

static void open_auth(struct setting *setting)
{
    struct cof_error err = {0};
    struct cof_auth_options options = {.store = setting->fixture.store,
                                       .keyring = setting->fixture.keyring,
                                       .clock = cof_clock_system(),
                                       .random = cof_random_system()};
    expect_ok(cof_auth_open(&options, &setting->auth, &err), err);
}

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    store_fixture_setup(&setting->fixture);
    open_auth(setting);
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    cof_alloc_fail_after(-1);
    cof_arena_deinit(&setting->arena);
    cof_auth_close(setting->auth);
    store_fixture_teardown(&setting->fixture);
    free(setting);
    return 0;
}

static struct cof_credential make(struct setting *setting, const char *name, uint32_t roles,
                                  char out_key[COF_API_KEY_SIZE])
{
    static const struct cof_text groups[] = {{.data = "staff", .size = 5}};
    struct cof_error err = {0};
    struct cof_credential credential;
    struct cof_key_request request = {
        .name = cof_text_from(name), .roles = roles, .groups = groups, .group_count = 1};
    expect_ok(cof_auth_create_key(setting->auth, &request, NULL, out_key, &credential,
                                  &setting->arena, &err),
              err);
    return credential;
}

static enum cof_status present(struct setting *setting, const char *key,
                               struct cof_principal *out_principal, struct cof_error *err)
{
    return cof_auth_authenticate(setting->auth, cof_text_from(key), &setting->arena, out_principal,
                                 err);
}

/* The checksum is public, so a forger's is right. */
static void mend_checksum(char *key)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 63; i++) {
        crc ^= (uint8_t)key[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
    }
    crc = ~crc;
    for (size_t i = 70; i > 64; i--) {
        key[i - 1] = digits[crc % 62];
        crc /= 62;
    }
}

static void key__presented_gives_its_principal(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    char key[COF_API_KEY_SIZE];
    struct cof_principal principal;
    struct cof_credential credential = make(setting, "intranet", COF_ROLE_READER, key);
    expect_ok(present(setting, key, &principal, &err), err);
    assert_int_equal(principal.credential_id, credential.number);
    assert_true(cof_text_equal(principal.name, COF_TEXT("intranet")));
    assert_true(cof_text_equal(principal.user, COF_TEXT("intranet")));
    assert_int_equal(principal.roles, COF_ROLE_READER);
    assert_int_equal(principal.group_count, 1);
    assert_true(cof_text_equal(principal.groups[0], COF_TEXT("staff")));
}

static void key__survives_a_restart_and_is_stored_only_as_a_hash(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    char key[COF_API_KEY_SIZE];
    struct cof_principal principal;
    struct cof_credential credential = make(setting, "intranet", COF_ROLE_WRITER, key);
    assert_null(memmem(credential.secret_hash, 32, key + 20, 8));
    cof_auth_close(setting->auth);
    setting->auth = NULL;
    store_fixture_close(&setting->fixture);
    store_fixture_open(&setting->fixture);
    open_auth(setting);
    expect_ok(present(setting, key, &principal, &err), err);
    assert_int_equal(principal.roles, COF_ROLE_WRITER);
    assert_int_equal(principal.credential_id, credential.number);
}

static void refusals__are_the_same_for_unknown_wrong_and_revoked(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct cof_error unknown = {0};
    struct cof_error wrong = {0};
    struct cof_error revoked = {0};
    char key[COF_API_KEY_SIZE];
    char other[COF_API_KEY_SIZE];
    struct cof_api_key_parts parts;
    struct cof_principal principal;
    struct cof_credential credential = make(setting, "one", COF_ROLE_READER, key);
    struct cof_credential gone = make(setting, "two", COF_ROLE_READER, other);
    expect_ok(cof_auth_revoke_key(setting->auth, cof_text_from(gone.key_id), NULL, &err), err);
    assert_int_equal(
        present(setting, "coffer_abcdefghijkl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg_2nSR9R",
                &principal, &unknown),
        COF_DENIED);
    assert_int_equal(present(setting, other, &principal, &revoked), COF_DENIED);
    char forged[COF_API_KEY_SIZE];
    memcpy(forged, key, sizeof(forged));
    memcpy(forged + 20, other + 20, 43); /* the secret of another key */
    mend_checksum(forged);
    assert_true(cof_api_key_parse(cof_text_from(forged), &parts));
    assert_int_equal(present(setting, forged, &principal, &wrong), COF_DENIED);
    assert_string_equal(unknown.message, revoked.message);
    assert_string_equal(unknown.message, wrong.message);
    assert_non_null(strstr(unknown.message, "API key is not valid"));
    expect_ok(present(setting, key, &principal, &err), err);
    assert_int_equal(principal.credential_id, credential.number);
}

static void revocation__is_immediate_and_lasts(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    char key[COF_API_KEY_SIZE];
    struct cof_principal principal;
    struct cof_credential *listed = NULL;
    size_t count = 0;
    struct cof_credential credential = make(setting, "one", COF_ROLE_READER, key);
    struct cof_text id = cof_text_from(credential.key_id);
    expect_ok(cof_auth_revoke_key(setting->auth, id, NULL, &err), err);
    assert_int_equal(present(setting, key, &principal, &err), COF_DENIED);
    assert_int_equal(cof_auth_revoke_key(setting->auth, id, NULL, &err), COF_CONFLICT);
    assert_int_equal(cof_auth_revoke_key(setting->auth, COF_TEXT("aaaaaaaaaaaa"), NULL, &err),
                     COF_NOT_FOUND);
    cof_auth_close(setting->auth);
    open_auth(setting);
    assert_int_equal(present(setting, key, &principal, &err), COF_DENIED);
    expect_ok(cof_auth_list_keys(setting->auth, &setting->arena, &listed, &count, &err), err);
    assert_int_equal(count, 1);
    assert_true(listed[0].revoked_ns != 0);
}

static void changes__are_recorded_in_the_outbox(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    char key[COF_API_KEY_SIZE];
    struct cof_credential credential;
    struct cof_key_request request = {.name = COF_TEXT("x"), .roles = COF_ROLE_READER};
    fixture_outbox_init(&outbox, 1, "created");
    expect_ok(cof_auth_create_key(setting->auth, &request, &outbox.outbox, key, &credential,
                                  &setting->arena, &err),
              err);
    assert_int_equal(outbox.last[0].kind, COF_WRITE_CREATED);
    assert_int_equal(outbox.last[0].document_number, credential.number);
    fixture_outbox_init(&outbox, 2, "revoked");
    expect_ok(
        cof_auth_revoke_key(setting->auth, cof_text_from(credential.key_id), &outbox.outbox, &err),
        err);
    assert_int_equal(outbox.last[0].kind, COF_WRITE_REPLACED);
    assert_int_equal(fixture_outbox_count(setting->fixture.store, NULL), 2);
}

static void failed_change__leaves_no_key_behind(void **state)
{
    struct setting *setting = *state;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_principal principal;
    char key[COF_API_KEY_SIZE];
    char refused[COF_API_KEY_SIZE] = "untouched";
    struct cof_credential credential;
    struct cof_credential *listed = NULL;
    size_t count = 0;
    struct cof_key_request request = {.name = COF_TEXT("x"), .roles = COF_ROLE_READER};
    struct cof_credential kept = make(setting, "kept", COF_ROLE_READER, key);
    fixture_outbox_init(&outbox, 1, "never");
    outbox.fail_with = COF_UNAVAILABLE;
    assert_int_equal(cof_auth_create_key(setting->auth, &request, &outbox.outbox, refused,
                                         &credential, &setting->arena, &err),
                     COF_UNAVAILABLE);
    assert_string_equal(refused, "untouched");
    assert_int_equal(
        cof_auth_revoke_key(setting->auth, cof_text_from(kept.key_id), &outbox.outbox, &err),
        COF_UNAVAILABLE);
    expect_ok(present(setting, key, &principal, &err), err);
    expect_ok(cof_auth_list_keys(setting->auth, &setting->arena, &listed, &count, &err), err);
    assert_int_equal(count, 1);
}

static void request__out_of_bounds_is_refused(void **state)
{
    struct setting *setting = *state;
    struct cof_text many[65];
    char key[COF_API_KEY_SIZE];
    struct cof_credential credential;
    for (size_t i = 0; i < 65; i++)
        many[i] = COF_TEXT("g");
    const struct cof_text empty = {0};
    const struct cof_key_request wrong[] = {
        {.name = COF_TEXT(""), .roles = COF_ROLE_READER},
        {.name = COF_TEXT("a\nb"), .roles = COF_ROLE_READER},
        {.name = COF_TEXT("a"), .roles = 0},
        {.name = COF_TEXT("a"), .roles = 1U << 30},
        {.name = COF_TEXT("a"), .roles = COF_ROLE_READER, .user = COF_TEXT("\x01")},
        {.name = COF_TEXT("a"), .roles = COF_ROLE_READER, .groups = many, .group_count = 65},
        {.name = COF_TEXT("a"), .roles = COF_ROLE_READER, .groups = &empty, .group_count = 1},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct cof_error err = {0};
        assert_int_equal(cof_auth_create_key(setting->auth, &wrong[i], NULL, key, &credential,
                                             &setting->arena, &err),
                         COF_INVALID);
    }
}

static void memory__that_runs_out_anywhere_leaves_the_keys_usable(void **state)
{
    struct setting *setting = *state;
    char first[COF_API_KEY_SIZE];
    char key[COF_API_KEY_SIZE];
    struct cof_principal principal;
    struct cof_error err = {0};
    struct cof_key_request request = {.name = COF_TEXT("x"), .roles = COF_ROLE_READER};
    bool is_done = false;
    (void)make(setting, "first", COF_ROLE_READER, first);
    for (long n = 1; !is_done; n++) {
        struct cof_credential credential;
        struct cof_arena arena = {0};
        cof_alloc_fail_after(n);
        enum cof_status status =
            cof_auth_create_key(setting->auth, &request, NULL, key, &credential, &arena, &err);
        is_done = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_done ? COF_OK : COF_NO_MEMORY);
        cof_arena_deinit(&arena);
        expect_ok(present(setting, first, &principal, &err), err);
    }
    is_done = false;
    for (long n = 1; !is_done; n++) {
        struct cof_arena arena = {0};
        cof_alloc_fail_after(n);
        enum cof_status status =
            cof_auth_authenticate(setting->auth, cof_text_from(key), &arena, &principal, &err);
        is_done = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_done ? COF_OK : COF_NO_MEMORY);
        cof_arena_deinit(&arena);
    }
    for (long n = 1;; n++) {
        struct cof_auth *auth = NULL;
        struct cof_auth_options options = {.store = setting->fixture.store,
                                           .keyring = setting->fixture.keyring,
                                           .clock = cof_clock_system(),
                                           .random = cof_random_system()};
        cof_alloc_fail_after(n);
        enum cof_status status = cof_auth_open(&options, &auth, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        cof_auth_close(auth);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            break;
        }
        assert_int_equal(status, COF_NO_MEMORY);
    }
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(key__presented_gives_its_principal),
        CASE(key__survives_a_restart_and_is_stored_only_as_a_hash),
        CASE(refusals__are_the_same_for_unknown_wrong_and_revoked),
        CASE(revocation__is_immediate_and_lasts),
        CASE(changes__are_recorded_in_the_outbox),
        CASE(failed_change__leaves_no_key_behind),
        CASE(request__out_of_bounds_is_refused),
        CASE(memory__that_runs_out_anywhere_leaves_the_keys_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
