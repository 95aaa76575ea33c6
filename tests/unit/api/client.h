/* A blocking client of the real server, for tests: raw requests out, responses in. */
#ifndef COF_TESTS_API_CLIENT_H
#define COF_TESTS_API_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <cof/api/server.h>

struct running_server {
    struct cof_server *server;
    pthread_t thread;
    long drain_ms;
};
/* Opens with these options on a free port and runs on a thread of its own. */
void server_start(struct running_server *running, struct cof_server_options *options);
/* Stops, waits for the end, closes. */
void server_end(struct running_server *running);

int client_connect(const struct running_server *running);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *bytes, size_t size);

struct response {
    int status;      /* 0: the connection ended instead */
    char head[4096]; /* with the status line */
    char *body;      /* NUL-terminated; decoded where it came in chunks */
    size_t body_size;
    bool is_whole; /* false: it broke off */
};
/* Reads one response; freed by response_free. */
struct response client_receive(int fd);
/* The same without waiting for the body: head only; the body is read by client_receive_some. */
void response_free(struct response *response);

/* Reads until `part` has come (or the end, or ten seconds); what came is in a static buffer. */
const char *client_receive_until(int fd, const char *part);

/* The key that client_ask presents from now on; FAKE_KEY at first. */
void client_use_key(const char *key);
/* One request on a connection of its own. `body` NULL = none; JSON otherwise. */
struct response client_ask(const struct running_server *running, const char *method,
                           const char *path, const char *body);

#endif
