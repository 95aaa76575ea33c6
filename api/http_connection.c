/* The life of a connection: read, parse, let the handler answer, flush, close.
 *
 * Handlers may answer inside a callback of ours, and answering may end the connection; so every way
 * in is counted (enter, leave), and the connection is freed when the last one is out. Closing is
 * gentle where the client may still be sending: first our end of the stream, then what arrives is
 * thrown away for a moment; a socket closed with unread bytes would reset the connection, and the
 * client would lose the answer that says what was wrong (RFC 9112 section 9.6). */
#include "http_connection.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cof/base/alloc.h>

#include "http_listener.h"
#include "problem.h"

#define READ_HIGH_BYTES ((size_t)131072)
#define MAX_FEED_BYTES ((size_t)16384)
#define LINGER_MS 2000
#define NS_PER_MS 1000000LL

int64_t cof_http_connection_now(const struct cof_http_connection *connection)
{
    return cof_clock_steady_ns(connection->settings->clock);
}

static void destroy(struct cof_http_connection *connection)
{
    cof_http_listener_forget(connection->listener, connection);
    bufferevent_free(connection->bufferevent);
    cof_http_parser_destroy(connection->parser);
    cof_free(connection);
}

void cof_http_connection_enter(struct cof_http_connection *connection)
{
    connection->depth++;
}

static void close_exchange(struct cof_http_connection *connection)
{
    if (!connection->exchange.is_open) {
        return;
    }
    connection->exchange.is_open = false;
    connection->settings->handler->on_left(connection->settings->context, &connection->exchange);
}

void cof_http_connection_leave(struct cof_http_connection *connection)
{
    connection->depth--;
    if (connection->depth == 0 && connection->is_dead) {
        connection->depth++; /* on_left may come back to us */
        close_exchange(connection);
        destroy(connection);
    }
}

void cof_http_connection_kill(struct cof_http_connection *connection)
{
    cof_http_connection_enter(connection);
    connection->is_dead = true;
    cof_http_connection_leave(connection);
}

static void set_phase(struct cof_http_connection *connection, enum cof_http_phase phase)
{
    connection->phase = phase;
    connection->phase_begin_ns = cof_http_connection_now(connection);
}

void cof_http_connection_send(struct cof_http_connection *connection, struct cof_bytes bytes)
{
    struct evbuffer *output = bufferevent_get_output(connection->bufferevent);
    if (connection->is_broken) {
        return;
    }
    if (evbuffer_get_length(output) == 0) {
        cof_http_pace_begin(&connection->taker, cof_http_connection_now(connection),
                            connection->settings->idle_timeout_ms,
                            connection->settings->min_bytes_per_second);
    }
    if (bufferevent_write(connection->bufferevent, bytes.data, bytes.size) != 0) {
        connection->is_broken = true; /* out of memory */
        return;
    }
    connection->queued_bytes += bytes.size;
}

static void discard_input(struct cof_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    (void)evbuffer_drain(input, evbuffer_get_length(input));
}

/* Reading goes on, so that a client that leaves is noticed, until enough waits unread. libevent's
 * own high watermark would call us again and again while it is reached. */
static void adjust_reading(struct cof_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    if (connection->has_ended) {
        return;
    }
    if (evbuffer_get_length(input) < READ_HIGH_BYTES) {
        (void)bufferevent_enable(connection->bufferevent, EV_READ);
    } else {
        (void)bufferevent_disable(connection->bufferevent, EV_READ);
    }
}

/* Everything is sent. */
static void close_gently(struct cof_http_connection *connection)
{
    bool may_close = connection->has_ended || !connection->must_linger;
    if (may_close || shutdown(bufferevent_getfd(connection->bufferevent), SHUT_WR) != 0) {
        connection->is_dead = true;
        return;
    }
    set_phase(connection, COF_HTTP_PHASE_LINGERING);
    discard_input(connection);
    adjust_reading(connection);
}

