/* Paths to routes. The table is routes.c; the search knows nothing of it. */
#ifndef COF_API_ROUTER_H
#define COF_API_ROUTER_H

#include <stddef.h>

#include "http_head.h"
#include "http_uri.h"
#include "request.h"

#define COF_ALLOW_SIZE 64

enum cof_route_match {
    COF_ROUTE_FOUND,
    COF_ROUTE_NO_PATH,   /* 404 */
    COF_ROUTE_NO_METHOD, /* 405; the Allow list is filled */
};

/* HEAD finds the route of GET. Parameters are views of the uri's segments. */
enum cof_route_match cof_router_find(const struct cof_route *routes, size_t route_count,
                                     enum cof_http_method method, const struct cof_http_uri *uri,
                                     const struct cof_route **out_route,
                                     struct cof_text out_parameters[COF_MAX_ROUTE_PARAMETERS],
                                     char out_allow[COF_ALLOW_SIZE]);

/* The table of this server. */
size_t cof_routes(const struct cof_route **out_routes);

#endif
