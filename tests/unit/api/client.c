/* Sockets with a receive timeout, so that a test that goes wrong ends. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fake_service.h"
#include "testing.h"

static char client_key[128] = FAKE_KEY;

void client_use_key(const char *key)
{
    (void)snprintf(client_key, sizeof(client_key), "%s", key);
}

static void *run(void *argument)
{
    struct running_server *running = argument;
    struct cof_error err = {0};
    if (cof_server_run(running->server, running->drain_ms, &err) != COF_OK) {
        (void)fprintf(stderr, "cof_server_run: %s\n", err.message);
        abort();
    }
    return NULL;
}

void server_start(struct running_server *running, struct cof_server_options *options)
{
    struct cof_error err = {0};
    if (options->listen == NULL) {
        options->listen = "127.0.0.1:0";
    }
    if (running->drain_ms == 0) {
        running->drain_ms = 5000;
    }
    if (cof_server_open(options, &running->server, &err) != COF_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(pthread_create(&running->thread, NULL, run, running), 0);
}

void server_end(struct running_server *running)
{
    cof_server_stop(running->server);
    assert_int_equal(pthread_join(running->thread, NULL), 0);
    cof_server_close(running->server);
    *running = (struct running_server){0};
}

int client_connect(const struct running_server *running)
{
    unsigned port = 0;
    const struct timeval patience = {.tv_sec = 20};
    const char *address = cof_server_address(running->server);
    assert_int_equal(sscanf(address, "127.0.0.1:%u", &port), 1);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void client_send_bytes(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server had enough; what it said is read next */
        }
        at += sent;
        size -= (size_t)sent;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

/* Fills up to `size` bytes; fewer at the end of the stream. */
static size_t read_bytes(int fd, char *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = recv(fd, out + done, size - done, 0);
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    return done;
}

/* A line or a head, byte by byte: nothing behind it is consumed. */
static bool read_until(int fd, char *out, size_t room, const char *end)
{
    size_t size = 0;
    size_t end_size = strlen(end);
    while (size + 1 < room && read_bytes(fd, out + size, 1) == 1) {
        size++;
        out[size] = '\0';
        if (size >= end_size && strcmp(out + size - end_size, end) == 0) {
            return true;
        }
    }
    out[size] = '\0';
    return false;
}

static void append(struct response *response, const char *bytes, size_t size)
{
    response->body = realloc(response->body, response->body_size + size + 1);
    memcpy(response->body + response->body_size, bytes, size);
    response->body_size += size;
    response->body[response->body_size] = '\0';
}

static void read_chunks(int fd, struct response *response)
{
    for (;;) {
        char line[64];
        if (!read_until(fd, line, sizeof(line), "\r\n")) {
            return;
        }
        size_t size = strtoul(line, NULL, 16);
        char *chunk = malloc(size + 2);
        bool is_there = read_bytes(fd, chunk, size + 2) == size + 2;
        if (is_there && size > 0) {
            append(response, chunk, size);
        }
        free(chunk);
        if (!is_there || size == 0) {
            response->is_whole = is_there;
            return;
        }
    }
}

struct response client_receive(int fd)
{
    struct response response = {0};
    append(&response, "", 0);
    do {
        if (!read_until(fd, response.head, sizeof(response.head), "\r\n\r\n") ||
            sscanf(response.head, "HTTP/1.1 %d ", &response.status) != 1) {
            response.status = 0;
            return response;
        }
    } while (response.status == 100);
    const char *length = strstr(response.head, "Content-Length: ");
    if (length != NULL) {
        size_t size = strtoul(length + 16, NULL, 10);
        char *body = malloc(size + 1);
        size_t got = read_bytes(fd, body, size);
        append(&response, body, got);
        response.is_whole = got == size;
        free(body);
    } else if (strstr(response.head, "Transfer-Encoding: chunked") != NULL) {
        read_chunks(fd, &response);
    } else {
        response.is_whole = true;
    }
    return response;
}

void response_free(struct response *response)
{
    free(response->body);
    *response = (struct response){0};
}

const char *client_receive_until(int fd, const char *part)
{
    static char text[65536];
    size_t size = 0;
    text[0] = '\0';
    while (strstr(text, part) == NULL && size + 1 < sizeof(text)) {
        ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        text[size] = '\0';
    }
    return text;
}

struct response client_ask(const struct running_server *running, const char *method,
                           const char *path, const char *body)
{
    int fd = client_connect(running);
    size_t size = body != NULL ? strlen(body) : 0;
    size_t room = size + 1024;
    char *request = malloc(room);
    int length =
        snprintf(request, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n",
                 method, path, client_key);
    if (body != NULL) {
        length += snprintf(request + length, room - (size_t)length,
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n", size);
    }
    length += snprintf(request + length, room - (size_t)length, "\r\n%s", body != NULL ? body : "");
    client_send_bytes(fd, request, (size_t)length);
    struct response response = client_receive(fd);
    free(request);
    (void)close(fd);
    return response;
}
