/* Credentials: loaded at open, made, revoked, and matched against a presented key.
 *
 * `change` makes one change at a time, across its write to the store; `lock` guards the table and
 * is never held while something is written, so a sign-in does not wait for a disk. */
#include <cof/auth/auth.h>

#include <pthread.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/keys/hash.h>

#include "api_key.h"
#include "credential_table.h"
#include "name_check.h"

#define MAX_GROUP_COUNT 64
#define KNOWN_ROLES                                                                                \
    ((uint32_t)(COF_ROLE_READER | COF_ROLE_WRITER | COF_ROLE_OPERATOR | COF_ROLE_AUDITOR |         \
                COF_ROLE_SECURITY | COF_ROLE_ADMIN | COF_ROLE_DELEGATE))

struct cof_auth {
    struct cof_store *store;
    const struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
    pthread_mutex_t change;
    struct {
        pthread_rwlock_t lock;
        struct cof_credential_table table;
    } shared;
};

static void hash_secret(const struct cof_auth *auth, const struct cof_api_key_parts *key,
                        uint8_t out_hash[COF_SHA256_SIZE])
{
    COF_CLEANUP(cof_key_wipe) struct cof_key pepper;
    const struct cof_bytes parts[] = {cof_text_bytes(key->id), cof_text_bytes(key->secret)};
    cof_keyring_system_key(auth->keyring, COF_KEY_CREDENTIAL, &pepper);
    cof_hmac_sha256((struct cof_bytes){.data = pepper.bytes, .size = sizeof(pepper.bytes)}, parts,
                    2, out_hash);
}

static enum cof_status check_request(const struct cof_key_request *request, struct cof_error *err)
{
    COF_TRY(cof_name_check(request->name, "a key's name", err));
    if (request->user.size > 0)
        COF_TRY(cof_name_check(request->user, "a key's user", err));
    if (request->roles == 0 || (request->roles & ~KNOWN_ROLES) != 0)
        return COF_FAIL(err, COF_INVALID, "a key needs at least one role, and only known ones");
    if (request->group_count > MAX_GROUP_COUNT)
        return COF_FAIL(err, COF_INVALID, "a key has %zu groups, more than %d",
                        request->group_count, MAX_GROUP_COUNT);
    for (size_t i = 0; i < request->group_count; i++)
        COF_TRY(cof_name_check(request->groups[i], "a group's name", err));
    return COF_OK;
}

static enum cof_status load(struct cof_auth *auth, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_credential *credentials = NULL;
    size_t count = 0;
    COF_TRY(cof_store_list_credentials(auth->store, &arena, &credentials, &count, err));
    for (size_t i = 0; i < count; i++) {
        COF_TRY(cof_credential_table_reserve(&auth->shared.table, err));
        struct cof_credential_entry *entry = cof_credential_entry_create(&credentials[i]);
        if (entry == NULL)
            return COF_FAIL_MEMORY(err);
        cof_credential_table_add(&auth->shared.table, entry);
    }
    return COF_OK;
}

static bool is_known(struct cof_auth *auth, const char *key_id)
{
    (void)pthread_rwlock_rdlock(&auth->shared.lock);
    bool is_there = cof_credential_table_find(&auth->shared.table, cof_text_from(key_id)) != NULL;
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    return is_there;
}

/* The credential in the store and in the table; `change` is held. */
static enum cof_status keep(struct cof_auth *auth, struct cof_credential *credential,
                            const struct cof_outbox *outbox, struct cof_error *err)
{
    struct cof_credential_entry *entry = cof_credential_entry_create(credential);
    if (entry == NULL)
        return COF_FAIL_MEMORY(err);
    (void)pthread_rwlock_wrlock(&auth->shared.lock);
    enum cof_status status = cof_credential_table_reserve(&auth->shared.table, err);
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    if (status == COF_OK)
        status =
            cof_store_put_credential(auth->store, credential, outbox, &credential->number, err);
    if (status != COF_OK) {
        cof_credential_entry_destroy(entry);
        return status;
    }
    entry->credential.number = credential->number;
    (void)pthread_rwlock_wrlock(&auth->shared.lock);
    cof_credential_table_add(&auth->shared.table, entry);
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    return COF_OK;
}

static enum cof_status create(struct cof_auth *auth, const struct cof_key_request *request,
                              const struct cof_outbox *outbox, char out_key[COF_API_KEY_SIZE],
                              struct cof_credential *out_credential, struct cof_arena *arena,
                              struct cof_error *err)
{
    struct cof_api_key_parts parts = {0};
    struct cof_credential wanted = {
        .name = request->name,
        .roles = request->roles,
        .user = request->user.size > 0 ? request->user : request->name,
        .groups = request->groups,
        .group_count = request->group_count,
        .created_ns = cof_clock_wall_ns(auth->clock),
    };
    struct cof_credential credential;
    do {
        cof_api_key_make(auth->random, out_key, wanted.key_id);
    } while (is_known(auth, wanted.key_id));
    if (!cof_api_key_parse(cof_text_from(out_key), &parts))
        return COF_FAIL(err, COF_INTERNAL, "a key was made that cannot be read");
    hash_secret(auth, &parts, wanted.secret_hash);
    COF_TRY(cof_credential_copy(&wanted, arena, &credential, err));
    COF_TRY(keep(auth, &credential, outbox, err));
    *out_credential = credential;
    return COF_OK;
}

