/* Bulk uploads: lines in, one answer each in order, whatever happens to some of them. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

#define LINE(store, id) "{\"vector_store_id\":\"" store "\",\"id\":\"" id "\",\"text\":\"hello\"}\n"

static void send_head(int fd, size_t size)
{
    char head[512];
    (void)snprintf(
        head, sizeof(head),
        "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " FAKE_KEY
        "\r\nContent-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
        size);
    client_send(fd, head);
}

static struct response upload(const char *lines)
{
    int fd = client_connect(&the_server);
    send_head(fd, strlen(lines));
    client_send(fd, lines);
    struct response response = client_receive(fd);
    close(fd);
    return response;
}

static void expect_lines(const char *lines, const char *expected)
{
    struct response response = upload(lines);
    assert_int_equal(response.status, 200);
    assert_non_null(strstr(response.head, "Content-Type: application/x-ndjson\r\n"));
    assert_string_equal(response.body, expected);
    assert_true(response.is_whole);
    response_free(&response);
}

static void bulk__answers_every_line_in_order(void **state)
{
    expect_lines(
        LINE("a", "1") LINE("a", "same") LINE("a", "bad") LINE("a", "4"),
        "{\"id\":\"1\",\"status\":\"created\",\"chunks\":1,\"version\":1,\"error\":null,"
        "\"line\":1}\n"
        "{\"id\":\"same\",\"status\":\"unchanged\",\"chunks\":1,\"version\":1,\"error\":"
        "null,\"line\":2}\n"
        "{\"id\":\"bad\",\"status\":\"failed\",\"chunks\":0,\"version\":0,\"error\":"
        "{\"message\":\"the document is bad\",\"type\":\"invalid_request_error\",\"param\":"
        "null,\"code\":\"invalid_request\"},\"line\":3}\n"
        "{\"id\":\"4\",\"status\":\"created\",\"chunks\":1,\"version\":1,\"error\":null,"
        "\"line\":4}\n");
    assert_int_equal(fake_service_counts().documents, 4);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void bulk__lets_one_bad_line_fail_alone(void **state)
{
    char too_long[1200];
    (void)snprintf(
        too_long, sizeof(too_long),
        LINE("a", "1") "{\"vector_store_id\":\"a\",\"id\":\"long\",\"text\":\"%01000d\"}\n" LINE(
            "a", "3"),
        1);
    struct response response = upload(too_long);
    assert_int_equal(count_of(response.body, "\"created\""), 2);
    assert_non_null(strstr(response.body, "{\"id\":null,\"status\":\"failed\",\"chunks\":0,"
                                          "\"version\":0,\"error\":{\"message\":\"the line is over "
                                          "1000 bytes\""));
    assert_non_null(strstr(response.body, "\"line\":2}"));
    response_free(&response);

    response = upload(LINE("a", "1") "not json\n" LINE(
        "a", "3") "{\"id\":\"4\",\"text\":\"x\"}\n"
                  "[]\n{\"vector_store_id\":\"a\",\"id\":\"6\",\"text\":\"x\",\"alc\":{}}\n"
                  "{\"vector_store_id\":\"a\",\"id\":\"7\",\"text\":\"\xff\"}\n" LINE(
                      "missing", "8") LINE("a", "9"));
    assert_int_equal(response.status, 200);
    assert_int_equal(count_of(response.body, "\n"), 9);
    assert_int_equal(count_of(response.body, "\"created\""), 3);
    assert_non_null(strstr(response.body, "\"param\":\"vector_store_id\""));
    assert_non_null(strstr(response.body, "\"param\":\"alc\""));
    assert_non_null(strstr(response.body, "\"code\":\"not_found\"},\"line\":8}"));
    assert_non_null(strstr(response.body, "{\"id\":\"9\",\"status\":\"created\""));
    response_free(&response);
}

static void bulk__puts_documents_of_one_store_together(void **state)
{
    struct response response = upload(LINE("a", "1") LINE("b", "2") LINE("a", "3") LINE("b", "4"));
    assert_int_equal(count_of(response.body, "\"created\""), 4);
    const char *at = response.body;
    for (size_t i = 1; i <= 4; i++) {
        char part[32];
        (void)snprintf(part, sizeof(part), "{\"id\":\"%zu\"", i);
        at = strstr(at, part);
        assert_non_null(at);
    }
    assert_int_equal(fake_service_counts().puts, 2);
    assert_int_equal(fake_service_counts().largest_put, 2);
    response_free(&response);
}

static void bulk__skips_blank_lines_but_counts_them(void **state)
{
    struct response response =
        upload("\n \t\r\n"
               "{\"vector_store_id\":\"a\",\"id\":\"3\",\"text\":\"x\"}\r\n\n"
               "{\"vector_store_id\":\"a\",\"id\":\"5\",\"text\":\"x\"}");
    assert_non_null(strstr(response.body, "\"line\":3}\n"));
    assert_non_null(strstr(response.body, "\"line\":5}\n"));
    assert_int_equal(count_of(response.body, "\n"), 2);
    response_free(&response);
}

static void bulk__refuses_a_body_without_documents(void **state)
{
    struct response response = upload("\n\n\n");
    assert_int_equal(response.status, 400);
    response_free(&response);
    response = upload("");
    assert_int_equal(response.status, 400);
    response_free(&response);
}

static void bulk__stores_while_the_client_is_still_sending(void **state)
{
    char text[512];
    (void)snprintf(text, sizeof(text), LINE("a", "1") LINE("a", "2"));
    size_t half = strlen(LINE("a", "1"));
    int fd = client_connect(&the_server);
    send_head(fd, strlen(text));
    client_send_bytes(fd, text, half);
    /* the first answer comes while the second line has not been sent */
    assert_non_null(strstr(client_receive_until(fd, "\"line\":1}\n"), "HTTP/1.1 200 OK\r\n"));
    client_send(fd, text + half);
    assert_non_null(strstr(client_receive_until(fd, "0\r\n\r\n"), "\"line\":2}\n"));
    close(fd);
}

