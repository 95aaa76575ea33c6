/* API keys over HTTP. */
#include <string.h>

#include "fixture.h"

static void keys__show_their_text_once(void **state)
{
    const struct response *response =
        ask(200, "POST", "/v1/keys",
            "{\"name\":\"ann\",\"roles\":[\"reader\"],\"user\":\"ann\",\"groups\":[\"hr\"]}");
    expect_last("key ann 1 ann 1");
    expect_member("object", "\"api_key\"");
    expect_member("id", "\"abcdefghijkl\"");
    expect_member("key", "\"coffer_abcdefghijkl_secret\"");
    expect_member("roles", "[\"reader\",\"writer\"]");
    expect_member("groups", "[\"hr\"]");
    expect_member("revoked_at", "null");
    response = ask(200, "GET", "/v1/keys", NULL);
    assert_null(strstr(response->body, "secret"));
    expect_member("data.0.id", "\"abcdefghijkl\"");
    response = ask(200, "GET", "/v1/keys/abcdefghijkl", NULL);
    assert_null(strstr(response->body, "secret"));
    expect_member("name", "\"ann\"");
    ask(404, "GET", "/v1/keys/none", NULL);
}

static void keys__are_checked_before_they_are_made(void **state)
{
    expect_refused("/v1/keys", "{\"roles\":[\"reader\"]}", "name");
    expect_refused("/v1/keys", "{\"name\":\"a\"}", "roles");
    expect_refused("/v1/keys", "{\"name\":\"a\",\"roles\":[]}", "roles");
    expect_refused("/v1/keys", "{\"name\":\"a\",\"roles\":[\"root\"]}", "roles");
    expect_refused("/v1/keys", "{\"name\":\"a\",\"roles\":\"reader\"}", "roles");
    expect_refused("/v1/keys", "{\"name\":\"a\",\"roles\":[\"reader\"],\"group\":[]}", "group");
    expect_refused("/v1/keys", "{\"name\":\"a\",\"roles\":[\"reader\"],\"groups\":[1]}", "groups");
}

static void keys__are_revoked(void **state)
{
    ask(200, "DELETE", "/v1/keys/abcdefghijkl", NULL);
    expect_last("revoke abcdefghijkl");
    expect_member("deleted", "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(keys__show_their_text_once),
        FIXTURE_CASE(keys__are_checked_before_they_are_made),
        FIXTURE_CASE(keys__are_revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
