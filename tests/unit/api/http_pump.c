/* The single-threaded harness for the HTTP layer. */
#include "http_pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing.h"

static void on_head(void *context, struct cof_http_exchange *exchange)
{
    struct pump *pump = context;
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    size_t used = strlen(pump->targets);
    (void)snprintf(pump->targets + used, sizeof(pump->targets) - used, "%s%.*s",
                   used > 0 ? " " : "", COF_TEXT_ARG(head->target));
    pump->open = exchange;
    cof_buffer_clear(&pump->body);
    if (head->has_body && pump->must_read_body) {
        cof_http_exchange_receive(exchange);
    } else if (pump->answer != NULL) {
        pump->answer(pump, exchange);
    }
}

static void on_body(void *context, struct cof_http_exchange *exchange, struct cof_bytes bytes)
{
    struct pump *pump = context;
    cof_buffer_append(&pump->body, bytes.data, bytes.size);
}

static void on_body_end(void *context, struct cof_http_exchange *exchange)
{
    struct pump *pump = context;
    if (pump->answer != NULL) {
        pump->answer(pump, exchange);
    }
}

static void on_left(void *context, struct cof_http_exchange *exchange)
{
    struct pump *pump = context;
    pump->left_count++;
    pump->open = NULL;
}

static void on_tick(void *context, struct cof_http_exchange *exchange, int64_t now_ns)
{
    struct pump *pump = context;
    pump->tick_count++;
}

static void on_fault(void *context, unsigned status)
{
    struct pump *pump = context;
    pump->fault = status;
}

static void on_empty(void *context)
{
    struct pump *pump = context;
    pump->is_empty = true;
}

static const struct cof_http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_left = on_left,
    .on_tick = on_tick,
    .on_fault = on_fault,
};

void pump_open(struct pump *pump)
{
    (void)signal(SIGPIPE, SIG_IGN);
    pump->base = event_base_new();
    pump->time.steady_ns = INT64_C(1000000000000);
    pump->clock = cof_manual_clock_init(&pump->time);
    const struct cof_http_listener_options options = {
        .base = pump->base,
        .address = "127.0.0.1:0",
        .handler = &handler,
        .context = pump,
        .clock = &pump->clock,
        .max_connections = pump->max_connections == 0 ? 8 : pump->max_connections,
        .max_head_bytes = 4096,
        .max_head_count = 16,
        .max_target_bytes = 1024,
        .head_timeout_ms = 10000,
        .idle_timeout_ms = 60000,
        .min_bytes_per_second = 1024,
        .on_empty = on_empty,
        .on_empty_context = pump,
    };
    struct cof_error err = {0};
    if (cof_http_listener_open(&options, &pump->listener, &err) != COF_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(cof_http_listener_start(pump->listener, NULL), COF_OK);
}

void pump_close(struct pump *pump)
{
    cof_http_listener_close(pump->listener);
    event_base_free(pump->base);
    cof_buffer_deinit(&pump->body);
    *pump = (struct pump){0};
}

void pump_run(struct pump *pump)
{
    for (int i = 0; i < 8; i++) {
        (void)event_base_loop(pump->base, EVLOOP_NONBLOCK);
    }
}

void pump_pass(struct pump *pump, long ms)
{
    pump->time.steady_ns += (int64_t)ms * 1000000;
    cof_http_listener_tick(pump->listener);
    pump_run(pump);
}

int pump_connect(struct pump *pump)
{
    unsigned port = 0;
    const char *address = cof_http_listener_address(pump->listener);
    assert_int_equal(sscanf(address, "127.0.0.1:%u", &port), 1);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    int yes = 1; /* or the kernel would hold back single bytes */
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), 0);
    pump_run(pump);
    return fd;
}

void pump_send(struct pump *pump, int fd, const char *text)
{
    size_t size = strlen(text);
    size_t done = 0;
    while (done < size) {
        ssize_t sent = send(fd, text + done, size - done, MSG_NOSIGNAL);
        if (sent < 0) {
            assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
            if (errno != EAGAIN) {
                break;
            }
        } else {
            done += (size_t)sent;
        }
        pump_run(pump);
    }
    pump_run(pump);
}

const char *pump_receive(struct pump *pump, int fd)
{
    static char text[1 << 20];
    size_t size = 0;
    pump_run(pump);
    for (;;) {
        ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        pump_run(pump);
    }
    text[size] = '\0';
    return text;
}

bool pump_is_closed(struct pump *pump, int fd)
{
    char byte;
    pump_run(pump);
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

void pump_respond(struct cof_http_exchange *exchange, const char *text)
{
    const struct cof_http_response response = {.status = 200, .content_type = "text/plain"};
    struct cof_buffer body = {0};
    cof_buffer_append_text(&body, cof_text_from(text));
    cof_http_exchange_respond(exchange, &response, &body);
}
