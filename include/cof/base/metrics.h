/* Counters, gauges and histograms, printed in Prometheus text format (version 0.0.4).
 *
 * Metrics are registered once, at composition, and updated lock-free from any thread. */
#ifndef COF_BASE_METRICS_H
#define COF_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>

struct cof_metrics;
struct cof_metric; /* one time series */

enum cof_metric_kind {
    COF_METRIC_COUNTER,
    COF_METRIC_GAUGE,
    COF_METRIC_HISTOGRAM_SECONDS, /* fixed buckets 0.1 ms … 60 s */
};

COF_MUST_USE enum cof_status cof_metrics_create(struct cof_metrics **out_metrics,
                                                struct cof_error *err);
void cof_metrics_destroy(struct cof_metrics *metrics);

/* Returns the series of that name and labels, made at the first call; safe from any thread but not
 * meant for hot paths. `labels` is NULL or the inside of the braces: route="search",code="200".
 * A label value is escaped by the caller. Never NULL: when out of memory, when the name is no
 * metric's name ([a-zA-Z_][a-zA-Z0-9_]*) or is taken by another kind, a shared sink is returned.
 * Everything is copied; the series lives as long as `metrics`. */
struct cof_metric *cof_metrics_series(struct cof_metrics *metrics, enum cof_metric_kind kind,
                                      const char *name, const char *labels, const char *help);
void cof_metric_add(struct cof_metric *metric, int64_t amount); /* counter, gauge */
/* gauge; a counter only where somebody else counts */
void cof_metric_set(struct cof_metric *metric, int64_t value);
void cof_metric_observe_ns(struct cof_metric *metric, int64_t ns); /* histogram */
int64_t cof_metric_value(const struct cof_metric *metric); /* counter, gauge; count of histogram */

void cof_metrics_write(struct cof_metrics *metrics, struct cof_buffer *out);

#endif
