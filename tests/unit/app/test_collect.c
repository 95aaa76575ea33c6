/* The files of a command line: what is taken, under which name, and names that collide. */
#include "testing.h"

#include <string.h>

#include <cof/base/file.h>

#include "collect.h"
#include "temp_dir.h"

static char top[TEMP_DIR_PATH_SIZE];

static int set_up(void **state)
{
    temp_dir_create(top);
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(top);
    return 0;
}

static void path_of(const char *name, char out_path[COF_MAX_PATH])
{
    temp_dir_join(top, name, out_path, COF_MAX_PATH);
}

static void make(const char *folder, const char *name)
{
    char path[COF_MAX_PATH];
    char file[COF_MAX_PATH];
    path_of(folder, path);
    assert_int_equal(cof_folder_create(path, 0700, NULL), COF_OK);
    temp_dir_join(path, name, file, sizeof(file));
    assert_int_equal(cof_file_write_atomic(file, cof_text_bytes(COF_TEXT("words")), 0600, NULL),
                     COF_OK);
}

struct found {
    struct cof_arena arena;
    struct cof_source_file *files;
    size_t count;
    size_t skipped;
    struct cof_error error;
};

static enum cof_status collect(struct found *found, const char *first, const char *second)
{
    static char paths[2][COF_MAX_PATH];
    struct cof_text_list list = {.items = {paths[0], paths[1]}, .count = second == NULL ? 1 : 2};
    path_of(first, paths[0]);
    path_of(second == NULL ? first : second, paths[1]);
    return cof_collect_files(&list, &found->arena, &found->files, &found->count, &found->skipped,
                             &found->error);
}

static void collect__names_files_relative_to_the_folder_that_was_named(void **state)
{
    struct found found = {0};
    make("d/inner", "policy.txt");
    make("d", "b.md");
    make("d", "picture.png");
    make("d", ".hidden.txt");
    assert_int_equal(collect(&found, "d", NULL), COF_OK);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.skipped, 2);
    assert_string_equal(found.files[0].name, "b.md");
    assert_string_equal(found.files[1].name, "inner/policy.txt");
    cof_arena_deinit(&found.arena);
}

static void collect__refuses_two_folders_with_a_file_of_the_same_name(void **state)
{
    struct found found = {0};
    make("d1", "policy.txt");
    make("d1", "a.txt");
    make("d2", "policy.txt");
    make("d2", "z.txt");
    assert_int_equal(collect(&found, "d1", "d2"), COF_CONFLICT);
    assert_non_null(strstr(found.error.message, "d1/policy.txt"));
    assert_non_null(strstr(found.error.message, "d2/policy.txt"));
    assert_null(found.files);
    cof_arena_deinit(&found.arena);
}

static void collect__refuses_two_files_of_the_same_name_and_names_long_paths(void **state)
{
    char folder[512];
    char file[600];
    struct found found = {0};
    memset(folder, 'x', 200);
    memcpy(folder + 200, "/d3", 4);
    make(folder, "policy.txt");
    make("d4", "policy.txt");
    snprintf(file, sizeof(file), "%s/policy.txt", folder);
    assert_int_equal(collect(&found, file, "d4/policy.txt"), COF_CONFLICT);
    assert_non_null(strstr(found.error.message, "d3/policy.txt"));
    assert_non_null(strstr(found.error.message, "d4/policy.txt"));
    assert_non_null(strstr(found.error.message, "ingest one"));
    cof_arena_deinit(&found.arena);
}

static void collect__takes_files_of_the_same_name_below_one_folder(void **state)
{
    struct found found = {0};
    make("both/d1", "policy.txt");
    make("both/d2", "policy.txt");
    assert_int_equal(collect(&found, "both", NULL), COF_OK);
    assert_int_equal(found.count, 2);
    cof_arena_deinit(&found.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(collect__names_files_relative_to_the_folder_that_was_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(collect__refuses_two_folders_with_a_file_of_the_same_name,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            collect__refuses_two_files_of_the_same_name_and_names_long_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(collect__takes_files_of_the_same_name_below_one_folder,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
