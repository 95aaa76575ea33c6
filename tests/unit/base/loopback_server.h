/* A tiny HTTP server on loopback for the tests of the HTTP client: one thread, one connection after
 * the other, answers by path.
 *
 *   /ok      200, "hello"                   /echo    200, the request itself
 *   /error   500, "broken"                  /redirect  302 to /secret
 *   /empty   204                            /chunks  200 in three chunks: "one", "two", "three"
 *   /big     announces 1 GB, sends nothing  /endless chunks until the client leaves
 *   /cut     closes in the middle           /junk    not HTTP
 *   /silent  no answer until the client leaves
 *   /cancel  as /silent, after calling on_request */
#ifndef COF_TESTS_UNIT_BASE_LOOPBACK_SERVER_H
#define COF_TESTS_UNIT_BASE_LOOPBACK_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct loopback_server {
    int listener;
    unsigned port;
    pthread_t thread;
    atomic_int connection_count;
    atomic_int request_count;
    void (*on_request)(void *context); /* for /cancel */
    void *context;
    void *tls;           /* SSL_CTX, or NULL for plain HTTP; owned by the test */
    char request[65536]; /* of the server's thread */
    struct {
        pthread_mutex_t lock;
        int fd; /* of the connection being served, or -1 */
        char last_line[256];
    } shared;
};

/* Ends the test program when it cannot; has it ignore SIGPIPE. */
void loopback_server_start(struct loopback_server *server);
/* Breaks the connection that is open, if one is. */
void loopback_server_stop(struct loopback_server *server);
/* The request line of the last request. */
void loopback_server_last_line(struct loopback_server *server, char out_line[256]);

#endif
