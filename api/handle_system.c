/* Health, facts and metrics. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "handlers.h"
#include "lanes.h"

enum cof_status cof_handle_live(struct cof_request *request, struct cof_error *err)
{
    (void)err;
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "status", "ok");
    cof_json_end_object(&writer);
    return COF_OK;
}

enum cof_status cof_handle_ready(struct cof_request *request, struct cof_error *err)
{
    COF_TRY(cof_service_ready(request->api->service, err));
    return cof_handle_live(request, err);
}

static void put_fingerprint(struct cof_json_writer *writer, const uint8_t fingerprint[32])
{
    char hex[65];
    cof_hex_encode((struct cof_bytes){.data = fingerprint, .size = 32}, hex);
    cof_json_member_string(writer, "fingerprint", hex);
}

static void put_embedder(struct cof_json_writer *writer, const struct cof_embedder_info *info)
{
    cof_json_put_key(writer, "embedder");
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "model", info->name);
    cof_json_member_string(writer, "backend", info->backend);
    cof_json_member_string(writer, "precision", info->precision);
    cof_json_member_string(writer, "precision_reason", info->precision_reason);
    cof_json_member_string(writer, "pooling", info->pooling);
    cof_json_member_unsigned(writer, "dimension", info->dimension);
    cof_json_member_unsigned(writer, "max_tokens", info->max_tokens);
    cof_json_member_unsigned(writer, "max_batch_count", info->max_batch_count);
    put_fingerprint(writer, info->fingerprint);
    cof_json_end_object(writer);
}

static void put_generator(struct cof_json_writer *writer, const struct cof_generator_info *info)
{
    cof_json_put_key(writer, "generator");
    if (info == NULL) {
        cof_json_put_null(writer);
        return;
    }
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "model", info->name);
    cof_json_member_string(writer, "backend", info->backend);
    cof_json_member_unsigned(writer, "context_tokens", info->context_tokens);
    put_fingerprint(writer, info->fingerprint);
    cof_json_end_object(writer);
}

static void put_reranker(struct cof_json_writer *writer, const struct cof_reranker_info *info)
{
    cof_json_put_key(writer, "reranker");
    if (info == NULL) {
        cof_json_put_null(writer);
        return;
    }
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "model", info->name);
    cof_json_member_string(writer, "backend", info->backend);
    cof_json_member_string(writer, "precision", info->precision);
    cof_json_member_unsigned(writer, "max_tokens", info->max_tokens);
    cof_json_end_object(writer);
}

static void put_limits(struct cof_json_writer *writer, const struct cof_api *api)
{
    cof_json_put_key(writer, "limits");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "max_head_bytes", api->max_head_bytes);
    cof_json_member_unsigned(writer, "max_json_bytes", api->max_json_bytes);
    cof_json_member_unsigned(writer, "max_bulk_bytes", api->max_bulk_bytes);
    cof_json_member_unsigned(writer, "max_line_bytes", api->max_line_bytes);
    cof_json_member_integer(writer, "request_timeout_ms", api->request_timeout_ms);
    cof_json_member_integer(writer, "generate_timeout_ms", api->generate_timeout_ms);
    cof_json_end_object(writer);
}

static void put_totals(struct cof_json_writer *writer, const struct cof_service_totals *totals)
{
    cof_json_put_key(writer, "totals");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "vector_stores", totals->collection_count);
    cof_json_member_unsigned(writer, "documents", totals->document_count);
    cof_json_member_unsigned(writer, "chunks", totals->chunk_count);
    cof_json_member_unsigned(writer, "audit_entries", totals->audit_size);
    cof_json_end_object(writer);
}

enum cof_status cof_handle_info(struct cof_request *request, struct cof_error *err)
{
    const struct cof_api *api = request->api;
    COF_TRY(cof_service_read_system(api->service, &request->call, err));
    struct cof_service_totals totals;
    cof_service_totals_get(api->service, &totals);
    struct cof_error reason = {0};
    bool is_ready = cof_service_ready(api->service, &reason) == COF_OK;
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "name", "coffer");
    cof_json_member_string(&writer, "version", api->version);
    cof_json_member_integer(&writer, "started_at", api->started_s);
    cof_json_member_bool(&writer, "ready", is_ready);
    cof_json_member_string(&writer, "not_ready_because", is_ready ? NULL : reason.message);
    put_embedder(&writer, cof_service_embedder_info(api->service));
    put_reranker(&writer, cof_service_reranker_info(api->service));
    put_generator(&writer, cof_service_generator_info(api->service));
    put_limits(&writer, api);
    put_totals(&writer, &totals);
    cof_json_end_object(&writer);
    return COF_OK;
}

/* One that somebody else counts. */
static void set_counter(struct cof_metrics *metrics, const char *name, const char *labels,
                        const char *help, uint64_t value)
{
    cof_metric_set(cof_metrics_series(metrics, COF_METRIC_COUNTER, name, labels, help),
                   (int64_t)value);
}

