/* Connections over real sockets: order, keep-alive, bodies, slow and leaving clients. */
#include "http_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_pump.h"
#include "testing.h"

static struct pump pump;

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void answer_with_target(struct pump *at, struct cof_http_exchange *exchange)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "you asked for %.*s",
                   COF_TEXT_ARG(cof_http_exchange_head(exchange)->target));
    pump_respond(exchange, text);
}

static void answer_with_body_size(struct pump *at, struct cof_http_exchange *exchange)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%zu bytes", at->body.size);
    pump_respond(exchange, text);
}

static int set_up(void **state)
{
    pump = (struct pump){.answer = answer_with_target};
    pump_open(&pump);
    return 0;
}

static int tear_down(void **state)
{
    pump_close(&pump);
    return 0;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, text);
    }
}

static void connection__answers_and_stays(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "Content-Length: 16\r\n");
    assert_has(answer, "\r\n\r\nyou asked for /1");
    pump_send(&pump, fd, GET("/2"));
    assert_has(pump_receive(&pump, fd), "you asked for /2");
    assert_false(pump_is_closed(&pump, fd));
    assert_int_equal(close(fd), 0);
    pump_run(&pump);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
    assert_int_equal(pump.left_count, 0);
}

static void connection__reads_one_byte_at_a_time(void **state)
{
    static const char request[] = "POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
                                  "hello" GET("/2");
    pump.must_read_body = true;
    int fd = pump_connect(&pump);
    for (size_t i = 0; i + 1 < sizeof(request); i++) {
        const char byte[2] = {request[i], '\0'};
        pump_send(&pump, fd, byte);
    }
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "you asked for /1");
    assert_has(answer, "you asked for /2");
    close(fd);
}

static void connection__answers_pipelined_requests_in_order(void **state)
{
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1") GET("/2") GET("/3"));
    assert_string_equal(pump.targets, "/1");
    assert_string_equal(pump_receive(&pump, fd), "");
    pump_respond(pump.open, "one");
    pump_run(&pump);
    assert_string_equal(pump.targets, "/1 /2");
    pump.answer = answer_with_target;
    pump_respond(pump.open, "two");
    const char *answer = pump_receive(&pump, fd);
    assert_string_equal(pump.targets, "/1 /2 /3");
    assert_true(strstr(answer, "one") < strstr(answer, "two"));
    assert_true(strstr(answer, "two") < strstr(answer, "you asked for /3"));
    close(fd);
}

static void connection__answers_a_thousand_pipelined_requests_without_nesting(void **state)
{
    char *requests = calloc(1000, sizeof(GET("/1")));
    for (size_t i = 0; i < 1000; i++) {
        memcpy(requests + i * (sizeof(GET("/1")) - 1), GET("/1"), sizeof(GET("/1")));
    }
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, requests);
    const char *answer = pump_receive(&pump, fd);
    size_t count = 0;
    for (const char *at = strstr(answer, "you asked"); at != NULL;
         at = strstr(at + 1, "you asked")) {
        count++;
    }
    assert_int_equal(count, 1000);
    free(requests);
    close(fd);
}

static void connection__closes_when_asked_to(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/2"));
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "Connection: close\r\n");
    assert_null(strstr(answer, "/2"));
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__speaks_http_1_0(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "GET /1 HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_has(pump_receive(&pump, fd), "you asked for /1");
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__answers_head_without_a_body(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "Content-Length: 16\r\n");
    assert_null(strstr(answer, "you asked"));
    pump_send(&pump, fd, GET("/2"));
    assert_has(pump_receive(&pump, fd), "you asked for /2");
    close(fd);
}

static void connection__reads_a_large_body(void **state)
{
    enum { SIZE = 3000000 };
    char *body = calloc(1, SIZE + 1);
    memset(body, 'x', SIZE);
    pump.must_read_body = true;
    pump.answer = answer_with_body_size;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    pump_send(&pump, fd, body);
    assert_has(pump_receive(&pump, fd), "3000000 bytes");
    free(body);
    close(fd);
}

