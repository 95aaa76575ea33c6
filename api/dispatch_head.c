/* Everything that is decided on a request's head: who may speak, which route, which kind of body.
 *
 * The order is that of trust: a host or origin that is not ours learns nothing about paths. */
#include "dispatcher_private.h"

#include <string.h>

#include "http_exchange.h"
#include "http_text.h"
#include "router.h"
#include "upload.h"

#define JSON_CURE "send the header 'Content-Type: application/json' and a JSON body"
#define DOCUMENTS_CURE                                                                             \
    "send 'Content-Type: application/x-ndjson' with one document a line, or 'application/json' "   \
    "with one document"

static bool is_known_caller(struct cof_dispatcher *dispatcher, struct cof_http_exchange *exchange)
{
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    const struct cof_host_guard *guard = &dispatcher->options.guard;
    char local[64] = "";
    (void)cof_http_exchange_local_host(exchange, local);
    if (!cof_host_guard_allows_host(guard, head->host, cof_text_from(local))) {
        cof_dispatch_refuse(dispatcher, exchange, NULL, 421,
                            "this server does not answer for the host in the Host header; if it "
                            "should, add the name to the setting allowed_hosts",
                            NULL);
        return false;
    }
    struct cof_text origin = cof_http_head_find(head, "origin");
    if (!cof_host_guard_allows_origin(guard, origin, head->host)) {
        cof_dispatch_refuse(dispatcher, exchange, NULL, 403,
                            "pages of this origin may not call this server; if they should, add "
                            "the origin to the setting allowed_origins",
                            NULL);
        return false;
    }
    return true;
}

/* "Authorization: Bearer KEY", or the header that Azure's clients send. */
static struct cof_text presented_key(const struct cof_http_head *head)
{
    struct cof_text authorization = cof_http_head_find(head, "authorization");
    if (authorization.data != NULL) {
        struct cof_text scheme = cof_text_slice(authorization, 0, 7);
        if (!cof_text_equal_ascii_case(scheme, COF_TEXT("Bearer "))) {
            return (struct cof_text){0};
        }
        return cof_text_trim(cof_text_slice(authorization, 7, authorization.size));
    }
    struct cof_text key = cof_http_head_find(head, "x-api-key");
    return key.data != NULL ? key : cof_http_head_find(head, "api-key");
}

static void keep_key(const struct cof_http_head *head, struct cof_request *request)
{
    struct cof_text key = presented_key(head);
    /* One that is longer than any of ours is wrong however it is cut. */
    request->key_size = key.size < COF_MAX_KEY_BYTES ? key.size : COF_MAX_KEY_BYTES;
    if (request->key_size > 0) {
        memcpy(request->key, key.data, request->key_size);
    }
}

/* For whom the caller asks. */
static void keep_acting(const struct cof_http_head *head, struct cof_request *request)
{
    struct cof_text user = cof_http_head_find(head, "x-coffer-user");
    struct cof_text groups = cof_http_head_find(head, "x-coffer-groups");
    cof_buffer_append_text(&request->acting_user, cof_text_trim(user));
    cof_buffer_append_text(&request->acting_groups, cof_text_trim(groups));
}

static bool is_media_type(struct cof_text value, const char *name)
{
    struct cof_text type;
    struct cof_text parameters;
    (void)cof_text_split(value, ';', &type, &parameters);
    return cof_text_equal_ascii_case(cof_text_trim(type), cof_text_from(name));
}

/* NULL, or why the body cannot be taken (415). */
static const char *refusal_of_type(const struct cof_http_head *head, enum cof_body_kind kind,
                                   bool *out_is_lines)
{
    struct cof_text coding = cof_http_head_find(head, "content-encoding");
    struct cof_text type = cof_http_head_find(head, "content-type");
    *out_is_lines = false;
    if (coding.data != NULL && !cof_text_equal_ascii_case(coding, COF_TEXT("identity"))) {
        return "compressed bodies are not understood; send the body without Content-Encoding";
    }
    if (is_media_type(type, "application/json")) {
        return NULL;
    }
    if (kind != COF_BODY_DOCUMENTS) {
        return JSON_CURE;
    }
    *out_is_lines = is_media_type(type, "application/x-ndjson") ||
                    is_media_type(type, "application/jsonl") ||
                    is_media_type(type, "application/ndjson");
    return *out_is_lines ? NULL : DOCUMENTS_CURE;
}

