/* Accepting, and the list of what was accepted.
 *
 * When all places are taken the connection that has been idle longest makes room; when none is idle
 * the new one is told so. One timer looks at all connections, which costs less than a timer each.
 */
#include "http_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/text.h>

#include "http_connection.h"
#include "http_text.h"

#define TICK_MS 250
#define BACKLOG 512
#define ADDRESS_SIZE 80

struct cof_http_listener {
    struct cof_http_listener_options options;
    struct cof_http_settings settings;
    struct evconnlistener *acceptor;
    struct event *timer;
    struct cof_http_connection *connections; /* newest first */
    size_t connection_count;
    bool is_resting; /* out of descriptors: accepts again at the next tick */
    char address[ADDRESS_SIZE];
};

static void notify(const struct cof_http_listener *listener, const char *message)
{
    if (listener->options.notice != NULL) {
        listener->options.notice(listener->options.notice_context, message);
    }
}

static struct cof_http_connection *longest_idle(const struct cof_http_listener *listener)
{
    struct cof_http_connection *found = NULL;
    for (struct cof_http_connection *connection = listener->connections; connection != NULL;
         connection = connection->next) {
        if (cof_http_connection_is_idle(connection) &&
            (found == NULL || connection->phase_begin_ns < found->phase_begin_ns)) {
            found = connection;
        }
    }
    return found;
}

