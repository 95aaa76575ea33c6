/* The server: parts put together at open, run on one loop, taken apart in reverse.
 *
 * Stopping: the signal handler sets a flag and wakes the loop. The loop stops accepting, closes
 * idle connections and lets requests finish; when drain_ms have passed it asks jobs to cancel, and
 * a second later it closes what is still open. It ends when no job and no connection is left: a
 * worker is always waited for, because it may be inside a write that has to be whole. */
#include <cof/api/server.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cof/base/alloc.h>

#include "dispatcher.h"
#include "http_listener.h"
#include "lanes.h"
#include "request_job.h"
#include "server_metrics.h"

#define MAX_TARGET_BYTES 2048
#define GRACE_AFTER_CANCEL_MS 1000

struct cof_server {
    struct cof_server_options options; /* complete: no zeros */
    struct cof_api api;
    struct event_base *base;
    struct cof_completions completions;
    struct cof_lanes *lanes;
    struct cof_server_metrics *metrics;
    struct cof_dispatcher *dispatcher;
    struct cof_http_listener *listener;
    struct event *wake;  /* the completions' descriptor */
    struct event *timer; /* steps of stopping; also the metrics of connections */
    atomic_bool must_stop;
    bool is_draining;
    bool is_canceled;
    long drain_ms;
};

static void log_line(const struct cof_server *server, enum cof_log_level level, const char *message)
{
    if (server->options.log != NULL) {
        server->options.log(server->options.log_context, level, message);
    }
}

static void set_timer(struct cof_server *server, long ms)
{
    const struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)event_add(server->timer, &delay);
}

static void end_if_idle(void *context)
{
    struct cof_server *server = context;
    if (server->is_draining && cof_dispatcher_job_count(server->dispatcher) == 0 &&
        cof_http_listener_connection_count(server->listener) == 0) {
        (void)event_base_loopbreak(server->base);
    }
}

static void begin_to_stop(struct cof_server *server)
{
    log_line(server, COF_LOG_INFO, "stopping: requests in flight are finished, new ones refused");
    server->is_draining = true;
    cof_dispatcher_drain(server->dispatcher);
    cof_http_listener_drain(server->listener);
    set_timer(server, server->drain_ms);
    end_if_idle(server);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct cof_server *server = context;
    (void)fd;
    (void)what;
    if (!server->is_canceled) {
        server->is_canceled = true;
        log_line(server, COF_LOG_WARN, "stopping: canceling what has not finished in time");
        cof_dispatcher_cancel_all(server->dispatcher);
        set_timer(server, GRACE_AFTER_CANCEL_MS);
        return;
    }
    cof_http_listener_kill_all(server->listener);
    end_if_idle(server);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct cof_server *server = context;
    (void)fd;
    (void)what;
    cof_completions_quiet(&server->completions);
    cof_dispatcher_collect(server->dispatcher);
    cof_server_metrics_connections(server->metrics,
                                   cof_http_listener_connection_count(server->listener));
    if (atomic_load(&server->must_stop) && !server->is_draining) {
        begin_to_stop(server);
    }
}

static void on_notice(void *context, const char *message)
{
    log_line(context, COF_LOG_WARN, message);
}

static size_t or_default(size_t value, size_t fallback)
{
    return value != 0 ? value : fallback;
}

static long or_default_ms(long value, long fallback)
{
    return value != 0 ? value : fallback;
}

static void complete_options(struct cof_server_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->worker_count = or_default(options->worker_count, cores > 0 ? (size_t)cores : 1);
    options->max_queue_count = or_default(options->max_queue_count, 256);
    options->generate_worker_count = or_default(options->generate_worker_count, 1);
    options->max_generate_queue_count = or_default(options->max_generate_queue_count, 16);
    options->max_connections = or_default(options->max_connections, 1024);
    options->max_head_bytes = or_default(options->max_head_bytes, (size_t)16 << 10);
    options->max_head_count = or_default(options->max_head_count, 64);
    options->max_json_bytes = or_default(options->max_json_bytes, (size_t)8 << 20);
    options->max_bulk_bytes = or_default(options->max_bulk_bytes, (size_t)4 << 30);
    options->max_line_bytes = or_default(options->max_line_bytes, (size_t)64 << 20);
    /* one request of the largest kind always has room */
    size_t largest = options->max_json_bytes > options->max_line_bytes ? options->max_json_bytes
                                                                       : options->max_line_bytes;
    size_t least = largest < ((size_t)128 << 20) ? (size_t)512 << 20 : 4 * largest;
    options->max_buffered_bytes = or_default(options->max_buffered_bytes, least);
    options->head_timeout_ms = or_default_ms(options->head_timeout_ms, 10000);
    options->idle_timeout_ms = or_default_ms(options->idle_timeout_ms, 60000);
    options->min_body_bytes_per_second = or_default_ms(options->min_body_bytes_per_second, 1024);
    options->request_timeout_ms = or_default_ms(options->request_timeout_ms, 60000);
    options->generate_timeout_ms = or_default_ms(options->generate_timeout_ms, 300000);
    if (options->clock == NULL) {
        options->clock = cof_clock_system();
    }
    if (options->version == NULL) {
        options->version = "";
    }
}

