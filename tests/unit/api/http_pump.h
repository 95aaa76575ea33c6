/* A listener, its clients and its handler in one thread, with a clock that the test moves.
 *
 * pump() lets libevent do what is ready; nothing waits for real time. */
#ifndef COF_TESTS_API_HTTP_PUMP_H
#define COF_TESTS_API_HTTP_PUMP_H

#include <event2/event.h>

#include <cof/base/clock.h>

#include "http_exchange.h"
#include "http_listener.h"

struct pump {
    struct event_base *base;
    struct cof_http_listener *listener;
    struct cof_manual_clock time;
    struct cof_clock clock;

    /* What the handler does and what it saw. */
    void (*answer)(struct pump *pump, struct cof_http_exchange *exchange);
    bool must_read_body; /* receive() in on_head, answer at the end of the body */
    struct cof_http_exchange *open;
    struct cof_buffer body;
    char targets[1024]; /* of every request, space between */
    size_t left_count;
    size_t tick_count;
    unsigned fault;
    bool is_empty;
    size_t max_connections; /* 0 = 8; set before pump_open */
};

void pump_open(struct pump *pump);
void pump_close(struct pump *pump);
/* Runs whatever is ready until nothing is. */
void pump_run(struct pump *pump);
/* Moves the clock and lets the listener look at it. */
void pump_pass(struct pump *pump, long ms);

int pump_connect(struct pump *pump);
/* Sends, then runs the loop. */
void pump_send(struct pump *pump, int fd, const char *text);
/* What has arrived since the last call, NUL-terminated in a static buffer. */
const char *pump_receive(struct pump *pump, int fd);
/* True when the server has closed its end. */
bool pump_is_closed(struct pump *pump, int fd);

/* Answers 200 with this text. */
void pump_respond(struct cof_http_exchange *exchange, const char *text);

#endif
