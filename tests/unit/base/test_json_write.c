/* The JSON writer: commas, nesting, escapes, and numbers that come back the same. */
#include <cof/base/json.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "torture.h"

static void assert_written(struct cof_buffer *out, const char *expected)
{
    struct cof_text text = cof_buffer_text(out);
    struct cof_json_tree *tree = NULL;
    if (!cof_text_equal(text, cof_text_from(expected)))
        fail_msg("%.*s instead of %s", COF_TEXT_ARG(text), expected);
    assert_int_equal(cof_json_parse(text, NULL, &tree, NULL), COF_OK);
    cof_json_tree_destroy(tree);
    cof_buffer_clear(out);
}

static void writer__places_commas_at_every_level(void **state)
{
    struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "text", COF_TEXT("t"));
    cof_json_member_string(&writer, "string", "s");
    cof_json_member_string(&writer, "none", NULL);
    cof_json_member_integer(&writer, "integer", INT64_MIN);
    cof_json_member_unsigned(&writer, "unsigned", UINT64_MAX);
    cof_json_member_number(&writer, "number", 0.5);
    cof_json_member_bool(&writer, "bool", true);
    cof_json_member_null(&writer, "null");
    cof_json_put_key_text(&writer, COF_TEXT("list"));
    cof_json_begin_array(&writer);
    cof_json_begin_array(&writer);
    cof_json_end_array(&writer);
    cof_json_put_integer(&writer, 1);
    cof_json_begin_object(&writer);
    cof_json_end_object(&writer);
    cof_json_put_bool(&writer, false);
    cof_json_end_array(&writer);
    cof_json_put_key(&writer, "map");
    cof_json_begin_object(&writer);
    cof_json_member_integer(&writer, "a", 1);
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
    assert_written(&out, "{\"text\":\"t\",\"string\":\"s\",\"none\":null,"
                         "\"integer\":-9223372036854775808,\"unsigned\":18446744073709551615,"
                         "\"number\":0.5,\"bool\":true,\"null\":null,\"list\":[[],1,{},false],"
                         "\"map\":{\"a\":1}}");
    cof_buffer_deinit(&out);
}

static void writer__goes_sixty_levels_deep(void **state)
{
    struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    for (int i = 0; i < 60; i++)
        cof_json_begin_array(&writer);
    cof_json_put_null(&writer);
    for (int i = 0; i < 60; i++) {
        cof_json_end_array(&writer);
        if (i < 59)
            cof_json_put_integer(&writer, 1);
    }
    const struct cof_json_limits limits = {.max_depth = 60};
    struct cof_json_tree *tree = NULL;
    assert_int_equal(cof_json_parse(cof_buffer_text(&out), &limits, &tree, NULL), COF_OK);
    assert_int_equal(cof_json_count(cof_json_root(tree)), 2);
    cof_json_tree_destroy(tree);
    cof_buffer_deinit(&out);
}

static void writer__escapes_what_json_demands(void **state)
{
    struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_put_text(&writer, COF_TEXT("\"\\/\b\f\n\r\t\x01\x1f\x7f é😀 </script>"));
    assert_written(&out, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é😀 </script>\"");
    writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_null(&writer, "a\"b");
    cof_json_end_object(&writer);
    assert_written(&out, "{\"a\\\"b\":null}");
    writer = cof_json_writer_to(&out);
    cof_json_put_text(&writer, (struct cof_text){0});
    assert_written(&out, "\"\"");
    cof_buffer_deinit(&out);
}

static void writer__bad_utf8_becomes_the_replacement_character(void **state)
{
    struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_put_text(&writer, COF_TEXT("a\xff"
                                        "b\xc3(é\xe2\x82"));
    assert_written(&out, "\"a\xef\xbf\xbd"
                         "b\xef\xbf\xbd(é\xef\xbf\xbd\xef\xbf\xbd\"");
    cof_buffer_deinit(&out);
}

