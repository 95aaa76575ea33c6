/* The whole server over real sockets, with a service that the test controls: who may speak, queues,
 * cancellation, stopping. */
#include <cof/api/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cof/base/alloc.h>

#include "client.h"
#include "fake_service.h"
#include "testing.h"

#define AUTH "Authorization: Bearer " FAKE_KEY "\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n"
#define EMBED_BODY "{\"input\":\"hello\"}"
#define EMBED                                                                                      \
    "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH                                     \
    "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n" EMBED_BODY
#define CHAT_BODY "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct running_server running;
static struct cof_server_options options;
static struct cof_metrics *metrics;

static int set_up(void **state)
{
    static const char *const hosts[] = {"coffer.example"};
    static const char *const origins[] = {"https://app.example"};
    fake_service_reset();
    assert_int_equal(cof_metrics_create(&metrics, NULL), COF_OK);
    running = (struct running_server){0};
    options = (struct cof_server_options){
        .allowed_hosts = hosts,
        .allowed_host_count = 1,
        .allowed_origins = origins,
        .allowed_origin_count = 1,
        .worker_count = 2,
        .max_queue_count = 2,
        .max_generate_queue_count = 1,
        .max_json_bytes = 200000,
        .max_bulk_bytes = 4000000,
        .max_line_bytes = 100000,
        .version = "1.2.3",
        .service = fake_service(),
        .metrics = metrics,
    };
    server_start(&running, &options);
    return 0;
}

static int tear_down(void **state)
{
    fake_service_open_gate();
    if (running.server != NULL) {
        server_end(&running);
    }
    cof_metrics_destroy(metrics);
    return 0;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, text);
    }
}

/* Sends raw bytes on a connection of their own and checks the status. */
static struct response ask_raw(const char *request)
{
    int fd = client_connect(&running);
    client_send(fd, request);
    struct response response = client_receive(fd);
    close(fd);
    return response;
}

static void expect_status(const char *request, int status)
{
    struct response response = ask_raw(request);
    if (response.status != status) {
        fail_msg("%d instead of %d for:\n%s\n%s%s", response.status, status, request, response.head,
                 response.body);
    }
    if (status >= 400) {
        assert_has(response.head, "Content-Type: application/json\r\n");
        assert_has(response.body, "{\"error\":{\"message\":\"");
    }
    response_free(&response);
}

/* ---- Who may speak ---- */

static void server__needs_a_key_everywhere_but_for_health(void **state)
{
    static const char *const open[] = {"/livez", "/readyz", "/healthz"};
    const struct cof_route_info *routes = NULL;
    size_t count = cof_server_routes(&routes);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        char request[512];
        bool is_open = false;
        for (size_t j = 0; j < 3; j++) {
            is_open = is_open || strcmp(routes[i].path, open[j]) == 0;
        }
        bool has_body = strcmp(routes[i].method, "POST") == 0;
        (void)snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s",
                       routes[i].method,
                       strcmp(routes[i].path, "/v1/models/{model}") == 0 ? "/v1/models/x"
                                                                         : routes[i].path,
                       has_body ? "Content-Type: application/json\r\nContent-Length: 2\r\n" : "",
                       has_body ? "{}" : "");
        struct response response = ask_raw(request);
        if (response.status != (is_open ? 200 : 401)) {
            fail_msg("%s %s: %d", routes[i].method, routes[i].path, response.status);
        }
        if (!is_open) {
            assert_has(response.head, "WWW-Authenticate: Bearer\r\n");
            assert_has(response.body, "\"code\":\"invalid_api_key\"");
            assert_has(response.body, "Authorization: Bearer");
        }
        response_free(&response);
    }
}

static void server__takes_the_key_in_three_headers(void **state)
{
    expect_status("GET /v1/models HTTP/1.1\r\nHost: a.localhost\r\n\r\n", 421);
    expect_status(GET("/v1/models"), 200);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nauthorization: bearer  " FAKE_KEY
                  "\r\n\r\n",
                  200);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\napi-key: " FAKE_KEY "\r\n\r\n",
                  200);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: " FAKE_KEY "\r\n\r\n",
                  200);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: wrong\r\n\r\n", 401);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " FAKE_KEY
                  "\r\n\r\n",
                  401);
    expect_status("GET /v1/models?api_key=" FAKE_KEY " HTTP/1.1\r\nHost: localhost\r\n\r\n", 401);
}

