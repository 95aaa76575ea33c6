/* Asking a job to stop, and the job's way to notice. */
#include <cof/base/cancel.h>

void cof_cancel_request(struct cof_cancel *cancel)
{
    atomic_store_explicit(&cancel->is_canceled, true, memory_order_release);
}

enum cof_status cof_cancel_check(const struct cof_cancel *cancel, struct cof_error *err)
{
    if (cancel == NULL)
        return COF_OK;
    if (atomic_load_explicit(&cancel->is_canceled, memory_order_acquire))
        return COF_FAIL(err, COF_CANCELED, "the request was canceled");
    if (cancel->deadline_steady_ns != 0 && cancel->clock != NULL &&
        cof_clock_steady_ns(cancel->clock) >= cancel->deadline_steady_ns)
        return COF_FAIL(err, COF_TIMEOUT, "the request took longer than its deadline allows");
    return COF_OK;
}
