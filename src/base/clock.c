/* The system's time and randomness, and the two that tests move by hand. */
#include <cof/base/clock.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    if (clock_gettime(id, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * NS_PER_SECOND + (int64_t)now.tv_nsec;
}

static int64_t system_wall_ns(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_steady_ns(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

static void system_fill(void *context, void *out_bytes, size_t size)
{
    (void)context;
    uint8_t *out = out_bytes;
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* a key of weak bytes would be worse than no process */
        out += got;
        size -= (size_t)got;
    }
}

static int64_t manual_wall_ns(void *context)
{
    const struct cof_manual_clock *clock = context;
    return clock->wall_ns;
}

static int64_t manual_steady_ns(void *context)
{
    const struct cof_manual_clock *clock = context;
    return clock->steady_ns;
}

/* SplitMix64 (Steele, Lea, Flood 2014) */
static void seeded_fill(void *context, void *out_bytes, size_t size)
{
    struct cof_seeded_random *random = context;
    uint8_t *out = out_bytes;
    while (size > 0) {
        random->state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = random->state;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        for (size_t i = 0; i < sizeof(z) && size > 0; i++, size--)
            *out++ = (uint8_t)(z >> (8 * i)); /* little-endian on every machine */
    }
}

const struct cof_clock *cof_clock_system(void)
{
    static const struct cof_clock clock = {.wall_ns = system_wall_ns,
                                           .steady_ns = system_steady_ns};
    return &clock;
}

const struct cof_random *cof_random_system(void)
{
    static const struct cof_random random = {.fill = system_fill};
    return &random;
}

void cof_uuid7(const struct cof_clock *clock, const struct cof_random *random, uint8_t out_uuid[16])
{
    int64_t wall_ns = cof_clock_wall_ns(clock);
    uint64_t ms = wall_ns > 0 ? (uint64_t)(wall_ns / NS_PER_MS) : 0;
    cof_random_fill(random, out_uuid, 16);
    for (unsigned i = 0; i < 6; i++)
        out_uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
    out_uuid[6] = (uint8_t)(0x70 | (out_uuid[6] & 0x0f));
    out_uuid[8] = (uint8_t)(0x80 | (out_uuid[8] & 0x3f));
}

void cof_time_format(int64_t wall_ns, char out_text[32])
{
    int64_t seconds = wall_ns / NS_PER_SECOND;
    int64_t rest = wall_ns % NS_PER_SECOND;
    if (rest < 0) {
        rest += NS_PER_SECOND;
        seconds--;
    }
    time_t time = (time_t)seconds;
    struct tm parts = {0};
    (void)gmtime_r(&time, &parts); /* 64 bits of nanoseconds cannot leave its range */
    size_t length = strftime(out_text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out_text + length, 32 - length, ".%03dZ", (int)(rest / NS_PER_MS));
}

struct cof_random cof_seeded_random_init(struct cof_seeded_random *state, uint64_t seed)
{
    state->state = seed;
    return (struct cof_random){.fill = seeded_fill, .context = state};
}

struct cof_clock cof_manual_clock_init(struct cof_manual_clock *state)
{
    return (struct cof_clock){
        .wall_ns = manual_wall_ns, .steady_ns = manual_steady_ns, .context = state};
}
