/* A pool each. */
#include "lanes.h"

#include <cof/base/alloc.h>

struct cof_lanes {
    struct cof_pool *requests;
    struct cof_pool *bulk;
    struct cof_pool *generation;
};

enum cof_status cof_lanes_create(const struct cof_lanes_options *options,
                                 struct cof_lanes **out_lanes, struct cof_error *err)
{
    const struct cof_pool_options requests = {
        .name = "request",
        .thread_count = options->worker_count,
        .max_queue_count = options->max_queue_count,
    };
    const struct cof_pool_options bulk = {
        .name = "bulk",
        .thread_count = options->worker_count,
        .max_queue_count = options->max_queue_count,
    };
    const struct cof_pool_options generation = {
        .name = "generate",
        .thread_count = options->generate_worker_count,
        .max_queue_count = options->max_generate_queue_count,
    };
    struct cof_lanes *lanes = cof_calloc(1, sizeof(*lanes));
    if (lanes == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    enum cof_status status = cof_pool_create(&requests, &lanes->requests, err);
    if (status == COF_OK) {
        status = cof_pool_create(&bulk, &lanes->bulk, err);
    }
    if (status == COF_OK) {
        status = cof_pool_create(&generation, &lanes->generation, err);
    }
    if (status != COF_OK) {
        cof_lanes_destroy(lanes);
        return status;
    }
    *out_lanes = lanes;
    return COF_OK;
}

void cof_lanes_destroy(struct cof_lanes *lanes)
{
    if (lanes == NULL) {
        return;
    }
    cof_pool_destroy(lanes->generation);
    cof_pool_destroy(lanes->bulk);
    cof_pool_destroy(lanes->requests);
    cof_free(lanes);
}

static struct cof_pool *pool_of(const struct cof_lanes *lanes, enum cof_lane lane)
{
    switch (lane) {
    case COF_LANE_GENERATE:
        return lanes->generation;
    case COF_LANE_BULK:
        return lanes->bulk;
    case COF_LANE_LOOP:
    case COF_LANE_REQUEST:
        break;
    }
    return lanes->requests;
}

enum cof_status cof_lanes_submit(struct cof_lanes *lanes, enum cof_lane lane, cof_job_fn run,
                                 void *context, struct cof_error *err)
{
    return cof_pool_submit(pool_of(lanes, lane), run, context, err);
}

size_t cof_lanes_queue_count(const struct cof_lanes *lanes, enum cof_lane lane)
{
    return cof_pool_queue_count(pool_of(lanes, lane));
}
