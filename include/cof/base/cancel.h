/* One flag and one time, looked at between the steps of a job.
 *
 * The owner of the job sets the flag (client left, shutdown) from any thread; the worker checks. */
#ifndef COF_BASE_CANCEL_H
#define COF_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cof/base/clock.h>
#include <cof/base/status.h>

struct cof_cancel {
    atomic_bool is_canceled;
    int64_t deadline_steady_ns;    /* 0 = none; set before the job starts, then read-only */
    const struct cof_clock *clock; /* needed when a deadline is set */
};

void cof_cancel_request(struct cof_cancel *cancel);
/* COF_OK, COF_CANCELED or COF_TIMEOUT. `cancel` NULL is COF_OK. */
COF_MUST_USE enum cof_status cof_cancel_check(const struct cof_cancel *cancel,
                                              struct cof_error *err);

#endif
