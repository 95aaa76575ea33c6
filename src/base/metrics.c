/* Metrics: a list of families, each a list of series with atomic values.
 *
 * The lists only grow, under the lock; a series is never moved or freed before the whole, so its
 * users hold plain pointers and update without the lock. A histogram's count is the sum of its
 * buckets when it is printed, so the two can never disagree. */
#include <cof/base/metrics.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/text.h>

#include "alloc.h"

#define NS_PER_SECOND 1e9

struct bucket {
    int64_t max_ns;
    const char *label;
};

static const struct bucket buckets[] = {
    {100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},  {1000000, "0.001"},
    {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},  {25000000, "0.025"},
    {50000000, "0.05"},  {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},
    {1000000000, "1"},   {2500000000, "2.5"}, {5000000000, "5"},   {10000000000, "10"},
    {30000000000, "30"}, {60000000000, "60"},
};

#define BUCKET_COUNT (sizeof(buckets) / sizeof(buckets[0]))

struct cof_metric {
    struct cof_metric *next;
    enum cof_metric_kind kind;
    char *labels;                                         /* inside of the braces, may be empty */
    atomic_int_least64_t value;                           /* of a histogram: sum of nanoseconds */
    atomic_int_least64_t bucket_counts[BUCKET_COUNT + 1]; /* the last one is +Inf */
};

struct family {
    struct family *next;
    enum cof_metric_kind kind;
    char *name;
    char *help;
    struct cof_metric *series;
};

struct cof_metrics {
    pthread_mutex_t lock;
    struct family *families;
};

/* Takes what cannot be recorded, so that no caller has to ask. */
static struct cof_metric sink;

static char *copy_string(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = cof_base_alloc(size);
    if (copy != NULL)
        memcpy(copy, string, size);
    return copy;
}

static bool is_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        bool is_digit = *c >= '0' && *c <= '9' && c != name;
        if (!is_letter && !is_digit)
            return false;
    }
    return *name != '\0';
}

static void free_family(struct family *family)
{
    struct cof_metric *series = family->series;
    while (series != NULL) {
        struct cof_metric *next = series->next;
        cof_free(series->labels);
        cof_free(series);
        series = next;
    }
    cof_free(family->name);
    cof_free(family->help);
    cof_free(family);
}

