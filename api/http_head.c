/* The strict checks of a request's head, in the order in which a client should mend them. */
#include "http_head.h"

#include "http_text.h"

/* Fields of which a second one would let two readers choose differently. */
static const char *const single_fields[] = {
    "authorization", "api-key",   "content-encoding",  "content-length",
    "content-type",  "expect",    "transfer-encoding", "host",
    "origin",        "x-api-key", "x-coffer-user",     "x-coffer-groups",
};

static bool refuse(struct cof_http_fault *out_fault, unsigned status, const char *message)
{
    *out_fault = (struct cof_http_fault){.status = status, .message = message};
    return false;
}

static size_t count_fields(const struct cof_http_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (cof_text_equal_ascii_case(head->fields[i].name, cof_text_from(name))) {
            count++;
        }
    }
    return count;
}

static bool check_fields(const struct cof_http_head *head, struct cof_http_fault *out_fault)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (!cof_http_is_token(head->fields[i].name)) {
            return refuse(out_fault, 400, "a header field has no proper name");
        }
        if (!cof_http_is_field_value(head->fields[i].value)) {
            return refuse(out_fault, 400, "a header field holds a control character");
        }
    }
    for (size_t i = 0; i < sizeof(single_fields) / sizeof(single_fields[0]); i++) {
        if (count_fields(head, single_fields[i]) > 1) {
            return refuse(out_fault, 400, "a header field that may stand only once stands twice");
        }
    }
    return true;
}

static bool check_host(struct cof_http_head *head, struct cof_http_fault *out_fault)
{
    struct cof_text name;
    struct cof_text port;
    head->host = cof_http_head_find(head, "host");
    if (head->host.data == NULL) {
        return refuse(out_fault, 400, "the request has no Host header");
    }
    if (!cof_http_split_host(head->host, &name, &port)) {
        return refuse(out_fault, 400, "the Host header is not a host name");
    }
    return true;
}

static bool check_framing(struct cof_http_head *head, struct cof_http_fault *out_fault)
{
    struct cof_text length = cof_http_head_find(head, "content-length");
    struct cof_text coding = cof_http_head_find(head, "transfer-encoding");
    if (length.data != NULL && coding.data != NULL) {
        return refuse(out_fault, 400,
                      "Content-Length and Transfer-Encoding may not stand in one request");
    }
    if (coding.data != NULL) {
        if (!cof_text_equal_ascii_case(coding, COF_TEXT("chunked"))) {
            return refuse(out_fault, 400, "the only Transfer-Encoding understood is chunked");
        }
        if (head->minor_version == 0) {
            return refuse(out_fault, 400, "HTTP/1.0 has no Transfer-Encoding");
        }
        head->is_chunked = true;
        head->has_body = true;
    }
    if (length.data != NULL) {
        if (!cof_text_parse_u64(length, &head->content_length)) {
            return refuse(out_fault, 400, "Content-Length is not a decimal number");
        }
        head->has_body = head->content_length > 0;
    }
    return true;
}

static bool check_expectation(struct cof_http_head *head, struct cof_http_fault *out_fault)
{
    struct cof_text expectation = cof_http_head_find(head, "expect");
    if (expectation.data == NULL) {
        return true;
    }
    if (!cof_text_equal_ascii_case(expectation, COF_TEXT("100-continue"))) {
        return refuse(out_fault, 417, "the only expectation understood is 100-continue");
    }
    head->expects_continue = head->minor_version > 0 && head->has_body;
    return true;
}

static bool is_persistent(const struct cof_http_head *head)
{
    if (head->minor_version == 0) {
        return false;
    }
    for (size_t i = 0; i < head->field_count; i++) {
        if (cof_text_equal_ascii_case(head->fields[i].name, COF_TEXT("connection")) &&
            cof_http_list_has(head->fields[i].value, COF_TEXT("close"))) {
            return false;
        }
    }
    return true;
}

bool cof_http_head_check(struct cof_http_head *head, struct cof_http_fault *out_fault)
{
    if (head->major_version != 1 || head->minor_version > 1) {
        return refuse(out_fault, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    if (!cof_http_is_target(head->target)) {
        return refuse(out_fault, 400, "the request target must be a path");
    }
    if (!check_fields(head, out_fault) || !check_host(head, out_fault) ||
        !check_framing(head, out_fault) || !check_expectation(head, out_fault)) {
        return false;
    }
    head->is_persistent = is_persistent(head);
    return true;
}

struct cof_text cof_http_head_find(const struct cof_http_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (cof_text_equal_ascii_case(head->fields[i].name, cof_text_from(name))) {
            struct cof_text value = head->fields[i].value;
            if (value.data == NULL) {
                value.data = "";
            }
            return value;
        }
    }
    return (struct cof_text){0};
}

const char *cof_http_method_name(enum cof_http_method method)
{
    static const char *const names[] = {
        [COF_HTTP_GET] = "GET",         [COF_HTTP_HEAD] = "HEAD",   [COF_HTTP_POST] = "POST",
        [COF_HTTP_PUT] = "PUT",         [COF_HTTP_PATCH] = "PATCH", [COF_HTTP_DELETE] = "DELETE",
        [COF_HTTP_OPTIONS] = "OPTIONS", [COF_HTTP_OTHER] = "OTHER",
    };
    return names[method];
}
