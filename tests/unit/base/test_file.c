/* Files and descriptors on a real file system. */
#include <cof/base/file.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "temp_dir.h"
#include "torture.h"

static char root[TEMP_DIR_PATH_SIZE];

static int set_up(void **state)
{
    temp_dir_create(root);
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(root);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[COF_MAX_PATH];
    assert_int_equal(cof_path_join(path, root, name, NULL), COF_OK);
    return path;
}

static void write_file(const char *name, struct cof_text content)
{
    assert_int_equal(cof_file_write_atomic(path_of(name), cof_text_bytes(content), 0600, NULL),
                     COF_OK);
}

static void assert_content(const char *name, struct cof_text expected)
{
    struct cof_buffer out = {0};
    assert_int_equal(cof_file_read(path_of(name), 1 << 20, &out, NULL), COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&out), expected));
    cof_buffer_deinit(&out);
}

static size_t count_entries(void)
{
    struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    assert_int_equal(cof_folder_list(root, &arena, &names, &count, NULL), COF_OK);
    cof_arena_deinit(&arena);
    return count;
}

static void path__joins_with_one_slash_and_refuses_what_does_not_fit(void **state)
{
    char path[COF_MAX_PATH];
    char longest[COF_MAX_PATH];
    struct cof_error err = {0};
    assert_int_equal(cof_path_join(path, "a", "b", NULL), COF_OK);
    assert_string_equal(path, "a/b");
    assert_int_equal(cof_path_join(path, "a/", "b", NULL), COF_OK);
    assert_string_equal(path, "a/b");
    assert_int_equal(cof_path_join(path, path, "c", NULL), COF_OK);
    assert_string_equal(path, "a/b/c");
    memset(longest, 'x', sizeof(longest));
    longest[COF_MAX_PATH - 3] = '\0';
    assert_int_equal(cof_path_join(path, longest, "b", NULL), COF_OK);
    assert_int_equal(strlen(path), COF_MAX_PATH - 1);
    assert_int_equal(cof_path_join(path, "kept", "", NULL), COF_OK);
    assert_int_equal(cof_path_join(path, longest, "bc", &err), COF_INVALID);
    assert_string_equal(path, "kept/");
}

static void file__reads_what_was_written(void **state)
{
    static char large[300000];
    memset(large, 'x', sizeof(large));
    write_file("empty", COF_TEXT(""));
    write_file("small", COF_TEXT("a\0b"));
    write_file("large", (struct cof_text){large, sizeof(large)});
    assert_content("empty", COF_TEXT(""));
    assert_content("small", COF_TEXT("a\0b"));
    assert_content("large", (struct cof_text){large, sizeof(large)});
}

static void file__appends_and_leaves_the_buffer_alone_on_failure(void **state)
{
    struct cof_buffer out = {0};
    struct cof_error err = {0};
    write_file("a", COF_TEXT("12345"));
    cof_buffer_append_text(&out, COF_TEXT("before "));
    assert_int_equal(cof_file_read(path_of("a"), 4, &out, &err), COF_TOO_LARGE);
    assert_int_equal(cof_file_read(path_of("absent"), 4, &out, &err), COF_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent"));
    assert_int_equal(cof_file_read(path_of("a/b"), 4, &out, &err), COF_NOT_FOUND);
    assert_int_equal(cof_file_read(root, 4096, &out, &err), COF_IO);
    assert_int_equal(cof_file_read("/proc/self/status", 10, &out, &err), COF_TOO_LARGE);
    assert_true(cof_text_equal(cof_buffer_text(&out), COF_TEXT("before ")));
    assert_int_equal(cof_file_read(path_of("a"), 5, &out, NULL), COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&out), COF_TEXT("before 12345")));
    /* a file whose size the system does not tell beforehand */
    assert_int_equal(cof_file_read("/proc/self/status", 1 << 20, &out, NULL), COF_OK);
    assert_true(out.size > 100);
    cof_buffer_deinit(&out);
}

