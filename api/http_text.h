/* The character classes of HTTP/1.1 (RFC 9110 section 5.6, RFC 9112 section 3). */
#ifndef COF_API_HTTP_TEXT_H
#define COF_API_HTTP_TEXT_H

#include <stdbool.h>

#include <cof/base/text.h>

/* One or more token characters, as in methods and field names. */
bool cof_http_is_token(struct cof_text text);
/* Printable bytes, spaces and tabs; bytes over 0x7f are let through as opaque. */
bool cof_http_is_field_value(struct cof_text text);
/* Origin form: begins with "/", printable ASCII only, no fragment. */
bool cof_http_is_target(struct cof_text text);
/* "name", "name:port", "1.2.3.4:80", "[::1]:80": splits off the port (empty when absent). False
 * when it is none of these. The brackets of an IPv6 address stay. */
bool cof_http_split_host(struct cof_text host, struct cof_text *out_name,
                         struct cof_text *out_port);
/* Whether a comma-separated list holds `token`, compared without case. */
bool cof_http_list_has(struct cof_text list, struct cof_text token);

#endif