static void set_gauge(struct cof_metrics *metrics, const char *name, const char *labels,
                      const char *help, uint64_t value)
{
    cof_metric_set(cof_metrics_series(metrics, COF_METRIC_GAUGE, name, labels, help),
                   (int64_t)value);
}

static void set_query_cache(const struct cof_api *api)
{
    static const char help[] = "Questions whose vector was kept (hit) or computed (miss).";
    struct cof_query_cache_stats stats;
    if (!cof_service_query_cache_stats(api->service, &stats)) {
        return;
    }
    struct cof_metrics *metrics = api->metrics;
    set_counter(metrics, "coffer_query_cache_lookups_total", "result=\"hit\"", help,
                stats.hit_count);
    set_counter(metrics, "coffer_query_cache_lookups_total", "result=\"miss\"", help,
                stats.miss_count);
    set_counter(metrics, "coffer_query_cache_evicted_total", NULL,
                "Vectors of questions that gave way to newer ones.", stats.evicted_count);
    set_gauge(metrics, "coffer_query_cache_entries", NULL, "Vectors of questions that are kept.",
              stats.count);
    set_gauge(metrics, "coffer_query_cache_bytes", NULL, "Memory of kept vectors and questions.",
              stats.bytes);
}

enum cof_status cof_handle_metrics(struct cof_request *request, struct cof_error *err)
{
    const struct cof_api *api = request->api;
    COF_TRY(cof_service_read_system(api->service, &request->call, err));
    request->reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (api->metrics == NULL) {
        return COF_OK;
    }
    struct cof_service_totals totals;
    cof_service_totals_get(api->service, &totals);
    bool is_ready = cof_service_ready(api->service, NULL) == COF_OK;
    struct cof_metrics *metrics = api->metrics;
    set_gauge(metrics, "coffer_vector_stores", NULL, "Vector stores.", totals.collection_count);
    set_gauge(metrics, "coffer_documents", NULL, "Documents in all vector stores.",
              totals.document_count);
    set_gauge(metrics, "coffer_chunks", NULL, "Searchable chunks in all vector stores.",
              totals.chunk_count);
    set_gauge(metrics, "coffer_audit_entries", NULL, "Durable entries of the audit log.",
              totals.audit_size);
    set_gauge(metrics, "coffer_ready", NULL, "1 when requests can be served.", is_ready ? 1 : 0);
    set_gauge(metrics, "coffer_queue_length", "lane=\"requests\"",
              "Requests that wait for a worker.",
              cof_lanes_queue_count(api->lanes, COF_LANE_REQUEST));
    set_gauge(metrics, "coffer_queue_length", "lane=\"bulk\"", "Requests that wait for a worker.",
              cof_lanes_queue_count(api->lanes, COF_LANE_BULK));
    set_gauge(metrics, "coffer_queue_length", "lane=\"generation\"",
              "Requests that wait for a worker.",
              cof_lanes_queue_count(api->lanes, COF_LANE_GENERATE));
    set_query_cache(api);
    cof_metrics_write(metrics, &request->reply.body);
    return COF_OK;
}
