/* The exact scan: one query against many rows, the best k kept, in the order of the contract. */
#ifndef COF_INDEX_VECTOR_SCAN_H
#define COF_INDEX_VECTOR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/index/vector_index.h>

/* False when a NaN or an infinity is among them. */
bool cof_floats_are_finite(const float *values, size_t count);

/* The best `capacity` of what was offered; `items` is the caller's, a heap until sorted. */
struct cof_top {
    struct cof_neighbor *items;
    size_t capacity; /* at least 1 */
    size_t count;
};
void cof_top_offer(struct cof_top *top, uint32_t ordinal, float score);
/* Score descending, then ordinal ascending. */
void cof_top_sort(struct cof_top *top);

/* Compares the query with every permitted row below `count`; returns how many were written. */
size_t cof_vector_scan(const float *vectors, size_t dimension, size_t count,
                       const struct cof_vector_query *query, struct cof_neighbor *out_neighbors);

#endif
