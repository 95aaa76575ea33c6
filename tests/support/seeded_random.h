/* A seeded generator, so that a failing case is the same case again (splitmix64, public domain
 * algorithm by S. Vigna). Not for keys. */
#ifndef COF_TESTS_SUPPORT_SEEDED_RANDOM_H
#define COF_TESTS_SUPPORT_SEEDED_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct seeded_random {
    uint64_t state;
};

void seeded_random_init(struct seeded_random *random, uint64_t seed);

uint64_t seeded_random_next(struct seeded_random *random);

/* A number in [0, bound); `bound` is over 0. */
uint64_t seeded_random_below(struct seeded_random *random, uint64_t bound);

/* A number in [0, 1). */
double seeded_random_unit(struct seeded_random *random);

void seeded_random_fill(struct seeded_random *random, void *out_bytes, size_t size);

#endif
