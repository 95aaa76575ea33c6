/* The files that a command line names. */
#include "collect.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>
#include <cof/ingest/parser.h>

#define MAX_SHOWN_PATH 44

struct list {
    struct cof_arena *arena;
    struct cof_source_file *files;
    size_t count;
    size_t capacity;
};

static enum cof_status push(struct list *list, const char *path, const char *name,
                            struct cof_error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct cof_source_file *files = cof_arena_array(list->arena, capacity, sizeof(*files));
        if (files == NULL) {
            return COF_FAIL_MEMORY(err);
        }
        if (list->count > 0) {
            memcpy(files, list->files, list->count * sizeof(*files));
        }
        list->files = files;
        list->capacity = capacity;
    }
    struct cof_text path_copy = cof_arena_copy_text(list->arena, cof_text_from(path));
    struct cof_text name_copy = cof_arena_copy_text(list->arena, cof_text_from(name));
    if (path_copy.data == NULL || name_copy.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    list->files[list->count++] =
        (struct cof_source_file){.path = path_copy.data, .name = name_copy.data};
    return COF_OK;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static enum cof_status take_entry(struct list *list, FTS *walk, FTSENT *entry, size_t root_size,
                                  size_t *skipped, struct cof_error *err)
{
    bool is_hidden = entry->fts_name[0] == '.' && entry->fts_level > 0;
    if (entry->fts_info == FTS_D && is_hidden) {
        (void)fts_set(walk, entry, FTS_SKIP);
        return COF_OK;
    }
    if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS) {
        return COF_FAIL(err, COF_IO, "cannot read %s: %s", entry->fts_path,
                        strerror(entry->fts_errno));
    }
    if (entry->fts_info != FTS_F) {
        return COF_OK;
    }
    const char *name = entry->fts_path + root_size;
    while (*name == '/') {
        name++;
    }
    if (is_hidden || cof_media_type_of(cof_text_from(name)).size == 0) {
        (*skipped)++;
        return COF_OK;
    }
    return push(list, entry->fts_path, name, err);
}

static enum cof_status walk_folder(struct list *list, const char *path, size_t *skipped,
                                   struct cof_error *err)
{
    char root[COF_MAX_PATH];
    COF_TRY(cof_path_join(root, path, "", err));
    char *roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (walk == NULL) {
        return COF_FAIL(err, COF_IO, "cannot read %s: %s", path, strerror(errno));
    }
    enum cof_status status = COF_OK;
    for (FTSENT *entry = fts_read(walk); entry != NULL && status == COF_OK;
         entry = fts_read(walk)) {
        status = take_entry(list, walk, entry, strlen(root), skipped, err);
    }
    fts_close(walk);
    return status;
}

static int by_document(const void *a, const void *b)
{
    const struct cof_source_file *left = *(const struct cof_source_file *const *)a;
    const struct cof_source_file *right = *(const struct cof_source_file *const *)b;
    return strcmp(left->name, right->name);
}

/* The end of a path that is too long for a message: there the difference between two shows. */
static const char *tail_of(const char *path)
{
    size_t size = strlen(path);
    const char *tail = size > MAX_SHOWN_PATH ? path + size - MAX_SHOWN_PATH : path;
    while (((unsigned char)*tail & 0xc0) == 0x80) {
        tail++; /* not into the middle of a character */
    }
    return tail;
}

/* The second of two files of one name would replace the first without a word. */
static enum cof_status check_names(const struct list *list, struct cof_error *err)
{
    const struct cof_source_file **sorted =
        cof_arena_array(list->arena, list->count, sizeof(*sorted));
    if (sorted == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        sorted[i] = &list->files[i];
    }
    qsort(sorted, list->count, sizeof(*sorted), by_document);
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            return COF_FAIL(err, COF_CONFLICT,
                            "%s and %s would be one document, named alike: name the folder above "
                            "both, or ingest one",
                            tail_of(sorted[i - 1]->path), tail_of(sorted[i]->path));
        }
    }
    return COF_OK;
}

enum cof_status cof_collect_files(const struct cof_text_list *paths, struct cof_arena *arena,
                                  struct cof_source_file **out_files, size_t *out_count,
                                  size_t *out_skipped, struct cof_error *err)
{
    struct list list = {.arena = arena};
    size_t skipped = 0;
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->items[i];
        if (!cof_path_exists(path)) {
            return COF_FAIL(err, COF_NOT_FOUND, "there is no file or folder %s", path);
        }
        if (cof_path_is_folder(path)) {
            COF_TRY(walk_folder(&list, path, &skipped, err));
            continue;
        }
        const char *slash = strrchr(path, '/');
        COF_TRY(push(&list, path, slash == NULL ? path : slash + 1, err));
    }
    if (list.count > 1) {
        COF_TRY(check_names(&list, err));
    }
    *out_files = list.files;
    *out_count = list.count;
    *out_skipped = skipped;
    return COF_OK;
}
