/* coffer serve: the HTTP API until SIGTERM or SIGINT. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cof/api/server.h>

#include "cli.h"
#include "version.h"

#define MAX_NAMES 64

static _Atomic(struct cof_server *) running;

static void on_signal(int number)
{
    (void)number;
    struct cof_server *server = atomic_load(&running);
    if (server != NULL) {
        cof_server_stop(server);
    }
}

static void log_line(void *context, enum cof_log_level level, const char *message)
{
    static const char *const names[] = {
        [COF_LOG_ERROR] = "error", [COF_LOG_WARN] = "warn", [COF_LOG_INFO] = "info"};
    (void)context;
    char time[32];
    cof_time_format(cof_clock_wall_ns(cof_clock_system()), time);
    (void)fprintf(stderr, "%s %s %s\n", time, names[level], message);
}

static void on_notice(void *context, const char *message)
{
    log_line(context, COF_LOG_WARN, message);
}

/* Splits a comma-separated setting in place into at most MAX_NAMES strings. */
static enum cof_status split_names(const char *list, struct cof_arena *arena,
                                   const char **out_names, size_t *out_count, struct cof_error *err)
{
    struct cof_text rest = cof_text_from(list);
    size_t count = 0;
    while (rest.size > 0) {
        struct cof_text name;
        (void)cof_text_split(rest, ',', &name, &rest);
        name = cof_text_trim(name);
        if (name.size == 0) {
            continue;
        }
        struct cof_text copy = cof_arena_copy_text(arena, name);
        if (copy.data == NULL) {
            return COF_FAIL_MEMORY(err);
        }
        if (count == MAX_NAMES) {
            return COF_FAIL(err, COF_INVALID, "at most %d names in one setting", MAX_NAMES);
        }
        out_names[count++] = copy.data;
    }
    *out_count = count;
    return COF_OK;
}

struct serve {
    struct cof_cli cli;
    const char *listen;
    bool is_behind_proxy;
    const char *hosts[MAX_NAMES];
    const char *origins[MAX_NAMES];
};

static enum cof_status open_server(struct serve *serve, struct cof_app *app,
                                   struct cof_server **out_server, struct cof_error *err)
{
    const struct cof_config *config = &serve->cli.config;
    struct cof_server_options options = {
        .listen = config->listen,
        .is_behind_proxy = config->is_behind_proxy,
        .allowed_hosts = serve->hosts,
        .allowed_origins = serve->origins,
        .worker_count = (size_t)config->workers,
        .max_queue_count = (size_t)config->queue,
        .generate_worker_count = (size_t)config->generate_workers,
        .max_generate_queue_count = (size_t)config->generate_queue,
        .max_connections = (size_t)config->max_connections,
        .max_head_bytes = (size_t)config->max_head_bytes,
        .max_head_count = (size_t)config->max_head_count,
        .max_json_bytes = (size_t)config->max_json_bytes,
        .max_bulk_bytes = (size_t)config->max_bulk_bytes,
        .max_line_bytes = (size_t)config->max_line_bytes,
        .max_buffered_bytes = (size_t)config->max_buffered_bytes,
        .head_timeout_ms = (long)config->head_timeout_ms,
        .idle_timeout_ms = (long)config->idle_timeout_ms,
        .min_body_bytes_per_second = (long)config->min_body_bytes_per_second,
        .request_timeout_ms = (long)config->request_timeout_ms,
        .generate_timeout_ms = (long)config->generate_timeout_ms,
        .version = COF_VERSION,
        .service = app->service,
        .metrics = app->metrics,
        .log = log_line,
    };
    COF_TRY(split_names(config->allowed_hosts, &serve->cli.arena, serve->hosts,
                        &options.allowed_host_count, err));
    COF_TRY(split_names(config->allowed_origins, &serve->cli.arena, serve->origins,
                        &options.allowed_origin_count, err));
    return cof_server_open(&options, out_server, err);
}

static enum cof_status run_server(struct serve *serve, struct cof_app *app, struct cof_error *err)
{
    struct cof_server *server = NULL;
    COF_TRY(open_server(serve, app, &server, err));
    atomic_store(&running, server);
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    cof_out("listening on http://%s\n", cof_server_address(server));
    (void)fflush(stdout);
    enum cof_status status = cof_server_run(server, (long)serve->cli.config.drain_ms, err);
    atomic_store(&running, NULL);
    cof_server_close(server);
    return status;
}

static int serve_with(struct serve *serve)
{
    struct cof_error error = {0};
    struct cof_app app;
    struct cof_app_options options = {
        .data_folder = serve->cli.data,
        .keys_folder = serve->cli.keys,
        .config = &serve->cli.config,
        .needs = COF_APP_SEARCH | COF_APP_INGEST | COF_APP_GENERATE,
        .notice = on_notice,
    };
    if (cof_app_open(&options, &app, &error) != COF_OK) {
        return cof_fail_exit(&error);
    }
    enum cof_status status = run_server(serve, &app, &error);
    cof_app_close(&app);
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct serve serve = {0};
    const struct cof_option options[] = {
        {.name = "--listen",
         .metavar = "ADDR:PORT",
         .value = &serve.listen,
         .help = "default 127.0.0.1:7700; port 0 = any free one"},
        {.name = "--behind-proxy",
         .flag = &serve.is_behind_proxy,
         .help = "a TLS proxy stands in front: allows an address that is not loopback"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&serve.cli, command, options, argc, argv, &rest);
    if (code < 0 && (serve.cli.data == NULL || rest.count > 0)) {
        code = cof_misuse(command, rest.count > 0 ? "unexpected argument"
                                                  : "say where the data is: --data DIR");
    }
    if (code < 0) {
        if (serve.listen != NULL) {
            serve.cli.config.listen = serve.listen;
        }
        serve.cli.config.is_behind_proxy |= serve.is_behind_proxy;
        code = serve_with(&serve);
    }
    cof_cli_deinit(&serve.cli);
    return code;
}

const struct cof_command cof_command_serve = {
    .name = "serve",
    .usage = "serve --data DIR [--listen ADDR:PORT] [--config FILE] [--set KEY=VALUE]…",
    .summary = "serve the HTTP API",
    .details =
        "Prints `listening on http://ADDR:PORT` when ready. SIGTERM stops gracefully: no new\n"
        "requests, those in flight are finished. `coffer doctor --settings` lists every\n"
        "setting with its default.",
    .run = run,
};
