/* Growing an array through the one door of memory, without realloc. */
#ifndef COF_INDEX_ARRAY_H
#define COF_INDEX_ARRAY_H

#include <stddef.h>

#include <cof/base/status.h>

/* An array with room for `needed` items: `items` itself when it has room, else a larger copy of its
 * first `count` items, the old one released. NULL when out of memory: then `items` and *capacity
 * are as they were. */
COF_MUST_USE void *cof_array_grow(void *items, size_t count, size_t item_size, size_t *capacity,
                                  size_t needed);

#endif
