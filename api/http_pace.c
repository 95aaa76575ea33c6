/* A credit of time that bytes refill. */
#include "http_pace.h"

#define NS_PER_MS 1000000LL
#define NS_PER_SECOND 1000000000LL

void cof_http_pace_begin(struct cof_http_pace *pace, int64_t now_ns, long grace_ms,
                         long bytes_per_second)
{
    *pace = (struct cof_http_pace){
        .credit_ns = grace_ms * NS_PER_MS,
        .grace_ns = grace_ms * NS_PER_MS,
        .byte_ns = bytes_per_second > 0 ? NS_PER_SECOND / bytes_per_second : NS_PER_SECOND,
        .updated_ns = now_ns,
    };
}

void cof_http_pace_add(struct cof_http_pace *pace, size_t bytes)
{
    int64_t missing_ns = pace->grace_ns - pace->credit_ns;
    if (pace->byte_ns == 0 || (int64_t)bytes > missing_ns / pace->byte_ns) {
        pace->credit_ns = pace->grace_ns;
    } else {
        pace->credit_ns += (int64_t)bytes * pace->byte_ns;
    }
}

void cof_http_pace_forgive(struct cof_http_pace *pace, int64_t now_ns)
{
    pace->updated_ns = now_ns;
}

bool cof_http_pace_is_late(struct cof_http_pace *pace, int64_t now_ns)
{
    pace->credit_ns -= now_ns - pace->updated_ns;
    pace->updated_ns = now_ns;
    return pace->credit_ns <= 0;
}
