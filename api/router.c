/* Compares a path with each template, segment by segment. A table of thirty needs no tree. */
#include "router.h"

#include <stdio.h>
#include <string.h>

static bool is_parameter(struct cof_text segment)
{
    return segment.size > 2 && segment.data[0] == '{' && segment.data[segment.size - 1] == '}';
}

static bool matches(const char *path, const struct cof_http_uri *uri,
                    struct cof_text parameters[COF_MAX_ROUTE_PARAMETERS])
{
    struct cof_text rest = cof_text_slice(cof_text_from(path), 1, strlen(path));
    size_t parameter_count = 0;
    bool has_more = true;
    size_t i = 0;
    for (; has_more && i < uri->segment_count; i++) {
        struct cof_text segment;
        has_more = cof_text_split(rest, '/', &segment, &rest);
        if (!is_parameter(segment)) {
            if (!cof_text_equal(segment, uri->segments[i])) {
                return false;
            }
            continue;
        }
        if (uri->segments[i].size == 0 || parameter_count == COF_MAX_ROUTE_PARAMETERS) {
            return false;
        }
        parameters[parameter_count++] = uri->segments[i];
    }
    return !has_more && i == uri->segment_count;
}

static void add_allowed(char allow[COF_ALLOW_SIZE], enum cof_http_method method)
{
    size_t used = strlen(allow);
    (void)snprintf(allow + used, COF_ALLOW_SIZE - used, "%s%s%s", used > 0 ? ", " : "",
                   cof_http_method_name(method), method == COF_HTTP_GET ? ", HEAD" : "");
}

enum cof_route_match cof_router_find(const struct cof_route *routes, size_t route_count,
                                     enum cof_http_method method, const struct cof_http_uri *uri,
                                     const struct cof_route **out_route,
                                     struct cof_text out_parameters[COF_MAX_ROUTE_PARAMETERS],
                                     char out_allow[COF_ALLOW_SIZE])
{
    enum cof_http_method wanted = method == COF_HTTP_HEAD ? COF_HTTP_GET : method;
    out_allow[0] = '\0';
    for (size_t i = 0; i < route_count; i++) {
        struct cof_text parameters[COF_MAX_ROUTE_PARAMETERS] = {0};
        if (!matches(routes[i].path, uri, parameters)) {
            continue;
        }
        if (routes[i].method == wanted) {
            *out_route = &routes[i];
            memcpy(out_parameters, parameters, sizeof(parameters));
            return COF_ROUTE_FOUND;
        }
        add_allowed(out_allow, routes[i].method);
    }
    return out_allow[0] == '\0' ? COF_ROUTE_NO_PATH : COF_ROUTE_NO_METHOD;
}