static enum cof_status make_parts(struct cof_server *server, struct cof_error *err)
{
    const struct cof_server_options *options = &server->options;
    const struct cof_lanes_options lanes = {
        .worker_count = options->worker_count,
        .max_queue_count = options->max_queue_count,
        .generate_worker_count = options->generate_worker_count,
        .max_generate_queue_count = options->max_generate_queue_count,
    };
    COF_TRY(cof_completions_init(&server->completions, err));
    COF_TRY(cof_server_metrics_create(options->metrics, &server->metrics, err));
    COF_TRY(cof_lanes_create(&lanes, &server->lanes, err));
    server->api = (struct cof_api){
        .service = options->service,
        .metrics = options->metrics,
        .clock = options->clock,
        .version = options->version,
        .started_s = cof_clock_wall_ns(options->clock) / 1000000000,
        .max_head_bytes = options->max_head_bytes,
        .max_json_bytes = options->max_json_bytes,
        .max_bulk_bytes = options->max_bulk_bytes,
        .max_line_bytes = options->max_line_bytes,
        .request_timeout_ms = options->request_timeout_ms,
        .generate_timeout_ms = options->generate_timeout_ms,
        .lanes = server->lanes,
        .log = options->log,
        .log_context = options->log_context,
    };
    const struct cof_dispatcher_options dispatcher = {
        .api = &server->api,
        .lanes = server->lanes,
        .completions = &server->completions,
        .metrics = server->metrics,
        .guard = {.hosts = options->allowed_hosts,
                  .host_count = options->allowed_host_count,
                  .origins = options->allowed_origins,
                  .origin_count = options->allowed_origin_count},
        .max_buffered_bytes = options->max_buffered_bytes,
        .on_idle = end_if_idle,
        .context = server,
    };
    return cof_dispatcher_create(&dispatcher, &server->dispatcher, err);
}

static enum cof_status make_events(struct cof_server *server, struct cof_error *err)
{
    const struct cof_server_options *options = &server->options;
    server->base = event_base_new();
    if (server->base == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    const struct cof_http_listener_options listener = {
        .base = server->base,
        .address = options->listen,
        .may_be_public = options->is_behind_proxy,
        .handler = cof_dispatcher_handler(),
        .context = server->dispatcher,
        .clock = options->clock,
        .max_connections = options->max_connections,
        .max_head_bytes = options->max_head_bytes,
        .max_head_count = options->max_head_count,
        .max_target_bytes = MAX_TARGET_BYTES,
        .head_timeout_ms = options->head_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
        .min_bytes_per_second = options->min_body_bytes_per_second,
        .on_empty = end_if_idle,
        .on_empty_context = server,
        .notice = on_notice,
        .notice_context = server,
    };
    COF_TRY(cof_http_listener_open(&listener, &server->listener, err));
    server->wake =
        event_new(server->base, server->completions.fd, EV_READ | EV_PERSIST, on_wake, server);
    server->timer = event_new(server->base, -1, 0, on_timer, server);
    if (server->wake == NULL || server->timer == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    if (event_add(server->wake, NULL) != 0) {
        return COF_FAIL(err, COF_IO, "cannot watch the event descriptor");
    }
    return COF_OK;
}

enum cof_status cof_server_open(const struct cof_server_options *options,
                                struct cof_server **out_server, struct cof_error *err)
{
    struct cof_server *server = cof_calloc(1, sizeof(*server));
    if (server == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    server->options = *options;
    server->completions.fd = -1;
    complete_options(&server->options);
    enum cof_status status = make_parts(server, err);
    if (status == COF_OK) {
        status = make_events(server, err);
    }
    if (status != COF_OK) {
        cof_server_close(server);
        return status;
    }
    *out_server = server;
    return COF_OK;
}

const char *cof_server_address(const struct cof_server *server)
{
    return cof_http_listener_address(server->listener);
}

/* Writing to a socket whose other end has gone raises SIGPIPE on the thread that writes; it is held
 * back here, and the write's own error says the same. */
static void hold_sigpipe(sigset_t *out_before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, out_before);
}

static void release_sigpipe(const sigset_t *before)
{
    const struct timespec none = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (sigismember(before, SIGPIPE) == 0) {
        while (sigtimedwait(&set, NULL, &none) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

enum cof_status cof_server_run(struct cof_server *server, long drain_ms, struct cof_error *err)
{
    sigset_t before;
    char line[160];
    server->drain_ms = drain_ms;
    COF_TRY(cof_http_listener_start(server->listener, err));
    (void)snprintf(line, sizeof(line), "listening on http://%s", cof_server_address(server));
    log_line(server, COF_LOG_INFO, line);
    hold_sigpipe(&before);
    int result = event_base_dispatch(server->base);
    release_sigpipe(&before);
    if (result < 0) {
        return COF_FAIL(err, COF_IO, "the event loop failed: %s", strerror(errno));
    }
    log_line(server, COF_LOG_INFO, "stopped");
    return COF_OK;
}

void cof_server_stop(struct cof_server *server)
{
    atomic_store(&server->must_stop, true);
    cof_completions_wake(&server->completions);
}

void cof_server_close(struct cof_server *server)
{
    if (server == NULL) {
        return;
    }
    cof_http_listener_close(server->listener); /* every exchange is told on_left */
    if (server->dispatcher != NULL) {
        cof_dispatcher_cancel_all(server->dispatcher);
    }
    cof_lanes_destroy(server->lanes); /* waits for the workers */
    cof_dispatcher_destroy(server->dispatcher);
    cof_server_metrics_destroy(server->metrics);
    if (server->wake != NULL) {
        event_free(server->wake);
    }
    if (server->timer != NULL) {
        event_free(server->timer);
    }
    if (server->base != NULL) {
        event_base_free(server->base);
    }
    cof_completions_deinit(&server->completions);
    cof_free(server);
}
