/* A connection: requests in, in order; responses out, in order. Private to http_*.c.
 *
 * One exchange at a time: while it is open, what a pipelining client sends stays in the input
 * buffer (at most READ_HIGH_BYTES of it), so reading goes on far enough to notice that the client
 * left. */
#ifndef COF_API_HTTP_CONNECTION_H
#define COF_API_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/bufferevent.h>

#include <cof/base/clock.h>
#include <cof/base/status.h>

#include "http_exchange.h"
#include "http_pace.h"
#include "http_parser.h"

struct cof_http_listener;

/* Shared by all connections of a listener. */
struct cof_http_settings {
    const struct cof_http_handler *handler;
    void *context;
    const struct cof_clock *clock;
    size_t max_head_bytes;
    size_t max_head_count;
    size_t max_target_bytes;
    long head_timeout_ms;
    long idle_timeout_ms;
    long min_bytes_per_second;
    bool is_draining; /* every response closes its connection */
};

enum cof_http_phase {
    COF_HTTP_PHASE_HEAD,   /* between requests, or inside a head */
    COF_HTTP_PHASE_ASKING, /* the handler has not asked for the body yet */
    COF_HTTP_PHASE_BODY,
    COF_HTTP_PHASE_RESPONSE,  /* the whole request is here */
    COF_HTTP_PHASE_FLUSHING,  /* closes when everything is sent */
    COF_HTTP_PHASE_LINGERING, /* everything is sent; what still arrives is thrown away */
};

struct cof_http_exchange {
    struct cof_http_connection *connection;
    void *state;
    bool is_open;
    bool is_streaming; /* the head of the response is out, its end is not */
    enum cof_http_framing framing;
};

struct cof_http_connection {
    struct cof_http_connection *previous;
    struct cof_http_connection *next;
    struct cof_http_listener *listener;
    const struct cof_http_settings *settings;
    struct bufferevent *bufferevent;
    struct cof_http_parser *parser;
    struct cof_http_exchange exchange;
    enum cof_http_phase phase;
    int64_t phase_begin_ns;
    struct cof_http_pace sender; /* while a body is received */
    struct cof_http_pace taker;  /* while output waits */
    uint64_t queued_bytes;       /* ever put into the output */
    uint64_t sent_bytes;         /* ever taken from it, at the last look */
    unsigned depth;              /* calls into the connection that have not returned */
    bool is_first;               /* no request has been seen yet */
    bool is_paused;
    bool is_persistent;
    bool is_processing;
    bool must_linger; /* the client may still be sending */
    bool has_ended;   /* the client sends no more */
    bool is_broken;   /* something could not be sent: killed at the next tick, or sooner */
    bool is_dead;     /* freed when depth is 0 */
};

/* Takes the socket over. */
COF_MUST_USE enum cof_status cof_http_connection_create(struct cof_http_listener *listener,
                                                        const struct cof_http_settings *settings,
                                                        struct event_base *base, int fd,
                                                        struct cof_http_connection **out_connection,
                                                        struct cof_error *err);
/* Looks at the clock: closes what is too slow. */
void cof_http_connection_tick(struct cof_http_connection *connection, int64_t now_ns);
/* Between requests, with nothing begun. */
bool cof_http_connection_is_idle(const struct cof_http_connection *connection);
/* At once; an open exchange is told on_left. */
void cof_http_connection_kill(struct cof_http_connection *connection);

/* ---- Between http_connection.c and http_exchange.c ---- */

/* Every call that may end the connection stands between these two. */
void cof_http_connection_enter(struct cof_http_connection *connection);
void cof_http_connection_leave(struct cof_http_connection *connection);
void cof_http_connection_process(struct cof_http_connection *connection);
/* The response is complete: the next request, or the end. */
void cof_http_connection_finish(struct cof_http_connection *connection);
void cof_http_connection_send(struct cof_http_connection *connection, struct cof_bytes bytes);
int64_t cof_http_connection_now(const struct cof_http_connection *connection);

#endif
