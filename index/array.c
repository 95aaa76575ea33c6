/* Growing arrays: by half, so that n appends copy O(n). */
#include "array.h"

#include <string.h>

#include <cof/base/alloc.h>

enum { MIN_CAPACITY = 8 };

void *cof_array_grow(void *items, size_t count, size_t item_size, size_t *capacity, size_t needed)
{
    if (items != NULL && needed <= *capacity)
        return items;
    size_t larger = *capacity + *capacity / 2;
    if (larger < needed)
        larger = needed;
    if (larger < MIN_CAPACITY)
        larger = MIN_CAPACITY;
    void *copy = cof_calloc(larger, item_size);
    if (copy == NULL)
        return NULL;
    if (count > 0 && items != NULL)
        memcpy(copy, items, count * item_size);
    cof_free(items);
    *capacity = larger;
    return copy;
}
