/* A seeded generator, so that a failing case is the same case again. */
#include "seeded_random.h"

void seeded_random_init(struct seeded_random *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t seeded_random_next(struct seeded_random *random)
{
    uint64_t word;

    random->state += UINT64_C(0x9e3779b97f4a7c15);
    word = random->state;
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

uint64_t seeded_random_below(struct seeded_random *random, uint64_t bound)
{
    return seeded_random_next(random) % bound;
}

double seeded_random_unit(struct seeded_random *random)
{
    return (double)(seeded_random_next(random) >> 11) * 0x1.0p-53;
}

void seeded_random_fill(struct seeded_random *random, void *out_bytes, size_t size)
{
    uint8_t *bytes = out_bytes;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seeded_random_next(random) >> 56);
}
