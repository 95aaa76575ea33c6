/* Which hosts and origins may speak to this server: what keeps a page on another site from reaching
 * it through a browser inside the network (DNS rebinding, cross-site requests). */
#ifndef COF_API_HOST_GUARD_H
#define COF_API_HOST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/text.h>

struct cof_host_guard {
    const char *const *hosts; /* besides localhost and loopback addresses; borrowed */
    size_t host_count;
    const char *const *origins;
    size_t origin_count;
};

/* `host` is a checked Host header, `local` the address the client connected to (may be empty).
 * Ports are not compared: a rebound name keeps its name, whatever its port. */
bool cof_host_guard_allows_host(const struct cof_host_guard *guard, struct cof_text host,
                                struct cof_text local);
/* No Origin at all (empty), the server's own, or one of the list. "null" is nobody's. */
bool cof_host_guard_allows_origin(const struct cof_host_guard *guard, struct cof_text origin,
                                  struct cof_text host);
/* An origin of the list, which therefore needs CORS headers. */
bool cof_host_guard_is_foreign(const struct cof_host_guard *guard, struct cof_text origin);

#endif
