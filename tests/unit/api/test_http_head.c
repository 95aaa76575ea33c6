/* The strict checks of a head, one rule at a time. */
#include "http_head.h"

#include <string.h>

#include "testing.h"

struct field {
    const char *name;
    const char *value;
};

/* Runs the check over POST /v1/x with these fields (NULL-terminated); 0 = it passed. */
static unsigned check(const struct field *fields, struct cof_http_head *out_head)
{
    static struct cof_http_field views[16];
    size_t count = 0;
    for (; fields[count].name != NULL; count++) {
        views[count] = (struct cof_http_field){.name = cof_text_from(fields[count].name),
                                               .value = cof_text_from(fields[count].value)};
    }
    *out_head = (struct cof_http_head){
        .method = COF_HTTP_POST,
        .major_version = 1,
        .minor_version = 1,
        .target = COF_TEXT("/v1/x"),
        .fields = views,
        .field_count = count,
    };
    struct cof_http_fault fault = {0};
    bool is_good = cof_http_head_check(out_head, &fault);
    assert_true(is_good == (fault.status == 0));
    assert_true(is_good || fault.message != NULL);
    return fault.status;
}

static void head__needs_exactly_one_host(void **state)
{
    struct cof_http_head head;
    const struct field none[] = {{"accept", "*/*"}, {NULL, NULL}};
    const struct field one[] = {{"Host", "localhost:7700"}, {NULL, NULL}};
    const struct field two[] = {{"Host", "a"}, {"hOST", "a"}, {NULL, NULL}};
    assert_int_equal(check(none, &head), 400);
    assert_int_equal(check(one, &head), 0);
    assert_int_equal(check(two, &head), 400);
}

static void head__refuses_a_host_that_is_none(void **state)
{
    static const char *const hosts[] = {"",        "a b",   "a/b",  "user@host", "a:",   "a:b",
                                        "a:99999", "a:1:2", "[::1", "::1",       "[zz]", "a,b",
                                        "[]",      ":80",   "a:-1", "[::1]x"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct cof_http_head head;
        const struct field fields[] = {{"Host", hosts[i]}, {NULL, NULL}};
        if (check(fields, &head) != 400) {
            fail_msg("Host '%s' was not refused", hosts[i]);
        }
    }
}

static void head__takes_hosts_with_and_without_port(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1:80",    "[::1]:7700",
                                        "[::1]",     "a-b.example.org", "a_b"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct cof_http_head head;
        const struct field fields[] = {{"Host", hosts[i]}, {NULL, NULL}};
        assert_int_equal(check(fields, &head), 0);
    }
}

static void head__takes_no_transfer_coding_but_chunked(void **state)
{
    static const char *const codings[] = {
        "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;q=1", "", "gzip"};
    struct cof_http_head head;
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        const struct field fields[] = {
            {"Host", "a"}, {"Transfer-Encoding", codings[i]}, {NULL, NULL}};
        if (check(fields, &head) != 400) {
            fail_msg("Transfer-Encoding '%s' was not refused", codings[i]);
        }
    }
    const struct field good[] = {{"Host", "a"}, {"Transfer-Encoding", "Chunked"}, {NULL, NULL}};
    assert_int_equal(check(good, &head), 0);
    assert_true(head.has_body && head.is_chunked);
    const struct field twice[] = {{"Host", "a"},
                                  {"Transfer-Encoding", "chunked"},
                                  {"Transfer-Encoding", "chunked"},
                                  {NULL, NULL}};
    assert_int_equal(check(twice, &head), 400);
}

static void head__takes_a_length_or_a_coding_never_both(void **state)
{
    struct cof_http_head head;
    const struct field both[] = {
        {"Host", "a"}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}, {NULL, NULL}};
    assert_int_equal(check(both, &head), 400);
    const struct field twice[] = {
        {"Host", "a"}, {"Content-Length", "5"}, {"Content-Length", "5"}, {NULL, NULL}};
    assert_int_equal(check(twice, &head), 400);
}

