/* An HTTP server on loopback that answers POST requests as the test says: one thread, one
 * connection after the other, one request each. */
#ifndef COF_TESTS_UNIT_EMBEDDER_HTTP_STUB_H
#define COF_TESTS_UNIT_EMBEDDER_HTTP_STUB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <cof/base/buffer.h>
#include <cof/base/text.h>

/* Runs on the server's thread: fills the body of the answer and returns the HTTP status. */
typedef long (*http_stub_fn)(void *context, struct cof_text head, struct cof_text body,
                             struct cof_buffer *answer);

struct http_stub {
    http_stub_fn respond;
    void *context;
    int listener;
    pthread_t thread;
    char url[64]; /* "http://127.0.0.1:PORT/v1" */
};

/* Ends the test when it cannot. */
void http_stub_start(struct http_stub *stub, http_stub_fn respond, void *context);
void http_stub_stop(struct http_stub *stub);

/* Answers an OpenAI embeddings request by another embedder, which is the context. */
long http_stub_embed(void *context, struct cof_text head, struct cof_text body,
                     struct cof_buffer *answer);

#endif
