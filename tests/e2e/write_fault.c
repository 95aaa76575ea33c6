/* Preloaded into a server: from the n-th write to the data folder on, the disk is full.
 *
 * COFFER_FAULT_FOLDER names the folder, COFFER_FAULT_AFTER how many writes still succeed. Writes
 * are write, writev, pwrite, pwritev, ftruncate and fallocate; also fdatasync and fsync with
 * COFFER_FAULT_SYNC=1, which fail with EIO. While the file COFFER_FAULT_FOLDER.mended exists, the
 * disk has room again. The count is printed to standard error at exit as "writes: N". */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long write_count;
static char folder[4096];
static char mended[4200];
static long allowed = -1;
static bool fails_syncs;
/* Parser processes have a sandbox that looks askance at what we ask of the kernel; they do not
 * write to the folder anyway. */
static bool is_child;

static void become_child(void)
{
    is_child = true;
}

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("COFFER_FAULT_FOLDER");
    const char *after = getenv("COFFER_FAULT_AFTER");
    if (name != NULL && realpath(name, folder) == NULL) {
        (void)snprintf(folder, sizeof(folder), "%s", name);
    }
    (void)snprintf(mended, sizeof(mended), "%s.mended", folder);
    allowed = after == NULL ? -1 : strtol(after, NULL, 10);
    fails_syncs = getenv("COFFER_FAULT_SYNC") != NULL;
    (void)pthread_atfork(NULL, NULL, become_child);
}

__attribute__((destructor)) static void end(void)
{
    (void)fprintf(stderr, "writes: %ld\n", atomic_load(&write_count));
}

static bool is_ours(int fd)
{
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size <= 0 || folder[0] == '\0') {
        return false;
    }
    path[size] = '\0';
    size_t prefix = strlen(folder);
    return strncmp(path, folder, prefix) == 0 && path[prefix] == '/';
}

/* Counts a write to the folder; true when it must fail. */
static bool is_full(int fd)
{
    if (is_child || !is_ours(fd)) {
        return false;
    }
    long number = atomic_fetch_add(&write_count, 1);
    return allowed >= 0 && number >= allowed && access(mended, F_OK) != 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL_WHEN_FULL(fd)                                                                         \
    do {                                                                                           \
        if (is_full(fd)) {                                                                         \
            errno = ENOSPC;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t size)
{
    FAIL_WHEN_FULL(fd);
    return REAL(write)(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    FAIL_WHEN_FULL(fd);
    return REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    FAIL_WHEN_FULL(fd);
    return REAL(pwrite)(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    FAIL_WHEN_FULL(fd);
    return REAL(pwrite64)(fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    FAIL_WHEN_FULL(fd);
    return REAL(pwritev)(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    FAIL_WHEN_FULL(fd);
    return REAL(pwritev64)(fd, parts, count, offset);
}

int ftruncate(int fd, off_t size)
{
    FAIL_WHEN_FULL(fd);
    return REAL(ftruncate)(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    FAIL_WHEN_FULL(fd);
    return REAL(fallocate)(fd, mode, offset, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    return is_full(fd) ? ENOSPC : REAL(posix_fallocate)(fd, offset, size);
}

static bool is_sync_broken(int fd)
{
    return fails_syncs && !is_child && allowed >= 0 && atomic_load(&write_count) >= allowed &&
           is_ours(fd) && access(mended, F_OK) != 0;
}

int fdatasync(int fd)
{
    if (is_sync_broken(fd)) {
        errno = EIO;
        return -1;
    }
    return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    if (is_sync_broken(fd)) {
        errno = EIO;
        return -1;
    }
    return REAL(fsync)(fd);
}
