/* A private folder for one test, removed with everything in it. */
#include "temp_dir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "temp_dir: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

/* A test may have taken the write permission from a folder, so it is given back on the way down. */
static int open_up(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)walk;
    if (type == FTW_D || type == FTW_DNR)
        (void)chmod(path, S_IRWXU);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void temp_dir_create(char out_path[TEMP_DIR_PATH_SIZE])
{
    const char *root = getenv("TMPDIR");

    if (root == NULL || root[0] != '/')
        root = "/tmp";
    temp_dir_join(root, "coffer-test-XXXXXX", out_path, TEMP_DIR_PATH_SIZE);
    if (mkdtemp(out_path) == NULL)
        fail("cannot make", out_path);
}

void temp_dir_remove(const char *path)
{
    if (path == NULL || path[0] == '\0' || access(path, F_OK) != 0)
        return;
    (void)nftw(path, open_up, 32, FTW_PHYS);
    if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) != 0)
        fail("cannot remove", path);
}

void temp_dir_join(const char *path, const char *name, char *out_path, size_t out_size)
{
    int length = snprintf(out_path, out_size, "%s/%s", path, name);

    if (length < 0 || (size_t)length >= out_size) {
        errno = ENAMETOOLONG;
        fail("cannot join", path);
    }
}
