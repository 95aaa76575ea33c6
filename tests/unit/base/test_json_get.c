/* Typed getters: absent, null, wrong type, out of range, unknown. */
#include <cof/base/json.h>

#include <string.h>

#include "testing.h"

static struct cof_json_tree *tree;
static const struct cof_json *root;

static int set_up(void **state)
{
    static const char text[] =
        "{\"text\":\"x\",\"yes\":true,\"int\":7,\"real\":2.5,\"list\":[1],\"map\":{\"k\":1},"
        "\"none\":null}";
    if (cof_json_parse(cof_text_from(text), NULL, &tree, NULL) != COF_OK)
        return 1;
    root = cof_json_root(tree);
    return 0;
}

static int tear_down(void **state)
{
    cof_json_tree_cleanup(&tree);
    return 0;
}

static void get__present_fields_are_read(void **state)
{
    struct cof_text text = {0};
    bool yes = false;
    int64_t integer = 0;
    double real = 0;
    const struct cof_json *list = NULL;
    const struct cof_json *map = NULL;
    assert_int_equal(cof_json_get_text(root, "text", &text, NULL), COF_OK);
    assert_true(cof_text_equal(text, COF_TEXT("x")));
    assert_int_equal(cof_json_get_bool(root, "yes", &yes, NULL), COF_OK);
    assert_true(yes);
    assert_int_equal(cof_json_get_integer(root, "int", 7, 7, &integer, NULL), COF_OK);
    assert_int_equal(integer, 7);
    assert_int_equal(cof_json_get_number(root, "real", 0, 2.5, &real, NULL), COF_OK);
    assert_true(real == 2.5);
    assert_int_equal(cof_json_get_number(root, "int", 0, 10, &real, NULL), COF_OK);
    assert_true(real == 7);
    assert_int_equal(cof_json_get_array(root, "list", &list, NULL), COF_OK);
    assert_int_equal(cof_json_count(list), 1);
    assert_int_equal(cof_json_get_object(root, "map", &map, NULL), COF_OK);
    assert_non_null(cof_json_find(map, "k"));
}

static void get__absent_and_null_keep_the_default(void **state)
{
    static const char *const keys[] = {"none", "absent"};
    for (size_t i = 0; i < 2; i++) {
        struct cof_text text = COF_TEXT("default");
        bool yes = true;
        int64_t integer = 5;
        double real = 5;
        const struct cof_json *any = root;
        assert_int_equal(cof_json_get_text(root, keys[i], &text, NULL), COF_OK);
        assert_int_equal(text.size, 7);
        assert_int_equal(cof_json_get_bool(root, keys[i], &yes, NULL), COF_OK);
        assert_true(yes);
        assert_int_equal(cof_json_get_integer(root, keys[i], 0, 1, &integer, NULL), COF_OK);
        assert_int_equal(integer, 5);
        assert_int_equal(cof_json_get_number(root, keys[i], 0, 1, &real, NULL), COF_OK);
        assert_true(real == 5);
        assert_int_equal(cof_json_get_array(root, keys[i], &any, NULL), COF_OK);
        assert_int_equal(cof_json_get_object(root, keys[i], &any, NULL), COF_OK);
        assert_ptr_equal(any, root);
    }
}

static void assert_complaint(enum cof_status status, const struct cof_error *err,
                             const char *message)
{
    assert_int_equal(status, COF_INVALID);
    assert_string_equal(err->message, message);
}

static void get__wrong_types_are_named_and_change_nothing(void **state)
{
    struct cof_error err = {0};
    struct cof_text text = COF_TEXT("kept");
    bool yes = true;
    int64_t integer = 5;
    double real = 5;
    const struct cof_json *any = NULL;
    assert_complaint(cof_json_get_text(root, "int", &text, &err), &err, "'int' must be a string");
    assert_complaint(cof_json_get_bool(root, "int", &yes, &err), &err,
                     "'int' must be true or false");
    assert_complaint(cof_json_get_integer(root, "text", 0, 9, &integer, &err), &err,
                     "'text' must be a whole number");
    assert_complaint(cof_json_get_integer(root, "real", 0, 9, &integer, &err), &err,
                     "'real' must be a whole number");
    assert_complaint(cof_json_get_integer(root, "yes", 0, 9, &integer, &err), &err,
                     "'yes' must be a whole number");
    assert_complaint(cof_json_get_number(root, "list", 0, 9, &real, &err), &err,
                     "'list' must be a number");
    assert_complaint(cof_json_get_array(root, "map", &any, &err), &err, "'map' must be an array");
    assert_complaint(cof_json_get_object(root, "list", &any, &err), &err,
                     "'list' must be an object");
    assert_int_equal(text.size, 4);
    assert_int_equal(integer, 5);
    assert_true(real == 5 && yes && any == NULL);
}

static void get__ranges_are_named_and_change_nothing(void **state)
{
    struct cof_error err = {0};
    int64_t integer = 5;
    double real = 5;
    assert_complaint(cof_json_get_integer(root, "int", 8, 100, &integer, &err), &err,
                     "'int' must be between 8 and 100");
    assert_complaint(cof_json_get_integer(root, "int", -1, 6, &integer, &err), &err,
                     "'int' must be between -1 and 6");
    assert_complaint(cof_json_get_number(root, "real", 0, 1, &real, &err), &err,
                     "'real' must be between 0 and 1");
    assert_int_equal(integer, 5);
    assert_true(real == 5);
}

static void need__says_what_is_required(void **state)
{
    struct cof_error err = {0};
    struct cof_text text = {0};
    assert_complaint(cof_json_need_text(root, "absent", &text, &err), &err, "'absent' is required");
    assert_complaint(cof_json_need_text(root, "none", &text, &err), &err, "'none' is required");
    assert_complaint(cof_json_need_text(root, "int", &text, &err), &err, "'int' must be a string");
    assert_int_equal(cof_json_need_text(root, "text", &text, NULL), COF_OK);
    assert_int_equal(text.size, 1);
}

static void only_keys__names_the_first_stranger(void **state)
{
    struct cof_error err = {0};
    const char *const all[] = {"text", "yes", "int", "real", "list", "map", "none", "more", NULL};
    const char *const some[] = {"text", "yes", "int", "real", "map", "none", NULL};
    assert_int_equal(cof_json_only_keys(root, all, NULL), COF_OK);
    assert_complaint(cof_json_only_keys(root, some, &err), &err, "unknown field 'list'");
    assert_int_equal(cof_json_only_keys(cof_json_find(root, "list"), some, NULL), COF_OK);
    assert_int_equal(cof_json_only_keys(NULL, some, NULL), COF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get__present_fields_are_read),
        cmocka_unit_test(get__absent_and_null_keep_the_default),
        cmocka_unit_test(get__wrong_types_are_named_and_change_nothing),
        cmocka_unit_test(get__ranges_are_named_and_change_nothing),
        cmocka_unit_test(need__says_what_is_required),
        cmocka_unit_test(only_keys__names_the_first_stranger),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
