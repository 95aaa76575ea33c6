/* oneDNN's statuses as ours, and its multiplication of small strided matrices. */
#ifndef COF_EMBEDDER_ONEDNN_H
#define COF_EMBEDDER_ONEDNN_H

#include <dnnl.h>

#include <cof/base/status.h>

/* Turns a failed call into a COF status; `what` names the step. */
COF_MUST_USE enum cof_status cof_onednn_check(dnnl_status_t status, const char *what,
                                              struct cof_error *err);

#define COF_DNNL_TRY(call, err) COF_TRY(cof_onednn_check((call), #call, (err)))

#endif