static void bulk__gathers_lines_while_a_batch_is_stored(void **state)
{
    enum { COUNT = 5000 };
    char *text = calloc(COUNT, 64);
    size_t size = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size += (size_t)snprintf(text + size, 64,
                                 "{\"vector_store_id\":\"a\",\"id\":\"%zu\",\"text\":"
                                 "\"x\"}\n",
                                 i);
    }
    int fd = client_connect(&the_server);
    send_head(fd, size);
    client_send_bytes(fd, text, size);
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 200);
    assert_int_equal(count_of(response.body, "\"created\""), COUNT);
    assert_int_equal(fake_service_counts().documents, COUNT);
    assert_true(fake_service_counts().largest_put <= 64);
    char last[32];
    (void)snprintf(last, sizeof(last), "\"line\":%d}\n", COUNT);
    assert_string_equal(response.body + response.body_size - strlen(last), last);
    response_free(&response);
    free(text);
    close(fd);
}

static void bulk__holds_a_sender_back_while_storing(void **state)
{
    enum { SIZE = 64 << 20 };
    static char filler[65536];
    fake_service_close_gate();
    memset(filler, ' ', sizeof(filler));
    int fd = client_connect(&the_server);
    send_head(fd, SIZE);
    client_send(fd, LINE("a", "1"));
    fake_service_wait_at_gate(1);
    /* Lines of 900 bytes: the server may take a batch and what the kernel holds, not all of it. */
    for (size_t i = 899; i < sizeof(filler); i += 900) {
        filler[i] = '\n';
        memcpy(filler + i - 890, "{}", 2);
    }
    size_t sent_bytes = 0;
    for (size_t i = 0; i < SIZE / sizeof(filler); i++) {
        ssize_t sent = send(fd, filler, sizeof(filler), MSG_NOSIGNAL | MSG_DONTWAIT);
        sent_bytes += sent > 0 ? (size_t)sent : 0;
        if (sent < 0) {
            break;
        }
    }
    assert_true(sent_bytes < 32 << 20);
    close(fd);
    fake_service_open_gate();
}

