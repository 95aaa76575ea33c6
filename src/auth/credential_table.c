/* Credentials in memory, found by the id of their key. */
#include "credential_table.h"

#include <cof/base/alloc.h>

#define MIN_BUCKET_COUNT 64

/* FNV-1a. Ids are ours and random, so nobody can choose them to collide. */
static size_t hash_of(struct cof_text key_id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key_id.size; i++)
        hash = (hash ^ (uint8_t)key_id.data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32);
}

static struct cof_credential_entry **bucket_of(const struct cof_credential_table *table,
                                               struct cof_text key_id)
{
    return &table->buckets[hash_of(key_id) & (table->bucket_count - 1)];
}

void cof_credential_table_deinit(struct cof_credential_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct cof_credential_entry *entry = table->buckets[i];
        while (entry != NULL) {
            struct cof_credential_entry *next = entry->next;
            cof_credential_entry_destroy(entry);
            entry = next;
        }
    }
    cof_free(table->buckets);
    *table = (struct cof_credential_table){0};
}

struct cof_credential_entry *cof_credential_entry_create(const struct cof_credential *credential)
{
    struct cof_credential_entry *entry = cof_calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    if (cof_credential_copy(credential, &entry->arena, &entry->credential, NULL) != COF_OK) {
        cof_credential_entry_destroy(entry);
        return NULL;
    }
    return entry;
}

void cof_credential_entry_destroy(struct cof_credential_entry *entry)
{
    if (entry == NULL)
        return;
    cof_arena_deinit(&entry->arena);
    cof_free(entry);
}

enum cof_status cof_credential_table_reserve(struct cof_credential_table *table,
                                             struct cof_error *err)
{
    if (table->count < table->bucket_count)
        return COF_OK;
    struct cof_credential_table larger = {
        .bucket_count = table->bucket_count > 0 ? 2 * table->bucket_count : MIN_BUCKET_COUNT};
    larger.buckets = cof_calloc(larger.bucket_count, sizeof(struct cof_credential_entry *));
    if (larger.buckets == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct cof_credential_entry *entry = table->buckets[i];
        while (entry != NULL) {
            struct cof_credential_entry *next = entry->next;
            cof_credential_table_add(&larger, entry);
            entry = next;
        }
    }
    cof_free(table->buckets);
    *table = larger;
    return COF_OK;
}

void cof_credential_table_add(struct cof_credential_table *table,
                              struct cof_credential_entry *entry)
{
    struct cof_credential_entry **bucket =
        bucket_of(table, cof_text_from(entry->credential.key_id));
    entry->next = *bucket;
    *bucket = entry;
    table->count++;
}

struct cof_credential_entry *cof_credential_table_find(const struct cof_credential_table *table,
                                                       struct cof_text key_id)
{
    if (table->bucket_count == 0)
        return NULL;
    struct cof_credential_entry *entry = *bucket_of(table, key_id);
    while (entry != NULL && !cof_text_equal(cof_text_from(entry->credential.key_id), key_id))
        entry = entry->next;
    return entry;
}

enum cof_status cof_groups_copy(const struct cof_text *groups, size_t count,
                                struct cof_arena *arena, const struct cof_text **out_groups,
                                struct cof_error *err)
{
    struct cof_text *copy = cof_arena_array(arena, count, sizeof(*copy));
    if (copy == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++) {
        copy[i] = cof_arena_copy_text(arena, groups[i]);
        if (copy[i].data == NULL)
            return COF_FAIL_MEMORY(err);
    }
    *out_groups = copy;
    return COF_OK;
}

enum cof_status cof_credential_copy(const struct cof_credential *credential,
                                    struct cof_arena *arena, struct cof_credential *out_copy,
                                    struct cof_error *err)
{
    struct cof_credential copy = *credential;
    copy.name = cof_arena_copy_text(arena, credential->name);
    copy.user = cof_arena_copy_text(arena, credential->user);
    if (copy.name.data == NULL || copy.user.data == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_groups_copy(credential->groups, credential->group_count, arena, &copy.groups, err));
    *out_copy = copy;
    return COF_OK;
}
