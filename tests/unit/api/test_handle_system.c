/* Health, facts, metrics. */
#include <string.h>

#include "fixture.h"

static void system__is_alive_and_ready(void **state)
{
    ask(200, "GET", "/livez", NULL);
    expect_member("", "{\"status\":\"ok\"}");
    ask(200, "GET", "/healthz", NULL);
    ask(200, "GET", "/readyz", NULL);
    fake_service_fail(COF_UNAVAILABLE, 1);
    ask(503, "GET", "/readyz", NULL);
    expect_member("error.message", "\"the audit log cannot be written\"");
}

static void system__tells_its_facts(void **state)
{
    ask(200, "GET", "/info", NULL);
    expect_member("name", "\"coffer\"");
    expect_member("version", "\"1.2.3\"");
    expect_member("ready", "true");
    expect_member("not_ready_because", "null");
    expect_member("embedder.model", "\"test-embedder\"");
    expect_member("embedder.dimension", "4");
    expect_member("generator.backend", "\"extractive\"");
    expect_member("limits.max_line_bytes", "1000");
    expect_member("limits.max_json_bytes", "8388608");
    expect_member("totals",
                  "{\"vector_stores\":1,\"documents\":2,\"chunks\":5,\"audit_entries\":42}");
}

static void system__shows_metrics_only_to_who_may(void **state)
{
    fake_service_fail(COF_DENIED, 1);
    ask(403, "GET", "/metrics", NULL);
    expect_member("error.type", "\"permission_error\"");
    const struct response *response = ask(200, "GET", "/metrics", NULL);
    assert_non_null(strstr(response->body, "# TYPE coffer_http_requests_total counter\n"));
    assert_non_null(strstr(response->body, "coffer_vector_stores 1\n"));
    assert_non_null(strstr(response->body, "coffer_ready 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(system__is_alive_and_ready),
        FIXTURE_CASE(system__tells_its_facts),
        FIXTURE_CASE(system__shows_metrics_only_to_who_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
