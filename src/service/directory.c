/* Which collection a public id or a name means.
 *
 * A handful to a few thousand entries, looked up by every request: a flat array under a
 * reader-writer lock, ordered by number, is enough and has no second copy of the truth to lose. */
#include "directory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/arena.h>

struct entry {
    uint64_t number;
    char public_id[COF_COLLECTION_ID_SIZE];
    char *name;
    size_t name_size;
};

struct cof_directory {
    pthread_rwlock_t lock;
    struct entry *entries;
    size_t count;
    size_t capacity;
};

/* Position of `number`, or where it belongs. */
static size_t lower_bound(const struct cof_directory *directory, uint64_t number)
{
    size_t begin = 0;
    size_t end = directory->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (directory->entries[middle].number < number) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static bool is_at(const struct cof_directory *directory, size_t i, uint64_t number)
{
    return i < directory->count && directory->entries[i].number == number;
}

static enum cof_status grow(struct cof_directory *directory, struct cof_error *err)
{
    if (directory->count < directory->capacity) {
        return COF_OK;
    }
    size_t capacity = directory->capacity == 0 ? 16 : directory->capacity * 2;
    struct entry *entries = cof_calloc(capacity, sizeof(*entries));
    if (entries == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    if (directory->count > 0) {
        memcpy(entries, directory->entries, directory->count * sizeof(*entries));
    }
    cof_free(directory->entries);
    directory->entries = entries;
    directory->capacity = capacity;
    return COF_OK;
}

static enum cof_status put_locked(struct cof_directory *directory, uint64_t number,
                                  const char *public_id, struct cof_text name,
                                  struct cof_error *err)
{
    char *copy = cof_calloc(name.size + 1, 1);
    if (copy == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    if (name.size > 0) {
        memcpy(copy, name.data, name.size);
    }
    size_t i = lower_bound(directory, number);
    if (!is_at(directory, i, number)) {
        enum cof_status status = grow(directory, err);
        if (status != COF_OK) {
            cof_free(copy);
            return status;
        }
        memmove(directory->entries + i + 1, directory->entries + i,
                (directory->count - i) * sizeof(*directory->entries));
        directory->entries[i] = (struct entry){.number = number};
        directory->count++;
    }
    struct entry *entry = &directory->entries[i];
    cof_free(entry->name);
    entry->name = copy;
    entry->name_size = name.size;
    memcpy(entry->public_id, public_id, sizeof(entry->public_id));
    return COF_OK;
}

enum cof_status cof_directory_open(struct cof_store *store, struct cof_directory **out_directory,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_collection *collections = NULL;
    size_t count = 0;
    COF_TRY(cof_store_list_collections(store, &arena, &collections, &count, err));
    struct cof_directory *directory = cof_calloc(1, sizeof(*directory));
    if (directory == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    pthread_rwlock_init(&directory->lock, NULL);
    for (size_t i = 0; i < count; i++) {
        enum cof_status status = put_locked(directory, collections[i].number,
                                            collections[i].public_id, collections[i].name, err);
        if (status != COF_OK) {
            cof_directory_close(directory);
            return status;
        }
    }
    *out_directory = directory;
    return COF_OK;
}

void cof_directory_close(struct cof_directory *directory)
{
    if (directory == NULL) {
        return;
    }
    for (size_t i = 0; i < directory->count; i++) {
        cof_free(directory->entries[i].name);
    }
    cof_free(directory->entries);
    pthread_rwlock_destroy(&directory->lock);
    cof_free(directory);
}

enum cof_status cof_directory_put(struct cof_directory *directory, uint64_t number,
                                  const char *public_id, struct cof_text name,
                                  struct cof_error *err)
{
    pthread_rwlock_wrlock(&directory->lock);
    enum cof_status status = put_locked(directory, number, public_id, name, err);
    pthread_rwlock_unlock(&directory->lock);
    return status;
}

void cof_directory_delete(struct cof_directory *directory, uint64_t number)
{
    pthread_rwlock_wrlock(&directory->lock);
    size_t i = lower_bound(directory, number);
    if (is_at(directory, i, number)) {
        cof_free(directory->entries[i].name);
        memmove(directory->entries + i, directory->entries + i + 1,
                (directory->count - i - 1) * sizeof(*directory->entries));
        directory->count--;
    }
    pthread_rwlock_unlock(&directory->lock);
}

static enum cof_status find_locked(const struct cof_directory *directory, struct cof_text wanted,
                                   uint64_t *out_number, struct cof_error *err)
{
    const struct entry *named = NULL;
    size_t named_count = 0;
    for (size_t i = 0; i < directory->count; i++) {
        const struct entry *entry = &directory->entries[i];
        if (cof_text_equal(wanted, cof_text_from(entry->public_id))) {
            *out_number = entry->number;
            return COF_OK;
        }
        struct cof_text name = {.data = entry->name, .size = entry->name_size};
        if (wanted.size > 0 && cof_text_equal(wanted, name)) {
            named = entry;
            named_count++;
        }
    }
    if (named_count > 1) {
        return COF_FAIL(err, COF_CONFLICT,
                        "%zu vector stores have this name; use an id, for example %s", named_count,
                        named->public_id);
    }
    if (named == NULL) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "no vector store has this id or name; GET /v1/vector_stores lists them");
    }
    *out_number = named->number;
    return COF_OK;
}

enum cof_status cof_directory_find(struct cof_directory *directory, struct cof_text id_or_name,
                                   uint64_t *out_number, struct cof_error *err)
{
    pthread_rwlock_rdlock(&directory->lock);
    enum cof_status status = find_locked(directory, id_or_name, out_number, err);
    pthread_rwlock_unlock(&directory->lock);
    return status;
}

size_t cof_directory_numbers(struct cof_directory *directory, uint64_t *out_numbers,
                             size_t max_count)
{
    pthread_rwlock_rdlock(&directory->lock);
    size_t count = directory->count < max_count ? directory->count : max_count;
    for (size_t i = 0; i < count; i++) {
        out_numbers[i] = directory->entries[i].number;
    }
    pthread_rwlock_unlock(&directory->lock);
    return count;
}

size_t cof_directory_count(struct cof_directory *directory)
{
    pthread_rwlock_rdlock(&directory->lock);
    size_t count = directory->count;
    pthread_rwlock_unlock(&directory->lock);
    return count;
}
