/* The newest 65,536 (request id, event) pairs of the log, for the outbox's question "is it there?".
 *
 * Not thread-safe. */
#ifndef COF_AUDIT_RECENT_PRIVATE_H
#define COF_AUDIT_RECENT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/audit/record.h>

struct cof_recent;

struct cof_recent *cof_recent_create(void); /* NULL when out of memory */
void cof_recent_destroy(struct cof_recent *recent);
void cof_recent_add(struct cof_recent *recent, const uint8_t request_id[16],
                    enum cof_audit_event event);
bool cof_recent_has(const struct cof_recent *recent, const uint8_t request_id[16],
                    enum cof_audit_event event);

#endif
