/* The head of a request, and the strict checks that llhttp leaves to us.
 *
 * What could be understood in two ways is refused (RFC 9112 sections 3.2, 6.1 and 6.3): more or
 * less than one Host, a target that is not a path, a transfer coding other than exactly "chunked",
 * both a length and a coding, a field that may stand only once standing twice. */
#ifndef COF_API_HTTP_HEAD_H
#define COF_API_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

enum cof_http_method {
    COF_HTTP_GET,
    COF_HTTP_HEAD,
    COF_HTTP_POST,
    COF_HTTP_PUT,
    COF_HTTP_PATCH,
    COF_HTTP_DELETE,
    COF_HTTP_OPTIONS,
    COF_HTTP_OTHER, /* a method of the registry that nothing here answers */
};
const char *cof_http_method_name(enum cof_http_method method);

struct cof_http_field {
    struct cof_text name;
    struct cof_text value; /* without white space around it */
};

struct cof_http_head {
    enum cof_http_method method;
    unsigned major_version;
    unsigned minor_version;
    struct cof_text target;
    const struct cof_http_field *fields;
    size_t field_count;

    /* Filled by cof_http_head_check. */
    struct cof_text host;
    bool has_body; /* one byte or more may follow */
    bool is_chunked;
    uint64_t content_length; /* 0 when chunked */
    bool is_persistent;      /* the connection may serve another request */
    bool expects_continue;
};

/* Why a request is refused before anyone looks at its meaning. */
struct cof_http_fault {
    unsigned status;     /* 400, 408, 413, 414, 417, 431, 503, 505; 0 = none */
    const char *message; /* static */
};

/* True when the head keeps the rules; otherwise *out_fault says which one it broke. */
bool cof_http_head_check(struct cof_http_head *head, struct cof_http_fault *out_fault);

/* The value of a field, compared without case; data NULL when absent. */
struct cof_text cof_http_head_find(const struct cof_http_head *head, const char *name);

#endif
