/* Series are looked up once per route and status and then kept, because looking up takes a lock. */
#include "server_metrics.h"

#include <stdio.h>

#include <cof/base/alloc.h>

#include "router.h"

#define MAX_STATUSES 24

struct status_series {
    unsigned status;
    struct cof_metric *count;
};

struct route_series {
    struct status_series statuses[MAX_STATUSES];
    size_t status_count;
    struct cof_metric *seconds;
};

struct cof_server_metrics {
    struct cof_metrics *metrics;
    const struct cof_route *routes;
    size_t route_count;
    struct route_series *series; /* route_count + 1: the last is of no route */
    struct cof_metric *in_flight;
    struct cof_metric *connections;
};

enum cof_status cof_server_metrics_create(struct cof_metrics *metrics,
                                          struct cof_server_metrics **out_metrics,
                                          struct cof_error *err)
{
    struct cof_server_metrics *created = cof_calloc(1, sizeof(*created));
    if (created == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    created->metrics = metrics;
    created->route_count = cof_routes(&created->routes);
    created->series = cof_calloc(created->route_count + 1, sizeof(*created->series));
    if (created->series == NULL) {
        cof_free(created);
        return COF_FAIL_MEMORY(err);
    }
    if (metrics != NULL) {
        created->in_flight =
            cof_metrics_series(metrics, COF_METRIC_GAUGE, "coffer_http_requests_in_flight", NULL,
                               "Requests whose response is not complete.");
        created->connections = cof_metrics_series(
            metrics, COF_METRIC_GAUGE, "coffer_http_connections", NULL, "Open connections.");
    }
    *out_metrics = created;
    return COF_OK;
}

void cof_server_metrics_destroy(struct cof_server_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    cof_free(metrics->series);
    cof_free(metrics);
}

static void format_labels(const struct cof_route *route, unsigned status, char out_labels[160])
{
    const char *path = route != NULL ? route->path : "none";
    const char *method = route != NULL ? cof_http_method_name(route->method) : "none";
    if (status == 0) {
        (void)snprintf(out_labels, 160, "method=\"%s\",route=\"%s\"", method, path);
    } else {
        (void)snprintf(out_labels, 160, "method=\"%s\",route=\"%s\",code=\"%u\"", method, path,
                       status);
    }
}

static struct cof_metric *count_series(struct cof_server_metrics *metrics,
                                       struct route_series *series, const struct cof_route *route,
                                       unsigned status)
{
    for (size_t i = 0; i < series->status_count; i++) {
        if (series->statuses[i].status == status) {
            return series->statuses[i].count;
        }
    }
    char labels[160];
    format_labels(route, status, labels);
    struct cof_metric *count =
        cof_metrics_series(metrics->metrics, COF_METRIC_COUNTER, "coffer_http_requests_total",
                           labels, "Requests answered, by route and status.");
    if (series->status_count < MAX_STATUSES) {
        series->statuses[series->status_count++] =
            (struct status_series){.status = status, .count = count};
    }
    return count;
}

void cof_server_metrics_count(struct cof_server_metrics *metrics, const struct cof_route *route,
                              unsigned status, int64_t duration_ns)
{
    if (metrics->metrics == NULL) {
        return;
    }
    size_t index = route != NULL ? (size_t)(route - metrics->routes) : metrics->route_count;
    struct route_series *series = &metrics->series[index];
    cof_metric_add(count_series(metrics, series, route, status), 1);
    if (series->seconds == NULL) {
        char labels[160];
        format_labels(route, 0, labels);
        series->seconds = cof_metrics_series(
            metrics->metrics, COF_METRIC_HISTOGRAM_SECONDS, "coffer_http_request_seconds", labels,
            "Time from the request's head to its complete response.");
    }
    cof_metric_observe_ns(series->seconds, duration_ns);
}

void cof_server_metrics_in_flight(struct cof_server_metrics *metrics, int change)
{
    if (metrics->in_flight != NULL) {
        cof_metric_add(metrics->in_flight, change);
    }
}

void cof_server_metrics_connections(struct cof_server_metrics *metrics, size_t count)
{
    if (metrics->connections != NULL) {
        cof_metric_set(metrics->connections, (int64_t)count);
    }
}