static void file__replaces_whole_and_leaves_nothing_beside(void **state)
{
    write_file("a", COF_TEXT("old"));
    write_file("a.new", COF_TEXT("left by a crash"));
    write_file("a", COF_TEXT("new"));
    assert_content("a", COF_TEXT("new"));
    assert_int_equal(count_entries(), 1);
    struct stat info;
    assert_int_equal(stat(path_of("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void file__failed_write_leaves_the_old_content(void **state)
{
    static char large[100000];
    struct cof_error err = {0};
    write_file("a", COF_TEXT("old"));
    /* the file size limit stands for a full disk */
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {.rlim_cur = 1000, .rlim_max = limit.rlim_max};
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &small);
        enum cof_status status = cof_file_write_atomic(
            path_of("a"), (struct cof_bytes){(const uint8_t *)large, sizeof(large)}, 0600, &err);
        _exit(status == COF_IO && strstr(err.message, "cannot write") != NULL ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_content("a", COF_TEXT("old"));
    assert_int_equal(count_entries(), 1);
}

static void file__writes_beside_nothing_that_is_not_there(void **state)
{
    struct cof_error err = {0};
    assert_int_equal(cof_file_write_atomic(path_of("no/such"), (struct cof_bytes){0}, 0600, &err),
                     COF_NOT_FOUND);
    /* a symbolic link at the place of the temporary file is replaced, not followed */
    write_file("target", COF_TEXT("untouched"));
    char target[COF_MAX_PATH];
    assert_int_equal(cof_path_join(target, root, "target", NULL), COF_OK);
    assert_int_equal(symlink(target, path_of("b.new")), 0);
    write_file("b", COF_TEXT("fresh"));
    assert_content("target", COF_TEXT("untouched"));
    assert_content("b", COF_TEXT("fresh"));
}

static void file__relative_path_without_a_folder_works(void **state)
{
    char before[COF_MAX_PATH];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(root), 0);
    enum cof_status status =
        cof_file_write_atomic("bare", cof_text_bytes(COF_TEXT("x")), 0600, NULL);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, COF_OK);
    assert_content("bare", COF_TEXT("x"));
}

static void fd__reads_and_writes_at_offsets(void **state)
{
    COF_CLEANUP(cof_fd_close) int fd = open(path_of("f"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char bytes[4] = "----";
    struct cof_error err = {0};
    assert_int_equal(cof_fd_write(fd, cof_text_bytes(COF_TEXT("0123456789")), NULL), COF_OK);
    assert_int_equal(cof_fd_write_at(fd, 8, cof_text_bytes(COF_TEXT("abcd")), NULL), COF_OK);
    assert_int_equal(cof_fd_sync(fd, NULL), COF_OK);
    assert_int_equal(cof_fd_read_at(fd, 7, bytes, 4, NULL), COF_OK);
    assert_memory_equal(bytes, "7abc", 4);
    assert_int_equal(cof_fd_read_at(fd, 10, bytes, 4, &err), COF_CORRUPT);
    assert_int_equal(cof_fd_read_at(fd, 12, bytes, 0, NULL), COF_OK);
    assert_int_equal(cof_fd_read_at(-1, 0, bytes, 1, &err), COF_IO);
    assert_int_equal(cof_fd_write(-1, cof_text_bytes(COF_TEXT("x")), &err), COF_IO);
    assert_int_equal(cof_fd_write_at(-1, 0, cof_text_bytes(COF_TEXT("x")), &err), COF_IO);
    assert_int_equal(cof_fd_sync(-1, &err), COF_IO);
}

static void lock__second_holder_is_refused_until_the_first_lets_go(void **state)
{
    int first = -1;
    int second = -1;
    struct cof_error err = {0};
    assert_int_equal(cof_lock_open(path_of("lock"), &first, NULL), COF_OK);
    assert_int_equal(cof_lock_open(path_of("lock"), &second, &err), COF_CONFLICT);
    assert_int_equal(second, -1);
    cof_fd_close(&first);
    assert_int_equal(first, -1);
    assert_int_equal(cof_lock_open(path_of("lock"), &second, NULL), COF_OK);
    cof_fd_close(&second);
    cof_fd_close(&second);
    assert_int_equal(cof_lock_open(path_of("no/lock"), &second, &err), COF_NOT_FOUND);
}

static enum cof_status read_file(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    return cof_file_read(context, 1 << 20, &out, err);
}

static void file__running_out_of_memory_is_reported(void **state)
{
    char path[] = "/proc/self/status";
    assert_true(torture(read_file, path) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__joins_with_one_slash_and_refuses_what_does_not_fit),
        cmocka_unit_test_setup_teardown(file__reads_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file__appends_and_leaves_the_buffer_alone_on_failure,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(file__replaces_whole_and_leaves_nothing_beside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(file__failed_write_leaves_the_old_content, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(file__writes_beside_nothing_that_is_not_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(file__relative_path_without_a_folder_works, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(fd__reads_and_writes_at_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lock__second_holder_is_refused_until_the_first_lets_go,
                                        set_up, tear_down),
        cmocka_unit_test(file__running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
