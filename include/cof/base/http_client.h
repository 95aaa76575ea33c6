/* The one door out: the only code of Coffer that can open an outbound connection (law 10).
 *
 * A client is made for exactly one configured address and can reach nothing else: no redirects, no
 * proxies from the environment, http and https only, certificates verified. Blocking; used from
 * worker threads, safe from any number of them. */
#ifndef COF_BASE_HTTP_CLIENT_H
#define COF_BASE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/buffer.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_http_client;

struct cof_http_client_options {
    const char *base_url;     /* "https://host:port/prefix", no query; required */
    const char *bearer_token; /* NULL = none; kept in locked memory, never logged */
    const char *ca_file;      /* NULL = the system's */
    /* "Name: value", sent with every request; NULL at the end. NULL = none. */
    const char *const *headers;
    long connect_timeout_ms;   /* 0 = 5,000 */
    long total_timeout_ms;     /* 0 = 60,000 */
    size_t max_response_bytes; /* 0 = 64 MiB; COF_TOO_LARGE beyond */
};

/* COF_INVALID for an address that is not http or https, carries a user, a query or a fragment, and
 * for a token or a header that cannot stand in one. Connects to nothing yet. */
COF_MUST_USE enum cof_status cof_http_client_create(const struct cof_http_client_options *options,
                                                    struct cof_http_client **out_client,
                                                    struct cof_error *err);
/* No call may be under way. The token is wiped. NULL is fine. */
void cof_http_client_destroy(struct cof_http_client *client);

/* Sends `method` ("GET", "POST" …) to base_url + path. `path` begins with '/', has no "." or ".."
 * segment, no '#', no spaces (COF_INVALID); so it cannot leave the prefix of base_url. For GET
 * without a body, pass an empty one; `content_type` may be NULL. The response body is appended to
 * out_body whatever the HTTP status. Fails with COF_UNAVAILABLE when the peer cannot be reached,
 * its certificate is not trusted or it breaks off, COF_TOO_LARGE, COF_TIMEOUT, COF_CANCELED
 * (noticed within a tenth of a second), COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_http_client_send(
    struct cof_http_client *client, const char *method, const char *path, const char *content_type,
    struct cof_bytes body, const struct cof_cancel *cancel, long *out_http_status,
    struct cof_buffer *out_body, struct cof_error *err);
/* The same, but hands the body to `each` as it arrives (for NDJSON and SSE). *out_http_status is
 * set before the first call of `each`, so that it can tell an answer from an error page; it stays
 * set when the transfer fails later. Returning false stops the transfer and the call fails with
 * COF_CANCELED. */
typedef bool (*cof_http_chunk_fn)(void *context, struct cof_bytes chunk);
COF_MUST_USE enum cof_status cof_http_client_stream(struct cof_http_client *client,
                                                    const char *method, const char *path,
                                                    const char *content_type, struct cof_bytes body,
                                                    const struct cof_cancel *cancel,
                                                    long *out_http_status, cof_http_chunk_fn each,
                                                    void *context, struct cof_error *err);

#endif
