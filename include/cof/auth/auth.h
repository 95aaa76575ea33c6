/* Who asks, and what may they do and read.
 *
 * API keys look like `coffer_<12 characters of id>_<43 characters of secret>_<6 of checksum>`;
 * the id finds the credential, the secret (256 random bits) is kept only as an HMAC under the
 * keyring's pepper and compared in constant time, the checksum (CRC-32) catches typing errors and
 * helps secret scanners. A key is shown once. Revocation is immediate.
 *
 * All functions are safe from any thread. */
#ifndef COF_AUTH_AUTH_H
#define COF_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/keyring.h>
#include <cof/store/store.h>

enum cof_role_bit {
    COF_ROLE_READER = 1 << 0,   /* search, chat, embeddings, read documents */
    COF_ROLE_WRITER = 1 << 1,   /* reader, and documents and collections in and out */
    COF_ROLE_OPERATOR = 1 << 2, /* metrics, info; no content */
    COF_ROLE_AUDITOR = 1 << 3,  /* reads the audit log; no content */
    COF_ROLE_SECURITY = 1 << 4, /* manages keys; no content */
    COF_ROLE_ADMIN = 1 << 5,    /* everything, for bootstrap; also passes access lists */
    COF_ROLE_DELEGATE = 1 << 6, /* asks for other users (cof/auth/delegation.h) */
};

enum cof_action {
    COF_ACTION_SEARCH,
    COF_ACTION_ANSWER,
    COF_ACTION_EMBED,
    COF_ACTION_READ_DOCUMENT,
    COF_ACTION_WRITE_DOCUMENT,
    COF_ACTION_READ_COLLECTION,
    COF_ACTION_WRITE_COLLECTION,
    COF_ACTION_READ_AUDIT,
    COF_ACTION_MANAGE_KEYS,
    COF_ACTION_READ_SYSTEM, /* info, metrics */
    COF_ACTION_READ_MODELS,
};

struct cof_principal {
    uint64_t credential_id; /* 0 = the local operator at the command line */
    struct cof_text name;
    uint32_t roles;
    struct cof_text user; /* matched against access lists */
    const struct cof_text *groups;
    size_t group_count;
};

struct cof_auth;

struct cof_auth_options {
    struct cof_store *store;
    const struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
};
/* Loads every credential into memory. */
COF_MUST_USE enum cof_status cof_auth_open(const struct cof_auth_options *options,
                                           struct cof_auth **out_auth, struct cof_error *err);
void cof_auth_close(struct cof_auth *auth);

/* "reader" … "delegate" → bit, COF_INVALID with the list of names otherwise. */
COF_MUST_USE enum cof_status cof_role_parse(struct cof_text name, uint32_t *out_roles,
                                            struct cof_error *err);
/* Comma-separated names of the bits; out has room for 64. */
void cof_role_format(uint32_t roles, char out_names[64]);

#define COF_API_KEY_SIZE 80 /* with terminator; the text itself is shorter */

struct cof_key_request {
    struct cof_text name; /* 1–128 bytes of UTF-8 without control characters */
    uint32_t roles;
    struct cof_text user; /* empty = name */
    const struct cof_text *groups;
    size_t group_count; /* at most 64, each 1–128 bytes */
};
/* Makes a credential; out_key gets the key text, the only time it exists. Wipe it when done. */
COF_MUST_USE enum cof_status cof_auth_create_key(struct cof_auth *auth,
                                                 const struct cof_key_request *request,
                                                 const struct cof_outbox *outbox,
                                                 char out_key[COF_API_KEY_SIZE],
                                                 struct cof_credential *out_credential,
                                                 struct cof_arena *arena, struct cof_error *err);
/* COF_NOT_FOUND, COF_CONFLICT (revoked already). */
COF_MUST_USE enum cof_status cof_auth_revoke_key(struct cof_auth *auth, struct cof_text key_id,
                                                 const struct cof_outbox *outbox,
                                                 struct cof_error *err);
COF_MUST_USE enum cof_status cof_auth_list_keys(struct cof_auth *auth, struct cof_arena *arena,
                                                struct cof_credential **out_credentials,
                                                size_t *out_count, struct cof_error *err);

/* The principal of a presented key, copied into the arena. COF_DENIED ("API key is not valid …",
 * the same for unknown, wrong and revoked). Takes the same time for an unknown id as for a wrong
 * secret. */
COF_MUST_USE enum cof_status cof_auth_authenticate(struct cof_auth *auth, struct cof_text key,
                                                   struct cof_arena *arena,
                                                   struct cof_principal *out_principal,
                                                   struct cof_error *err);

/* The local operator: whoever can read the keys folder may do anything; recorded as "local". */
struct cof_principal cof_principal_local(void);

/* COF_DENIED naming the role that is missing. */
COF_MUST_USE enum cof_status cof_auth_permit(const struct cof_principal *principal,
                                             enum cof_action action, struct cof_error *err);
/* Whether this principal, who may read the collection, may read a document with this list. */
bool cof_auth_can_read(const struct cof_principal *principal, const struct cof_acl *acl);
/* Why a list says yes or no. */
enum cof_acl_verdict {
    COF_ACL_NO_LIST,   /* whoever may read the collection */
    COF_ACL_PASSED,    /* an admin, whom no list stops */
    COF_ACL_ALLOWED,   /* by *out_entry */
    COF_ACL_DENIED,    /* by *out_entry */
    COF_ACL_NOT_NAMED, /* by nobody: refused */
};
/* What cof_auth_can_read() went by; *out_entry is the list's own. */
enum cof_acl_verdict cof_auth_explain(const struct cof_principal *principal,
                                      const struct cof_acl *acl, struct cof_text *out_entry);
/* COF_INVALID unless entries are `user:NAME`, `group:NAME` or NAME, of 1–128 bytes of UTF-8 without
 * control characters; at most 256 in both lists. A bare NAME has no colon: it would be a mistyped
 * prefix. */
COF_MUST_USE enum cof_status cof_acl_check(const struct cof_acl *acl, struct cof_error *err);

#endif
