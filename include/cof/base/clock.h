/* Time and randomness as arguments, so that tests own them (law 11). */
#ifndef COF_BASE_CLOCK_H
#define COF_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Wall and steady clock. Both callbacks may be called from any thread. */
struct cof_clock {
    int64_t (*wall_ns)(void *context);   /* since 1970-01-01 UTC */
    int64_t (*steady_ns)(void *context); /* never goes back; origin unspecified */
    void *context;
};

/* Random bytes fit for keys. Aborts rather than return weak bytes. Any thread. */
struct cof_random {
    void (*fill)(void *context, void *out_bytes, size_t size);
    void *context;
};

const struct cof_clock *cof_clock_system(void);
const struct cof_random *cof_random_system(void); /* getrandom(2) */

static inline int64_t cof_clock_wall_ns(const struct cof_clock *clock)
{
    return clock->wall_ns(clock->context);
}

static inline int64_t cof_clock_steady_ns(const struct cof_clock *clock)
{
    return clock->steady_ns(clock->context);
}

static inline void cof_random_fill(const struct cof_random *random, void *out_bytes, size_t size)
{
    random->fill(random->context, out_bytes, size);
}

/* UUIDv7 (RFC 9562): 48 bits of milliseconds, then randomness; sorts by time. */
void cof_uuid7(const struct cof_clock *clock, const struct cof_random *random,
               uint8_t out_uuid[16]);
/* "2026-11-22T21:30:00.123Z" (RFC 3339, UTC, milliseconds); out has room for 32. */
void cof_time_format(int64_t wall_ns, char out_text[32]);

/* A deterministic source for tests: SplitMix64 from a seed, and a clock that the test moves. */
struct cof_seeded_random {
    uint64_t state;
};
struct cof_random cof_seeded_random_init(struct cof_seeded_random *state, uint64_t seed);
struct cof_manual_clock {
    int64_t wall_ns;
    int64_t steady_ns;
};
struct cof_clock cof_manual_clock_init(struct cof_manual_clock *state);

#endif
