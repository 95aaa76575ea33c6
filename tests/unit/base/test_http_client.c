/* The one door out, against a server of the test's own on loopback. */
#include <cof/base/http_client.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback_server.h"
#include "torture.h"

static struct loopback_server server;
static char base_url[64];
static struct cof_http_client *client;

static struct cof_http_client *create(const char *url, const char *token, size_t max_bytes)
{
    const struct cof_http_client_options options = {
        .base_url = url, .bearer_token = token, .max_response_bytes = max_bytes};
    struct cof_http_client *made = NULL;
    assert_int_equal(cof_http_client_create(&options, &made, NULL), COF_OK);
    return made;
}

static int start(void **state)
{
    server = (struct loopback_server){0};
    loopback_server_start(&server);
    (void)snprintf(base_url, sizeof(base_url), "http://127.0.0.1:%u", server.port);
    client = create(base_url, NULL, 0);
    return 0;
}

static int stop(void **state)
{
    cof_http_client_destroy(client); /* closes its connections, so that the server can end */
    loopback_server_stop(&server);
    return 0;
}

static enum cof_status get(const char *path, long *out_status, struct cof_buffer *out_body,
                           struct cof_error *err)
{
    return cof_http_client_send(client, "GET", path, NULL, (struct cof_bytes){0}, NULL, out_status,
                                out_body, err);
}

static void assert_failure(const char *path, enum cof_status expected)
{
    long status = -1;
    struct cof_buffer body = {0};
    struct cof_error err = {0};
    cof_buffer_append_text(&body, COF_TEXT("kept"));
    enum cof_status got = get(path, &status, &body, &err);
    if (got != expected)
        fail_msg("%s: %s instead of %s (%s)", path, cof_status_name(got), cof_status_name(expected),
                 err.message);
    assert_int_equal(err.status, expected);
    assert_int_equal(status, -1);
    assert_true(cof_text_equal(cof_buffer_text(&body), COF_TEXT("kept")));
    cof_buffer_deinit(&body);
}

static void client__fetches_a_body_over_one_kept_connection(void **state)
{
    for (int i = 0; i < 3; i++) {
        long status = 0;
        struct cof_buffer body = {0};
        assert_int_equal(get("/ok", &status, &body, NULL), COF_OK);
        assert_int_equal(status, 200);
        assert_true(cof_text_equal(cof_buffer_text(&body), COF_TEXT("hello")));
        cof_buffer_deinit(&body);
    }
    assert_int_equal(atomic_load(&server.request_count), 3);
    assert_int_equal(atomic_load(&server.connection_count), 1);
}

static void client__sends_headers_of_the_callers_with_every_request(void **state)
{
    static const char *const lines[] = {"X-Coffer-User: \u00e4nne", "X-Empty:", NULL};
    const struct cof_http_client_options options = {.base_url = base_url, .headers = lines};
    struct cof_http_client *with_headers = NULL;
    assert_int_equal(cof_http_client_create(&options, &with_headers, NULL), COF_OK);
    for (int i = 0; i < 2; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer body = {0};
        long status = 0;
        assert_int_equal(cof_http_client_send(with_headers, "POST", "/echo", NULL,
                                              (struct cof_bytes){0}, NULL, &status, &body, NULL),
                         COF_OK);
        cof_buffer_append_byte(&body, '\0');
        assert_non_null(strstr((const char *)body.data, "\r\nX-Coffer-User: \u00e4nne\r\n"));
    }
    cof_http_client_destroy(with_headers);
}

static void client__refuses_headers_that_are_none(void **state)
{
    static const char *const bad[] = {"", "X", ": x", "X Y: z", "X: a\r\nY: b", "X: \x01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const lines[] = {"A: b", bad[i], NULL};
        const struct cof_http_client_options options = {.base_url = base_url, .headers = lines};
        struct cof_http_client *made = NULL;
        assert_int_equal(cof_http_client_create(&options, &made, NULL), COF_INVALID);
        assert_null(made);
    }
}

static void client__error_pages_are_answers(void **state)
{
    long status = 0;
    struct cof_buffer body = {0};
    assert_int_equal(get("/error", &status, &body, NULL), COF_OK);
    assert_int_equal(status, 500);
    assert_true(cof_text_equal(cof_buffer_text(&body), COF_TEXT("broken")));
    assert_int_equal(get("/empty", &status, &body, NULL), COF_OK);
    assert_int_equal(status, 204);
    assert_int_equal(body.size, 6);
    cof_buffer_deinit(&body);
}

