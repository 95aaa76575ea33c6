/* Credentials in memory, found by the id of their key.
 *
 * Not locked: src/auth/auth.c holds the lock. Entries are copies that own their text. */
#ifndef COF_AUTH_CREDENTIAL_TABLE_H
#define COF_AUTH_CREDENTIAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/store/store.h>

struct cof_credential_entry {
    struct cof_credential_entry *next;
    struct cof_credential credential;
    struct cof_arena arena; /* of its texts */
};

struct cof_credential_table {
    struct cof_credential_entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

void cof_credential_table_deinit(struct cof_credential_table *table);
/* A copy, in no table yet. NULL when out of memory. */
COF_MUST_USE struct cof_credential_entry *cof_credential_entry_create(
    const struct cof_credential *credential);
void cof_credential_entry_destroy(struct cof_credential_entry *entry);
/* Makes room, so that the next add cannot fail. */
COF_MUST_USE enum cof_status cof_credential_table_reserve(struct cof_credential_table *table,
                                                          struct cof_error *err);
/* Takes the entry. */
void cof_credential_table_add(struct cof_credential_table *table,
                              struct cof_credential_entry *entry);
/* NULL when there is none. */
struct cof_credential_entry *cof_credential_table_find(const struct cof_credential_table *table,
                                                       struct cof_text key_id);

/* Copies texts and groups into the arena. */
COF_MUST_USE enum cof_status cof_credential_copy(const struct cof_credential *credential,
                                                 struct cof_arena *arena,
                                                 struct cof_credential *out_copy,
                                                 struct cof_error *err);
COF_MUST_USE enum cof_status cof_groups_copy(const struct cof_text *groups, size_t count,
                                             struct cof_arena *arena,
                                             const struct cof_text **out_groups,
                                             struct cof_error *err);

#endif
