/* The HTTP/1.1 API: bytes in, bytes out.
 *
 * One event-loop thread owns every connection; a bounded pool of workers runs requests through
 * src/service, with a lane of its own for generation; a full queue answers 429 with Retry-After.
 * Strict parsing (llhttp and our own checks, RFC 9112), bodies streamed with back-pressure, closed
 * clients cancel their work. docs/http-api.md describes the endpoints, docs/openapi.json the
 * shapes. */
#ifndef COF_API_SERVER_H
#define COF_API_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/clock.h>
#include <cof/base/metrics.h>
#include <cof/base/status.h>
#include <cof/service/service.h>

struct cof_server;

enum cof_log_level { COF_LOG_ERROR, COF_LOG_WARN, COF_LOG_INFO };
/* One line for the operator, without content of documents or keys. Any thread. */
typedef void (*cof_log_fn)(void *context, enum cof_log_level level, const char *message);

struct cof_server_options {
    const char *listen;   /* "127.0.0.1:7700", "[::1]:7700"; port 0 = any free one */
    bool is_behind_proxy; /* allows an address that is not loopback (a TLS proxy in front) */
    const char *const *allowed_hosts; /* besides localhost, 127.0.0.1, [::1] and the address */
    size_t allowed_host_count;
    const char *const *allowed_origins; /* exact Origin values; none = only same-origin requests */
    size_t allowed_origin_count;
    size_t worker_count;             /* 0 = number of cores */
    size_t max_queue_count;          /* 0 = 256 */
    size_t generate_worker_count;    /* 0 = 1 */
    size_t max_generate_queue_count; /* 0 = 16 */
    size_t max_connections;          /* 0 = 1024 */
    size_t max_head_bytes;           /* 0 = 16 KiB */
    size_t max_head_count;           /* header fields; 0 = 64 */
    size_t max_json_bytes;           /* body of a JSON request; 0 = 8 MiB */
    size_t max_bulk_bytes;           /* body of POST /v1/documents; 0 = 4 GiB */
    size_t max_line_bytes;           /* one NDJSON line; 0 = 64 MiB */
    size_t max_buffered_bytes;      /* bodies in memory, all requests together; 0 = 512 MiB, or four
                                     * of the largest body where that is more */
    long head_timeout_ms;           /* 0 = 10,000 */
    long idle_timeout_ms;           /* between requests; 0 = 60,000 */
    long min_body_bytes_per_second; /* slower senders are closed; 0 = 1024 */
    long request_timeout_ms;        /* 0 = 60,000 */
    long generate_timeout_ms;       /* 0 = 300,000 */
    const char *version;            /* of Coffer, for /info */
    const struct cof_clock *clock;  /* NULL = the system's */
    struct cof_service *service;
    struct cof_metrics *metrics;
    cof_log_fn log;
    void *log_context;
};

/* Binds and listens; nothing is accepted before run. COF_DENIED for an address that is not loopback
 * without is_behind_proxy (names the cure), COF_CONFLICT when the port is taken. */
COF_MUST_USE enum cof_status cof_server_open(const struct cof_server_options *options,
                                             struct cof_server **out_server, struct cof_error *err);
/* "127.0.0.1:41234": where it listens now; borrowed until close. */
const char *cof_server_address(const struct cof_server *server);
/* Serves until cof_server_stop; runs the event loop on the calling thread. After stop, requests in
 * flight are finished (at most drain_ms, then canceled), new ones refused. */
COF_MUST_USE enum cof_status cof_server_run(struct cof_server *server, long drain_ms,
                                            struct cof_error *err);
/* Async-signal-safe and thread-safe. */
void cof_server_stop(struct cof_server *server);
void cof_server_close(struct cof_server *server);

/* Every route, for the test that compares docs/openapi.json with the server. */
struct cof_route_info {
    const char *method;
    const char *path; /* "/v1/vector_stores/{id}/search" */
};
size_t cof_server_routes(const struct cof_route_info **out_routes);

#endif