static void client__sends_exactly_the_request_it_was_given(void **state)
{
    static char large[40000];
    memset(large, 'x', sizeof(large) - 1);
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct cof_http_client *with_token = create(base_url, "secret-token", 0);
    for (size_t i = 0; i < 4; i++) {
        char line[64];
        long status = 0;
        struct cof_buffer body = {0};
        assert_int_equal(
            cof_http_client_send(with_token, methods[i], "/echo?a=b%20c", "application/json",
                                 cof_text_bytes(cof_text_from(large)), NULL, &status, &body, NULL),
            COF_OK);
        cof_buffer_append_byte(&body, '\0');
        const char *request = (const char *)body.data;
        (void)snprintf(line, sizeof(line), "%s /echo?a=b%%20c HTTP/1.1\r\n", methods[i]);
        assert_ptr_equal(strstr(request, line), request);
        assert_non_null(strstr(request, "\r\nContent-Length: 39999\r\n"));
        assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
        assert_non_null(strstr(request, "\r\nAuthorization: Bearer secret-token\r\n"));
        assert_null(strstr(request, "Expect:"));
        assert_null(strstr(request, "Accept-Encoding"));
        assert_non_null(strstr(request, large));
        cof_buffer_deinit(&body);
    }
    cof_http_client_destroy(with_token);
}

static void client__empty_requests_carry_nothing_extra(void **state)
{
    long status = 0;
    struct cof_buffer body = {0};
    assert_int_equal(get("/echo", &status, &body, NULL), COF_OK);
    cof_buffer_append_byte(&body, '\0');
    assert_null(strstr((const char *)body.data, "Content-"));
    assert_null(strstr((const char *)body.data, "Authorization"));
    cof_buffer_clear(&body);
    assert_int_equal(cof_http_client_send(client, "POST", "/echo", NULL, (struct cof_bytes){0},
                                          NULL, &status, &body, NULL),
                     COF_OK);
    cof_buffer_append_byte(&body, '\0');
    assert_non_null(strstr((const char *)body.data, "\r\nContent-Length: 0\r\n"));
    assert_null(strstr((const char *)body.data, "Content-Type"));
    cof_buffer_deinit(&body);
}

static void client__keeps_to_the_prefix_of_its_address(void **state)
{
    char url[80];
    char line[256];
    long status = 0;
    struct cof_buffer body = {0};
    (void)snprintf(url, sizeof(url), "%s/prefix//", base_url);
    struct cof_http_client *prefixed = create(url, NULL, 0);
    assert_int_equal(cof_http_client_send(prefixed, "GET", "/ok", NULL, (struct cof_bytes){0}, NULL,
                                          &status, &body, NULL),
                     COF_OK);
    loopback_server_last_line(&server, line);
    assert_string_equal(line, "GET /prefix/ok HTTP/1.1");
    cof_buffer_deinit(&body);
    cof_http_client_destroy(prefixed);
}

static void client__does_not_follow_redirects(void **state)
{
    char line[256];
    long status = 0;
    struct cof_buffer body = {0};
    assert_int_equal(get("/redirect", &status, &body, NULL), COF_OK);
    assert_int_equal(status, 302);
    assert_int_equal(atomic_load(&server.request_count), 1);
    loopback_server_last_line(&server, line);
    assert_string_equal(line, "GET /redirect HTTP/1.1");
    cof_buffer_deinit(&body);
}

static void client__ignores_proxies_of_the_environment(void **state)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
    long status = 0;
    struct cof_buffer body = {0};
    enum cof_status result = get("/ok", &status, &body, NULL);
    for (size_t i = 0; i < 4; i++)
        (void)unsetenv(names[i]);
    assert_int_equal(result, COF_OK);
    assert_int_equal(status, 200);
    cof_buffer_deinit(&body);
}

static void client__broken_answers_are_unavailable(void **state)
{
    assert_failure("/cut", COF_UNAVAILABLE);
    assert_failure("/junk", COF_UNAVAILABLE);
}

static void client__closed_port_is_unavailable_and_named(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so nobody else listens there */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    struct cof_http_client *lost = create(url, NULL, 0);
    struct cof_buffer body = {0};
    struct cof_error err = {0};
    long status = 0;
    assert_int_equal(cof_http_client_send(lost, "GET", "/", NULL, (struct cof_bytes){0}, NULL,
                                          &status, &body, &err),
                     COF_UNAVAILABLE);
    assert_non_null(strstr(err.message, url));
    cof_http_client_destroy(lost);
    (void)close(fd);
}

static void client__plain_http_behind_https_is_unavailable(void **state)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", server.port);
    struct cof_http_client *tls = create(url, NULL, 0);
    struct cof_buffer body = {0};
    long status = 0;
    assert_int_equal(cof_http_client_send(tls, "GET", "/ok", NULL, (struct cof_bytes){0}, NULL,
                                          &status, &body, NULL),
                     COF_UNAVAILABLE);
    cof_http_client_destroy(tls);
}

