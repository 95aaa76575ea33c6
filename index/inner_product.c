/* The inner product of a program built without Faiss, written so that the compiler makes vector
 * instructions of it. */
#include "inner_product.h"

#define LANE_COUNT 32

/* Independent sums per lane: additions may not be reordered by the compiler, so one sum would make
 * every addition wait for the one before. */
float cof_inner_product(const float *a, const float *b, size_t dimension)
{
    float sums[LANE_COUNT] = {0};
    size_t i = 0;

    for (; i + LANE_COUNT <= dimension; i += LANE_COUNT) {
        for (size_t lane = 0; lane < LANE_COUNT; lane++)
            sums[lane] += a[i + lane] * b[i + lane];
    }
    for (; i < dimension; i++)
        sums[i % LANE_COUNT] += a[i] * b[i];

    float folded[LANE_COUNT / 4];
    for (size_t lane = 0; lane < LANE_COUNT / 4; lane++)
        folded[lane] = (sums[lane] + sums[lane + 8]) + (sums[lane + 16] + sums[lane + 24]);
    return ((folded[0] + folded[4]) + (folded[2] + folded[6])) +
           ((folded[1] + folded[5]) + (folded[3] + folded[7]));
}
