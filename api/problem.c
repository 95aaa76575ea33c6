/* The one table from status to HTTP. */
#include "problem.h"

struct row {
    unsigned http_status;
    const char *type;
    const char *code;
};

static const struct row rows[] = {
    [COF_OK] = {200, "server_error", NULL},
    [COF_INVALID] = {400, "invalid_request_error", "invalid_request"},
    [COF_NOT_FOUND] = {404, "invalid_request_error", "not_found"},
    [COF_CONFLICT] = {409, "invalid_request_error", "conflict"},
    [COF_DENIED] = {403, "permission_error", "permission_denied"},
    [COF_LIMITED] = {429, "rate_limit_error", "rate_limit_exceeded"},
    [COF_TOO_LARGE] = {413, "invalid_request_error", "too_large"},
    [COF_TIMEOUT] = {504, "server_error", "timeout"},
    [COF_CANCELED] = {499, "server_error", "canceled"},
    [COF_NO_MEMORY] = {503, "server_error", "out_of_memory"},
    [COF_IO] = {500, "server_error", "io_error"},
    [COF_CORRUPT] = {500, "server_error", "data_corrupt"},
    [COF_UNAVAILABLE] = {503, "server_error", "unavailable"},
    [COF_INTERNAL] = {500, "server_error", "internal_error"},
};

struct cof_problem cof_problem_of_error(const struct cof_error *err)
{
    const struct row *row = &rows[err->status];
    return (struct cof_problem){
        .http_status = row->http_status,
        .type = row->type,
        .code = row->code,
        .message = cof_text_from(err->message),
    };
}

struct cof_problem cof_problem_of_http(unsigned http_status, const char *message)
{
    static const struct row http_rows[] = {
        {401, "authentication_error", "invalid_api_key"},
        {403, "permission_error", "origin_not_allowed"},
        {404, "invalid_request_error", "unknown_url"},
        {405, "invalid_request_error", "method_not_allowed"},
        {408, "invalid_request_error", "request_timeout"},
        {413, "invalid_request_error", "too_large"},
        {414, "invalid_request_error", "url_too_long"},
        {415, "invalid_request_error", "unsupported_media_type"},
        {417, "invalid_request_error", "expectation_failed"},
        {421, "invalid_request_error", "host_not_allowed"},
        {429, "rate_limit_error", "server_busy"},
        {431, "invalid_request_error", "header_too_large"},
        {503, "server_error", "unavailable"},
        {505, "invalid_request_error", "http_version"},
    };
    struct cof_problem problem = {
        .http_status = http_status,
        .type = "invalid_request_error",
        .code = "bad_request",
        .message = cof_text_from(message),
    };
    for (size_t i = 0; i < sizeof(http_rows) / sizeof(http_rows[0]); i++) {
        if (http_rows[i].http_status == http_status) {
            problem.type = http_rows[i].type;
            problem.code = http_rows[i].code;
        }
    }
    return problem;
}

void cof_problem_put(struct cof_json_writer *writer, const struct cof_problem *problem)
{
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "message", problem->message);
    cof_json_member_string(writer, "type", problem->type);
    if (problem->param.size > 0) {
        cof_json_member_text(writer, "param", problem->param);
    } else {
        cof_json_member_null(writer, "param");
    }
    cof_json_member_string(writer, "code", problem->code);
    cof_json_end_object(writer);
}

void cof_problem_write(struct cof_buffer *out, const struct cof_problem *problem)
{
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    cof_json_put_key(&writer, "error");
    cof_problem_put(&writer, problem);
    cof_json_end_object(&writer);
}
