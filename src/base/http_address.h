/* The checks of http_client.c: nothing that passes can lead to another host or split a request. */
#ifndef COF_BASE_HTTP_ADDRESS_H
#define COF_BASE_HTTP_ADDRESS_H

#include <stdbool.h>

#include <cof/base/status.h>

/* The address as libcurl understands it, not as it was written, without a slash at its end; owned
 * by the caller, released by cof_free(). COF_INVALID unless it is http or https and has no user,
 * query or fragment. */
COF_MUST_USE enum cof_status cof_http_base_url_parse(const char *base_url, char **out_url,
                                                     struct cof_error *err);
bool cof_http_path_is_allowed(const char *path);
bool cof_http_method_is_allowed(const char *method);
bool cof_http_content_type_is_allowed(const char *content_type);

#endif
