/* One request on its way: who asks, its memory, its deadline, its number.
 *
 * A call is made by the HTTP API or the command line, moved to the worker that runs it, and
 * destroyed when the response is complete. It is never shared between threads, except that
 * `cancel` may be requested from any. */
#ifndef COF_SERVICE_CALL_H
#define COF_SERVICE_CALL_H

#include <stdint.h>

#include <cof/auth/auth.h>
#include <cof/base/arena.h>
#include <cof/base/cancel.h>

struct cof_call {
    struct cof_arena arena;         /* everything a call returns lives here */
    struct cof_cancel cancel;       /* deadline set by whoever makes the call */
    uint8_t request_id[16];         /* UUIDv7; also the audit record's id */
    struct cof_principal principal; /* after cof_service_authenticate or _call_init_local */
    uint64_t audit_seq;    /* number of the newest record of this call; UINT64_MAX = none yet */
    int64_t audit_wait_ns; /* spent waiting for records to become durable */
};

void cof_call_deinit(struct cof_call *call); /* wipes the arena */

#endif
