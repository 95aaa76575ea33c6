/* The bounded pools that run requests: one for documents and one for generation, so that neither
 * ingestion nor a slow answer delays a search, and one for everything else. */
#ifndef COF_API_LANES_H
#define COF_API_LANES_H

#include <stddef.h>

#include <cof/base/pool.h>
#include <cof/base/status.h>

#include "request.h"

struct cof_lanes;

struct cof_lanes_options {
    size_t worker_count; /* of the first and of the last */
    size_t max_queue_count;
    size_t generate_worker_count;
    size_t max_generate_queue_count;
};

COF_MUST_USE enum cof_status cof_lanes_create(const struct cof_lanes_options *options,
                                              struct cof_lanes **out_lanes, struct cof_error *err);
/* Runs what is queued, then joins every worker. */
void cof_lanes_destroy(struct cof_lanes *lanes);
/* COF_LIMITED at once when the lane's queue is full. Not for COF_LANE_LOOP. */
COF_MUST_USE enum cof_status cof_lanes_submit(struct cof_lanes *lanes, enum cof_lane lane,
                                              cof_job_fn run, void *context, struct cof_error *err);
size_t cof_lanes_queue_count(const struct cof_lanes *lanes, enum cof_lane lane);

#endif
