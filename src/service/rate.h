/* How often a caller may call, and how often refusals are written down. */
#ifndef COF_SERVICE_RATE_H
#define COF_SERVICE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/clock.h>
#include <cof/base/status.h>

/* A token bucket per credential: `per_second` tokens flow in, at most `burst` are kept. */
struct cof_rate;
enum cof_status cof_rate_create(uint32_t per_second, uint32_t burst, const struct cof_clock *clock,
                                struct cof_rate **out_rate, struct cof_error *err);
void cof_rate_destroy(struct cof_rate *rate);
/* COF_LIMITED naming the limit when the bucket is empty. */
enum cof_status cof_rate_take(struct cof_rate *rate, uint64_t credential_id, struct cof_error *err);

/* Lets at most `per_second` events of a second through and counts the rest, so that a flood of
 * refused requests cannot fill the disk with records of itself. */
struct cof_flood;
enum cof_status cof_flood_create(uint32_t per_second, const struct cof_clock *clock,
                                 struct cof_flood **out_flood, struct cof_error *err);
void cof_flood_destroy(struct cof_flood *flood);
/* True when this one is to be recorded; *out_suppressed is how many were not since the last. */
bool cof_flood_take(struct cof_flood *flood, uint64_t *out_suppressed);

#endif