static void client__too_much_is_refused_announced_or_not(void **state)
{
    struct cof_http_client *narrow = create(base_url, NULL, 1000);
    static const char *const paths[] = {"/big", "/endless"};
    for (size_t i = 0; i < 2; i++) {
        struct cof_buffer body = {0};
        struct cof_error err = {0};
        long status = 0;
        assert_int_equal(cof_http_client_send(narrow, "GET", paths[i], NULL, (struct cof_bytes){0},
                                              NULL, &status, &body, &err),
                         COF_TOO_LARGE);
        assert_int_equal(body.size, 0);
        cof_buffer_deinit(&body);
    }
    cof_http_client_destroy(narrow);
}

static void client__silence_is_a_timeout(void **state)
{
    const struct cof_http_client_options options = {.base_url = base_url, .total_timeout_ms = 50};
    struct cof_http_client *hasty = NULL;
    struct cof_buffer body = {0};
    struct cof_error err = {0};
    long status = 0;
    assert_int_equal(cof_http_client_create(&options, &hasty, NULL), COF_OK);
    assert_int_equal(cof_http_client_send(hasty, "GET", "/silent", NULL, (struct cof_bytes){0},
                                          NULL, &status, &body, &err),
                     COF_TIMEOUT);
    assert_non_null(strstr(err.message, "50 ms"));
    cof_http_client_destroy(hasty);
}

static void cancel_now(void *context)
{
    cof_cancel_request(context);
}

static void pass_deadline(void *context)
{
    (void)context;
    /* nothing: the deadline has passed by itself */
}

static void client__cancel_and_deadline_stop_a_call_under_way(void **state)
{
    struct cof_cancel cancel = {0};
    struct cof_buffer body = {0};
    long status = 0;
    server.on_request = cancel_now;
    server.context = &cancel;
    assert_int_equal(cof_http_client_send(client, "GET", "/cancel", NULL, (struct cof_bytes){0},
                                          &cancel, &status, &body, NULL),
                     COF_CANCELED);
    const struct cof_clock *clock = cof_clock_system();
    struct cof_cancel deadline = {.clock = clock,
                                  .deadline_steady_ns = cof_clock_steady_ns(clock) + 30000000};
    server.on_request = pass_deadline;
    assert_int_equal(cof_http_client_send(client, "GET", "/cancel", NULL, (struct cof_bytes){0},
                                          &deadline, &status, &body, NULL),
                     COF_TIMEOUT);
    int count = atomic_load(&server.request_count);
    assert_int_equal(cof_http_client_send(client, "GET", "/ok", NULL, (struct cof_bytes){0},
                                          &cancel, &status, &body, NULL),
                     COF_CANCELED); /* canceled before: not even sent */
    assert_int_equal(atomic_load(&server.request_count), count);
}

struct stream {
    struct cof_buffer received;
    long status;
    size_t chunk_count;
    size_t max_count;
};

static bool take_chunk(void *context, struct cof_bytes chunk)
{
    struct stream *stream = context;
    assert_int_equal(stream->status, 200); /* known before the first chunk */
    cof_buffer_append(&stream->received, chunk.data, chunk.size);
    return ++stream->chunk_count < stream->max_count;
}

static void stream__hands_over_what_arrives_until_told_to_stop(void **state)
{
    struct stream whole = {.max_count = SIZE_MAX};
    struct cof_error err = {0};
    assert_int_equal(cof_http_client_stream(client, "POST", "/chunks", NULL, (struct cof_bytes){0},
                                            NULL, &whole.status, take_chunk, &whole, &err),
                     COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&whole.received), COF_TEXT("onetwothree")));
    cof_buffer_deinit(&whole.received);
    struct stream part = {.max_count = 2};
    assert_int_equal(cof_http_client_stream(client, "GET", "/endless", NULL, (struct cof_bytes){0},
                                            NULL, &part.status, take_chunk, &part, &err),
                     COF_CANCELED);
    assert_int_equal(part.chunk_count, 2);
    cof_buffer_deinit(&part.received);
    /* and the client is usable afterwards */
    struct cof_buffer body = {0};
    long status = 0;
    assert_int_equal(get("/ok", &status, &body, NULL), COF_OK);
    cof_buffer_deinit(&body);
}

