/* Comparisons of names; nothing is resolved. */
#include "host_guard.h"

#include "http_text.h"

static bool is_loopback_name(struct cof_text name)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i]))) {
            return true;
        }
    }
    return false;
}

bool cof_host_guard_allows_host(const struct cof_host_guard *guard, struct cof_text host,
                                struct cof_text local)
{
    struct cof_text name;
    struct cof_text port;
    if (!cof_http_split_host(host, &name, &port)) {
        return false;
    }
    if (is_loopback_name(name) || (local.size > 0 && cof_text_equal_ascii_case(name, local))) {
        return true;
    }
    for (size_t i = 0; i < guard->host_count; i++) {
        struct cof_text allowed = cof_text_from(guard->hosts[i]);
        if (cof_text_equal_ascii_case(name, allowed) || cof_text_equal_ascii_case(host, allowed)) {
            return true;
        }
    }
    return false;
}

bool cof_host_guard_is_foreign(const struct cof_host_guard *guard, struct cof_text origin)
{
    for (size_t i = 0; i < guard->origin_count; i++) {
        if (origin.size > 0 && cof_text_equal(origin, cof_text_from(guard->origins[i]))) {
            return true;
        }
    }
    return false;
}

bool cof_host_guard_allows_origin(const struct cof_host_guard *guard, struct cof_text origin,
                                  struct cof_text host)
{
    if (origin.size == 0) {
        return origin.data == NULL; /* absent, not empty */
    }
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        struct cof_text scheme = cof_text_from(schemes[i]);
        if (cof_text_has_prefix(origin, scheme) &&
            cof_text_equal_ascii_case(cof_text_slice(origin, scheme.size, origin.size), host)) {
            return true;
        }
    }
    return cof_host_guard_is_foreign(guard, origin);
}
