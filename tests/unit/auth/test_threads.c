/* Many threads sign in while keys are made and revoked. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cof/auth/auth.h>

#include "store_fixture.h"

#define THREAD_COUNT 6
#define CREATION_COUNT 30

struct shared {
    struct cof_auth *auth;
    char kept[COF_API_KEY_SIZE];
    atomic_bool is_over;
    atomic_uint failure_count;
    atomic_uint sign_in_count;
};

static void *sign_in(void *context)
{
    struct shared *shared = context;
    do {
        struct cof_arena arena = {0};
        struct cof_principal principal;
        if (cof_auth_authenticate(shared->auth, cof_text_from(shared->kept), &arena, &principal,
                                  NULL) != COF_OK ||
            !cof_text_equal(principal.name, COF_TEXT("kept")))
            atomic_fetch_add(&shared->failure_count, 1);
        atomic_fetch_add(&shared->sign_in_count, 1);
        cof_arena_deinit(&arena);
    } while (!atomic_load(&shared->is_over));
    return NULL;
}

static void *change(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < CREATION_COUNT; i++) {
        struct cof_arena arena = {0};
        struct cof_credential credential;
        struct cof_principal principal;
        char key[COF_API_KEY_SIZE];
        struct cof_key_request request = {.name = COF_TEXT("brief"), .roles = COF_ROLE_READER};
        bool is_right =
            cof_auth_create_key(shared->auth, &request, NULL, key, &credential, &arena, NULL) ==
                COF_OK &&
            cof_auth_authenticate(shared->auth, cof_text_from(key), &arena, &principal, NULL) ==
                COF_OK &&
            cof_auth_revoke_key(shared->auth, cof_text_from(credential.key_id), NULL, NULL) ==
                COF_OK &&
            cof_auth_authenticate(shared->auth, cof_text_from(key), &arena, &principal, NULL) ==
                COF_DENIED;
        if (!is_right)
            atomic_fetch_add(&shared->failure_count, 1);
        cof_arena_deinit(&arena);
    }
    return NULL;
}

static void keys__can_be_used_while_others_are_made_and_revoked(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_credential credential;
    struct shared shared = {0};
    pthread_t threads[THREAD_COUNT];
    store_fixture_setup(&fixture);
    struct cof_auth_options options = {.store = fixture.store,
                                       .keyring = fixture.keyring,
                                       .clock = cof_clock_system(),
                                       .random = cof_random_system()};
    expect_ok(cof_auth_open(&options, &shared.auth, &err), err);
    struct cof_key_request request = {.name = COF_TEXT("kept"), .roles = COF_ROLE_READER};
    expect_ok(
        cof_auth_create_key(shared.auth, &request, NULL, shared.kept, &credential, &arena, &err),
        err);
    for (int i = 0; i < THREAD_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? change : sign_in, &shared), 0);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    atomic_store(&shared.is_over, true);
    for (int i = 2; i < THREAD_COUNT; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.failure_count), 0);
    assert_true(atomic_load(&shared.sign_in_count) >= THREAD_COUNT - 2);
    cof_arena_deinit(&arena);
    cof_auth_close(shared.auth);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys__can_be_used_while_others_are_made_and_revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
