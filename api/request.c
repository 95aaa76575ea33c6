/* The worker's side of every request: authenticate, parse, run, and put failures into words. */
#include "request.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"

/* A parsed value takes about 80 bytes. */
#define BYTES_PER_NODE 16
#define LEAST_NODES 100000

/* The user of X-Coffer-User in place of the key's own. */
static enum cof_status act_for(struct cof_request *request, struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&request->acting_user, err));
    COF_TRY(cof_buffer_status(&request->acting_groups, err));
    if (request->acting_user.size == 0 && request->acting_groups.size == 0) {
        return COF_OK;
    }
    if (request->acting_user.size == 0) {
        return COF_FAIL(err, COF_INVALID, "X-Coffer-Groups needs X-Coffer-User beside it");
    }
    return cof_service_act_for(request->api->service, &request->call,
                               cof_buffer_text(&request->acting_user),
                               cof_buffer_text(&request->acting_groups), err);
}

static enum cof_status authenticate(struct cof_request *request, struct cof_error *err)
{
    if (request->route->is_open || request->is_authenticated) {
        return COF_OK;
    }
    struct cof_text key = {.data = request->key, .size = request->key_size};
    enum cof_status status =
        cof_service_authenticate(request->api->service, &request->call, key, err);
    if (status == COF_OK) {
        request->is_authenticated = true;
        return act_for(request, err);
    }
    if (status == COF_DENIED && request->key_size == 0) {
        return COF_FAIL(err, COF_DENIED,
                        "no API key was given; send the header 'Authorization: Bearer coffer_…'");
    }
    return status;
}

static size_t max_nodes(size_t max_bytes)
{
    size_t count = max_bytes / BYTES_PER_NODE;
    return count > LEAST_NODES ? count : LEAST_NODES;
}

static enum cof_status parse_body(struct cof_request *request, struct cof_error *err)
{
    if (request->route->body != COF_BODY_JSON && request->route->body != COF_BODY_DOCUMENTS) {
        return COF_OK;
    }
    if (request->lines.size > 0) {
        return COF_OK; /* a batch of lines, each parsed by itself */
    }
    /* Lists of tokens are many short numbers. */
    const struct cof_json_limits limits = {.max_bytes = request->api->max_json_bytes,
                                           .max_nodes = max_nodes(request->api->max_json_bytes)};
    COF_TRY(cof_json_parse(cof_buffer_text(&request->body), &limits, &request->tree, err));
    request->json = cof_json_root(request->tree);
    if (cof_json_type_of(request->json) != COF_JSON_OBJECT) {
        return COF_FAIL(err, COF_INVALID, "the body must be a JSON object");
    }
    return COF_OK;
}

static enum cof_status run(struct cof_request *request, struct cof_error *err)
{
    COF_TRY(cof_cancel_check(&request->call.cancel, err));
    COF_TRY(authenticate(request, err));
    COF_TRY(parse_body(request, err));
    COF_TRY(request->route->run(request, err));
    return cof_buffer_status(&request->reply.body, err);
}

void cof_request_run(struct cof_request *request)
{
    struct cof_error err = {0};
    request->reply.status = 200;
    request->reply.content_type = "application/json";
    request->failure = run(request, &err);
    cof_json_tree_destroy(request->tree);
    request->tree = NULL;
    request->json = NULL;
    if (request->failure != COF_OK) {
        cof_request_fail(request, &err);
    }
}

void cof_request_authenticate(struct cof_request *request)
{
    struct cof_error err = {0};
    request->failure = cof_cancel_check(&request->call.cancel, &err);
    if (request->failure == COF_OK) {
        request->failure = authenticate(request, &err);
    }
    if (request->failure != COF_OK) {
        cof_request_fail(request, &err);
    }
}

void cof_request_problem(const struct cof_request *request, const struct cof_error *err,
                         struct cof_problem *out_problem)
{
    bool is_stranger = err->status == COF_DENIED && !request->is_authenticated;
    struct cof_problem problem =
        is_stranger ? cof_problem_of_http(401, err->message) : cof_problem_of_error(err);
    problem.param = request->param;
    if (request->code != NULL) {
        problem.code = request->code;
    }
    *out_problem = problem;
}

/* What an operator should see: faults of ours, without anything of the request. */
static void log_failure(const struct cof_request *request, const struct cof_error *err)
{
    char id[37];
    char line[400];
    if (request->api->log == NULL) {
        return;
    }
    cof_request_id_format(request->call.request_id, id);
    (void)snprintf(line, sizeof(line), "request %s failed at %s: %s", id,
                   err->where != NULL ? err->where : "?", err->message);
    request->api->log(request->api->log_context, COF_LOG_ERROR, line);
}

void cof_request_fail(struct cof_request *request, const struct cof_error *err)
{
    struct cof_problem problem;
    cof_request_problem(request, err, &problem);
    cof_buffer_wipe(&request->reply.body);
    cof_problem_write(&request->reply.body, &problem);
    request->reply.status = problem.http_status;
    request->reply.content_type = "application/json";
    request->failure = err->status;
    if (problem.http_status >= 500 && err->status != COF_TIMEOUT) {
        log_failure(request, err);
    }
}

void cof_request_deinit(struct cof_request *request)
{
    cof_json_tree_destroy(request->tree);
    cof_buffer_wipe(&request->body);
    cof_buffer_wipe(&request->reply.body);
    cof_buffer_wipe(&request->results);
    cof_buffer_wipe(&request->acting_user);
    cof_buffer_wipe(&request->acting_groups);
    cof_buffer_deinit(&request->lines);
    cof_call_deinit(&request->call);
    explicit_bzero(request->key, sizeof(request->key));
    *request = (struct cof_request){0};
}

void cof_request_id_format(const uint8_t id[16], char out_text[37])
{
    char hex[33];
    cof_hex_encode((struct cof_bytes){.data = id, .size = 16}, hex);
    (void)snprintf(out_text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static bool is_store_id(struct cof_text text)
{
    if (text.size != COF_COLLECTION_ID_SIZE - 1 || !cof_text_has_prefix(text, COF_TEXT("vs_"))) {
        return false;
    }
    for (size_t i = 3; i < text.size; i++) {
        char c = text.data[i];
        if ((c < 'a' || c > 'z') && (c < '2' || c > '7')) {
            return false;
        }
    }
    return true;
}

enum cof_status cof_request_store_id(struct cof_request *request, struct cof_text id_or_name,
                                     struct cof_text *out_id, struct cof_error *err)
{
    if (is_store_id(id_or_name)) {
        *out_id = id_or_name;
        return COF_OK;
    }
    struct cof_collection collection;
    COF_TRY(cof_service_get_collection(request->api->service, &request->call, id_or_name,
                                       &collection, err));
    struct cof_text id =
        cof_arena_copy_text(&request->call.arena, cof_text_from(collection.public_id));
    if (id.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *out_id = id;
    return COF_OK;
}

void cof_request_put_json(struct cof_json_writer *writer, struct cof_text json)
{
    struct cof_json_tree *tree = NULL;
    if (json.size == 0 || cof_json_parse(json, NULL, &tree, NULL) != COF_OK) {
        cof_json_begin_object(writer);
        cof_json_end_object(writer);
        return;
    }
    cof_json_put_value(writer, cof_json_root(tree));
    cof_json_tree_destroy(tree);
}
