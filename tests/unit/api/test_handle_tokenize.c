/* POST /v1/tokenize and /tokenize. */
#include "fixture.h"

static void tokenize__gives_ids_and_byte_ranges(void **state)
{
    ask(200, "POST", "/v1/tokenize", "{\"input\":[\"ab\",\"\",\"?\"]}");
    expect_member("object", "\"list\"");
    expect_member("data.0.index", "0");
    expect_member("data.0.count", "2");
    expect_member("data.0.tokens", "[97,98]");
    expect_member("data.0.byte_ranges", "[[0,1],[1,2]]");
    expect_member("data.1.tokens", "[]");
    expect_member("data.2.tokens", "[null]");
    expect_absent("data.3");
    expect_member("max_tokens", "256");
    expect_member("usage", "{\"prompt_tokens\":3,\"total_tokens\":3}");
    expect_last("tokenize 3");
    ask(200, "POST", "/v1/tokenize", "{\"input\":\"a\",\"model\":\"test-embedder\"}");
    expect_member("data.0.tokens", "[97]");
}

static void tokenize__speaks_the_shape_of_tei(void **state)
{
    ask(200, "POST", "/tokenize", "{\"inputs\":\"ab\",\"add_special_tokens\":false}");
    expect_member("0.0", "{\"id\":97,\"text\":\"a\",\"special\":false,\"start\":0,\"stop\":1}");
    expect_member("0.1.id", "98");
    expect_absent("1");
    ask(200, "POST", "/tokenize", "{\"inputs\":[\"a\",\"b\"]}");
    expect_member("1.0.id", "98");
}

static void tokenize__refuses_what_is_not_text(void **state)
{
    expect_refused("/v1/tokenize", "{}", "input");
    expect_refused("/v1/tokenize", "{\"input\":[]}", "input");
    expect_refused("/v1/tokenize", "{\"input\":[1]}", "input");
    expect_refused("/v1/tokenize", "{\"input\":{}}", "input");
    expect_refused("/v1/tokenize", "{\"input\":\"a\",\"model\":7}", "model");
    expect_refused("/tokenize", "{\"input\":\"a\"}", "inputs");
    ask(404, "POST", "/v1/tokenize", "{\"input\":\"a\",\"model\":\"other\"}");
    expect_member("error.code", "\"model_not_found\"");
    fake_service_fail(COF_TOO_LARGE, 1);
    ask(413, "POST", "/v1/tokenize", "{\"input\":\"a\"}");
    expect_member("error.param", "\"input\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(tokenize__gives_ids_and_byte_ranges),
        FIXTURE_CASE(tokenize__speaks_the_shape_of_tei),
        FIXTURE_CASE(tokenize__refuses_what_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
