/* Runs a fuzzer's entry point over kept inputs, so that every compiler replays them as a test.
 *
 * Each argument is a file or a folder of files. An empty corpus is a failure: a test that ran
 * nothing must not pass. */
#include "fuzzing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t capacity = 0;
    size_t size = 0;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (;;) {
        if (size == capacity) {
            capacity = capacity == 0 ? 4096 : capacity * 2;
            data = realloc(data, capacity);
            if (data == NULL)
                abort();
        }
        size_t got = fread(data + size, 1, capacity - size, file);
        if (got == 0)
            break;
        size += got;
    }
    (void)fclose(file);

    /* An exact copy, so that the address sanitizer sees a read past the end. */
    uint8_t *exact = malloc(size + (size == 0));
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static size_t replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    if (folder == NULL) {
        perror(path);
        exit(1);
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[4096];
        struct stat status;
        int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);

        if (length > 0 && (size_t)length < sizeof(name) && stat(name, &status) == 0 &&
            S_ISREG(status.st_mode)) {
            replay_file(name);
            count++;
        }
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        struct stat status;

        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            count += replay_folder(argv[i]);
        else {
            replay_file(argv[i]);
            count++;
        }
    }
    printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
