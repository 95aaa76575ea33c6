/* Metrics: the text that is printed, and counting from many threads. */
#include <cof/base/metrics.h>

#include <pthread.h>
#include <string.h>

#include "torture.h"

static struct cof_metrics *create(void)
{
    struct cof_metrics *metrics = NULL;
    assert_int_equal(cof_metrics_create(&metrics, NULL), COF_OK);
    return metrics;
}

static void assert_page(struct cof_metrics *metrics, const char *expected)
{
    struct cof_buffer out = {0};
    cof_metrics_write(metrics, &out);
    cof_buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, expected);
    cof_buffer_deinit(&out);
}

static void metrics__counters_and_gauges_are_grouped_by_name(void **state)
{
    struct cof_metrics *metrics = create();
    assert_page(metrics, "");
    struct cof_metric *search = cof_metrics_series(metrics, COF_METRIC_COUNTER, "requests_total",
                                                   "route=\"search\",code=\"200\"", "Answered");
    struct cof_metric *queue =
        cof_metrics_series(metrics, COF_METRIC_GAUGE, "queue", NULL, "Waiting\nwith a \\ in it");
    struct cof_metric *ask =
        cof_metrics_series(metrics, COF_METRIC_COUNTER, "requests_total", "route=\"ask\"", NULL);
    cof_metric_add(search, 2);
    cof_metric_add(ask, 1);
    cof_metric_set(queue, 5);
    cof_metric_add(queue, -7);
    assert_int_equal(cof_metric_value(queue), -2);
    assert_page(metrics, "# HELP requests_total Answered\n"
                         "# TYPE requests_total counter\n"
                         "requests_total{route=\"search\",code=\"200\"} 2\n"
                         "requests_total{route=\"ask\"} 1\n"
                         "# HELP queue Waiting\\nwith a \\\\ in it\n"
                         "# TYPE queue gauge\n"
                         "queue -2\n");
    cof_metrics_destroy(metrics);
    cof_metrics_destroy(NULL);
}

static void metrics__same_name_and_labels_are_the_same_series(void **state)
{
    struct cof_metrics *metrics = create();
    struct cof_metric *a = cof_metrics_series(metrics, COF_METRIC_COUNTER, "a", "x=\"1\"", "");
    assert_ptr_equal(cof_metrics_series(metrics, COF_METRIC_COUNTER, "a", "x=\"1\"", ""), a);
    assert_ptr_not_equal(cof_metrics_series(metrics, COF_METRIC_COUNTER, "a", "x=\"2\"", ""), a);
    assert_ptr_not_equal(cof_metrics_series(metrics, COF_METRIC_COUNTER, "a", NULL, ""), a);
    cof_metrics_destroy(metrics);
}

static void metrics__wrong_kinds_and_names_go_to_the_sink(void **state)
{
    struct cof_metrics *metrics = create();
    (void)cof_metrics_series(metrics, COF_METRIC_COUNTER, "a", NULL, "A");
    struct cof_metric *sink = cof_metrics_series(metrics, COF_METRIC_GAUGE, "a", NULL, "A");
    assert_non_null(sink);
    assert_ptr_equal(cof_metrics_series(metrics, COF_METRIC_GAUGE, "1a", NULL, ""), sink);
    assert_ptr_equal(cof_metrics_series(metrics, COF_METRIC_GAUGE, "a b", NULL, ""), sink);
    assert_ptr_equal(cof_metrics_series(metrics, COF_METRIC_GAUGE, "", NULL, ""), sink);
    cof_metric_set(sink, 99);
    assert_page(metrics, "# HELP a A\n# TYPE a counter\na 0\n");
    cof_metrics_destroy(metrics);
}

static void metrics__histogram_buckets_accumulate_to_the_count(void **state)
{
    struct cof_metrics *metrics = create();
    struct cof_metric *h = cof_metrics_series(metrics, COF_METRIC_HISTOGRAM_SECONDS, "t_seconds",
                                              "stage=\"embed\"", "Time");
    cof_metric_observe_ns(h, 0);
    cof_metric_observe_ns(h, 100000);               /* exactly a bound: belongs below */
    cof_metric_observe_ns(h, 100001);               /* 0.25 ms */
    cof_metric_observe_ns(h, 1500000000);           /* 2.5 s */
    cof_metric_observe_ns(h, INT64_C(61000000000)); /* beyond all */
    assert_int_equal(cof_metric_value(h), 5);
    assert_page(metrics, "# HELP t_seconds Time\n"
                         "# TYPE t_seconds histogram\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.0001\"} 2\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.00025\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.0005\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.001\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.0025\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.005\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.01\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.025\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.05\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.1\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.25\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"0.5\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"1\"} 3\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"2.5\"} 4\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"5\"} 4\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"10\"} 4\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"30\"} 4\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"60\"} 4\n"
                         "t_seconds_bucket{stage=\"embed\",le=\"+Inf\"} 5\n"
                         "t_seconds_sum{stage=\"embed\"} 62.500200001\n"
                         "t_seconds_count{stage=\"embed\"} 5\n");
    cof_metrics_destroy(metrics);
}

static void *count_often(void *context)
{
    for (int i = 0; i < 1000; i++) {
        struct cof_metric *counter =
            cof_metrics_series(context, COF_METRIC_COUNTER, "shared", NULL, "Shared");
        struct cof_metric *histogram =
            cof_metrics_series(context, COF_METRIC_HISTOGRAM_SECONDS, "time", NULL, "Time");
        cof_metric_add(counter, 1);
        cof_metric_observe_ns(histogram, i);
    }
    return NULL;
}

static void metrics__nothing_is_lost_between_threads(void **state)
{
    struct cof_metrics *metrics = create();
    pthread_t threads[4];
    struct cof_buffer page = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_often, metrics), 0);
    cof_metrics_write(metrics, &page);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cof_buffer_deinit(&page);
    assert_int_equal(
        cof_metric_value(cof_metrics_series(metrics, COF_METRIC_COUNTER, "shared", NULL, "")),
        4000);
    assert_int_equal(cof_metric_value(cof_metrics_series(metrics, COF_METRIC_HISTOGRAM_SECONDS,
                                                         "time", NULL, "")),
                     4000);
    cof_metrics_destroy(metrics);
}

static void metrics__out_of_memory_never_gives_null(void **state)
{
    for (long n = 1; n <= 6; n++) {
        struct cof_metrics *metrics = create();
        cof_alloc_fail_after(n);
        struct cof_metric *metric =
            cof_metrics_series(metrics, COF_METRIC_COUNTER, "name", "a=\"b\"", "Help");
        cof_alloc_fail_after(-1);
        assert_non_null(metric);
        cof_metric_add(metric, 1);
        metric = cof_metrics_series(metrics, COF_METRIC_COUNTER, "name", "a=\"b\"", "Help");
        cof_metric_add(metric, 1);
        assert_page(metrics, n <= 5 ? "# HELP name Help\n# TYPE name counter\nname{a=\"b\"} 1\n"
                                    : "# HELP name Help\n# TYPE name counter\nname{a=\"b\"} 2\n");
        cof_metrics_destroy(metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics__counters_and_gauges_are_grouped_by_name),
        cmocka_unit_test(metrics__same_name_and_labels_are_the_same_series),
        cmocka_unit_test(metrics__wrong_kinds_and_names_go_to_the_sink),
        cmocka_unit_test(metrics__histogram_buckets_accumulate_to_the_count),
        cmocka_unit_test(metrics__nothing_is_lost_between_threads),
        cmocka_unit_test(metrics__out_of_memory_never_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
