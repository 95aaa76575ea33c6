/* Paths to routes, over a table of the test's own. */
#include "router.h"

#include "testing.h"

static const struct cof_route routes[] = {
    {.method = COF_HTTP_GET, .path = "/a"},
    {.method = COF_HTTP_POST, .path = "/a"},
    {.method = COF_HTTP_GET, .path = "/a/{id}"},
    {.method = COF_HTTP_DELETE, .path = "/a/{id}"},
    {.method = COF_HTTP_POST, .path = "/a/{id}/b/{other}"},
    {.method = COF_HTTP_GET, .path = "/a/fixed"},
};

static struct cof_arena arena;
static const struct cof_route *route;
static struct cof_text parameters[COF_MAX_ROUTE_PARAMETERS];
static char allow[COF_ALLOW_SIZE];

static enum cof_route_match find(enum cof_http_method method, const char *target)
{
    struct cof_http_uri uri;
    assert_int_equal(cof_http_uri_parse(cof_text_from(target), &arena, &uri, NULL), COF_OK);
    route = NULL;
    return cof_router_find(routes, sizeof(routes) / sizeof(routes[0]), method, &uri, &route,
                           parameters, allow);
}

static void router__finds_fixed_paths_and_parameters(void **state)
{
    assert_int_equal(find(COF_HTTP_POST, "/a"), COF_ROUTE_FOUND);
    assert_ptr_equal(route, &routes[1]);
    assert_int_equal(find(COF_HTTP_GET, "/a/x%20y?q=1"), COF_ROUTE_FOUND);
    assert_ptr_equal(route, &routes[2]);
    assert_true(cof_text_equal(parameters[0], COF_TEXT("x y")));
    assert_int_equal(find(COF_HTTP_POST, "/a/1/b/2"), COF_ROUTE_FOUND);
    assert_true(cof_text_equal(parameters[0], COF_TEXT("1")));
    assert_true(cof_text_equal(parameters[1], COF_TEXT("2")));
}

static void router__answers_head_with_get(void **state)
{
    assert_int_equal(find(COF_HTTP_HEAD, "/a"), COF_ROUTE_FOUND);
    assert_ptr_equal(route, &routes[0]);
    assert_int_equal(find(COF_HTTP_HEAD, "/a/1/b/2"), COF_ROUTE_NO_METHOD);
}

static void router__names_the_methods_that_there_are(void **state)
{
    assert_int_equal(find(COF_HTTP_PUT, "/a"), COF_ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_int_equal(find(COF_HTTP_OTHER, "/a/x"), COF_ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, DELETE");
    assert_null(route);
}

static void router__does_not_find_what_is_only_alike(void **state)
{
    static const char *const targets[] = {"/",     "/b",       "/A",     "/a/",        "//a",
                                          "/a/1/", "/a/1/c/2", "/a/1/b", "/a/1/b/2/3", "/a//b/2"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (find(COF_HTTP_GET, targets[i]) != COF_ROUTE_NO_PATH) {
            fail_msg("'%s' was found", targets[i]);
        }
    }
    cof_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router__finds_fixed_paths_and_parameters),
        cmocka_unit_test(router__answers_head_with_get),
        cmocka_unit_test(router__names_the_methods_that_there_are),
        cmocka_unit_test(router__does_not_find_what_is_only_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