static void client__refuses_requests_that_could_leave_or_split(void **state)
{
    static const char *const paths[] = {
        "",     "ok",       "//..", "/../ok", "/a/..",        "/a/./b", "/%2e%2E/x", "/.%2e",
        "/a b", "/a\r\nX:", "/a#b", "/\x7f",  "/caf\xc3\xa9", "/a\\b",  "@evil/"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_failure(paths[i], COF_INVALID);
    struct cof_buffer body = {0};
    long status = 0;
    assert_int_equal(cof_http_client_send(client, "GET /x", "/ok", NULL, (struct cof_bytes){0},
                                          NULL, &status, &body, NULL),
                     COF_INVALID);
    assert_int_equal(cof_http_client_send(client, "", "/ok", NULL, (struct cof_bytes){0}, NULL,
                                          &status, &body, NULL),
                     COF_INVALID);
    assert_int_equal(cof_http_client_send(client, "POST", "/ok", "a/b\r\nX: y",
                                          (struct cof_bytes){0}, NULL, &status, &body, NULL),
                     COF_INVALID);
    assert_int_equal(atomic_load(&server.request_count), 0);
    /* dots that are no segments, and in a query, are fine */
    assert_int_equal(get("/ok..?x=/../y", &status, &body, NULL), COF_OK);
    cof_buffer_deinit(&body);
}

static void client__refuses_addresses_that_are_not_plain_http(void **state)
{
    static const char *const urls[] = {"",
                                       "ftp://host/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http:///x",
                                       "http://user@host/",
                                       "http://u:p@host/",
                                       "http://host/?q=1",
                                       "host:80",
                                       "http://host/#fragment",
                                       "http://host:99999/",
                                       "http://ho st/",
                                       "gopher://h/",
                                       "http://host/\r\nX: y"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const struct cof_http_client_options options = {.base_url = urls[i]};
        struct cof_http_client *made = NULL;
        struct cof_error err = {0};
        if (cof_http_client_create(&options, &made, &err) != COF_INVALID || made != NULL)
            fail_msg("'%s' was taken", urls[i]);
        assert_int_equal(err.status, COF_INVALID);
    }
    static const char *const tokens[] = {"", "x y", "a\r\nX: y", "caf\xc3\xa9", "\x7f"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        const struct cof_http_client_options options = {.base_url = base_url,
                                                        .bearer_token = tokens[i]};
        struct cof_http_client *made = NULL;
        struct cof_error err = {0};
        assert_int_equal(cof_http_client_create(&options, &made, &err), COF_INVALID);
        assert_null(tokens[i][0] != '\0' ? strstr(err.message, tokens[i]) : NULL);
    }
}

static void *fetch_often(void *context)
{
    for (int i = 0; i < 20; i++) {
        struct cof_buffer body = {0};
        long status = 0;
        struct cof_http_client *own = create(context, "token", 0);
        assert_int_equal(cof_http_client_send(own, "GET", "/ok", NULL, (struct cof_bytes){0}, NULL,
                                              &status, &body, NULL),
                         COF_OK);
        cof_buffer_deinit(&body);
        cof_http_client_destroy(own);
    }
    return NULL;
}

static void client__any_threads_at_the_same_time(void **state)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_often, base_url), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&server.request_count), 60);
}

static enum cof_status make_and_fetch(void *context, struct cof_error *err)
{
    const struct cof_http_client_options options = {
        .base_url = context, .bearer_token = "t", .ca_file = "/nowhere"};
    struct cof_http_client *made = NULL;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer body = {0};
    long status = 0;
    COF_TRY(cof_http_client_create(&options, &made, err));
    enum cof_status result = cof_http_client_send(made, "GET", "/ok", NULL, (struct cof_bytes){0},
                                                  NULL, &status, &body, err);
    cof_http_client_destroy(made);
    return result;
}

static void client__running_out_of_memory_is_reported(void **state)
{
    assert_true(torture(make_and_fetch, base_url) > 4);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(client__fetches_a_body_over_one_kept_connection),
        CASE(client__sends_headers_of_the_callers_with_every_request),
        CASE(client__refuses_headers_that_are_none),
        CASE(client__error_pages_are_answers),
        CASE(client__sends_exactly_the_request_it_was_given),
        CASE(client__empty_requests_carry_nothing_extra),
        CASE(client__keeps_to_the_prefix_of_its_address),
        CASE(client__does_not_follow_redirects),
        CASE(client__ignores_proxies_of_the_environment),
        CASE(client__broken_answers_are_unavailable),
        CASE(client__closed_port_is_unavailable_and_named),
        CASE(client__plain_http_behind_https_is_unavailable),
        CASE(client__too_much_is_refused_announced_or_not),
        CASE(client__silence_is_a_timeout),
        CASE(client__cancel_and_deadline_stop_a_call_under_way),
        CASE(stream__hands_over_what_arrives_until_told_to_stop),
        CASE(client__refuses_requests_that_could_leave_or_split),
        CASE(client__refuses_addresses_that_are_not_plain_http),
        CASE(client__any_threads_at_the_same_time),
        CASE(client__running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