static void server__hands_on_for_whom_the_caller_asks(void **state)
{
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH "X-Coffer-User:  " FAKE_USER
                  " \r\nx-coffer-groups: " FAKE_GROUPS "\r\n\r\n",
                  200);
    assert_int_equal(fake_service_counts().acted, 1);
    expect_status(
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH "X-Coffer-User: bert\r\n\r\n", 403);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH
                  "X-Coffer-Groups: staff\r\n\r\n",
                  400);
    expect_status("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH
                  "X-Coffer-User: anna\r\nX-Coffer-User: bert\r\n\r\n",
                  400);
    assert_int_equal(fake_service_counts().acted, 1);
}

static void server__answers_for_its_own_hosts_only(void **state)
{
    expect_status("GET /livez HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", 200);
    expect_status("GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n", 200);
    expect_status("GET /livez HTTP/1.1\r\nHost: Coffer.Example:443\r\n\r\n", 200);
    expect_status("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421);
    expect_status("GET /livez HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421);
    expect_status("GET /livez HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 421);
}

static void server__answers_to_its_own_origins_only(void **state)
{
#define FROM(origin) "GET /livez HTTP/1.1\r\nHost: localhost:7700\r\nOrigin: " origin "\r\n\r\n"
    expect_status(FROM("http://localhost:7700"), 200);
    expect_status(FROM("https://localhost:7700"), 200);
    expect_status(FROM("https://app.example"), 200);
    expect_status(FROM("https://evil.example"), 403);
    expect_status(FROM("http://localhost:8080"), 403);
    expect_status(FROM("null"), 403);
    expect_status(FROM(""), 403);
    expect_status(FROM("https://app.example.evil"), 403);
#undef FROM
}

static void server__speaks_cors_to_an_allowed_origin_alone(void **state)
{
    struct response response =
        ask_raw("OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                "Access-Control-Request-Method: GET\r\n\r\n");
    assert_int_equal(response.status, 204);
    assert_has(response.head, "Access-Control-Allow-Origin: https://app.example\r\n");
    assert_has(response.head, "Access-Control-Allow-Methods: GET, HEAD\r\n");
    response_free(&response);
    response =
        ask_raw("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n" AUTH
                "\r\n");
    assert_has(response.head, "Access-Control-Allow-Origin: https://app.example\r\n");
    response_free(&response);
    response = ask_raw(GET("/v1/models"));
    assert_null(strstr(response.head, "Access-Control"));
    response_free(&response);
    expect_status("OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", 405);
}

/* ---- What is asked ---- */

static void server__tells_unknown_paths_from_unknown_methods(void **state)
{
    expect_status(GET("/"), 404);
    expect_status(GET("/v1/nothing"), 404);
    expect_status(GET("/v1/models/"), 404);
    expect_status(GET("//v1/models"), 404);
    expect_status(GET("/V1/models"), 404);
    struct response response = ask_raw("PUT /v1/vector_stores HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(response.status, 405);
    assert_has(response.head, "Allow: POST, GET, HEAD\r\n");
    response_free(&response);
    expect_status(GET("/v1/models/%2e%2e"), 400);
    expect_status(GET("/v1/models/a%2fb"), 400);
    expect_status(GET("/v1/models/a%00"), 400);
}

static void server__takes_bodies_of_known_types_only(void **state)
{
#define POST(path, headers, length, body)                                                          \
    "POST " path " HTTP/1.1\r\nHost: localhost\r\n" AUTH headers "Content-Length: " length         \
    "\r\n\r\n" body
    expect_status(POST("/v1/embeddings", "", "17", EMBED_BODY), 415);
    expect_status(POST("/v1/embeddings", "Content-Type: text/plain\r\n", "17", EMBED_BODY), 415);
    expect_status(POST("/v1/embeddings", "Content-Type: application/x-www-form-urlencoded\r\n",
                       "17", EMBED_BODY),
                  415);
    expect_status(
        POST("/v1/embeddings", "Content-Type: application/x-ndjson\r\n", "17", EMBED_BODY), 415);
    expect_status(POST("/v1/embeddings",
                       "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "17",
                       EMBED_BODY),
                  415);
    expect_status(POST("/v1/embeddings", "Content-Type: Application/JSON; charset=utf-8\r\n", "17",
                       EMBED_BODY),
                  200);
    expect_status(POST("/v1/embeddings", "Content-Type: application/json\r\n", "0", ""), 400);
    expect_status(
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH "Content-Length: 2\r\n\r\n{}", 400);
    struct response response = ask_raw(
        POST("/v1/documents", "Content-Type: application/x-www-form-urlencoded\r\n", "2", "{}"));
    assert_int_equal(response.status, 415);
    assert_has(response.body, "application/x-ndjson");
    response_free(&response);
}

static void server__refuses_json_that_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"input\":\"x\"} trailing",
        "{\"input\":\"x\",\"input\":\"y\"}",
        "{\"input\":\"\\u0000\"}",
        "{\"input\":\"\\ud800\"}",
        "{\"input\":\"\xff\"}",
        "{\"input\":1e999}",
        "{'input':'x'}",
        "{\"input\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
        "]]]]]]]]]]]]"
        "}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct response response = client_ask(&running, "POST", "/v1/embeddings", bodies[i]);
        if (response.status != 400) {
            fail_msg("%d for %s", response.status, bodies[i]);
        }
        assert_has(response.body, "\"type\":\"invalid_request_error\"");
        response_free(&response);
    }
}

static void server__names_the_request_and_its_record(void **state)
{
    struct response response = ask_raw(GET("/v1/models"));
    assert_has(response.head, "X-Request-Id: 0");
    assert_has(response.head, "X-Coffer-Audit: ");
    assert_has(response.head, "Cache-Control: no-store\r\n");
    response_free(&response);
}

static void server__answers_head_like_get_without_a_body(void **state)
{
    int fd = client_connect(&running);
    client_send(fd, "HEAD /v1/models HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n" GET("/livez"));
    const char *text = client_receive_until(fd, "\"ok\"");
    assert_has(text, "HTTP/1.1 200 OK\r\n");
    assert_null(strstr(text, "test-embedder"));
    close(fd);
}

/* ---- Bodies ---- */

static void server__refuses_a_gigabyte_before_reading_it(void **state)
{
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n{");
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 413);
    assert_has(response.head, "Connection: close\r\n");
    response_free(&response);
    close(fd);
    fd = client_connect(&running);
    client_send(fd, "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/x-ndjson\r\nContent-Length: 1073741824\r\n\r\n{");
    response = client_receive(fd);
    assert_int_equal(response.status, 413);
    response_free(&response);
    close(fd);
}

static void server__refuses_chunks_over_the_limit(void **state)
{
    static char chunk[65536 + 16];
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    int size = snprintf(chunk, sizeof(chunk), "10000\r\n");
    memset(chunk + size, 'x', 65536);
    memcpy(chunk + size + 65536, "\r\n", 2);
    for (size_t i = 0; i < 4; i++) {
        client_send_bytes(fd, chunk, (size_t)size + 65538);
    }
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 413);
    response_free(&response);
    close(fd);
}

static void server__knows_the_caller_before_it_takes_much(void **state)
{
    /* No 100 Continue for a stranger, and none of his body read. */
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: wrong\r\n"
                    "Content-Type: application/json\r\nContent-Length: 17\r\n"
                    "Expect: 100-continue\r\n\r\n");
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 401);
    assert_has(response.head, "Connection: close\r\n");
    response_free(&response);
    close(fd);
    fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: wrong\r\n"
                    "Content-Type: application/json\r\nContent-Length: 150000\r\n\r\n");
    response = client_receive(fd);
    assert_int_equal(response.status, 401);
    response_free(&response);
    close(fd);
}

