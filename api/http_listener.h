/* The listening socket and its connections: accepts, counts, ticks, drains.
 *
 * Loop thread only. The event base is the caller's. */
#ifndef COF_API_HTTP_LISTENER_H
#define COF_API_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include <cof/base/clock.h>
#include <cof/base/status.h>

#include "http_exchange.h"

struct cof_http_connection;
struct cof_http_listener;

struct cof_http_listener_options {
    struct event_base *base;
    const char *address; /* "127.0.0.1:7700", "[::1]:7700", "localhost:0" */
    bool may_be_public;  /* an address that is not loopback */
    const struct cof_http_handler *handler;
    void *context;
    const struct cof_clock *clock;
    size_t max_connections;
    size_t max_head_bytes;
    size_t max_head_count;
    size_t max_target_bytes;
    long head_timeout_ms;
    long idle_timeout_ms;
    long min_bytes_per_second;
    /* The last connection of a draining listener has closed. */
    void (*on_empty)(void *context);
    void *on_empty_context;
    cof_notice_fn notice; /* may be NULL */
    void *notice_context;
};

/* Binds and listens; nothing is accepted before start. COF_INVALID (not an address), COF_DENIED
 * (not loopback), COF_CONFLICT (taken), COF_IO. */
COF_MUST_USE enum cof_status cof_http_listener_open(const struct cof_http_listener_options *options,
                                                    struct cof_http_listener **out_listener,
                                                    struct cof_error *err);
/* Kills every connection. */
void cof_http_listener_close(struct cof_http_listener *listener);

COF_MUST_USE enum cof_status cof_http_listener_start(struct cof_http_listener *listener,
                                                     struct cof_error *err);
/* No new connections; idle ones are closed, others after their response. */
void cof_http_listener_drain(struct cof_http_listener *listener);
void cof_http_listener_kill_all(struct cof_http_listener *listener);

const char *cof_http_listener_address(const struct cof_http_listener *listener);
size_t cof_http_listener_connection_count(const struct cof_http_listener *listener);
/* What the timer does; for tests that own the clock. */
void cof_http_listener_tick(struct cof_http_listener *listener);

/* For http_connection.c: takes it out of the list. */
void cof_http_listener_forget(struct cof_http_listener *listener,
                              struct cof_http_connection *connection);

#endif
