/* The exact scan and the heap that keeps the best. */
#include "vector_scan.h"

#include <math.h>

#include "inner_product.h"

bool cof_floats_are_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return false;
    }
    return true;
}

static bool is_worse(struct cof_neighbor a, struct cof_neighbor b)
{
    if (a.score < b.score)
        return true;
    if (a.score > b.score)
        return false;
    return a.ordinal > b.ordinal;
}

/* Moves `item` down from the root of a heap whose root is the worst. */
static void sift_down(struct cof_neighbor *items, size_t count, struct cof_neighbor item)
{
    size_t hole = 0;

    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_worse(items[child + 1], items[child]))
            child++;
        if (!is_worse(items[child], item))
            break;
        items[hole] = items[child];
        hole = child;
    }
    items[hole] = item;
}

void cof_top_offer(struct cof_top *top, uint32_t ordinal, float score)
{
    struct cof_neighbor item = {.ordinal = ordinal, .score = score};

    if (top->count == top->capacity) {
        if (is_worse(top->items[0], item))
            sift_down(top->items, top->count, item);
        return;
    }
    size_t hole = top->count++;
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (!is_worse(item, top->items[parent]))
            break;
        top->items[hole] = top->items[parent];
        hole = parent;
    }
    top->items[hole] = item;
}

void cof_top_sort(struct cof_top *top)
{
    for (size_t count = top->count; count > 1; count--) {
        struct cof_neighbor worst = top->items[0];
        sift_down(top->items, count - 1, top->items[count - 1]);
        top->items[count - 1] = worst;
    }
}

struct scan {
    const float *vectors;
    size_t dimension;
    size_t count;
    const float *query;
    struct cof_top top;
};

static bool scan_row(void *context, uint32_t ordinal)
{
    struct scan *scan = context;

    if (ordinal >= scan->count)
        return false;
    const float *row = scan->vectors + (size_t)ordinal * scan->dimension;
    cof_top_offer(&scan->top, ordinal, cof_inner_product(scan->query, row, scan->dimension));
    return true;
}

size_t cof_vector_scan(const float *vectors, size_t dimension, size_t count,
                       const struct cof_vector_query *query, struct cof_neighbor *out_neighbors)
{
    struct scan scan = {
        .vectors = vectors,
        .dimension = dimension,
        .count = count,
        .query = query->vector,
        .top = {.items = out_neighbors, .capacity = query->k},
    };

    if (query->permitted != NULL) {
        cof_bitmap_each(query->permitted, scan_row, &scan);
    } else {
        for (size_t ordinal = 0; ordinal < count; ordinal++)
            (void)scan_row(&scan, (uint32_t)ordinal);
    }
    cof_top_sort(&scan.top);
    return scan.top.count;
}