/* A copy of what is to be revoked; `change` is held, so it stays true. */
static enum cof_status find_in_force(struct cof_auth *auth, struct cof_text key_id,
                                     struct cof_arena *arena, struct cof_credential *out_credential,
                                     struct cof_error *err)
{
    (void)pthread_rwlock_rdlock(&auth->shared.lock);
    const struct cof_credential_entry *entry =
        cof_credential_table_find(&auth->shared.table, key_id);
    enum cof_status status = COF_OK;
    if (entry == NULL)
        status = COF_FAIL(err, COF_NOT_FOUND, "there is no key of that id");
    else if (entry->credential.revoked_ns != 0)
        status = COF_FAIL(err, COF_CONFLICT, "the key is revoked already");
    else
        status = cof_credential_copy(&entry->credential, arena, out_credential, err);
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    return status;
}

static enum cof_status revoke(struct cof_auth *auth, struct cof_text key_id,
                              const struct cof_outbox *outbox, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_credential credential;
    uint64_t number = 0;
    COF_TRY(find_in_force(auth, key_id, &arena, &credential, err));
    credential.revoked_ns = cof_clock_wall_ns(auth->clock);
    COF_TRY(cof_store_put_credential(auth->store, &credential, outbox, &number, err));
    (void)pthread_rwlock_wrlock(&auth->shared.lock);
    struct cof_credential_entry *entry = cof_credential_table_find(&auth->shared.table, key_id);
    entry->credential.revoked_ns = credential.revoked_ns;
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    return COF_OK;
}

static enum cof_status fail_invalid_key(struct cof_error *err)
{
    return COF_FAIL(err, COF_DENIED, "the API key is not valid: check it, or ask for a new one");
}

static enum cof_status copy_principal(const struct cof_credential *credential,
                                      struct cof_arena *arena, struct cof_principal *out_principal,
                                      struct cof_error *err)
{
    struct cof_principal principal = {
        .credential_id = credential->number,
        .name = cof_arena_copy_text(arena, credential->name),
        .roles = credential->roles,
        .user = cof_arena_copy_text(arena, credential->user),
        .group_count = credential->group_count,
    };
    if (principal.name.data == NULL || principal.user.data == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_groups_copy(credential->groups, credential->group_count, arena, &principal.groups,
                            err));
    *out_principal = principal;
    return COF_OK;
}

enum cof_status cof_auth_open(const struct cof_auth_options *options, struct cof_auth **out_auth,
                              struct cof_error *err)
{
    struct cof_auth *auth = cof_calloc(1, sizeof(*auth));
    if (auth == NULL)
        return COF_FAIL_MEMORY(err);
    auth->store = options->store;
    auth->keyring = options->keyring;
    auth->clock = options->clock;
    auth->random = options->random;
    (void)pthread_mutex_init(&auth->change, NULL);
    (void)pthread_rwlock_init(&auth->shared.lock, NULL);
    enum cof_status status = load(auth, err);
    if (status != COF_OK) {
        cof_auth_close(auth);
        return status;
    }
    *out_auth = auth;
    return COF_OK;
}

void cof_auth_close(struct cof_auth *auth)
{
    if (auth == NULL)
        return;
    cof_credential_table_deinit(&auth->shared.table);
    (void)pthread_rwlock_destroy(&auth->shared.lock);
    (void)pthread_mutex_destroy(&auth->change);
    cof_free(auth);
}

enum cof_status cof_auth_create_key(struct cof_auth *auth, const struct cof_key_request *request,
                                    const struct cof_outbox *outbox, char out_key[COF_API_KEY_SIZE],
                                    struct cof_credential *out_credential, struct cof_arena *arena,
                                    struct cof_error *err)
{
    char key[COF_API_KEY_SIZE];
    COF_TRY(check_request(request, err));
    (void)pthread_mutex_lock(&auth->change);
    enum cof_status status = create(auth, request, outbox, key, out_credential, arena, err);
    (void)pthread_mutex_unlock(&auth->change);
    if (status == COF_OK)
        memcpy(out_key, key, sizeof(key));
    cof_wipe(key, sizeof(key));
    return status;
}

enum cof_status cof_auth_revoke_key(struct cof_auth *auth, struct cof_text key_id,
                                    const struct cof_outbox *outbox, struct cof_error *err)
{
    (void)pthread_mutex_lock(&auth->change);
    enum cof_status status = revoke(auth, key_id, outbox, err);
    (void)pthread_mutex_unlock(&auth->change);
    return status;
}

enum cof_status cof_auth_list_keys(struct cof_auth *auth, struct cof_arena *arena,
                                   struct cof_credential **out_credentials, size_t *out_count,
                                   struct cof_error *err)
{
    return cof_store_list_credentials(auth->store, arena, out_credentials, out_count, err);
}

enum cof_status cof_auth_authenticate(struct cof_auth *auth, struct cof_text key,
                                      struct cof_arena *arena, struct cof_principal *out_principal,
                                      struct cof_error *err)
{
    /* What an unknown id is compared with: the work is the same, the outcome is fixed. */
    static const struct cof_credential nobody = {.revoked_ns = 1};
    struct cof_api_key_parts parts = {0};
    uint8_t hash[COF_SHA256_SIZE];
    if (!cof_api_key_parse(key, &parts))
        return fail_invalid_key(err);
    hash_secret(auth, &parts, hash);
    (void)pthread_rwlock_rdlock(&auth->shared.lock);
    const struct cof_credential_entry *entry =
        cof_credential_table_find(&auth->shared.table, parts.id);
    const struct cof_credential *credential = entry != NULL ? &entry->credential : &nobody;
    bool is_right = cof_constant_time_equal(hash, credential->secret_hash, sizeof(hash));
    enum cof_status status = COF_DENIED;
    if (is_right && credential->revoked_ns == 0)
        status = copy_principal(credential, arena, out_principal, err);
    (void)pthread_rwlock_unlock(&auth->shared.lock);
    if (status == COF_DENIED)
        return fail_invalid_key(err);
    return status;
}
