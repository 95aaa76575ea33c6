/* Names that may speak to the server, and names that look like them. */
#include "host_guard.h"

#include "testing.h"

static const char *const hosts[] = {"coffer.bank.example", "10.1.2.3:7700"};
static const char *const origins[] = {"https://app.bank.example"};
static const struct cof_host_guard guard = {
    .hosts = hosts, .host_count = 2, .origins = origins, .origin_count = 1};

static bool allows_host(const char *host, const char *local)
{
    return cof_host_guard_allows_host(&guard, cof_text_from(host), cof_text_from(local));
}

static bool allows_origin(const char *origin, const char *host)
{
    return cof_host_guard_allows_origin(&guard, cof_text_from(origin), cof_text_from(host));
}

static void guard__knows_loopback_and_its_list(void **state)
{
    assert_true(allows_host("localhost", ""));
    assert_true(allows_host("LOCALHOST:1234", ""));
    assert_true(allows_host("127.0.0.1:7700", ""));
    assert_true(allows_host("[::1]:7700", ""));
    assert_true(allows_host("coffer.bank.example", ""));
    assert_true(allows_host("Coffer.Bank.Example:443", ""));
    assert_true(allows_host("10.1.2.3:7700", ""));
    assert_false(allows_host("10.1.2.3:7701", ""));
}

static void guard__knows_the_address_that_was_connected_to(void **state)
{
    assert_true(allows_host("192.168.1.5:7700", "192.168.1.5"));
    assert_false(allows_host("192.168.1.6:7700", "192.168.1.5"));
    assert_true(allows_host("[2001:db8::1]:7700", "[2001:db8::1]"));
}

static void guard__refuses_names_that_only_look_like_it(void **state)
{
    static const char *const bad[] = {"",
                                      "evil.example",
                                      "localhost.evil.example",
                                      "evil-localhost",
                                      "127.0.0.1.evil.example",
                                      "xcoffer.bank.example",
                                      "coffer.bank.example.",
                                      "0.0.0.0",
                                      "localhost:99999",
                                      "localhost/x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (allows_host(bad[i], "192.168.1.5")) {
            fail_msg("'%s' was allowed", bad[i]);
        }
    }
}

static void guard__takes_its_own_origin_and_its_list(void **state)
{
    assert_true(cof_host_guard_allows_origin(&guard, (struct cof_text){0}, COF_TEXT("localhost")));
    assert_true(allows_origin("http://localhost:7700", "localhost:7700"));
    assert_true(allows_origin("https://coffer.bank.example", "coffer.bank.example"));
    assert_true(allows_origin("https://app.bank.example", "localhost"));
    static const char *const bad[] = {"null",
                                      "http://localhost",
                                      "http://localhost:7701",
                                      "ftp://localhost:7700",
                                      "https://app.bank.example.evil",
                                      "https://app.bank.example:8443",
                                      "http://app.bank.example",
                                      "https://evil.example"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (allows_origin(bad[i], "localhost:7700")) {
            fail_msg("'%s' was allowed", bad[i]);
        }
    }
    assert_false(
        cof_host_guard_allows_origin(&guard, (struct cof_text){.data = ""}, COF_TEXT("localhost")));
}

static void guard__tells_foreign_origins_from_its_own(void **state)
{
    assert_true(cof_host_guard_is_foreign(&guard, COF_TEXT("https://app.bank.example")));
    assert_false(cof_host_guard_is_foreign(&guard, COF_TEXT("http://localhost:7700")));
    assert_false(cof_host_guard_is_foreign(&guard, (struct cof_text){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard__knows_loopback_and_its_list),
        cmocka_unit_test(guard__knows_the_address_that_was_connected_to),
        cmocka_unit_test(guard__refuses_names_that_only_look_like_it),
        cmocka_unit_test(guard__takes_its_own_origin_and_its_list),
        cmocka_unit_test(guard__tells_foreign_origins_from_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
