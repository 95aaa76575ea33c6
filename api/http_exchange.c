/* What a handler does with an exchange: read its body, write its response. */
#include "http_exchange.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cof/base/alloc.h>

#include "http_connection.h"

void cof_http_exchange_set_state(struct cof_http_exchange *exchange, void *state)
{
    exchange->state = state;
}

void *cof_http_exchange_state(const struct cof_http_exchange *exchange)
{
    return exchange->state;
}

const struct cof_http_head *cof_http_exchange_head(const struct cof_http_exchange *exchange)
{
    return cof_http_parser_head(exchange->connection->parser);
}

bool cof_http_exchange_local_host(const struct cof_http_exchange *exchange, char out_host[64])
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    char text[INET6_ADDRSTRLEN];
    int fd = bufferevent_getfd(exchange->connection->bufferevent);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    if (address.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address, sizeof(v4));
        if (inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text)) == NULL) {
            return false;
        }
        (void)snprintf(out_host, 64, "%s", text);
        return true;
    }
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address, sizeof(v6));
        if (inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text)) == NULL) {
            return false;
        }
        (void)snprintf(out_host, 64, "[%s]", text);
        return true;
    }
    return false;
}

void cof_http_exchange_receive(struct cof_http_exchange *exchange)
{
    struct cof_http_connection *connection = exchange->connection;
    if (connection->phase != COF_HTTP_PHASE_ASKING) {
        return;
    }
    cof_http_connection_enter(connection);
    connection->phase = COF_HTTP_PHASE_BODY;
    cof_http_pace_begin(&connection->sender, cof_http_connection_now(connection),
                        connection->settings->head_timeout_ms,
                        connection->settings->min_bytes_per_second);
    bool is_waiting = cof_http_exchange_head(exchange)->expects_continue &&
                      evbuffer_get_length(bufferevent_get_input(connection->bufferevent)) == 0;
    if (is_waiting) {
        cof_http_connection_send(connection,
                                 cof_text_bytes(COF_TEXT("HTTP/1.1 100 Continue\r\n\r\n")));
    }
    cof_http_connection_process(connection);
    cof_http_connection_leave(connection);
}

void cof_http_exchange_pause(struct cof_http_exchange *exchange)
{
    exchange->connection->is_paused = true;
}

void cof_http_exchange_resume(struct cof_http_exchange *exchange)
{
    struct cof_http_connection *connection = exchange->connection;
    if (!connection->is_paused) {
        return;
    }
    cof_http_connection_enter(connection);
    connection->is_paused = false;
    cof_http_pace_forgive(&connection->sender, cof_http_connection_now(connection));
    cof_http_connection_process(connection);
    cof_http_connection_leave(connection);
}

static void send_head(struct cof_http_exchange *exchange, const struct cof_http_response *response,
                      enum cof_http_framing framing, uint64_t content_length)
{
    struct cof_http_connection *connection = exchange->connection;
    /* A stream may begin while the body is still being read. */
    bool can_go_on = connection->phase == COF_HTTP_PHASE_RESPONSE || exchange->is_streaming;
    connection->is_persistent = cof_http_exchange_head(exchange)->is_persistent && can_go_on &&
                                !connection->settings->is_draining;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    cof_http_response_head(&head, response, framing, content_length, connection->is_persistent,
                           cof_clock_wall_ns(connection->settings->clock));
    if (head.has_failed) {
        connection->is_broken = true;
        return;
    }
    cof_http_connection_send(connection, cof_buffer_bytes(&head));
}

static void release_body(const void *data, size_t size, void *holder)
{
    (void)data;
    (void)size;
    cof_buffer_wipe(holder);
    cof_free(holder);
}

/* Hands the buffer to the connection, which wipes it when it is sent: it may hold a key. True when
 * it was taken. */
static bool hand_over(struct cof_http_connection *connection, struct cof_buffer *body)
{
    struct cof_buffer *holder = cof_calloc(1, sizeof(*holder));
    if (holder == NULL) {
        return false;
    }
    *holder = *body;
    struct evbuffer *output = bufferevent_get_output(connection->bufferevent);
    if (evbuffer_add_reference(output, holder->data, holder->size, release_body, holder) != 0) {
        cof_free(holder);
        return false;
    }
    connection->queued_bytes += body->size;
    *body = (struct cof_buffer){0};
    return true;
}

void cof_http_exchange_respond(struct cof_http_exchange *exchange,
                               const struct cof_http_response *response, struct cof_buffer *body)
{
    struct cof_http_connection *connection = exchange->connection;
    cof_http_connection_enter(connection);
    /* a body that ran out of memory is not to be used: the status has to say it all */
    size_t size = body != NULL && !body->has_failed ? body->size : 0;
    send_head(exchange, response, COF_HTTP_FRAMING_LENGTH, size);
    bool wants_body = cof_http_exchange_head(exchange)->method != COF_HTTP_HEAD && size > 0;
    if (wants_body && !hand_over(connection, body)) {
        cof_http_connection_send(connection, cof_buffer_bytes(body));
    }
    cof_buffer_wipe(body);
    cof_http_connection_finish(connection);
    cof_http_connection_leave(connection);
}

void cof_http_exchange_begin(struct cof_http_exchange *exchange,
                             const struct cof_http_response *response)
{
    struct cof_http_connection *connection = exchange->connection;
    bool has_chunks = cof_http_exchange_head(exchange)->minor_version > 0;
    exchange->framing = has_chunks ? COF_HTTP_FRAMING_CHUNKED : COF_HTTP_FRAMING_CLOSE;
    exchange->is_streaming = true;
    cof_http_connection_enter(connection);
    send_head(exchange, response, exchange->framing, 0);
    cof_http_connection_leave(connection);
}

void cof_http_exchange_write(struct cof_http_exchange *exchange, struct cof_bytes bytes)
{
    struct cof_http_connection *connection = exchange->connection;
    if (bytes.size == 0) {
        return;
    }
    cof_http_connection_enter(connection);
    if (exchange->framing == COF_HTTP_FRAMING_CHUNKED) {
        char size[24];
        int length = snprintf(size, sizeof(size), "%zx\r\n", bytes.size);
        cof_http_connection_send(
            connection, (struct cof_bytes){.data = (const uint8_t *)size, .size = (size_t)length});
        cof_http_connection_send(connection, bytes);
        cof_http_connection_send(connection, cof_text_bytes(COF_TEXT("\r\n")));
    } else {
        cof_http_connection_send(connection, bytes);
    }
    cof_http_connection_leave(connection);
}

void cof_http_exchange_end(struct cof_http_exchange *exchange)
{
    struct cof_http_connection *connection = exchange->connection;
    cof_http_connection_enter(connection);
    if (exchange->framing == COF_HTTP_FRAMING_CHUNKED) {
        cof_http_connection_send(connection, cof_text_bytes(COF_TEXT("0\r\n\r\n")));
    }
    cof_http_connection_finish(connection);
    cof_http_connection_leave(connection);
}

void cof_http_exchange_abort(struct cof_http_exchange *exchange)
{
    struct cof_http_connection *connection = exchange->connection;
    cof_http_connection_enter(connection);
    exchange->is_open = false;
    cof_http_connection_kill(connection);
    cof_http_connection_leave(connection);
}

size_t cof_http_exchange_unsent_bytes(const struct cof_http_exchange *exchange)
{
    return evbuffer_get_length(bufferevent_get_output(exchange->connection->bufferevent));
}
