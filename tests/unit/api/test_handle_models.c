/* GET /v1/models. */
#include "fixture.h"

static void models__are_listed_with_their_kind(void **state)
{
    ask(200, "GET", "/v1/models", NULL);
    expect_member("object", "\"list\"");
    expect_member("data.0.id", "\"test-embedder\"");
    expect_member("data.0.object", "\"model\"");
    expect_member("data.0.kind", "\"embedding\"");
    expect_member("data.0.dimension", "4");
    expect_member("data.1.kind", "\"chat\"");
    expect_absent("data.1.dimension");
    expect_member("data.1.owned_by", "\"coffer\"");
}

static void models__are_found_by_id(void **state)
{
    ask(200, "GET", "/v1/models/test-generator", NULL);
    expect_member("id", "\"test-generator\"");
    ask(404, "GET", "/v1/models/gpt-4o", NULL);
    expect_member("error.code", "\"model_not_found\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(models__are_listed_with_their_kind),
        FIXTURE_CASE(models__are_found_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
