/* Token buckets per credential, and a gate for records of refusals.
 *
 * Credentials are numbered 1, 2, … and few; a growing array under one lock serves. Tokens are kept
 * in nanoseconds of credit, so there is no rounding and no timer. */
#include "rate.h"

#include <pthread.h>
#include <string.h>

#include <cof/base/alloc.h>

#define NS_PER_SECOND 1000000000LL
/* Credentials beyond this number share one bucket: memory stays bounded. */
#define MAX_BUCKETS 65536

struct bucket {
    int64_t credit_ns;
    int64_t updated_ns; /* 0 = never used: full */
};

struct cof_rate {
    pthread_mutex_t lock;
    const struct cof_clock *clock;
    uint32_t per_second;
    int64_t cost_ns;  /* of one call */
    int64_t burst_ns; /* credit at most */
    struct bucket *buckets;
    size_t count;
};

enum cof_status cof_rate_create(uint32_t per_second, uint32_t burst, const struct cof_clock *clock,
                                struct cof_rate **out_rate, struct cof_error *err)
{
    struct cof_rate *rate = cof_calloc(1, sizeof(*rate));
    if (rate == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    pthread_mutex_init(&rate->lock, NULL);
    rate->clock = clock;
    rate->per_second = per_second;
    rate->cost_ns = NS_PER_SECOND / per_second;
    rate->burst_ns = rate->cost_ns * (burst == 0 ? 2 * (int64_t)per_second : (int64_t)burst);
    *out_rate = rate;
    return COF_OK;
}

void cof_rate_destroy(struct cof_rate *rate)
{
    if (rate == NULL) {
        return;
    }
    pthread_mutex_destroy(&rate->lock);
    cof_free(rate->buckets);
    cof_free(rate);
}

static struct bucket *get_bucket(struct cof_rate *rate, uint64_t credential_id)
{
    size_t index = credential_id < MAX_BUCKETS ? (size_t)credential_id : MAX_BUCKETS - 1;
    if (index >= rate->count) {
        size_t count = rate->count == 0 ? 64 : rate->count;
        while (count <= index) {
            count *= 2;
        }
        struct bucket *buckets = cof_calloc(count, sizeof(*buckets));
        if (buckets == NULL) {
            return NULL;
        }
        if (rate->count > 0) {
            memcpy(buckets, rate->buckets, rate->count * sizeof(*buckets));
        }
        cof_free(rate->buckets);
        rate->buckets = buckets;
        rate->count = count;
    }
    return &rate->buckets[index];
}

enum cof_status cof_rate_take(struct cof_rate *rate, uint64_t credential_id, struct cof_error *err)
{
    int64_t now = cof_clock_steady_ns(rate->clock);
    pthread_mutex_lock(&rate->lock);
    struct bucket *bucket = get_bucket(rate, credential_id);
    if (bucket == NULL) {
        pthread_mutex_unlock(&rate->lock);
        return COF_FAIL_MEMORY(err);
    }
    int64_t credit =
        bucket->updated_ns == 0 ? rate->burst_ns : bucket->credit_ns + (now - bucket->updated_ns);
    if (credit > rate->burst_ns) {
        credit = rate->burst_ns;
    }
    bool is_allowed = credit >= rate->cost_ns;
    bucket->credit_ns = is_allowed ? credit - rate->cost_ns : credit;
    bucket->updated_ns = now == 0 ? 1 : now;
    pthread_mutex_unlock(&rate->lock);
    if (!is_allowed) {
        return COF_FAIL(err, COF_LIMITED,
                        "this API key is limited to %u requests a second; try again shortly",
                        rate->per_second);
    }
    return COF_OK;
}

struct cof_flood {
    pthread_mutex_t lock;
    const struct cof_clock *clock;
    uint32_t per_second;
    int64_t window_ns; /* start of the current second */
    uint32_t used;
    uint64_t suppressed;
};

enum cof_status cof_flood_create(uint32_t per_second, const struct cof_clock *clock,
                                 struct cof_flood **out_flood, struct cof_error *err)
{
    struct cof_flood *flood = cof_calloc(1, sizeof(*flood));
    if (flood == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    pthread_mutex_init(&flood->lock, NULL);
    flood->clock = clock;
    flood->per_second = per_second;
    flood->window_ns = cof_clock_steady_ns(clock);
    *out_flood = flood;
    return COF_OK;
}

void cof_flood_destroy(struct cof_flood *flood)
{
    if (flood == NULL) {
        return;
    }
    pthread_mutex_destroy(&flood->lock);
    cof_free(flood);
}

bool cof_flood_take(struct cof_flood *flood, uint64_t *out_suppressed)
{
    int64_t now = cof_clock_steady_ns(flood->clock);
    pthread_mutex_lock(&flood->lock);
    if (now - flood->window_ns >= NS_PER_SECOND) {
        flood->window_ns = now;
        flood->used = 0;
    }
    bool is_recorded = flood->used < flood->per_second;
    if (is_recorded) {
        flood->used++;
        *out_suppressed = flood->suppressed;
        flood->suppressed = 0;
    } else {
        flood->suppressed++;
    }
    pthread_mutex_unlock(&flood->lock);
    return is_recorded;
}