static void connection__says_continue_only_when_the_body_is_wanted(void **state)
{
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd,
              "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_string_equal(pump_receive(&pump, fd), "");
    cof_http_exchange_receive(pump.open);
    assert_string_equal(pump_receive(&pump, fd), "HTTP/1.1 100 Continue\r\n\r\n");
    pump.answer = answer_with_body_size;
    pump_send(&pump, fd, "hello");
    assert_has(pump_receive(&pump, fd), "5 bytes");
    assert_false(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__refuses_an_expected_body_and_closes(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd,
              "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    const char *answer = pump_receive(&pump, fd);
    assert_null(strstr(answer, "100 Continue"));
    assert_has(answer, "Connection: close\r\n");
    assert_has(answer, "you asked for /1");
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__reads_nothing_that_was_not_asked_for(void **state)
{
    static char filler[65537];
    memset(filler, 'x', sizeof(filler) - 1);
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n");
    size_t sent_bytes = 0;
    for (size_t i = 0; i < 500; i++) {
        ssize_t sent = send(fd, filler, sizeof(filler) - 1, MSG_NOSIGNAL);
        sent_bytes += sent > 0 ? (size_t)sent : 0;
        pump_run(&pump);
    }
    assert_int_equal(pump.body.size, 0);
    assert_true(sent_bytes < 20000000); /* of 32 MB offered: the kernel's buffers and ours */
    pump_respond(pump.open, "too large");
    /* The client is still sending, and still gets to read why. */
    assert_has(pump_receive(&pump, fd), "too large");
    close(fd);
    pump_run(&pump);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
}

static void connection__holds_back_a_sender_while_paused(void **state)
{
    static char piece[65537];
    memset(piece, 'x', sizeof(piece) - 1);
    pump.must_read_body = true;
    pump.answer = answer_with_body_size;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 131072\r\n\r\n");
    cof_http_exchange_pause(pump.open);
    pump_send(&pump, fd, piece);
    assert_int_equal(pump.body.size, 0);
    pump_pass(&pump, 100000); /* our own pause does not make the client slow */
    pump_send(&pump, fd, piece);
    cof_http_exchange_resume(pump.open);
    assert_has(pump_receive(&pump, fd), "131072 bytes");
    close(fd);
}

static void connection__streams_in_chunks(void **state)
{
    const struct cof_http_response response = {.status = 200, .content_type = "text/event-stream"};
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    cof_http_exchange_begin(pump.open, &response);
    cof_http_exchange_write(pump.open, cof_text_bytes(COF_TEXT("hello")));
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "Transfer-Encoding: chunked\r\n");
    assert_has(answer, "\r\n\r\n5\r\nhello\r\n");
    cof_http_exchange_write(pump.open, (struct cof_bytes){0});
    assert_string_equal(pump_receive(&pump, fd), "");
    cof_http_exchange_end(pump.open);
    assert_string_equal(pump_receive(&pump, fd), "0\r\n\r\n");
    pump.answer = answer_with_target;
    pump_send(&pump, fd, GET("/2"));
    assert_has(pump_receive(&pump, fd), "you asked for /2");
    close(fd);
}

static void connection__ends_an_http_1_0_stream_by_closing(void **state)
{
    const struct cof_http_response response = {.status = 200};
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "GET /1 HTTP/1.0\r\nHost: a\r\n\r\n");
    cof_http_exchange_begin(pump.open, &response);
    cof_http_exchange_write(pump.open, cof_text_bytes(COF_TEXT("hello")));
    cof_http_exchange_end(pump.open);
    const char *answer = pump_receive(&pump, fd);
    assert_null(strstr(answer, "chunked"));
    assert_string_equal(answer + strlen(answer) - 9, "\r\n\r\nhello");
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__breaks_off_a_stream_it_cannot_finish(void **state)
{
    const struct cof_http_response response = {.status = 200};
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    cof_http_exchange_begin(pump.open, &response);
    cof_http_exchange_write(pump.open, cof_text_bytes(COF_TEXT("hello")));
    pump_run(&pump);
    cof_http_exchange_abort(pump.open);
    const char *answer = pump_receive(&pump, fd);
    assert_null(strstr(answer, "\r\n0\r\n\r\n"));
    assert_true(pump_is_closed(&pump, fd));
    assert_int_equal(pump.left_count, 0);
    close(fd);
}

static void connection__tells_the_handler_that_the_client_left(void **state)
{
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    assert_int_equal(pump.left_count, 0);
    close(fd);
    pump_run(&pump);
    assert_int_equal(pump.left_count, 1);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
}

static void connection__notices_a_client_that_leaves_inside_a_body(void **state)
{
    pump.must_read_body = true;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel");
    close(fd);
    pump_run(&pump);
    assert_int_equal(pump.left_count, 1);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
}

static void connection__finishes_an_answer_for_a_client_that_only_stopped_sending(void **state)
{
    int fd = pump_connect(&pump);
    assert_true(send(fd, GET("/1"), sizeof(GET("/1")) - 1, MSG_NOSIGNAL) > 0);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_has(pump_receive(&pump, fd), "you asked for /1");
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__explains_a_malformed_request(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/2"));
    const char *answer = pump_receive(&pump, fd);
    assert_has(answer, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(answer, "Connection: close\r\n");
    assert_has(answer, "{\"error\":{\"message\":\"");
    assert_string_equal(pump.targets, "");
    assert_int_equal(pump.fault, 400);
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

/* What libevent's own server let through (and its kin), each with a request hidden behind it. */
static void connection__lets_nothing_be_smuggled(void **state)
{
#define HEAD "POST /seen HTTP/1.1\r\nHost: a\r\n"
#define HIDDEN GET("/hidden")
    static const struct {
        const char *request;
        size_t size; /* 0 = up to the NUL */
        const char *answer;
    } cases[] = {
        {HEAD "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello" HIDDEN, 0, "400"},
        {HEAD "Content-Length : 5\r\n\r\nhello" HIDDEN, 0, "400"},
        {HEAD "Content-Length: +5\r\n\r\nhello" HIDDEN, 0, "400"},
        {HEAD "Content-Length: 5, 5\r\n\r\nhello" HIDDEN, 0, "400"},
        {HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD ": empty\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD "X-Role: admin\0x\r\n\r\n" HIDDEN, sizeof(HEAD) + 18, "400"},
        {HEAD "X: a\r\n b\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD "X: a\n\n" HIDDEN, 0, "400"},
        {"POST /seen HTTP/1.1\nHost: a\n\n" HIDDEN, 0, "400"},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n" HIDDEN, 0, "400"},
        {HEAD "Host: b\r\n\r\n" HIDDEN, 0, "400"},
        {"POST /seen HTTP/1.1\r\n\r\n" HIDDEN, 0, "400"},
        {"GET http://other/seen HTTP/1.1\r\nHost: a\r\n\r\n" HIDDEN, 0, "400"},
        {"GET /seen HTTP/1.9\r\nHost: a\r\n\r\n" HIDDEN, 0, "505"},
    };
    pump.must_read_body = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size = cases[i].size != 0 ? cases[i].size : strlen(cases[i].request);
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "HTTP/1.1 %s ", cases[i].answer);
        int fd = pump_connect(&pump);
        assert_int_equal(send(fd, cases[i].request, size, MSG_NOSIGNAL), (ssize_t)size);
        const char *answer = pump_receive(&pump, fd);
        if (strncmp(answer, expected, strlen(expected)) != 0 ||
            strstr(answer, "HTTP/1.1 200") != NULL || strstr(pump.targets, "hidden") != NULL) {
            fail_msg("%s\nwas answered by\n%s\nand asked for %s", cases[i].request, answer,
                     pump.targets);
        }
        assert_true(pump_is_closed(&pump, fd));
        close(fd);
        pump_run(&pump);
    }
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
    /* trailers are dropped, and what follows them is a request of its own */
    int fd = pump_connect(&pump);
    pump_send(&pump, fd,
              HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nHost: b\r\n\r\n" GET("/next"));
    assert_has(pump_receive(&pump, fd), "you asked for /next");
    close(fd);
#undef HEAD
#undef HIDDEN
}

static void connection__explains_a_malformed_body(void **state)
{
    pump.must_read_body = true;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd,
              "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX");
    assert_has(pump_receive(&pump, fd), "HTTP/1.1 400 Bad Request\r\n");
    assert_int_equal(pump.left_count, 1);
    close(fd);
}

static void connection__closes_a_client_that_says_nothing(void **state)
{
    int fd = pump_connect(&pump);
    pump_pass(&pump, 9000);
    assert_false(pump_is_closed(&pump, fd));
    pump_pass(&pump, 2000);
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__closes_an_idle_client_later(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    assert_has(pump_receive(&pump, fd), "200 OK");
    pump_pass(&pump, 59000);
    assert_false(pump_is_closed(&pump, fd));
    pump_pass(&pump, 2000);
    assert_true(pump_is_closed(&pump, fd));
    close(fd);
}

static void connection__refuses_a_head_that_drips(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "GET / HTTP/1.1\r\n");
    for (size_t i = 0; i < 11; i++) {
        pump_send(&pump, fd, "X: a\r\n");
        pump_pass(&pump, 1000);
    }
    assert_has(pump_receive(&pump, fd), "HTTP/1.1 408 Request Timeout\r\n");
    close(fd);
}

static void connection__refuses_a_body_that_drips(void **state)
{
    pump.must_read_body = true;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for (size_t i = 0; i < 12; i++) {
        pump_send(&pump, fd, "x");
        pump_pass(&pump, 1000);
    }
    assert_has(pump_receive(&pump, fd), "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(pump.left_count, 1);
    close(fd);
}

static void connection__bears_a_body_at_the_slowest_rate(void **state)
{
    static char second[1101];
    memset(second, 'x', sizeof(second) - 1);
    pump.must_read_body = true;
    pump.answer = answer_with_body_size;
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 33000\r\n\r\n");
    for (size_t i = 0; i < 30; i++) {
        pump_pass(&pump, 1000);
        pump_send(&pump, fd, second);
    }
    assert_has(pump_receive(&pump, fd), "33000 bytes");
    close(fd);
}

static void connection__gives_up_a_client_that_does_not_read(void **state)
{
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    int small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    pump_send(&pump, fd, GET("/1"));
    struct cof_buffer body = {0};
    assert_non_null(cof_buffer_extend(&body, 32000000));
    memset(body.data, 'x', body.size);
    const struct cof_http_response response = {.status = 200};
    cof_http_exchange_respond(pump.open, &response, &body);
    assert_null(body.data);
    pump_run(&pump);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 1);
    for (size_t i = 0; i < 62; i++) {
        pump_pass(&pump, 1000);
    }
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
    close(fd);
}

static void connection__ticks_open_exchanges(void **state)
{
    pump.answer = NULL;
    int fd = pump_connect(&pump);
    pump_pass(&pump, 250);
    assert_int_equal(pump.tick_count, 0);
    pump_send(&pump, fd, GET("/1"));
    pump_pass(&pump, 250);
    assert_int_equal(pump.tick_count, 1);
    close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(connection__answers_and_stays),
        CASE(connection__reads_one_byte_at_a_time),
        CASE(connection__answers_pipelined_requests_in_order),
        CASE(connection__answers_a_thousand_pipelined_requests_without_nesting),
        CASE(connection__closes_when_asked_to),
        CASE(connection__speaks_http_1_0),
        CASE(connection__answers_head_without_a_body),
        CASE(connection__reads_a_large_body),
        CASE(connection__says_continue_only_when_the_body_is_wanted),
        CASE(connection__refuses_an_expected_body_and_closes),
        CASE(connection__reads_nothing_that_was_not_asked_for),
        CASE(connection__holds_back_a_sender_while_paused),
        CASE(connection__streams_in_chunks),
        CASE(connection__ends_an_http_1_0_stream_by_closing),
        CASE(connection__breaks_off_a_stream_it_cannot_finish),
        CASE(connection__tells_the_handler_that_the_client_left),
        CASE(connection__notices_a_client_that_leaves_inside_a_body),
        CASE(connection__finishes_an_answer_for_a_client_that_only_stopped_sending),
        CASE(connection__explains_a_malformed_request),
        CASE(connection__lets_nothing_be_smuggled),
        CASE(connection__explains_a_malformed_body),
        CASE(connection__closes_a_client_that_says_nothing),
        CASE(connection__closes_an_idle_client_later),
        CASE(connection__refuses_a_head_that_drips),
        CASE(connection__refuses_a_body_that_drips),
        CASE(connection__bears_a_body_at_the_slowest_rate),
        CASE(connection__gives_up_a_client_that_does_not_read),
        CASE(connection__ticks_open_exchanges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
