/* What is counted of every request. Loop thread only, except the series themselves. */
#ifndef COF_API_SERVER_METRICS_H
#define COF_API_SERVER_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/metrics.h>
#include <cof/base/status.h>

#include "request.h"

struct cof_server_metrics;

/* `metrics` NULL: nothing is counted. */
COF_MUST_USE enum cof_status cof_server_metrics_create(struct cof_metrics *metrics,
                                                       struct cof_server_metrics **out_metrics,
                                                       struct cof_error *err);
void cof_server_metrics_destroy(struct cof_server_metrics *metrics);

/* `route` NULL: none was found. */
void cof_server_metrics_count(struct cof_server_metrics *metrics, const struct cof_route *route,
                              unsigned status, int64_t duration_ns);
void cof_server_metrics_in_flight(struct cof_server_metrics *metrics, int change);
void cof_server_metrics_connections(struct cof_server_metrics *metrics, size_t count);

#endif