static void writer__text_of_any_bytes_is_valid_json(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 5);
    for (int i = 0; i < 5000; i++) {
        char bytes[40];
        struct cof_buffer out = {0};
        struct cof_json_tree *tree = NULL;
        struct cof_json_writer writer = cof_json_writer_to(&out);
        seeded_random_fill(&random, bytes, sizeof(bytes));
        for (size_t b = 0; b < sizeof(bytes); b++) {
            if (bytes[b] == '\0') /* U+0000 is for writing only */
                bytes[b] = 'x';
        }
        cof_json_put_text(&writer, (struct cof_text){bytes, sizeof(bytes)});
        assert_int_equal(cof_json_parse(cof_buffer_text(&out), NULL, &tree, NULL), COF_OK);
        cof_json_tree_destroy(tree);
        cof_buffer_deinit(&out);
    }
}

static void writer__numbers_are_short_and_exact(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {100, "100"},
        {1e15, "1e+15"},
        {123456789.125, "123456789.125"},
        {5e-324, "5e-324"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
        {(double)-INFINITY, "null"},
    };
    struct cof_buffer out = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cof_json_writer writer = cof_json_writer_to(&out);
        cof_json_put_number(&writer, cases[i].value);
        assert_written(&out, cases[i].text);
    }
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_put_float(&writer, 0.1F);
    assert_written(&out, "0.1");
    writer = cof_json_writer_to(&out);
    cof_json_put_float(&writer, (float)NAN);
    assert_written(&out, "null");
    cof_buffer_deinit(&out);
}

static void writer__any_double_and_float_comes_back(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 6);
    struct cof_buffer out = {0};
    for (int i = 0; i < 20000; i++) {
        double wide = 0;
        float narrow = 0;
        seeded_random_fill(&random, &wide, sizeof(wide));
        seeded_random_fill(&random, &narrow, sizeof(narrow));
        if (isfinite(wide)) {
            struct cof_json_writer writer = cof_json_writer_to(&out);
            cof_json_put_number(&writer, wide);
            cof_buffer_append_byte(&out, '\0');
            assert_true(strtod((const char *)out.data, NULL) == wide);
            cof_buffer_clear(&out);
        }
        if (isfinite(narrow)) {
            struct cof_json_writer writer = cof_json_writer_to(&out);
            cof_json_put_float(&writer, narrow);
            cof_buffer_append_byte(&out, '\0');
            assert_true(strtof((const char *)out.data, NULL) == narrow);
            cof_buffer_clear(&out);
        }
    }
    cof_buffer_deinit(&out);
}

static void writer__embeds_parsed_values(void **state)
{
    struct cof_json_tree *tree = NULL;
    struct cof_buffer out = {0};
    assert_int_equal(cof_json_parse(COF_TEXT("{\"a\":[1,{}]}"), NULL, &tree, NULL), COF_OK);
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_array(&writer);
    cof_json_put_value(&writer, cof_json_root(tree));
    cof_json_put_value(&writer, cof_json_root(tree));
    cof_json_end_array(&writer);
    assert_written(&out, "[{\"a\":[1,{}]},{\"a\":[1,{}]}]");
    cof_buffer_deinit(&out);
    cof_json_tree_destroy(tree);
}

static enum cof_status write_much(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    (void)context;
    cof_json_begin_array(&writer);
    for (int i = 0; i < 200; i++) {
        cof_json_begin_object(&writer);
        cof_json_member_number(&writer, "n", i / 7.0);
        cof_json_member_string(&writer, "s", "a\nb\x01");
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    return cof_buffer_status(&out, err);
}

static void writer__running_out_of_memory_is_the_buffers_failure(void **state)
{
    assert_true(torture(write_much, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer__places_commas_at_every_level),
        cmocka_unit_test(writer__goes_sixty_levels_deep),
        cmocka_unit_test(writer__escapes_what_json_demands),
        cmocka_unit_test(writer__bad_utf8_becomes_the_replacement_character),
        cmocka_unit_test(writer__text_of_any_bytes_is_valid_json),
        cmocka_unit_test(writer__numbers_are_short_and_exact),
        cmocka_unit_test(writer__any_double_and_float_comes_back),
        cmocka_unit_test(writer__embeds_parsed_values),
        cmocka_unit_test(writer__running_out_of_memory_is_the_buffers_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