/* Sets up what the route says about bodies; false when the request was answered instead. */
static bool prepare_body(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    const struct cof_api *api = dispatcher->options.api;
    enum cof_body_kind kind = job->request.route->body;
    bool is_lines = false;
    if (kind == COF_BODY_NONE) {
        if (head->has_body) {
            cof_dispatch_refuse(dispatcher, exchange, job, 400, "this request takes no body", NULL);
            return false;
        }
        return true;
    }
    const char *refusal = refusal_of_type(head, kind, &is_lines);
    if (refusal != NULL) {
        cof_dispatch_refuse(dispatcher, exchange, job, 415, refusal, NULL);
        return false;
    }
    uint64_t limit = is_lines ? api->max_bulk_bytes : api->max_json_bytes;
    if (head->content_length > limit) {
        cof_dispatch_refuse(dispatcher, exchange, job, 413,
                            is_lines ? "the body is over the limit of bulk uploads; send it in "
                                       "several requests (GET /info names the limit)"
                                     : "the body is over the limit of JSON requests (GET /info "
                                       "names it); documents go to POST /v1/documents as NDJSON",
                            NULL);
        return false;
    }
    job->loop_only.wants_body = head->has_body;
    if (is_lines && cof_upload_create(api->max_line_bytes, api->max_bulk_bytes,
                                      &job->loop_only.upload, NULL) != COF_OK) {
        cof_dispatch_refuse(dispatcher, exchange, job, 503, "out of memory", NULL);
        return false;
    }
    return true;
}

static bool find_route(struct cof_dispatcher *dispatcher, struct cof_request_job *job)
{
    struct cof_http_exchange *exchange = job->loop_only.exchange;
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    const struct cof_route *routes = NULL;
    size_t count = cof_routes(&routes);
    char allow[COF_ALLOW_SIZE];
    enum cof_route_match match =
        cof_router_find(routes, count, head->method, &job->request.uri, &job->request.route,
                        job->request.parameters, allow);
    if (match == COF_ROUTE_FOUND) {
        return true;
    }
    if (match == COF_ROUTE_NO_PATH) {
        cof_dispatch_refuse(
            dispatcher, exchange, job, 404,
            "there is nothing at this address; docs/http-api.md lists what there is", NULL);
        return false;
    }
    struct cof_text origin = cof_http_head_find(head, "origin");
    if (head->method == COF_HTTP_OPTIONS &&
        cof_host_guard_is_foreign(&dispatcher->options.guard, origin)) {
        job->loop_only.exchange = NULL;
        cof_dispatcher_free_job(dispatcher, job);
        cof_dispatch_preflight(dispatcher, exchange, allow);
        return false;
    }
    cof_dispatch_refuse(dispatcher, exchange, job, 405, "this address does not know the method",
                        allow);
    return false;
}

struct cof_request_job *cof_dispatch_head(struct cof_dispatcher *dispatcher,
                                          struct cof_http_exchange *exchange)
{
    struct cof_request_job *job = NULL;
    struct cof_error err = {0};
    if (!is_known_caller(dispatcher, exchange)) {
        return NULL;
    }
    if (dispatcher->is_draining) {
        cof_dispatch_refuse(dispatcher, exchange, NULL, 503, "the server is shutting down", NULL);
        return NULL;
    }
    if (cof_dispatcher_add_job(dispatcher, exchange, &job, &err) != COF_OK) {
        cof_dispatch_refuse(dispatcher, exchange, NULL, 503, "out of memory", NULL);
        return NULL;
    }
    const struct cof_http_head *head = cof_http_exchange_head(exchange);
    enum cof_status status =
        cof_http_uri_parse(head->target, &job->request.call.arena, &job->request.uri, &err);
    if (status != COF_OK) {
        cof_dispatch_refuse(dispatcher, exchange, job, status == COF_INVALID ? 400 : 503,
                            err.message, NULL);
        return NULL;
    }
    if (!find_route(dispatcher, job) || !prepare_body(dispatcher, job)) {
        return NULL;
    }
    keep_key(head, &job->request);
    keep_acting(head, &job->request);
    return job;
}
