/* JSON trees: what is accepted, what is refused and why, and how a tree is walked. */
#include <cof/base/json.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "seeded_random.h"
#include "torture.h"

static struct cof_json_tree *parse(const char *text)
{
    struct cof_json_tree *tree = NULL;
    struct cof_error err = {0};
    if (cof_json_parse(cof_text_from(text), NULL, &tree, &err) != COF_OK)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

static void assert_refused(struct cof_text text, const char *reason)
{
    struct cof_json_tree *tree = NULL;
    struct cof_error err = {0};
    enum cof_status status = cof_json_parse(text, NULL, &tree, &err);
    if (status != COF_INVALID || strstr(err.message, reason) == NULL || tree != NULL)
        fail_msg("%.*s: status %d, '%s' instead of '%s'", COF_TEXT_ARG(text), (int)status,
                 err.message, reason);
}

static void json__accepts_every_form_of_the_grammar(void **state)
{
    static const char *const texts[] = {
        "null",
        " true ",
        "\t\r\n false\n",
        "0",
        "-0",
        "-0.0e-0",
        "123.456E+7",
        "1e308",
        "-1.7976931348623157e308",
        "1e-400",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDd1e\"",
        "\"\x7f ünïcödé 😀\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[],{},[[]]]",
        "{\"\":{\"\":0}}",
        "{\"a\":1,\"A\":2,\"a \":3}",
        " [ 1 , \"x\" , { \"k\" : [ ] } ] ",
        "123456789012345678901234567890123456789012345678901234567890123",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cof_json_tree_destroy(parse(texts[i]));
}

static void json__refuses_what_the_grammar_does_not_allow(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "value expected at byte 0"},
        {"  ", "value expected at byte 2"},
        {"nul", "value expected at byte 0"},
        {"nulll", "something behind the value at byte 4"},
        {"True", "value expected"},
        {"NaN", "value expected"},
        {"Infinity", "value expected"},
        {"-Infinity", "digit expected at byte 1"},
        {"-", "digit expected"},
        {"+1", "value expected"},
        {".5", "value expected"},
        {"1.", "digit expected"},
        {"1.e5", "digit expected"},
        {"1e", "digit expected"},
        {"1e+", "digit expected"},
        {"01", "leading zero"},
        {"-01", "leading zero"},
        {"0x1", "something behind"},
        {"1 2", "something behind the value at byte 2"},
        {"1e309", "number out of range"},
        {"-1e999", "number out of range"},
        {"1234567890123456789012345678901234567890123456789012345678901234",
         "more than 63 characters"},
        {"[", "value expected at byte 1"},
        {"[1", "',' or ']' expected at byte 2"},
        {"[1,", "value expected"},
        {"[1,]", "value expected"},
        {"[,1]", "value expected"},
        {"[1 2]", "',' or ']' expected"},
        {"[1}", "',' or ']' expected"},
        {"]", "value expected"},
        {"{", "key expected"},
        {"{1:2}", "key expected"},
        {"{\"a\"}", "':' expected"},
        {"{\"a\":}", "value expected"},
        {"{\"a\":1", "',' or '}' expected"},
        {"{\"a\":1,}", "key expected"},
        {"{\"a\":1 \"b\":2}", "',' or '}' expected"},
        {"{'a':1}", "key expected"},
        {"{\"a\":1]", "',' or '}' expected"},
        {"\"", "string without an end"},
        {"\"abc", "string without an end"},
        {"\"a\nb\"", "control character"},
        {"\"a\tb\"", "control character"},
        {"\"\x1f\"", "control character"},
        {"\"\\x41\"", "bad escape"},
        {"\"\\'\"", "bad escape"},
        {"\"\\", "bad escape"},
        {"\"\\u12\"", "bad \\u escape"},
        {"\"\\u12g4\"", "bad \\u escape"},
        {"\"\\u0000\"", "\\u0000 is not allowed"},
        {"{\"a\\u0000\":1}", "\\u0000 is not allowed"},
        {"\"\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800\\n\"", "half of a surrogate pair"},
        {"\"\\ud800\\ud800\"", "half of a surrogate pair"},
        {"\"\\udc00\"", "half of a surrogate pair"},
        {"\"\\udc00\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
        {"\"\\ud800\\u\"", "half of a surrogate pair"},
        {"// comment\n1", "value expected"},
        {"/* */1", "value expected"},
        {"\xef\xbb\xbf{}", "value expected at byte 0"},
        {"\"\xff\"", "invalid UTF-8 at byte 1"},
        {"\"\xed\xa0\x80\"", "invalid UTF-8"},
        {"\"\xc0\xaf\"", "invalid UTF-8"},
        {"[\"é\xe2\x82\"]", "invalid UTF-8 at byte 4"},
        {"\v1", "value expected"},
        {"\xc2\xa0"
         "1",
         "value expected"},
        {"{\"a\":1,\"a\":1}", "'a' comes twice"},
        {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "'a' comes twice"},
        {"[{\"x\":{\"y\":{},\"y\":[]}}]", "'y' comes twice"},
        {"{\"\":1,\"\":1}", "'' comes twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cof_text_from(cases[i].text), cases[i].reason);
}

static void json__refuses_nul_bytes_everywhere(void **state)
{
    assert_refused(COF_TEXT("\0"), "value expected at byte 0");
    assert_refused(COF_TEXT("1\0"), "something behind");
    assert_refused(COF_TEXT("{}\0"), "something behind");
    assert_refused(COF_TEXT("\"a\0b\""), "control character");
    assert_refused(COF_TEXT("[1\0,2]"), "expected");
    assert_refused(COF_TEXT("\"\\\0\""), "bad escape");
    assert_refused((struct cof_text){0}, "value expected");
}

static void json__size_depth_and_count_have_limits(void **state)
{
    const struct cof_json_limits limits = {.max_bytes = 20, .max_depth = 3, .max_nodes = 5};
    struct cof_json_tree *tree = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_json_parse(COF_TEXT("[1,2,3,4]"), &limits, &tree, &err), COF_OK);
    cof_json_tree_cleanup(&tree);
    assert_null(tree);
    assert_int_equal(cof_json_parse(COF_TEXT("[1,2,3,4,5]"), &limits, &tree, &err), COF_TOO_LARGE);
    assert_int_equal(cof_json_parse(COF_TEXT("                    1"), &limits, &tree, &err),
                     COF_TOO_LARGE);
    assert_int_equal(cof_json_parse(COF_TEXT("[{\"a\":[]}]"), &limits, &tree, &err), COF_OK);
    cof_json_tree_cleanup(&tree);
    assert_int_equal(cof_json_parse(COF_TEXT("[{\"a\":[[]]}]"), &limits, &tree, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "deeper than 3 levels at byte 7"));
    assert_null(tree);
}

static void json__nested_to_death_is_refused_by_default_and_at_any_setting(void **state)
{
    static char deep[200000];
    const struct cof_json_limits limits = {.max_depth = SIZE_MAX};
    struct cof_json_tree *tree = NULL;
    memset(deep, '[', sizeof(deep));
    struct cof_text text = {deep, sizeof(deep)};
    assert_refused(text, "deeper than 32 levels at byte 32");
    assert_int_equal(cof_json_parse(text, &limits, &tree, NULL), COF_INVALID);
    /* as deep as anything may be asked for */
    memset(deep + 512, ']', 512);
    text.size = 1024;
    assert_int_equal(cof_json_parse(text, &limits, &tree, NULL), COF_OK);
    cof_json_tree_destroy(tree);
    for (size_t i = 0; i < sizeof(deep); i++)
        deep[i] = "{\"a\":"[i % 5];
    assert_refused((struct cof_text){deep, sizeof(deep)}, "deeper than 32 levels");
}

/* Quadratic checking would take minutes here. */
static void json__very_many_keys_are_checked_quickly(void **state)
{
    const struct cof_json_limits limits = {.max_bytes = 16 << 20, .max_nodes = 300000};
    struct cof_buffer text = {0};
    struct cof_json_tree *tree = NULL;
    struct cof_error err = {0};
    cof_buffer_append_byte(&text, '{');
    for (unsigned i = 0; i < 200000; i++)
        cof_buffer_append_format(&text, "\"key%u\":0,", i * 7919 % 200000);
    size_t size = text.size;
    cof_buffer_append_text(&text, COF_TEXT("\"last\":0}"));
    assert_int_equal(cof_json_parse(cof_buffer_text(&text), &limits, &tree, &err), COF_OK);
    cof_json_tree_destroy(tree);
    text.size = size;
    cof_buffer_append_text(&text, COF_TEXT("\"key77777\":0}"));
    assert_int_equal(cof_json_parse(cof_buffer_text(&text), &limits, &tree, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "'key77777' comes twice"));
    cof_buffer_deinit(&text);
}

static void json__tree_is_walked_in_order(void **state)
{
    struct cof_json_tree *tree =
        parse("{\"n\":null,\"t\":true,\"i\":-7,\"s\":\"\\u00e9\\ud83d\\ude00\\n\","
              "\"a\":[1,\"x\",[]],\"o\":{}}");
    static const char *const keys[] = {"n", "t", "i", "s", "a", "o"};
    static const enum cof_json_type types[] = {COF_JSON_NULL,   COF_JSON_BOOL,  COF_JSON_NUMBER,
                                               COF_JSON_STRING, COF_JSON_ARRAY, COF_JSON_OBJECT};
    const struct cof_json *root = cof_json_root(tree);
    assert_int_equal(cof_json_count(root), 6);
    size_t i = 0;
    for (const struct cof_json *member = cof_json_first(root); member != NULL;
         member = cof_json_next(member), i++) {
        assert_true(cof_text_equal(cof_json_key(member), cof_text_from(keys[i])));
        assert_int_equal(cof_json_type_of(member), types[i]);
        assert_ptr_equal(cof_json_find(root, keys[i]), member);
    }
    assert_int_equal(i, 6);
    assert_null(cof_json_find(root, "N"));
    assert_null(cof_json_find(cof_json_find(root, "a"), "x"));
    assert_null(cof_json_find(NULL, "x"));
    assert_true(cof_json_bool(cof_json_find(root, "t")));
    assert_false(cof_json_bool(cof_json_find(root, "i")));
    assert_true(cof_json_number(cof_json_find(root, "i")) == -7);
    assert_true(cof_json_number(cof_json_find(root, "s")) == 0);
    assert_true(cof_text_equal(cof_json_text(cof_json_find(root, "s")), COF_TEXT("é😀\n")));
    assert_int_equal(cof_json_text(cof_json_find(root, "a")).size, 0);
    const struct cof_json *item = cof_json_first(cof_json_find(root, "a"));
    assert_int_equal(cof_json_key(item).size, 0);
    assert_null(cof_json_first(cof_json_find(root, "o")));
    assert_int_equal(cof_json_count(cof_json_find(root, "n")), 0);
    assert_string_equal(cof_json_type_name(COF_JSON_OBJECT), "object");
    cof_json_tree_destroy(tree);
}

static void json__whole_numbers_end_where_doubles_get_holes(void **state)
{
    static const struct {
        const char *text;
        bool is_whole;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0.0", true, 0},
        {"1e3", true, 1000},
        {"2.50", false, 0},
        {"9007199254740992", true, INT64_C(9007199254740992)},
        {"-9007199254740992", true, -INT64_C(9007199254740992)},
        {"9007199254740994", false, 0},
        {"1e300", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cof_json_tree *tree = parse(cases[i].text);
        int64_t value = 0;
        assert_int_equal(cof_json_is_whole(cof_json_root(tree), &value), cases[i].is_whole);
        assert_true(value == cases[i].value);
        cof_json_tree_destroy(tree);
    }
}

static void json__written_again_is_the_same_value(void **state)
{
    static const char *const texts[] = {
        "{\"a\":[1,-2.5,1e+21,0.1,123456789012,null,true,false],\"b\":{\"\":\"\"}}",
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é😀\"",
        "[]",
        "{}",
        "5e-324",
        "1.7976931348623157e+308",
        "9007199254740992",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cof_json_tree *tree = parse(texts[i]);
        struct cof_buffer out = {0};
        cof_json_write_value(&out, cof_json_root(tree));
        if (!cof_text_equal(cof_buffer_text(&out), cof_text_from(texts[i])))
            fail_msg("%s became %.*s", texts[i], COF_TEXT_ARG(cof_buffer_text(&out)));
        cof_buffer_deinit(&out);
        cof_json_tree_destroy(tree);
    }
}

/* Whatever bytes come: no crash, and what is accepted can be written and read again. */
static void json__mutated_text_is_refused_or_round_trips(void **state)
{
    static const char seed[] =
        "{\"query\":\"caf\\u00e9 \\ud83d\\ude00\",\"k\":10,\"f\":[1.5e-3,-0,null,true,{\"x\":[]}]}";
    struct seeded_random random;
    seeded_random_init(&random, 42);
    size_t accepted_count = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof(seed)];
        memcpy(text, seed, sizeof(seed));
        for (uint64_t n = seeded_random_below(&random, 3) + 1; n > 0; n--) {
            static const char pool[] = "{}[]\",:\\u0e-+.9 nt\xc3\xff\x00";
            text[seeded_random_below(&random, sizeof(seed) - 1)] =
                pool[seeded_random_below(&random, sizeof(pool) - 1)];
        }
        struct cof_json_tree *tree = NULL;
        struct cof_json_tree *again = NULL;
        struct cof_buffer first = {0};
        struct cof_buffer second = {0};
        enum cof_status status =
            cof_json_parse((struct cof_text){text, sizeof(seed) - 1}, NULL, &tree, NULL);
        assert_true(status == COF_OK || status == COF_INVALID);
        if (status != COF_OK)
            continue;
        accepted_count++;
        cof_json_write_value(&first, cof_json_root(tree));
        assert_int_equal(cof_json_parse(cof_buffer_text(&first), NULL, &again, NULL), COF_OK);
        cof_json_write_value(&second, cof_json_root(again));
        assert_true(cof_text_equal(cof_buffer_text(&first), cof_buffer_text(&second)));
        cof_buffer_deinit(&first);
        cof_buffer_deinit(&second);
        cof_json_tree_destroy(tree);
        cof_json_tree_destroy(again);
    }
    assert_true(accepted_count > 100);
}

static enum cof_status parse_large(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    (void)context;
    COF_TRY(cof_json_parse(COF_TEXT("{\"a\":[1,2,\"three\",{\"four\":4,\"five\":[]}],\"b\":{},"
                                    "\"c\":\"text\",\"d\":[[],[[]]],\"e\":null}"),
                           NULL, &tree, err));
    cof_json_write_value(&out, cof_json_root(tree));
    return cof_buffer_status(&out, err);
}

static void json__running_out_of_memory_is_reported_at_every_node(void **state)
{
    assert_true(torture(parse_large, NULL) > 20);
}

static void *parse_often(void *context)
{
    (void)context;
    for (int i = 0; i < 500; i++) {
        struct cof_json_tree *tree = parse("{\"a\":[1,2,{\"b\":\"c\"}]}");
        cof_json_tree_destroy(tree);
        assert_int_equal(cof_json_parse(COF_TEXT("{\"a\":[1,2"), NULL, &tree, NULL), COF_INVALID);
    }
    return NULL;
}

static void json__any_threads_may_parse_at_the_same_time(void **state)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_often, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__any_threads_may_parse_at_the_same_time),
        cmocka_unit_test(json__accepts_every_form_of_the_grammar),
        cmocka_unit_test(json__refuses_what_the_grammar_does_not_allow),
        cmocka_unit_test(json__refuses_nul_bytes_everywhere),
        cmocka_unit_test(json__size_depth_and_count_have_limits),
        cmocka_unit_test(json__nested_to_death_is_refused_by_default_and_at_any_setting),
        cmocka_unit_test(json__very_many_keys_are_checked_quickly),
        cmocka_unit_test(json__tree_is_walked_in_order),
        cmocka_unit_test(json__whole_numbers_end_where_doubles_get_holes),
        cmocka_unit_test(json__written_again_is_the_same_value),
        cmocka_unit_test(json__mutated_text_is_refused_or_round_trips),
        cmocka_unit_test(json__running_out_of_memory_is_reported_at_every_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
