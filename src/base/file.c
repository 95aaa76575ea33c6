/* Whole files and descriptors: reading, atomic writing, syncing. */
#include <cof/base/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_error.h"

#define READ_STEP_BYTES ((size_t)64 * 1024)

/* "a" of "a/b", "/" of "/b", "." of "b" */
static void parent_of(const char *path, char out_folder[COF_MAX_PATH])
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0) {
        memcpy(out_folder, ".", 2);
        return;
    }
    memcpy(out_folder, path, length);
    out_folder[length] = '\0';
}

static enum cof_status read_all(int fd, const char *path, size_t max_bytes, struct cof_buffer *out,
                                struct cof_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return cof_fail_path(err, errno, "cannot read", path);
    size_t expected = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
    if (expected > max_bytes)
        return COF_FAIL(err, COF_TOO_LARGE, "'%s' is %zu bytes, more than the %zu allowed", path,
                        expected, max_bytes);
    size_t begin = out->size;
    /* One byte more than expected, so that the end shows without another growth. */
    cof_buffer_reserve(out, expected + 1);
    for (;;) {
        if (out->capacity - out->size == 0)
            cof_buffer_reserve(out, READ_STEP_BYTES);
        COF_TRY(cof_buffer_status(out, err));
        ssize_t got = read(fd, out->data + out->size, out->capacity - out->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cof_fail_path(err, errno, "cannot read", path);
        if (got == 0)
            return COF_OK;
        out->size += (size_t)got;
        if (out->size - begin > max_bytes)
            return COF_FAIL(err, COF_TOO_LARGE, "'%s' is more than the %zu bytes allowed", path,
                            max_bytes);
    }
}

/* 0 or errno. */
static int write_whole(int fd, struct cof_bytes bytes)
{
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t put = write(fd, bytes.data + done, bytes.size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        done += (size_t)put;
    }
    return 0;
}

static enum cof_status write_new(const char *path, struct cof_bytes content, unsigned mode,
                                 struct cof_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return cof_fail_path(err, errno, "cannot replace", path);
    COF_CLEANUP(cof_fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0)
        return cof_fail_path(err, errno, "cannot create", path);
    int error_number = write_whole(fd, content);
    if (error_number != 0)
        return cof_fail_path(err, error_number, "cannot write", path);
    if (fdatasync(fd) != 0)
        return cof_fail_path(err, errno, "cannot sync", path);
    return COF_OK;
}

enum cof_status cof_path_join(char *out_path, const char *folder, const char *name,
                              struct cof_error *err)
{
    size_t folder_size = strlen(folder);
    const char *slash = folder_size > 0 && folder[folder_size - 1] == '/' ? "" : "/";
    char path[COF_MAX_PATH];
    int length = snprintf(path, sizeof(path), "%s%s%s", folder, slash, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return COF_FAIL(err, COF_INVALID, "the path of '%.40s' in '%.80s…' is longer than %d bytes",
                        name, folder, COF_MAX_PATH - 1);
    memcpy(out_path, path, (size_t)length + 1);
    return COF_OK;
}

enum cof_status cof_file_read(const char *path, size_t max_bytes, struct cof_buffer *out,
                              struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cof_fail_path(err, errno, "cannot open", path);
    size_t old_size = out->size;
    enum cof_status status = read_all(fd, path, max_bytes, out, err);
    if (status != COF_OK)
        out->size = old_size;
    return status;
}

enum cof_status cof_file_write_atomic(const char *path, struct cof_bytes content, unsigned mode,
                                      struct cof_error *err)
{
    char fresh_path[COF_MAX_PATH];
    char folder[COF_MAX_PATH];
    int length = snprintf(fresh_path, sizeof(fresh_path), "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof(fresh_path))
        return COF_FAIL(err, COF_INVALID, "the path '%.80s…' is longer than %d bytes", path,
                        COF_MAX_PATH - 5);
    parent_of(path, folder);
    enum cof_status status = write_new(fresh_path, content, mode, err);
    if (status == COF_OK && rename(fresh_path, path) != 0)
        status = cof_fail_path(err, errno, "cannot replace", path);
    if (status != COF_OK) {
        (void)unlink(fresh_path);
        return status;
    }
    return cof_folder_sync(folder, err);
}

enum cof_status cof_fd_write(int fd, struct cof_bytes bytes, struct cof_error *err)
{
    int error_number = write_whole(fd, bytes);
    if (error_number != 0)
        return COF_FAIL(err, COF_IO, "cannot write: %s", strerror(error_number));
    return COF_OK;
}

enum cof_status cof_fd_write_at(int fd, uint64_t offset, struct cof_bytes bytes,
                                struct cof_error *err)
{
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t put =
            pwrite(fd, bytes.data + done, bytes.size - done, (off_t)(offset + (uint64_t)done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return COF_FAIL(err, COF_IO, "cannot write: %s", strerror(errno));
        done += (size_t)put;
    }
    return COF_OK;
}

enum cof_status cof_fd_read_at(int fd, uint64_t offset, void *out, size_t size,
                               struct cof_error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got =
            pread(fd, (uint8_t *)out + done, size - done, (off_t)(offset + (uint64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return COF_FAIL(err, COF_IO, "cannot read: %s", strerror(errno));
        if (got == 0)
            return COF_FAIL(err, COF_CORRUPT, "the file ends %zu bytes early", size - done);
        done += (size_t)got;
    }
    return COF_OK;
}

enum cof_status cof_fd_sync(int fd, struct cof_error *err)
{
    if (fdatasync(fd) != 0)
        return COF_FAIL(err, COF_IO, "cannot sync: %s", strerror(errno));
    return COF_OK;
}

enum cof_status cof_lock_open(const char *path, int *out_fd, struct cof_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cof_fail_path(err, errno, "cannot open", path);
    int result = 0;
    do {
        result = flock(fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        *out_fd = fd;
        return COF_OK;
    }
    int error_number = errno;
    cof_fd_close(&fd);
    if (error_number == EWOULDBLOCK)
        return COF_FAIL(err, COF_CONFLICT, "'%s' is locked by another process", path);
    return cof_fail_path(err, error_number, "cannot lock", path);
}

void cof_fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}
