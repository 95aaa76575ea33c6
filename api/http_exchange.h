/* One request and its response, as whoever answers it sees them.
 *
 * The HTTP layer knows nothing of what is asked: it calls a handler, and the handler answers
 * through the functions below, at once or later. Everything here happens on the loop thread; a
 * handler that works elsewhere comes back to the loop first. An exchange is valid from on_head
 * until the handler has completed its response (respond, end, abort) or was told on_left; never
 * after. */
#ifndef COF_API_HTTP_EXCHANGE_H
#define COF_API_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/text.h>

#include "http_head.h"
#include "http_response.h"

struct cof_http_exchange;

struct cof_http_handler {
    /* A head that keeps the rules. Nothing of the body is read before receive() is called. A
     * response given before the whole body was read closes the connection afterwards. */
    void (*on_head)(void *context, struct cof_http_exchange *exchange);
    /* A piece of the body; borrowed during the call. Limits are the handler's. */
    void (*on_body)(void *context, struct cof_http_exchange *exchange, struct cof_bytes bytes);
    void (*on_body_end)(void *context, struct cof_http_exchange *exchange);
    /* The client has left, or was too slow, or its body is malformed. */
    void (*on_left)(void *context, struct cof_http_exchange *exchange);
    /* About four times a second while the exchange is open. */
    void (*on_tick)(void *context, struct cof_http_exchange *exchange, int64_t now_ns);
    /* A request that was refused before, or instead of, on_head. */
    void (*on_fault)(void *context, unsigned status);
};

/* For the handler's own use. */
void cof_http_exchange_set_state(struct cof_http_exchange *exchange, void *state);
void *cof_http_exchange_state(const struct cof_http_exchange *exchange);

/* Valid until the response is complete. */
const struct cof_http_head *cof_http_exchange_head(const struct cof_http_exchange *exchange);
/* The address the client connected to, as in a Host header without port; false when unknown. */
bool cof_http_exchange_local_host(const struct cof_http_exchange *exchange, char out_host[64]);

/* Reads the body from now on; says 100 Continue to a client that waits for it. What has arrived
 * already is delivered before this returns, and so is on_left: the exchange may be gone then. The
 * same goes for resume. */
void cof_http_exchange_receive(struct cof_http_exchange *exchange);
/* No more on_body until resume: the client is held back by its own full connection. At most 16 KiB
 * may still arrive. */
void cof_http_exchange_pause(struct cof_http_exchange *exchange);
void cof_http_exchange_resume(struct cof_http_exchange *exchange);

/* A whole response. The body is taken over and wiped when sent; NULL = none. */
void cof_http_exchange_respond(struct cof_http_exchange *exchange,
                               const struct cof_http_response *response, struct cof_buffer *body);
/* A response in pieces. An empty piece is nothing. */
void cof_http_exchange_begin(struct cof_http_exchange *exchange,
                             const struct cof_http_response *response);
void cof_http_exchange_write(struct cof_http_exchange *exchange, struct cof_bytes bytes);
void cof_http_exchange_end(struct cof_http_exchange *exchange);
/* Gives the exchange up: the client sees a broken connection, never a shortened answer. */
void cof_http_exchange_abort(struct cof_http_exchange *exchange);
/* Bytes of the response that the client has not taken yet. */
size_t cof_http_exchange_unsent_bytes(const struct cof_http_exchange *exchange);

#endif