static void turn_away(int fd)
{
    static const char body[] =
        "{\"error\":{\"message\":\"too many connections, try again later\","
        "\"type\":\"server_error\",\"param\":null,\"code\":\"too_many_connections\"}}";
    char answer[512];
    int size = snprintf(answer, sizeof(answer),
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                        "Retry-After: 1\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                        sizeof(body) - 1, body);
    ssize_t sent = send(fd, answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* it is a courtesy */
    (void)close(fd);
}

static void on_accept(struct evconnlistener *acceptor, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *context)
{
    struct cof_http_listener *listener = context;
    (void)acceptor;
    (void)address;
    (void)size;
    if (listener->connection_count >= listener->options.max_connections) {
        struct cof_http_connection *idle = longest_idle(listener);
        if (idle == NULL) {
            turn_away(fd);
            return;
        }
        cof_http_connection_kill(idle);
    }
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    struct cof_http_connection *connection = NULL;
    struct cof_error err;
    if (cof_http_connection_create(listener, &listener->settings, listener->options.base, fd,
                                   &connection, &err) != COF_OK) {
        notify(listener, err.message);
        return;
    }
    connection->next = listener->connections;
    if (listener->connections != NULL) {
        listener->connections->previous = connection;
    }
    listener->connections = connection;
    listener->connection_count++;
}

static void on_accept_error(struct evconnlistener *acceptor, void *context)
{
    struct cof_http_listener *listener = context;
    char message[128];
    (void)snprintf(message, sizeof(message), "cannot accept a connection: %s", strerror(errno));
    notify(listener, message);
    (void)evconnlistener_disable(acceptor); /* or the loop would spin */
    listener->is_resting = true;
}

void cof_http_listener_tick(struct cof_http_listener *listener)
{
    int64_t now_ns = cof_clock_steady_ns(listener->options.clock);
    struct cof_http_connection *connection = listener->connections;
    while (connection != NULL) {
        struct cof_http_connection *next = connection->next;
        cof_http_connection_tick(connection, now_ns);
        connection = next;
    }
    if (listener->is_resting && listener->acceptor != NULL) {
        listener->is_resting = false;
        (void)evconnlistener_enable(listener->acceptor);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cof_http_listener_tick(context);
}

void cof_http_listener_forget(struct cof_http_listener *listener,
                              struct cof_http_connection *connection)
{
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        listener->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    listener->connection_count--;
    if (listener->settings.is_draining && listener->connection_count == 0 &&
        listener->options.on_empty != NULL) {
        listener->options.on_empty(listener->options.on_empty_context);
    }
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static enum cof_status parse_address(const char *text, struct sockaddr_storage *out_address,
                                     int *out_size, struct cof_error *err)
{
    struct cof_text host;
    struct cof_text port;
    char numeric[ADDRESS_SIZE];
    if (!cof_http_split_host(cof_text_from(text), &host, &port) || port.size == 0) {
        return COF_FAIL(err, COF_INVALID,
                        "'%.64s' is not an address to listen on; write 127.0.0.1:7700 or "
                        "[::1]:7700",
                        text);
    }
    bool is_localhost = cof_text_equal_ascii_case(host, COF_TEXT("localhost"));
    (void)snprintf(numeric, sizeof(numeric), "%.*s:%.*s",
                   COF_TEXT_ARG(is_localhost ? COF_TEXT("127.0.0.1") : host), COF_TEXT_ARG(port));
    memset(out_address, 0, sizeof(*out_address));
    *out_size = (int)sizeof(*out_address);
    if (cof_text_equal(port, COF_TEXT("0"))) {
        /* evutil_parse_sockaddr_port refuses port 0, which means any free one here. */
        (void)snprintf(numeric, sizeof(numeric), "%.*s:1",
                       COF_TEXT_ARG(is_localhost ? COF_TEXT("127.0.0.1") : host));
    }
    if (evutil_parse_sockaddr_port(numeric, (struct sockaddr *)out_address, out_size) != 0) {
        return COF_FAIL(err, COF_INVALID,
                        "'%.64s' is not a numeric address; write 127.0.0.1:7700 or [::1]:7700",
                        text);
    }
    if (cof_text_equal(port, COF_TEXT("0"))) {
        /* sin_port and sin6_port lie at the same place. */
        struct sockaddr_in v4;
        memcpy(&v4, out_address, sizeof(v4));
        v4.sin_port = 0;
        memcpy(out_address, &v4, sizeof(v4));
    }
    return COF_OK;
}

static enum cof_status bind_socket(const char *text, const struct sockaddr_storage *address,
                                   int size, int *out_fd, struct cof_error *err)
{
    int yes = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return COF_FAIL(err, COF_IO, "cannot make a socket: %s", strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address->ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    }
    if (bind(fd, (const struct sockaddr *)address, (socklen_t)size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error_number = errno;
        (void)close(fd);
        if (error_number == EADDRINUSE) {
            return COF_FAIL(err, COF_CONFLICT,
                            "%.64s is taken by another process; stop it or listen on another port",
                            text);
        }
        return COF_FAIL(err, error_number == EACCES ? COF_DENIED : COF_IO,
                        "cannot listen on %.64s: %s", text, strerror(error_number));
    }
    *out_fd = fd;
    return COF_OK;
}

static void format_address(int fd, char out_text[ADDRESS_SIZE])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "?";
    memset(&address, 0, sizeof(address));
    (void)getsockname(fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address, sizeof(v6));
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
        (void)snprintf(out_text, ADDRESS_SIZE, "[%s]:%u", host, (unsigned)ntohs(v6.sin6_port));
        return;
    }
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof(v4));
    (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
    (void)snprintf(out_text, ADDRESS_SIZE, "%s:%u", host, (unsigned)ntohs(v4.sin_port));
}

static enum cof_status listen_on(struct cof_http_listener *listener, struct cof_error *err)
{
    const struct cof_http_listener_options *options = &listener->options;
    struct sockaddr_storage address = {0};
    int size = 0;
    int fd = -1;
    COF_TRY(parse_address(options->address, &address, &size, err));
    if (!is_loopback(&address) && !options->may_be_public) {
        return COF_FAIL(err, COF_DENIED,
                        "%.64s can be reached from other machines, and this server does not speak "
                        "TLS; put a TLS proxy in front and start with --behind-proxy, or listen on "
                        "127.0.0.1",
                        options->address);
    }
    COF_TRY(bind_socket(options->address, &address, size, &fd, err));
    format_address(fd, listener->address);
    listener->acceptor = evconnlistener_new(
        options->base, on_accept, listener,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, -1, fd);
    if (listener->acceptor == NULL) {
        (void)close(fd);
        return COF_FAIL_MEMORY(err);
    }
    evconnlistener_set_error_cb(listener->acceptor, on_accept_error);
    listener->timer = event_new(options->base, -1, EV_PERSIST, on_timer, listener);
    return listener->timer != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

enum cof_status cof_http_listener_open(const struct cof_http_listener_options *options,
                                       struct cof_http_listener **out_listener,
                                       struct cof_error *err)
{
    struct cof_http_listener *listener = cof_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    listener->options = *options;
    listener->settings = (struct cof_http_settings){
        .handler = options->handler,
        .context = options->context,
        .clock = options->clock,
        .max_head_bytes = options->max_head_bytes,
        .max_head_count = options->max_head_count,
        .max_target_bytes = options->max_target_bytes,
        .head_timeout_ms = options->head_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
        .min_bytes_per_second = options->min_bytes_per_second,
    };
    enum cof_status status = listen_on(listener, err);
    if (status != COF_OK) {
        cof_http_listener_close(listener);
        return status;
    }
    *out_listener = listener;
    return COF_OK;
}

static void stop_accepting(struct cof_http_listener *listener)
{
    if (listener->acceptor != NULL) {
        evconnlistener_free(listener->acceptor);
        listener->acceptor = NULL;
    }
}

void cof_http_listener_close(struct cof_http_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    listener->options.on_empty = NULL;
    stop_accepting(listener);
    cof_http_listener_kill_all(listener);
    if (listener->timer != NULL) {
        event_free(listener->timer);
    }
    cof_free(listener);
}

enum cof_status cof_http_listener_start(struct cof_http_listener *listener, struct cof_error *err)
{
    const struct timeval interval = {.tv_usec = TICK_MS * 1000L};
    if (evconnlistener_enable(listener->acceptor) != 0 ||
        event_add(listener->timer, &interval) != 0) {
        return COF_FAIL(err, COF_IO, "cannot start to accept connections");
    }
    return COF_OK;
}

void cof_http_listener_drain(struct cof_http_listener *listener)
{
    stop_accepting(listener);
    listener->settings.is_draining = true;
    struct cof_http_connection *connection = listener->connections;
    while (connection != NULL) {
        struct cof_http_connection *next = connection->next;
        if (cof_http_connection_is_idle(connection)) {
            cof_http_connection_kill(connection);
        }
        connection = next;
    }
    if (listener->connection_count == 0 && listener->options.on_empty != NULL) {
        listener->options.on_empty(listener->options.on_empty_context);
    }
}

void cof_http_listener_kill_all(struct cof_http_listener *listener)
{
    while (listener->connections != NULL) {
        cof_http_connection_kill(listener->connections);
    }
}

const char *cof_http_listener_address(const struct cof_http_listener *listener)
{
    return listener->address;
}

size_t cof_http_listener_connection_count(const struct cof_http_listener *listener)
{
    return listener->connection_count;
}
