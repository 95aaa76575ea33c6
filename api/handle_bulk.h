/* The worker's side of a bulk upload. */
#ifndef COF_API_HANDLE_BULK_H
#define COF_API_HANDLE_BULK_H

#include "request.h"

/* Puts the documents of request->lines from line_begin on, appends a line for each to
 * request->results, and moves line_begin. COF_LIMITED: run again later for the rest. Any other
 * failure ends the upload. */
COF_MUST_USE enum cof_status cof_handle_bulk(struct cof_request *request, struct cof_error *err);

#endif
