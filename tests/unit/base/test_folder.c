/* Folders and mappings on a real file system. */
#include <cof/base/file.h>

#include <string.h>
#include <sys/stat.h>

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

static void folder__creates_all_that_is_missing_with_the_mode(void **state)
{
    struct stat info;
    assert_int_equal(cof_folder_create(path_of("a/b//c/"), 0700, NULL), COF_OK);
    assert_int_equal(cof_folder_create(path_of("a/b/c"), 0700, NULL), COF_OK);
    assert_int_equal(stat(path_of("a/b/c"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(cof_path_is_folder(path_of("a/b")));
    assert_int_equal(cof_folder_sync(path_of("a/b/c"), NULL), COF_OK);
}

static void folder__a_file_in_the_way_is_an_error(void **state)
{
    struct cof_error err = {0};
    write_file("f", COF_TEXT(""));
    assert_int_equal(cof_folder_create(path_of("f"), 0700, &err), COF_IO);
    assert_int_not_equal(cof_folder_create(path_of("f/g"), 0700, &err), COF_OK);
    assert_int_equal(cof_folder_create("", 0700, &err), COF_INVALID);
    assert_true(cof_path_exists(path_of("f")));
    assert_false(cof_path_is_folder(path_of("f")));
    assert_false(cof_path_exists(path_of("g")));
    assert_int_equal(cof_folder_sync(path_of("g"), &err), COF_NOT_FOUND);
}

static void folder__lists_names_sorted_by_bytes(void **state)
{
    static const char *const expected[] = {".hidden", "B", "a", "a.b", "é"};
    struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    write_file("a.b", COF_TEXT(""));
    write_file("é", COF_TEXT(""));
    write_file("B", COF_TEXT(""));
    write_file(".hidden", COF_TEXT(""));
    assert_int_equal(cof_folder_create(path_of("a"), 0700, NULL), COF_OK);
    assert_int_equal(cof_folder_list(root, &arena, &names, &count, NULL), COF_OK);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names[i].data, expected[i]);
    cof_arena_deinit(&arena);
}

static void folder__listing_nothing_or_no_folder(void **state)
{
    struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 7;
    struct cof_error err = {0};
    assert_int_equal(cof_folder_list(path_of("absent"), &arena, &names, &count, &err),
                     COF_NOT_FOUND);
    assert_null(names);
    assert_int_equal(count, 7);
    assert_int_equal(cof_folder_list(root, &arena, &names, &count, NULL), COF_OK);
    assert_non_null(names);
    assert_int_equal(count, 0);
    cof_arena_deinit(&arena);
}

static enum cof_status list_root(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    (void)context;
    return cof_folder_list(root, &arena, &names, &count, err);
}

static void folder__running_out_of_memory_is_reported(void **state)
{
    for (int i = 0; i < 30; i++) {
        char name[] = "file-with-a-name-a";
        name[sizeof(name) - 2] = (char)('A' + i);
        write_file(name, COF_TEXT(""));
    }
    assert_true(torture(list_root, NULL) > 2);
}

static void mapping__shows_the_file_and_survives_its_name(void **state)
{
    struct cof_mapping mapping = {0};
    write_file("m", COF_TEXT("mapped"));
    assert_int_equal(cof_mapping_open(path_of("m"), &mapping, NULL), COF_OK);
    write_file("m", COF_TEXT("another"));
    assert_int_equal(mapping.size, 6);
    assert_memory_equal(mapping.data, "mapped", 6);
    cof_mapping_close(&mapping);
    assert_null(mapping.data);
    cof_mapping_close(&mapping);
    cof_mapping_close(NULL);
}

static void mapping__empty_absent_and_no_file(void **state)
{
    struct cof_mapping mapping = {0};
    struct cof_error err = {0};
    write_file("empty", COF_TEXT(""));
    assert_int_equal(cof_mapping_open(path_of("empty"), &mapping, NULL), COF_OK);
    assert_int_equal(mapping.size, 0);
    cof_mapping_close(&mapping);
    assert_int_equal(cof_mapping_open(path_of("absent"), &mapping, &err), COF_NOT_FOUND);
    assert_int_equal(cof_mapping_open(root, &mapping, &err), COF_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folder__creates_all_that_is_missing_with_the_mode, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(folder__a_file_in_the_way_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder__lists_names_sorted_by_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder__listing_nothing_or_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder__running_out_of_memory_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mapping__shows_the_file_and_survives_its_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mapping__empty_absent_and_no_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
