/* The loopback server: blocking sockets, and a blocking TLS where the test gave a context. */
#include "loopback_server.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    SSL *tls;
};

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    perror(what);
    abort();
}

static bool send_all(struct connection *connection, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = connection->tls != NULL ? SSL_write(connection->tls, data, (int)size)
                                              : send(connection->fd, data, size, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        data += put;
        size -= (size_t)put;
    }
    return true;
}

static bool send_string(struct connection *connection, const char *string)
{
    return send_all(connection, string, strlen(string));
}

static ssize_t receive(struct connection *connection, char *data, size_t size)
{
    return connection->tls != NULL ? SSL_read(connection->tls, data, (int)size)
                                   : recv(connection->fd, data, size, 0);
}

/* Bytes of head and announced body, or 0 while the head is not complete. */
static size_t request_size(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size_t size = (size_t)(end - request) + 4;
    const char *line = strcasestr(request, "\r\nContent-Length:");
    if (line != NULL && line < end)
        size += strtoul(line + strlen("\r\nContent-Length:"), NULL, 10);
    return size;
}

static void note_line(struct loopback_server *server)
{
    pthread_mutex_lock(&server->shared.lock);
    (void)snprintf(server->shared.last_line, sizeof(server->shared.last_line), "%.*s",
                   (int)strcspn(server->request, "\r\n"), server->request);
    pthread_mutex_unlock(&server->shared.lock);
}

static bool read_request(struct loopback_server *server, struct connection *connection)
{
    size_t size = 0;
    char *request = server->request;
    memset(request, 0, sizeof(server->request));
    for (;;) {
        size_t expected = request_size(request);
        if (expected > 0 && size >= expected) {
            note_line(server);
            return true;
        }
        if (size == sizeof(server->request) - 1)
            return false;
        ssize_t got = receive(connection, request + size, sizeof(server->request) - 1 - size);
        if (got <= 0 || request[0] < 'A' || request[0] > 'Z') /* a TLS hello, for one */
            return false;
        size += (size_t)got;
    }
}

static void await_leaving(struct connection *connection)
{
    char byte = 0;
    while (receive(connection, &byte, 1) > 0)
        continue;
}

static bool is_for(const struct loopback_server *server, const char *path)
{
    const char *target = strchr(server->request, ' ');
    return target != NULL && strncmp(target + 1, path, strlen(path)) == 0;
}

static bool send_echo(struct loopback_server *server, struct connection *connection)
{
    char head[128];
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                   strlen(server->request));
    return send_string(connection, head) && send_string(connection, server->request);
}

/* False when the connection is to be closed. */
static bool answer(struct loopback_server *server, struct connection *connection)
{
    if (is_for(server, "/prefix/ok") || is_for(server, "/ok"))
        return send_string(connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (is_for(server, "/echo"))
        return send_echo(server, connection);
    if (is_for(server, "/error"))
        return send_string(connection, "HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nbroken");
    if (is_for(server, "/empty"))
        return send_string(connection, "HTTP/1.1 204 No Content\r\n\r\n");
    if (is_for(server, "/redirect"))
        return send_string(connection,
                           "HTTP/1.1 302 Found\r\nLocation: /secret\r\nContent-Length: 0\r\n\r\n");
    if (is_for(server, "/chunks"))
        return send_string(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") &&
               send_string(connection, "3\r\none\r\n") && send_string(connection, "3\r\ntwo\r\n") &&
               send_string(connection, "5\r\nthree\r\n0\r\n\r\n");
    if (is_for(server, "/endless")) {
        (void)send_string(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (send_string(connection, "10\r\n0123456789abcdef\r\n"))
            continue;
        return false;
    }
    if (is_for(server, "/big"))
        (void)send_string(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    else if (is_for(server, "/cut"))
        return send_string(connection, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf") &&
               false;
    else if (is_for(server, "/junk"))
        return send_string(connection, "SSH-2.0-OpenSSH\r\n\r\n") && false;
    else if (is_for(server, "/cancel"))
        server->on_request(server->context);
    await_leaving(connection); /* /big, /silent, /cancel */
    return false;
}

static void serve(struct loopback_server *server, int fd)
{
    struct connection connection = {.fd = fd};
    pthread_mutex_lock(&server->shared.lock);
    server->shared.fd = fd;
    pthread_mutex_unlock(&server->shared.lock);
    if (server->tls != NULL) {
        connection.tls = SSL_new(server->tls);
        check(connection.tls != NULL && SSL_set_fd(connection.tls, fd) == 1, "SSL_new");
    }
    bool goes_on = connection.tls == NULL || SSL_accept(connection.tls) == 1;
    while (goes_on && read_request(server, &connection)) {
        atomic_fetch_add(&server->request_count, 1);
        goes_on = answer(server, &connection);
    }
    SSL_free(connection.tls);
    pthread_mutex_lock(&server->shared.lock);
    server->shared.fd = -1;
    (void)close(fd);
    pthread_mutex_unlock(&server->shared.lock);
}

static void *run(void *context)
{
    struct loopback_server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL; /* stopped */
        atomic_fetch_add(&server->connection_count, 1);
        serve(server, fd);
    }
}

void loopback_server_start(struct loopback_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(server->listener >= 0, "socket");
    check(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
    check(listen(server->listener, 16) == 0, "listen");
    check(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    server->port = ntohs(address.sin_port);
    server->shared.fd = -1;
    check(pthread_mutex_init(&server->shared.lock, NULL) == 0, "pthread_mutex_init");
    check(pthread_create(&server->thread, NULL, run, server) == 0, "pthread_create");
}

void loopback_server_stop(struct loopback_server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR); /* wakes accept(2) */
    pthread_mutex_lock(&server->shared.lock);
    if (server->shared.fd >= 0)
        (void)shutdown(server->shared.fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->shared.lock);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
    (void)pthread_mutex_destroy(&server->shared.lock);
}

void loopback_server_last_line(struct loopback_server *server, char out_line[256])
{
    pthread_mutex_lock(&server->shared.lock);
    memcpy(out_line, server->shared.last_line, sizeof(server->shared.last_line));
    pthread_mutex_unlock(&server->shared.lock);
}
