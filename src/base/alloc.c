/* The only calls of malloc(3) and calloc(3) below the other folders, with failures on demand. */
#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Allocations until the one that fails, itself included; 0 or less = none will. */
static atomic_long countdown = -1;

static bool must_fail(void)
{
    long left = atomic_load_explicit(&countdown, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak_explicit(&countdown, &left, left - 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return left == 1;
    }
    return false;
}

void *cof_base_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *cof_calloc(size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total) || must_fail())
        return NULL;
    return calloc(1, total > 0 ? total : 1);
}

void cof_free(void *memory)
{
    free(memory);
}

void cof_alloc_fail_after(long n)
{
    atomic_store_explicit(&countdown, n == 0 ? 1 : n, memory_order_relaxed);
}

bool cof_alloc_fail_is_pending(void)
{
    return atomic_load_explicit(&countdown, memory_order_relaxed) > 0;
}
