/* Folders and mappings: making, listing, syncing, looking into files of the operator's. */
#include <cof/base/file.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_error.h"

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

static int compare_names(const void *a, const void *b)
{
    return cof_text_compare(*(const struct cof_text *)a, *(const struct cof_text *)b);
}

static bool is_dot_name(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum cof_status create_one(const char *path, unsigned mode, struct cof_error *err)
{
    if (mkdir(path, (mode_t)mode) == 0)
        return COF_OK;
    int error_number = errno;
    if (cof_path_is_folder(path))
        return COF_OK;
    return cof_fail_path(err, error_number, "cannot create the folder", path);
}

enum cof_status cof_folder_sync(const char *path, struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cof_fail_path(err, errno, "cannot open the folder", path);
    if (fsync(fd) != 0)
        return cof_fail_path(err, errno, "cannot sync the folder", path);
    return COF_OK;
}

enum cof_status cof_folder_create(const char *path, unsigned mode, struct cof_error *err)
{
    char prefix[COF_MAX_PATH];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(prefix))
        return COF_FAIL(err, COF_INVALID, "a folder's path has 1 to %d bytes", COF_MAX_PATH - 1);
    memcpy(prefix, path, length + 1);
    for (size_t i = 1; i < length; i++) {
        if (prefix[i] != '/')
            continue;
        prefix[i] = '\0';
        COF_TRY(create_one(prefix, mode, err));
        prefix[i] = '/';
    }
    return create_one(path, mode, err);
}

bool cof_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool cof_path_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum cof_status cof_folder_list(const char *path, struct cof_arena *arena,
                                struct cof_text **out_names, size_t *out_count,
                                struct cof_error *err)
{
    COF_CLEANUP(close_folder) DIR *folder = opendir(path);
    if (folder == NULL)
        return cof_fail_path(err, errno, "cannot list the folder", path);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer found = {0};
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0)
            return cof_fail_path(err, errno, "cannot list the folder", path);
        if (entry == NULL)
            break;
        if (is_dot_name(entry->d_name))
            continue;
        struct cof_text name = cof_arena_copy_text(arena, cof_text_from(entry->d_name));
        if (name.data == NULL)
            return COF_FAIL_MEMORY(err);
        cof_buffer_append(&found, &name, sizeof(name));
    }
    COF_TRY(cof_buffer_status(&found, err));
    size_t count = found.size / sizeof(struct cof_text);
    struct cof_text *names = cof_arena_array(arena, count, sizeof(*names));
    if (names == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0) {
        memcpy(names, found.data, found.size);
        qsort(names, count, sizeof(*names), compare_names);
    }
    *out_names = names;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_mapping_open(const char *path, struct cof_mapping *out_mapping,
                                 struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cof_fail_path(err, errno, "cannot open", path);
    struct stat info;
    if (fstat(fd, &info) != 0)
        return cof_fail_path(err, errno, "cannot read", path);
    if (!S_ISREG(info.st_mode))
        return COF_FAIL(err, COF_INVALID, "'%.120s' is not a file", path);
    if (info.st_size == 0) {
        *out_mapping = (struct cof_mapping){0};
        return COF_OK;
    }
    size_t size = (size_t)info.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return cof_fail_path(err, errno, "cannot map", path);
    *out_mapping = (struct cof_mapping){.data = data, .size = size};
    return COF_OK;
}

void cof_mapping_close(struct cof_mapping *mapping)
{
    if (mapping == NULL)
        return;
    if (mapping->data != NULL)
        /* munmap(2) takes the address without const and does not write */
        (void)munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (struct cof_mapping){0};
}