static void server__says_continue_to_who_may(void **state)
{
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/json\r\nContent-Length: 17\r\n"
                    "Expect: 100-continue\r\n\r\n");
    assert_string_equal(client_receive_until(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(fd, EMBED_BODY);
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 200);
    response_free(&response);
    close(fd);
}

static void server__reads_a_large_body_in_chunks(void **state)
{
    char *body = malloc(150100);
    size_t size = (size_t)snprintf(body, 150100, "{\"truncate\":true,\"input\":\"");
    memset(body + size, 'x', 150000);
    memcpy(body + size + 150000, "\"}", 3);
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t done = 0; done < size + 150002; done += 10000) {
        size_t left = size + 150002 - done;
        char head[16];
        (void)snprintf(head, sizeof(head), "%zx\r\n", left < 10000 ? left : 10000);
        client_send(fd, head);
        client_send_bytes(fd, body + done, left < 10000 ? left : 10000);
        client_send(fd, "\r\n");
    }
    client_send(fd, "0\r\n\r\n");
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 200);
    assert_has(response.body, "[150000,");
    response_free(&response);
    free(body);
    close(fd);
}

/* Every kind of request that is answered, byte by byte. */
static void server__reads_every_kind_of_request_one_byte_at_a_time(void **state)
{
    static const char *const requests[] = {
        GET("/v1/models"),
        "\r\n" GET("/info"),
        "DELETE /v1/documents/a%20b?vector_store_id=x HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n",
        EMBED,
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "7\r\n{\"input\r\nA\r\n\":\"hello\"}\r\n0\r\n\r\n",
        "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/x-ndjson\r\nContent-Length: 98\r\n\r\n"
        "{\"vector_store_id\":\"a\",\"id\":\"1\",\"text\":\"x\"}\n"
        "{\"vector_store_id\":\"a\",\"id\":\"2\",\"text\":\"\\u00e4 y\"}\n\n\n\n",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/json\r\nContent-Length: 59\r\n\r\n" CHAT_BODY,
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct response whole = ask_raw(requests[i]);
        assert_int_equal(whole.status, 200);
        int fd = client_connect(&running);
        for (const char *at = requests[i]; *at != '\0'; at++) {
            client_send_bytes(fd, at, 1);
        }
        struct response dripped = client_receive(fd);
        assert_int_equal(dripped.status, 200);
        assert_true(dripped.is_whole);
        assert_int_equal(strchr(dripped.body, '{') != NULL, strchr(whole.body, '{') != NULL);
        response_free(&whole);
        response_free(&dripped);
        close(fd);
    }
}