static void head__takes_only_decimal_lengths(void **state)
{
    static const char *const lengths[] = {"+5", "-1",  "0x5", "5, 5",
                                          "",   "5 5", "5.",  "18446744073709551616"};
    struct cof_http_head head;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct field fields[] = {{"Host", "a"}, {"Content-Length", lengths[i]}, {NULL, NULL}};
        if (check(fields, &head) != 400) {
            fail_msg("Content-Length '%s' was not refused", lengths[i]);
        }
    }
    const struct field zero[] = {{"Host", "a"}, {"Content-Length", "0"}, {NULL, NULL}};
    assert_int_equal(check(zero, &head), 0);
    assert_false(head.has_body);
    const struct field five[] = {{"Host", "a"}, {"Content-Length", "5"}, {NULL, NULL}};
    assert_int_equal(check(five, &head), 0);
    assert_true(head.has_body);
    assert_int_equal(head.content_length, 5);
}

static void head__refuses_two_credentials(void **state)
{
    struct cof_http_head head;
    const struct field twice[] = {
        {"Host", "a"}, {"Authorization", "Bearer a"}, {"authorization", "Bearer b"}, {NULL, NULL}};
    assert_int_equal(check(twice, &head), 400);
}

static void head__refuses_bad_names_and_values(void **state)
{
    struct cof_http_head head;
    const struct field empty[] = {{"Host", "a"}, {"", "x"}, {NULL, NULL}};
    const struct field space[] = {{"Host", "a"}, {"Content-Length ", "5"}, {NULL, NULL}};
    const struct field control[] = {{"Host", "a"}, {"X", "a\x01"}, {NULL, NULL}};
    assert_int_equal(check(empty, &head), 400);
    assert_int_equal(check(space, &head), 400);
    assert_int_equal(check(control, &head), 400);
}

static void head__knows_one_expectation(void **state)
{
    struct cof_http_head head;
    const struct field other[] = {
        {"Host", "a"}, {"Content-Length", "5"}, {"Expect", "x"}, {NULL, NULL}};
    assert_int_equal(check(other, &head), 417);
    const struct field good[] = {
        {"Host", "a"}, {"Content-Length", "5"}, {"Expect", "100-Continue"}, {NULL, NULL}};
    assert_int_equal(check(good, &head), 0);
    assert_true(head.expects_continue);
}

static void head__ends_the_connection_when_the_client_says_so(void **state)
{
    struct cof_http_head head;
    const struct field stay[] = {{"Host", "a"}, {"Connection", "keep-alive"}, {NULL, NULL}};
    assert_int_equal(check(stay, &head), 0);
    assert_true(head.is_persistent);
    const struct field go[] = {{"Host", "a"}, {"Connection", "foo , CLOSE"}, {NULL, NULL}};
    assert_int_equal(check(go, &head), 0);
    assert_false(head.is_persistent);
}

static void head__speaks_http_1_0_without_keep_alive(void **state)
{
    struct cof_http_field host = {.name = COF_TEXT("Host"), .value = COF_TEXT("a")};
    struct cof_http_head head = {.major_version = 1,
                                 .minor_version = 0,
                                 .target = COF_TEXT("/"),
                                 .fields = &host,
                                 .field_count = 1};
    struct cof_http_fault fault = {0};
    assert_true(cof_http_head_check(&head, &fault));
    assert_false(head.is_persistent);
    static const unsigned versions[][2] = {{0, 9}, {1, 9}, {2, 0}, {1, 2}};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        head.major_version = versions[i][0];
        head.minor_version = versions[i][1];
        assert_false(cof_http_head_check(&head, &fault));
        assert_int_equal(fault.status, 505);
    }
}

static void head__tells_absent_from_empty(void **state)
{
    struct cof_http_head head;
    const struct field fields[] = {{"Host", "a"}, {"X-Empty", ""}, {NULL, NULL}};
    assert_int_equal(check(fields, &head), 0);
    assert_non_null(cof_http_head_find(&head, "x-empty").data);
    assert_null(cof_http_head_find(&head, "x-absent").data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head__needs_exactly_one_host),
        cmocka_unit_test(head__refuses_a_host_that_is_none),
        cmocka_unit_test(head__takes_hosts_with_and_without_port),
        cmocka_unit_test(head__takes_no_transfer_coding_but_chunked),
        cmocka_unit_test(head__takes_a_length_or_a_coding_never_both),
        cmocka_unit_test(head__takes_only_decimal_lengths),
        cmocka_unit_test(head__refuses_two_credentials),
        cmocka_unit_test(head__refuses_bad_names_and_values),
        cmocka_unit_test(head__knows_one_expectation),
        cmocka_unit_test(head__ends_the_connection_when_the_client_says_so),
        cmocka_unit_test(head__speaks_http_1_0_without_keep_alive),
        cmocka_unit_test(head__tells_absent_from_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