static void bulk__waits_for_a_client_that_does_not_read(void **state)
{
    enum { SIZE = 24 << 20 }; /* of lines that are answered by 200 bytes each */
    static char lines[3 * 20000];
    for (size_t i = 0; i < sizeof(lines); i += 3) {
        memcpy(lines + i, "{}\n", 3);
    }
    int fd = client_connect(&the_server);
    send_head(fd, SIZE);
    size_t sent_bytes = 0;
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (sent_bytes < SIZE && poll(&writable, 1, 700) == 1) {
        ssize_t sent = send(fd, lines, sizeof(lines), MSG_NOSIGNAL | MSG_DONTWAIT);
        sent_bytes += sent > 0 ? (size_t)sent : 0;
    }
    /* the kernel takes some megabytes; the rest would have been gigabytes of answers */
    assert_true(sent_bytes < 16 << 20);
    close(fd);
}

static void bulk__fails_as_a_whole_before_anything_was_answered(void **state)
{
    static const struct {
        enum cof_status status;
        int http;
    } cases[] = {{COF_DENIED, 403}, {COF_UNAVAILABLE, 503}, {COF_LIMITED, 429}};
    for (size_t i = 0; i < 3; i++) {
        fake_service_fail(cases[i].status, 1);
        struct response response = upload(LINE("a", "1"));
        assert_int_equal(response.status, cases[i].http);
        response_free(&response);
    }
}

static void bulk__waits_when_the_rate_is_used_up_in_between(void **state)
{
    char text[512];
    (void)snprintf(text, sizeof(text), LINE("a", "1") LINE("a", "2"));
    size_t half = strlen(LINE("a", "1"));
    int fd = client_connect(&the_server);
    send_head(fd, strlen(text));
    client_send_bytes(fd, text, half);
    (void)client_receive_until(fd, "\"line\":1}\n");
    fake_service_fail(COF_LIMITED, 2); /* refused twice, then let through */
    client_send(fd, text + half);
    assert_non_null(
        strstr(client_receive_until(fd, "0\r\n\r\n"), "{\"id\":\"2\",\"status\":\"created\""));
    close(fd);
}

static void bulk__answers_a_batch_that_failed_and_ends(void **state)
{
    char text[512];
    (void)snprintf(text, sizeof(text), LINE("a", "1") LINE("a", "2") LINE("a", "3"));
    size_t line = strlen(LINE("a", "1"));
    int fd = client_connect(&the_server);
    send_head(fd, strlen(text));
    client_send_bytes(fd, text, line);
    (void)client_receive_until(fd, "\"line\":1}\n");
    fake_service_fail(COF_UNAVAILABLE, 1);
    client_send_bytes(fd, text + line, line);
    const char *rest = client_receive_until(fd, "0\r\n\r\n");
    assert_non_null(strstr(rest, "{\"id\":\"2\",\"status\":\"failed\""));
    assert_non_null(strstr(rest, "\"code\":\"unavailable\""));
    close(fd);
}

static void bulk__needs_a_key_before_it_reads(void **state)
{
    int fd = client_connect(&the_server);
    client_send(fd, "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: wrong\r\n"
                    "Content-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n");
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 401);
    response_free(&response);
    close(fd);
}

static void bulk__cancels_when_the_client_leaves(void **state)
{
    fake_service_close_gate();
    int fd = client_connect(&the_server);
    send_head(fd, 1000);
    client_send(fd, LINE("a", "1"));
    fake_service_wait_at_gate(1);
    close(fd);
    fake_service_wait_canceled(1);
    assert_int_equal(fake_service_counts().documents, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(bulk__answers_every_line_in_order),
        FIXTURE_CASE(bulk__lets_one_bad_line_fail_alone),
        FIXTURE_CASE(bulk__puts_documents_of_one_store_together),
        FIXTURE_CASE(bulk__skips_blank_lines_but_counts_them),
        FIXTURE_CASE(bulk__refuses_a_body_without_documents),
        FIXTURE_CASE(bulk__stores_while_the_client_is_still_sending),
        FIXTURE_CASE(bulk__gathers_lines_while_a_batch_is_stored),
        FIXTURE_CASE(bulk__holds_a_sender_back_while_storing),
        FIXTURE_CASE(bulk__waits_for_a_client_that_does_not_read),
        FIXTURE_CASE(bulk__fails_as_a_whole_before_anything_was_answered),
        FIXTURE_CASE(bulk__waits_when_the_rate_is_used_up_in_between),
        FIXTURE_CASE(bulk__answers_a_batch_that_failed_and_ends),
        FIXTURE_CASE(bulk__needs_a_key_before_it_reads),
        FIXTURE_CASE(bulk__cancels_when_the_client_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
