/* Out-of-memory torture: the n-th allocation fails, for every n until the call gets through. */
#ifndef COF_TESTS_UNIT_BASE_TORTURE_H
#define COF_TESTS_UNIT_BASE_TORTURE_H

#include <cof/base/alloc.h>
#include <cof/base/status.h>

#include "testing.h"

typedef enum cof_status (*torture_fn)(void *context, struct cof_error *err);

/* `attempt` must release everything it took, whether it succeeds or not. Returns how many
 * allocations it makes; fails the test when a failed allocation is not reported as COF_NO_MEMORY.
 */
static inline long torture(torture_fn attempt, void *context)
{
    for (long n = 1;; n++) {
        struct cof_error err = {0};
        cof_alloc_fail_after(n);
        enum cof_status status = attempt(context, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            return n - 1;
        }
        assert_int_equal(status, COF_NO_MEMORY);
        assert_int_equal(err.status, COF_NO_MEMORY);
    }
}

#endif
