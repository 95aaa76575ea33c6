/* The audit log over HTTP. */
#include <string.h>

#include "fixture.h"

static void audit__gives_the_checkpoint_as_it_is_signed(void **state)
{
    const struct response *response = ask(200, "GET", "/v1/audit/checkpoint", NULL);
    assert_non_null(strstr(response->head, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_string_equal(response->body, "origin\n1\nroot\n\n\xe2\x80\x94 name sig\n");
}

static void audit__lists_entries_with_their_payload(void **state)
{
    ask(200, "GET", "/v1/audit/entries?first=17&limit=5", NULL);
    expect_last("audit 17 5");
    expect_member("data.0.seq", "17");
    expect_member("data.0.time", "\"2023-11-14T22:13:20.000Z\"");
    expect_member("data.0.event", "\"search\"");
    expect_member("data.0.outcome", "\"ok\"");
    expect_member("data.0.subject", "\"ann\"");
    expect_member("data.0.query", "\"leave?\"");
    expect_member("data.0.answer", "null");
    expect_member("data.0.details", "{\"k\":10}");
    expect_member("data.0.documents", "[{\"number\":7,\"version\":3}]");
    expect_member("data.0.results", "[{\"chunk_id\":\"9\",\"score\":0.5}]");
    expect_absent("data.0.intent_seq");
    expect_member("next", "18");
    ask(200, "GET", "/v1/audit/entries", NULL);
    expect_last("audit 0 100");
    ask(400, "GET", "/v1/audit/entries?limit=1001", NULL);
    expect_member("error.param", "\"limit\"");
    ask(400, "GET", "/v1/audit/entries?first=-1", NULL);
    expect_member("error.param", "\"first\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(audit__gives_the_checkpoint_as_it_is_signed),
        FIXTURE_CASE(audit__lists_entries_with_their_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
