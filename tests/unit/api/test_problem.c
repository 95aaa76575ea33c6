/* Every status has its HTTP answer, in the shape that clients of the OpenAI API read. */
#include "problem.h"

#include "testing.h"

static void expect_written(const struct cof_problem *problem, const char *expected)
{
    struct cof_buffer out = {0};
    cof_problem_write(&out, problem);
    cof_buffer_append_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    cof_buffer_deinit(&out);
}

static void problem__has_all_four_members(void **state)
{
    struct cof_error err = {.status = COF_INVALID, .message = "'k' is \"wrong\""};
    struct cof_problem problem = cof_problem_of_error(&err);
    expect_written(&problem, "{\"error\":{\"message\":\"'k' is \\\"wrong\\\"\",\"type\":"
                             "\"invalid_request_error\",\"param\":null,\"code\":"
                             "\"invalid_request\"}}");
    problem.param = COF_TEXT("k");
    problem.code = NULL;
    expect_written(&problem, "{\"error\":{\"message\":\"'k' is \\\"wrong\\\"\",\"type\":"
                             "\"invalid_request_error\",\"param\":\"k\",\"code\":null}}");
}

static void problem__maps_every_status(void **state)
{
    static const unsigned expected[] = {
        [COF_INVALID] = 400,   [COF_NOT_FOUND] = 404, [COF_CONFLICT] = 409, [COF_DENIED] = 403,
        [COF_LIMITED] = 429,   [COF_TOO_LARGE] = 413, [COF_TIMEOUT] = 504,  [COF_CANCELED] = 499,
        [COF_NO_MEMORY] = 503, [COF_IO] = 500,        [COF_CORRUPT] = 500,  [COF_UNAVAILABLE] = 503,
        [COF_INTERNAL] = 500,
    };
    for (int status = COF_INVALID; status <= COF_INTERNAL; status++) {
        struct cof_error err = {.status = (enum cof_status)status, .message = "x"};
        struct cof_problem problem = cof_problem_of_error(&err);
        assert_int_equal(problem.http_status, expected[status]);
        assert_non_null(problem.type);
        assert_non_null(problem.code);
    }
}

static void problem__names_http_faults(void **state)
{
    struct cof_problem problem = cof_problem_of_http(415, "send JSON");
    assert_int_equal(problem.http_status, 415);
    assert_string_equal(problem.code, "unsupported_media_type");
    problem = cof_problem_of_http(400, "bad");
    assert_string_equal(problem.type, "invalid_request_error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problem__has_all_four_members),
        cmocka_unit_test(problem__maps_every_status),
        cmocka_unit_test(problem__names_http_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