static void server__answers_a_pipeline_in_order(void **state)
{
    int fd = client_connect(&running);
    client_send(fd,
                EMBED GET("/v1/models/test-embedder") EMBED GET("/v1/models/none") GET("/livez"));
    static const int statuses[] = {200, 200, 200, 404, 200};
    static const char *const parts[] = {"embedding", "\"kind\":\"embedding\"", "[5,",
                                        "model_not_found", "\"ok\""};
    for (size_t i = 0; i < 5; i++) {
        struct response response = client_receive(fd);
        assert_int_equal(response.status, statuses[i]);
        assert_has(response.body, parts[i]);
        response_free(&response);
    }
    close(fd);
}

/* ---- Queues, cancellation, stopping ---- */

static void server__says_429_when_the_queue_is_full(void **state)
{
    enum { BUSY = 4 }; /* two workers, two places */
    int fds[BUSY];
    fake_service_close_gate();
    for (size_t i = 0; i < BUSY; i++) {
        fds[i] = client_connect(&running);
        client_send(fds[i], EMBED);
        if (i < 2) {
            fake_service_wait_at_gate(i + 1);
        }
    }
    /* The queue fills as the loop gets to it: ask until it says so. */
    struct response response = {0};
    do {
        response_free(&response);
        response = ask_raw(EMBED);
    } while (response.status == 0);
    assert_int_equal(response.status, 429);
    assert_has(response.head, "Retry-After: 1\r\n");
    assert_has(response.body, "rate_limit_error");
    response_free(&response);
    expect_status(GET("/livez"), 200); /* the loop itself is never busy */
    fake_service_open_gate();
    for (size_t i = 0; i < BUSY; i++) {
        response = client_receive(fds[i]);
        assert_int_equal(response.status, 200);
        response_free(&response);
        close(fds[i]);
    }
}

static void server__does_not_let_an_answer_delay_a_search(void **state)
{
    fake_service_close_gate();
    int chat = client_connect(&running);
    client_send(chat, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" AUTH
                      "Content-Type: application/json\r\nContent-Length: 59\r\n\r\n" CHAT_BODY);
    fake_service_wait_at_gate(1);
    expect_status(GET("/v1/models"), 200);
    fake_service_open_gate();
    struct response response = client_receive(chat);
    assert_int_equal(response.status, 200);
    response_free(&response);
    close(chat);
}

static void server__cancels_the_job_of_a_client_that_left(void **state)
{
    fake_service_close_gate();
    int fd = client_connect(&running);
    client_send(fd, EMBED);
    fake_service_wait_at_gate(1);
    close(fd);
    fake_service_wait_canceled(1);
    assert_int_equal(fake_service_counts().embedded, 0);
    fake_service_open_gate();
    expect_status(EMBED, 200);
}

