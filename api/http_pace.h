/* Whether the other side sends, or takes, fast enough.
 *
 * A credit of time: it runs down by itself, every byte adds to it, and it is never more than the
 * grace. So a burst does not buy an hour of silence, and a short pause costs nothing. */
#ifndef COF_API_HTTP_PACE_H
#define COF_API_HTTP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cof_http_pace {
    int64_t credit_ns;
    int64_t grace_ns;
    int64_t byte_ns; /* what one byte is worth */
    int64_t updated_ns;
};

/* `grace_ms`: longest silence; `bytes_per_second`: slowest average. */
void cof_http_pace_begin(struct cof_http_pace *pace, int64_t now_ns, long grace_ms,
                         long bytes_per_second);
void cof_http_pace_add(struct cof_http_pace *pace, size_t bytes);
/* Time up to `now` did not count: it was we who waited. */
void cof_http_pace_forgive(struct cof_http_pace *pace, int64_t now_ns);
/* Takes the time since the last look; true when the credit is used up. */
bool cof_http_pace_is_late(struct cof_http_pace *pace, int64_t now_ns);

#endif
