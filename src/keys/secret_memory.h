/* Memory for keys: locked into RAM where the system allows it, left out of core dumps, wiped. */
#ifndef COF_KEYS_SECRET_MEMORY_PRIVATE_H
#define COF_KEYS_SECRET_MEMORY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

/* Zeroed, page-aligned; NULL when out of memory. *out_is_locked says whether mlock(2) succeeded. */
COF_MUST_USE void *cof_secret_alloc(size_t size, bool *out_is_locked);
/* Wipes, unlocks and releases; `size` as given to cof_secret_alloc. NULL is fine. */
void cof_secret_free(void *memory, size_t size);

#endif