static void server__cancels_the_stream_of_a_client_that_left(void **state)
{
    fake_service_close_gate();
    int fd = client_connect(&running);
    client_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" AUTH
                    "Content-Type: application/json\r\nContent-Length: 59\r\n\r\n" CHAT_BODY);
    assert_has(client_receive_until(fd, "\"delta\":{\"content\""), "text/event-stream");
    close(fd);
    fake_service_wait_canceled(1);
}

static void server__finishes_what_is_in_flight_when_stopped(void **state)
{
    fake_service_close_gate();
    int fd = client_connect(&running);
    int idle = client_connect(&running);
    client_send(idle, GET("/livez"));
    struct response response = client_receive(idle);
    response_free(&response);
    client_send(fd, EMBED GET("/livez"));
    fake_service_wait_at_gate(1);
    cof_server_stop(running.server);
    char byte;
    assert_int_equal(recv(idle, &byte, 1, 0), 0); /* idle connections are closed at once */
    fake_service_open_gate();
    response = client_receive(fd);
    assert_int_equal(response.status, 200);
    assert_has(response.head, "Connection: close\r\n");
    response_free(&response);
    response = client_receive(fd); /* the next in the pipeline is not begun */
    assert_int_equal(response.status, 0);
    response_free(&response);
    close(fd);
    close(idle);
    server_end(&running);
}

static void server__cancels_what_does_not_finish_in_time(void **state)
{
    server_end(&running);
    running.drain_ms = 1;
    server_start(&running, &options);
    fake_service_close_gate();
    int fd = client_connect(&running);
    int chat = client_connect(&running);
    client_send(fd, EMBED);
    client_send(chat, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" AUTH
                      "Content-Type: application/json\r\nContent-Length: 59\r\n\r\n" CHAT_BODY);
    fake_service_wait_at_gate(2);
    cof_server_stop(running.server);
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 503);
    assert_has(response.body, "shutting down");
    response_free(&response);
    response = client_receive(chat); /* the stream ends with an event that says so */
    assert_int_equal(response.status, 200);
    assert_has(response.body, "data: {\"error\":{");
    assert_null(strstr(response.body, "[DONE]"));
    response_free(&response);
    close(fd);
    close(chat);
    server_end(&running);
    assert_int_equal(fake_service_counts().canceled, 2);
}

static void server__can_be_stopped_before_it_runs(void **state)
{
    server_end(&running);
    struct cof_server *server = NULL;
    assert_int_equal(cof_server_open(&options, &server, NULL), COF_OK);
    cof_server_stop(server);
    assert_int_equal(cof_server_run(server, 1000, NULL), COF_OK);
    cof_server_close(server);
    assert_int_equal(cof_server_open(&options, &server, NULL), COF_OK);
    cof_server_close(server);
    cof_server_close(NULL);
}

static void server__says_504_when_the_deadline_passes(void **state)
{
    server_end(&running);
    options.request_timeout_ms = 20;
    server_start(&running, &options);
    fake_service_close_gate();
    struct response response = ask_raw(EMBED);
    assert_int_equal(response.status, 504);
    assert_has(response.body, "\"code\":\"timeout\"");
    response_free(&response);
}

