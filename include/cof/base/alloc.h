/* Memory through one door, so that a test can make it run out at any chosen moment.
 *
 * Everything in src/base allocates here, and new code elsewhere should prefer cof_calloc() and
 * cof_free() to calloc() and free(): what goes past this door cannot be tested for out-of-memory.
 * The pairs must not be mixed within one object. Safe from any thread. */
#ifndef COF_BASE_ALLOC_H
#define COF_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

/* Zeroed memory for count * size bytes, aligned for any type; NULL when out of memory or when the
 * product overflows. Size 0 gives a valid pointer. Owned by the caller, released by cof_free(). */
COF_MUST_USE void *cof_calloc(size_t count, size_t size);
void cof_free(void *memory); /* NULL is fine */

/* For tests: the n-th allocation from now, counted over all threads, fails once (0 counts as 1);
 * negative = never again. A torture loop counts n up from 1 until the call under test succeeds with
 * the failure still pending. */
void cof_alloc_fail_after(long n);
/* True while the failure asked for has not happened yet. */
bool cof_alloc_fail_is_pending(void);

#endif