/* Closes after what is in the output has been sent. */
static void close_when_sent(struct cof_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    connection->must_linger =
        connection->phase != COF_HTTP_PHASE_RESPONSE || evbuffer_get_length(input) > 0;
    set_phase(connection, COF_HTTP_PHASE_FLUSHING);
    if (evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) == 0) {
        close_gently(connection);
    }
}

void cof_http_connection_finish(struct cof_http_connection *connection)
{
    connection->exchange.is_open = false;
    connection->exchange.is_streaming = false;
    if (connection->is_broken || connection->is_dead) {
        connection->is_dead = true;
        return;
    }
    if (!connection->is_persistent || connection->phase != COF_HTTP_PHASE_RESPONSE) {
        close_when_sent(connection);
        return;
    }
    cof_http_parser_reset(connection->parser);
    connection->is_paused = false;
    set_phase(connection, COF_HTTP_PHASE_HEAD);
    cof_http_connection_process(connection);
}

/* The request cannot be answered by the handler. */
static void refuse(struct cof_http_connection *connection, struct cof_http_fault fault)
{
    const struct cof_http_settings *settings = connection->settings;
    bool is_streaming = connection->exchange.is_streaming;
    if (settings->handler->on_fault != NULL) {
        settings->handler->on_fault(settings->context, fault.status);
    }
    close_exchange(connection);
    if (is_streaming || connection->is_broken) {
        connection->is_dead = true;
        return;
    }
    struct cof_problem problem = cof_problem_of_http(fault.status, fault.message);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer body = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    cof_problem_write(&body, &problem);
    const struct cof_http_response response = {.status = fault.status,
                                               .content_type = "application/json"};
    cof_http_response_head(&head, &response, COF_HTTP_FRAMING_LENGTH, body.size, false,
                           cof_clock_wall_ns(settings->clock));
    if (head.has_failed || body.has_failed) {
        connection->is_dead = true;
        return;
    }
    cof_http_connection_send(connection, cof_buffer_bytes(&head));
    cof_http_connection_send(connection, cof_buffer_bytes(&body));
    if (connection->is_broken) {
        connection->is_dead = true;
        return;
    }
    close_when_sent(connection);
}

static void on_parsed_body(void *context, struct cof_bytes bytes)
{
    struct cof_http_connection *connection = context;
    const struct cof_http_settings *settings = connection->settings;
    cof_http_pace_add(&connection->sender, bytes.size);
    if (connection->exchange.is_open) {
        settings->handler->on_body(settings->context, &connection->exchange, bytes);
    }
}

static void open_exchange(struct cof_http_connection *connection)
{
    const struct cof_http_settings *settings = connection->settings;
    bool has_body = cof_http_parser_head(connection->parser)->has_body;
    connection->exchange = (struct cof_http_exchange){.connection = connection, .is_open = true};
    connection->is_first = false;
    connection->is_paused = false;
    set_phase(connection, has_body ? COF_HTTP_PHASE_ASKING : COF_HTTP_PHASE_RESPONSE);
    settings->handler->on_head(settings->context, &connection->exchange);
}

static void take_step(struct cof_http_connection *connection, enum cof_http_step step)
{
    const struct cof_http_settings *settings = connection->settings;
    switch (step) {
    case COF_HTTP_NEEDS_INPUT:
        break;
    case COF_HTTP_HAS_HEAD:
        open_exchange(connection);
        break;
    case COF_HTTP_HAS_MESSAGE:
        if (connection->phase == COF_HTTP_PHASE_BODY) {
            set_phase(connection, COF_HTTP_PHASE_RESPONSE);
            if (connection->exchange.is_open) {
                settings->handler->on_body_end(settings->context, &connection->exchange);
            }
        }
        break;
    case COF_HTTP_HAS_FAULT:
        refuse(connection, cof_http_parser_fault(connection->parser));
        break;
    }
}

static bool wants_input(const struct cof_http_connection *connection)
{
    return !connection->is_dead &&
           (connection->phase == COF_HTTP_PHASE_HEAD ||
            (connection->phase == COF_HTTP_PHASE_BODY && !connection->is_paused));
}