static void server__maps_what_the_service_says(void **state)
{
    static const struct {
        enum cof_status status;
        int http;
    } cases[] = {
        {COF_INVALID, 400}, {COF_NOT_FOUND, 404},   {COF_CONFLICT, 409},  {COF_DENIED, 403},
        {COF_LIMITED, 429}, {COF_TOO_LARGE, 413},   {COF_NO_MEMORY, 503}, {COF_IO, 500},
        {COF_CORRUPT, 500}, {COF_UNAVAILABLE, 503}, {COF_INTERNAL, 500},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_service_fail(cases[i].status, 1);
        expect_status(EMBED, cases[i].http);
    }
    fake_service_fail(COF_UNAVAILABLE, 1);
    expect_status("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 503);
    expect_status("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200);
}

static void server__counts_what_it_does(void **state)
{
    expect_status(EMBED, 200);
    expect_status(GET("/nothing"), 404);
    expect_status("GET / HTTP/1.1\r\n\r\n", 400);
    struct response response = ask_raw(GET("/metrics"));
    assert_int_equal(response.status, 200);
    assert_has(response.head, "Content-Type: text/plain; version=0.0.4");
    assert_has(response.body, "coffer_http_requests_total{method=\"POST\",route=\"/v1/embeddings\","
                              "code=\"200\"} 1\n");
    assert_has(response.body, "coffer_http_requests_total{method=\"none\",route=\"none\","
                              "code=\"404\"} 1\n");
    assert_has(response.body, "code=\"400\"} 1\n");
    assert_has(response.body, "coffer_http_request_seconds_count{method=\"POST\","
                              "route=\"/v1/embeddings\"} 1\n");
    assert_has(response.body, "coffer_http_requests_in_flight 1\n");
    assert_has(response.body, "coffer_queue_length{lane=\"generation\"} 0\n");
    assert_has(response.body, "coffer_documents 2\n");
    assert_has(response.body, "coffer_audit_entries 42\n");
    response_free(&response);
}

static void server__serves_many_clients_at_once(void **state)
{
    enum { CLIENTS = 24, ROUNDS = 20 };
    int fds[CLIENTS];
    size_t answered = 0;
    size_t refused = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(&running);
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CLIENTS; i++) {
            client_send(fds[i], EMBED);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            struct response response = client_receive(fds[i]);
            answered += response.status == 200;
            refused += response.status == 429;
            response_free(&response);
        }
    }
    assert_int_equal(answered + refused, CLIENTS * ROUNDS);
    assert_true(answered > 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
}

/* Whatever allocation fails: an answer or a closed connection, and the next request is served. */
static void server__survives_every_allocation_that_fails(void **state)
{
    static const char *const asked[] = {
        EMBED,
        GET("/v1/vector_stores?limit=3"),
        GET("/metrics"),
        GET("/nothing"),
        "POST /v1/vector_stores/" FAKE_STORE "/search HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"query\":\"leave\"}",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/json\r\nContent-Length: 59\r\n\r\n" CHAT_BODY,
        "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\n" AUTH
        "Content-Type: application/x-ndjson\r\nContent-Length: 88\r\n\r\n"
        "{\"vector_store_id\":\"a\",\"id\":\"1\",\"text\":\"x\"}\n"
        "{\"vector_store_id\":\"b\",\"id\":\"2\",\"text\":\"x\"}\n",
    };
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        bool is_over = false;
        for (long n = 1; !is_over; n++) {
            cof_alloc_fail_after(n);
            struct response response = ask_raw(asked[i]);
            is_over = cof_alloc_fail_is_pending();
            cof_alloc_fail_after(-1);
            int expected = strstr(asked[i], "/nothing") != NULL ? 404 : 200;
            bool is_known =
                response.status == 0 || response.status == expected || response.status == 503;
            if (!is_known || (is_over && response.status != expected)) {
                fail_msg("%s, allocation %ld: %d %s", asked[i], n, response.status, response.body);
            }
            response_free(&response);
        }
        expect_status(GET("/livez"), 200);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(server__needs_a_key_everywhere_but_for_health),
        CASE(server__takes_the_key_in_three_headers),
        CASE(server__hands_on_for_whom_the_caller_asks),
        CASE(server__answers_for_its_own_hosts_only),
        CASE(server__answers_to_its_own_origins_only),
        CASE(server__speaks_cors_to_an_allowed_origin_alone),
        CASE(server__tells_unknown_paths_from_unknown_methods),
        CASE(server__takes_bodies_of_known_types_only),
        CASE(server__refuses_json_that_is_none),
        CASE(server__names_the_request_and_its_record),
        CASE(server__answers_head_like_get_without_a_body),
        CASE(server__refuses_a_gigabyte_before_reading_it),
        CASE(server__refuses_chunks_over_the_limit),
        CASE(server__knows_the_caller_before_it_takes_much),
        CASE(server__says_continue_to_who_may),
        CASE(server__reads_a_large_body_in_chunks),
        CASE(server__reads_every_kind_of_request_one_byte_at_a_time),
        CASE(server__answers_a_pipeline_in_order),
        CASE(server__says_429_when_the_queue_is_full),
        CASE(server__does_not_let_an_answer_delay_a_search),
        CASE(server__cancels_the_job_of_a_client_that_left),
        CASE(server__cancels_the_stream_of_a_client_that_left),
        CASE(server__finishes_what_is_in_flight_when_stopped),
        CASE(server__cancels_what_does_not_finish_in_time),
        CASE(server__can_be_stopped_before_it_runs),
        CASE(server__says_504_when_the_deadline_passes),
        CASE(server__maps_what_the_service_says),
        CASE(server__counts_what_it_does),
        CASE(server__serves_many_clients_at_once),
        CASE(server__survives_every_allocation_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