/* Appended at the end, so that the page keeps the order of registration. */
static struct family *find_family(struct cof_metrics *metrics, enum cof_metric_kind kind,
                                  const char *name, const char *help)
{
    struct family **link = &metrics->families;
    while (*link != NULL && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    if (*link != NULL)
        return *link;
    struct family *family = cof_calloc(1, sizeof(*family));
    if (family == NULL)
        return NULL;
    family->kind = kind;
    family->name = copy_string(name);
    family->help = copy_string(help != NULL ? help : "");
    if (family->name == NULL || family->help == NULL) {
        free_family(family);
        return NULL;
    }
    *link = family;
    return family;
}

static struct cof_metric *find_series(struct family *family, const char *labels)
{
    struct cof_metric **link = &family->series;
    while (*link != NULL && strcmp((*link)->labels, labels) != 0)
        link = &(*link)->next;
    if (*link != NULL)
        return *link;
    struct cof_metric *series = cof_calloc(1, sizeof(*series));
    char *copy = copy_string(labels);
    if (series == NULL || copy == NULL) {
        cof_free(series);
        cof_free(copy);
        return NULL;
    }
    series->kind = family->kind;
    series->labels = copy;
    *link = series;
    return series;
}

static int64_t load(const atomic_int_least64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* HELP allows no raw line break or backslash. */
static void write_help(const struct family *family, struct cof_buffer *out)
{
    cof_buffer_append_format(out, "# HELP %s ", family->name);
    for (const char *c = family->help; *c != '\0'; c++) {
        if (*c == '\\')
            cof_buffer_append_text(out, COF_TEXT("\\\\"));
        else if (*c == '\n')
            cof_buffer_append_text(out, COF_TEXT("\\n"));
        else
            cof_buffer_append_byte(out, (uint8_t)*c);
    }
    cof_buffer_append_byte(out, '\n');
}

static void write_sample(const struct family *family, const char *suffix,
                         const struct cof_metric *series, const char *bucket,
                         struct cof_buffer *out)
{
    bool has_labels = series->labels[0] != '\0';
    cof_buffer_append_format(out, "%s%s", family->name, suffix);
    if (has_labels || bucket != NULL)
        cof_buffer_append_format(out, "{%s", series->labels);
    if (bucket != NULL)
        cof_buffer_append_format(out, "%sle=\"%s\"", has_labels ? "," : "", bucket);
    if (has_labels || bucket != NULL)
        cof_buffer_append_byte(out, '}');
    cof_buffer_append_byte(out, ' ');
}

static void write_histogram(const struct family *family, const struct cof_metric *series,
                            struct cof_buffer *out)
{
    int64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++) {
        count += load(&series->bucket_counts[i]);
        write_sample(family, "_bucket", series, i < BUCKET_COUNT ? buckets[i].label : "+Inf", out);
        cof_buffer_append_format(out, "%lld\n", (long long)count);
    }
    write_sample(family, "_sum", series, NULL, out);
    cof_buffer_append_format(out, "%.9f\n", (double)load(&series->value) / NS_PER_SECOND);
    write_sample(family, "_count", series, NULL, out);
    cof_buffer_append_format(out, "%lld\n", (long long)count);
}

static void write_family(const struct family *family, struct cof_buffer *out)
{
    static const char *const type_names[] = {[COF_METRIC_COUNTER] = "counter",
                                             [COF_METRIC_GAUGE] = "gauge",
                                             [COF_METRIC_HISTOGRAM_SECONDS] = "histogram"};
    write_help(family, out);
    cof_buffer_append_format(out, "# TYPE %s %s\n", family->name, type_names[family->kind]);
    for (const struct cof_metric *series = family->series; series != NULL; series = series->next) {
        if (series->kind == COF_METRIC_HISTOGRAM_SECONDS) {
            write_histogram(family, series, out);
            continue;
        }
        write_sample(family, "", series, NULL, out);
        cof_buffer_append_format(out, "%lld\n", (long long)load(&series->value));
    }
}

enum cof_status cof_metrics_create(struct cof_metrics **out_metrics, struct cof_error *err)
{
    struct cof_metrics *metrics = cof_calloc(1, sizeof(*metrics));
    if (metrics == NULL)
        return COF_FAIL_MEMORY(err);
    pthread_mutex_init(&metrics->lock, NULL);
    *out_metrics = metrics;
    return COF_OK;
}

void cof_metrics_destroy(struct cof_metrics *metrics)
{
    if (metrics == NULL)
        return;
    struct family *family = metrics->families;
    while (family != NULL) {
        struct family *next = family->next;
        free_family(family);
        family = next;
    }
    pthread_mutex_destroy(&metrics->lock);
    cof_free(metrics);
}

struct cof_metric *cof_metrics_series(struct cof_metrics *metrics, enum cof_metric_kind kind,
                                      const char *name, const char *labels, const char *help)
{
    if (!is_name(name))
        return &sink;
    pthread_mutex_lock(&metrics->lock);
    struct family *family = find_family(metrics, kind, name, help);
    struct cof_metric *series = NULL;
    if (family != NULL && family->kind == kind)
        series = find_series(family, labels != NULL ? labels : "");
    pthread_mutex_unlock(&metrics->lock);
    return series != NULL ? series : &sink;
}

void cof_metric_add(struct cof_metric *metric, int64_t amount)
{
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void cof_metric_set(struct cof_metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void cof_metric_observe_ns(struct cof_metric *metric, int64_t ns)
{
    size_t i = 0;
    while (i < BUCKET_COUNT && ns > buckets[i].max_ns)
        i++;
    atomic_fetch_add_explicit(&metric->bucket_counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, ns, memory_order_relaxed);
}

int64_t cof_metric_value(const struct cof_metric *metric)
{
    if (metric->kind != COF_METRIC_HISTOGRAM_SECONDS)
        return load(&metric->value);
    int64_t count = 0;
    for (size_t i = 0; i <= BUCKET_COUNT; i++)
        count += load(&metric->bucket_counts[i]);
    return count;
}

void cof_metrics_write(struct cof_metrics *metrics, struct cof_buffer *out)
{
    pthread_mutex_lock(&metrics->lock);
    for (const struct family *family = metrics->families; family != NULL; family = family->next) {
        if (family->series != NULL)
            write_family(family, out);
    }
    pthread_mutex_unlock(&metrics->lock);
}
