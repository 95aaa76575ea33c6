/* A print of a folder: names, modes, times and bytes of everything in it. */
#include "folder_print.h"

#include <stdio.h>
#include <sys/stat.h>

#include <cof/base/arena.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "testing.h"

struct folder_print folder_print_take(const char *path)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_buffer all = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    struct folder_print print;
    assert_int_equal(cof_folder_list(path, &arena, &names, &count, &err), COF_OK);
    for (size_t i = 0; i < count; i++) {
        char file[COF_MAX_PATH];
        struct stat info;
        assert_int_equal(cof_path_join(file, path, names[i].data, &err), COF_OK);
        assert_int_equal(lstat(file, &info), 0);
        cof_buffer_append_format(&all, "%s %o %lld %lld.%09ld %llu\n", names[i].data,
                                 (unsigned)info.st_mode, (long long)info.st_size,
                                 (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                 (unsigned long long)info.st_ino);
        if (S_ISREG(info.st_mode))
            assert_int_equal(cof_file_read(file, (size_t)1 << 30, &all, &err), COF_OK);
    }
    assert_false(all.has_failed);
    cof_sha256(cof_buffer_bytes(&all), print.digest);
    cof_buffer_deinit(&all);
    cof_arena_deinit(&arena);
    return print;
}