void cof_http_connection_process(struct cof_http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bufferevent);
    if (connection->is_processing) {
        return; /* the loop below, further up the stack, goes on */
    }
    connection->is_processing = true;
    while (wants_input(connection)) {
        struct evbuffer_iovec piece;
        if (evbuffer_peek(input, -1, NULL, &piece, 1) < 1 || piece.iov_len == 0) {
            break;
        }
        if (!cof_http_parser_has_begun(connection->parser)) {
            connection->phase_begin_ns = cof_http_connection_now(connection);
        }
        size_t size = piece.iov_len < MAX_FEED_BYTES ? piece.iov_len : MAX_FEED_BYTES;
        size_t consumed = 0;
        enum cof_http_step step = cof_http_parser_feed(
            connection->parser, (struct cof_bytes){.data = piece.iov_base, .size = size},
            &consumed);
        (void)evbuffer_drain(input, consumed);
        take_step(connection, step);
    }
    connection->is_processing = false;
    bool is_ending = connection->phase == COF_HTTP_PHASE_FLUSHING ||
                     connection->phase == COF_HTTP_PHASE_LINGERING;
    if (is_ending && !connection->is_dead) {
        discard_input(connection);
    }
    adjust_reading(connection);
}

static void on_readable(struct bufferevent *bufferevent, void *context)
{
    struct cof_http_connection *connection = context;
    (void)bufferevent;
    cof_http_connection_enter(connection);
    cof_http_connection_process(connection);
    cof_http_connection_leave(connection);
}

static void on_writable(struct bufferevent *bufferevent, void *context)
{
    struct cof_http_connection *connection = context;
    cof_http_connection_enter(connection);
    bool is_empty = evbuffer_get_length(bufferevent_get_output(bufferevent)) == 0;
    if (is_empty && connection->phase == COF_HTTP_PHASE_FLUSHING) {
        close_gently(connection);
    }
    cof_http_connection_leave(connection);
}

/* The client sends no more: it has left, unless all that remains is to hand it its answer. */
static void on_end_of_input(struct cof_http_connection *connection)
{
    bool has_output = evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) > 0;
    connection->has_ended = true;
    switch (connection->phase) {
    case COF_HTTP_PHASE_HEAD:
        if (has_output) {
            close_when_sent(connection);
        } else {
            connection->is_dead = true;
        }
        break;
    case COF_HTTP_PHASE_FLUSHING:
        connection->is_dead = !has_output;
        break;
    case COF_HTTP_PHASE_ASKING:
    case COF_HTTP_PHASE_BODY:
    case COF_HTTP_PHASE_RESPONSE:
    case COF_HTTP_PHASE_LINGERING:
        connection->is_dead = true;
        break;
    }
}

static void on_event(struct bufferevent *bufferevent, short what, void *context)
{
    struct cof_http_connection *connection = context;
    (void)bufferevent;
    cof_http_connection_enter(connection);
    if ((what & BEV_EVENT_ERROR) != 0) {
        connection->is_dead = true;
    } else if ((what & BEV_EVENT_EOF) != 0) {
        on_end_of_input(connection);
    }
    cof_http_connection_leave(connection);
}

static bool is_over(const struct cof_http_connection *connection, int64_t now_ns, long limit_ms)
{
    return now_ns - connection->phase_begin_ns > limit_ms * NS_PER_MS;
}

static bool is_taken_too_slowly(struct cof_http_connection *connection, int64_t now_ns)
{
    size_t waiting = evbuffer_get_length(bufferevent_get_output(connection->bufferevent));
    uint64_t sent = connection->queued_bytes - waiting;
    cof_http_pace_add(&connection->taker, (size_t)(sent - connection->sent_bytes));
    connection->sent_bytes = sent;
    return cof_http_pace_is_late(&connection->taker, now_ns) && waiting > 0;
}

