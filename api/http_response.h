/* The head of a response, and the framing of its body. */
#ifndef COF_API_HTTP_RESPONSE_H
#define COF_API_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>

#include "http_head.h"

/* What a handler says about its response; views are borrowed during the call that takes it. */
struct cof_http_response {
    unsigned status;
    const char *content_type; /* NULL = none */
    const struct cof_http_field *fields;
    size_t field_count;
};

enum cof_http_framing {
    COF_HTTP_FRAMING_LENGTH,  /* Content-Length */
    COF_HTTP_FRAMING_CHUNKED, /* HTTP/1.1 streams */
    COF_HTTP_FRAMING_CLOSE,   /* HTTP/1.0 streams end with the connection */
};

/* Appends status line and header. Every response says that it must not be stored, sniffed, framed
 * or referred to. A field whose value holds a control character is left out. */
void cof_http_response_head(struct cof_buffer *out, const struct cof_http_response *response,
                            enum cof_http_framing framing, uint64_t content_length,
                            bool is_persistent, int64_t wall_ns);

const char *cof_http_reason(unsigned status);

#endif
