/* Request targets: decoded once, strictly, or refused. */
#include "http_uri.h"

#include "testing.h"

static struct cof_arena arena;

static int tear_down(void **state)
{
    cof_arena_deinit(&arena);
    return 0;
}

static struct cof_http_uri parse(const char *target)
{
    struct cof_http_uri uri = {0};
    struct cof_error err = {0};
    if (cof_http_uri_parse(cof_text_from(target), &arena, &uri, &err) != COF_OK) {
        fail_msg("%s: %s", target, err.message);
    }
    return uri;
}

static void expect_refused(struct cof_text target)
{
    struct cof_http_uri uri = {0};
    struct cof_error err = {0};
    if (cof_http_uri_parse(target, &arena, &uri, &err) != COF_INVALID) {
        fail_msg("%.*s was not refused", COF_TEXT_ARG(target));
    }
    assert_int_equal(uri.segment_count, 0);
    assert_true(err.message[0] != '\0');
}

static void assert_text(struct cof_text text, const char *expected)
{
    if (!cof_text_equal(text, cof_text_from(expected))) {
        fail_msg("'%.*s' is not '%s'", COF_TEXT_ARG(text), expected);
    }
}

static void uri__splits_path_and_query(void **state)
{
    struct cof_http_uri uri = parse("/v1/vector_stores/vs_a/search?limit=3&after=x%3D1&q=a+b");
    assert_int_equal(uri.segment_count, 4);
    assert_text(uri.segments[0], "v1");
    assert_text(uri.segments[2], "vs_a");
    assert_int_equal(uri.parameter_count, 3);
    struct cof_text value = {0};
    assert_int_equal(cof_http_uri_get(&uri, "after", &value, NULL), COF_OK);
    assert_text(value, "x=1");
    assert_int_equal(cof_http_uri_get(&uri, "q", &value, NULL), COF_OK);
    assert_text(value, "a b");
}

static void uri__keeps_a_plus_in_the_path(void **state)
{
    struct cof_http_uri uri = parse("/a+b");
    assert_text(uri.segments[0], "a+b");
}

static void uri__decodes_percent_signs_once(void **state)
{
    struct cof_http_uri uri = parse("/%C3%A4%2525");
    assert_text(uri.segments[0], "\xc3\xa4%25");
}

static void uri__keeps_empty_segments_apart(void **state)
{
    assert_int_equal(parse("/").segment_count, 1);
    assert_int_equal(parse("/v1/").segment_count, 2);
    assert_int_equal(parse("//v1").segment_count, 2);
}

static void uri__refuses_what_two_readers_may_understand_differently(void **state)
{
    static const char *const targets[] = {
        "",          "v1",       "*",           "http://other/v1", "/a%00b", "/a%2fb", "/a%2Fb",
        "/a%5cb",    "/../x",    "/./x",        "/a/%2e%2e",       "/%2e/a", "/a%",    "/a%4",
        "/a%zz",     "/a%c3",    "/a%ed%a0%80", "/a%0a",           "/a%7f",  "/a#b",   "/a b",
        "/\xc3\xa4", "/a?b=%ff", "/a?b=%00",    "/a?%0d=1",
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        expect_refused(cof_text_from(targets[i]));
    }
    expect_refused((struct cof_text){.data = "/a\0b", .size = 4});
}

static void uri__limits_segments_and_parameters(void **state)
{
    parse("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
    expect_refused(cof_text_from("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"));
    char target[256] = "/?";
    size_t size = 2;
    for (size_t i = 0; i < COF_HTTP_MAX_PARAMETERS; i++) {
        target[size++] = 'a';
        target[size++] = '&';
    }
    assert_int_equal(parse(target).parameter_count, COF_HTTP_MAX_PARAMETERS);
    target[size] = 'a';
    expect_refused(cof_text_from(target));
}

static void uri__says_when_a_parameter_stands_twice(void **state)
{
    struct cof_http_uri uri = parse("/?limit=1&limit=2&order=asc");
    struct cof_text value = COF_TEXT("untouched");
    assert_int_equal(cof_http_uri_get(&uri, "limit", &value, NULL), COF_INVALID);
    assert_int_equal(cof_http_uri_get(&uri, "absent", &value, NULL), COF_OK);
    assert_text(value, "untouched");
    assert_int_equal(cof_http_uri_get(&uri, "order", &value, NULL), COF_OK);
    assert_text(value, "asc");
}

static void uri__encodes_what_decodes_to_the_same(void **state)
{
    struct cof_buffer out = {0};
    cof_buffer_append_text(&out, COF_TEXT("/"));
    cof_http_uri_encode(&out, COF_TEXT("a b/c?\xc3\xa4%&=+"));
    cof_buffer_append_byte(&out, '\0');
    struct cof_http_uri uri = {0};
    assert_int_equal(cof_http_uri_parse(COF_TEXT("/x"), &arena, &uri, NULL), COF_OK);
    cof_buffer_clear(&out);
    cof_buffer_append_text(&out, COF_TEXT("/?v="));
    cof_http_uri_encode(&out, COF_TEXT("a b/c?\xc3\xa4%&=+"));
    assert_int_equal(cof_http_uri_parse(cof_buffer_text(&out), &arena, &uri, NULL), COF_OK);
    assert_text(uri.parameters[0].value, "a b/c?\xc3\xa4%&=+");
    cof_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(uri__splits_path_and_query, tear_down),
        cmocka_unit_test_teardown(uri__keeps_a_plus_in_the_path, tear_down),
        cmocka_unit_test_teardown(uri__decodes_percent_signs_once, tear_down),
        cmocka_unit_test_teardown(uri__keeps_empty_segments_apart, tear_down),
        cmocka_unit_test_teardown(uri__refuses_what_two_readers_may_understand_differently,
                                  tear_down),
        cmocka_unit_test_teardown(uri__limits_segments_and_parameters, tear_down),
        cmocka_unit_test_teardown(uri__says_when_a_parameter_stands_twice, tear_down),
        cmocka_unit_test_teardown(uri__encodes_what_decodes_to_the_same, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