static void tick_head(struct cof_http_connection *connection, int64_t now_ns)
{
    const struct cof_http_settings *settings = connection->settings;
    static const struct cof_http_fault too_slow = {408, "the request head took too long"};
    if (cof_http_parser_has_begun(connection->parser)) {
        if (is_over(connection, now_ns, settings->head_timeout_ms)) {
            refuse(connection, too_slow);
        }
        return;
    }
    long limit_ms = connection->is_first ? settings->head_timeout_ms : settings->idle_timeout_ms;
    if (is_over(connection, now_ns, limit_ms)) {
        connection->is_dead = true;
    }
}

static void tick_phase(struct cof_http_connection *connection, int64_t now_ns)
{
    static const struct cof_http_fault too_slow = {408, "the request body arrived too slowly"};
    switch (connection->phase) {
    case COF_HTTP_PHASE_HEAD:
        tick_head(connection, now_ns);
        break;
    case COF_HTTP_PHASE_BODY:
        if (connection->is_paused) {
            cof_http_pace_forgive(&connection->sender, now_ns);
        } else if (cof_http_pace_is_late(&connection->sender, now_ns)) {
            refuse(connection, too_slow);
        }
        break;
    case COF_HTTP_PHASE_LINGERING:
        connection->is_dead = is_over(connection, now_ns, LINGER_MS);
        break;
    case COF_HTTP_PHASE_ASKING:
    case COF_HTTP_PHASE_RESPONSE:
    case COF_HTTP_PHASE_FLUSHING:
        break;
    }
}

void cof_http_connection_tick(struct cof_http_connection *connection, int64_t now_ns)
{
    const struct cof_http_settings *settings = connection->settings;
    cof_http_connection_enter(connection);
    if (is_taken_too_slowly(connection, now_ns) || connection->is_broken) {
        connection->is_dead = true;
    } else {
        tick_phase(connection, now_ns);
    }
    if (!connection->is_dead && connection->exchange.is_open) {
        settings->handler->on_tick(settings->context, &connection->exchange, now_ns);
    }
    cof_http_connection_leave(connection);
}

bool cof_http_connection_is_idle(const struct cof_http_connection *connection)
{
    return connection->phase == COF_HTTP_PHASE_HEAD &&
           !cof_http_parser_has_begun(connection->parser) &&
           evbuffer_get_length(bufferevent_get_output(connection->bufferevent)) == 0;
}

enum cof_status cof_http_connection_create(struct cof_http_listener *listener,
                                           const struct cof_http_settings *settings,
                                           struct event_base *base, int fd,
                                           struct cof_http_connection **out_connection,
                                           struct cof_error *err)
{
    struct cof_http_connection *connection = cof_calloc(1, sizeof(*connection));
    const struct cof_http_parser_options options = {
        .max_head_bytes = settings->max_head_bytes,
        .max_head_count = settings->max_head_count,
        .max_target_bytes = settings->max_target_bytes,
        .on_body = on_parsed_body,
        .context = connection,
    };
    if (connection == NULL ||
        cof_http_parser_create(&options, &connection->parser, NULL) != COF_OK) {
        cof_free(connection);
        (void)close(fd);
        return COF_FAIL_MEMORY(err);
    }
    connection->bufferevent = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (connection->bufferevent == NULL) {
        cof_http_parser_destroy(connection->parser);
        cof_free(connection);
        (void)close(fd);
        return COF_FAIL_MEMORY(err);
    }
    connection->listener = listener;
    connection->settings = settings;
    connection->is_first = true;
    set_phase(connection, COF_HTTP_PHASE_HEAD);
    bufferevent_setcb(connection->bufferevent, on_readable, on_writable, on_event, connection);
    if (bufferevent_enable(connection->bufferevent, EV_READ | EV_WRITE) != 0) {
        bufferevent_free(connection->bufferevent);
        cof_http_parser_destroy(connection->parser);
        cof_free(connection);
        return COF_FAIL(err, COF_IO, "cannot watch a connection");
    }
    *out_connection = connection;
    return COF_OK;
}
