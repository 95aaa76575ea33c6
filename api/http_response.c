/* Status line, header fields and the date (RFC 9110 sections 5.6.7 and 15). */
#include "http_response.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "http_text.h"

#define NS_PER_SECOND 1000000000LL

static void append_date(struct cof_buffer *out, int64_t wall_ns)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) {
        return;
    }
    cof_buffer_append_format(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
                             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                             tm.tm_min, tm.tm_sec);
}

static void append_framing(struct cof_buffer *out, unsigned status, enum cof_http_framing framing,
                           uint64_t content_length)
{
    switch (framing) {
    case COF_HTTP_FRAMING_LENGTH:
        if (status != 204) {
            cof_buffer_append_format(out, "Content-Length: %" PRIu64 "\r\n", content_length);
        }
        break;
    case COF_HTTP_FRAMING_CHUNKED:
        cof_buffer_append_text(out, COF_TEXT("Transfer-Encoding: chunked\r\n"));
        break;
    case COF_HTTP_FRAMING_CLOSE:
        break;
    }
}

static void append_field(struct cof_buffer *out, struct cof_http_field field)
{
    if (!cof_http_is_token(field.name) || !cof_http_is_field_value(field.value)) {
        return;
    }
    cof_buffer_append_text(out, field.name);
    cof_buffer_append_text(out, COF_TEXT(": "));
    cof_buffer_append_text(out, field.value);
    cof_buffer_append_text(out, COF_TEXT("\r\n"));
}

void cof_http_response_head(struct cof_buffer *out, const struct cof_http_response *response,
                            enum cof_http_framing framing, uint64_t content_length,
                            bool is_persistent, int64_t wall_ns)
{
    cof_buffer_append_format(out, "HTTP/1.1 %u %s\r\n", response->status,
                             cof_http_reason(response->status));
    append_date(out, wall_ns);
    if (response->content_type != NULL) {
        cof_buffer_append_format(out, "Content-Type: %s\r\n", response->content_type);
    }
    append_framing(out, response->status, framing, content_length);
    cof_buffer_append_format(out, "Connection: %s\r\n", is_persistent ? "keep-alive" : "close");
    cof_buffer_append_text(out, COF_TEXT("Cache-Control: no-store\r\n"
                                         "X-Content-Type-Options: nosniff\r\n"
                                         "Referrer-Policy: no-referrer\r\n"
                                         "Content-Security-Policy: default-src 'none'; "
                                         "frame-ancestors 'none'\r\n"));
    for (size_t i = 0; i < response->field_count; i++) {
        append_field(out, response->fields[i]);
    }
    cof_buffer_append_text(out, COF_TEXT("\r\n"));
}

const char *cof_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}
