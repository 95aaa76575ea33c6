/* The device of bert_device.h on CUDA: one copy of the weights, a few lanes, and who may use them.
 *
 * Lanes are all made when the device is opened, as many and as large as the memory that it was
 * given allows; nothing is allocated later. A pass of bulk waits for a lane, one of questions does
 * not: it is computed between two layers of bulk, by a thread that may hold a lane itself, and
 * threads that wait for each other's lanes would wait for ever. Where there are two lanes or more,
 * bulk leaves one of them to questions. */
#include "bert_device.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cof/base/alloc.h>

#include "cublaslt.h"
#include "cuda_kernels.h"
#include "device.h"
#include "lane.h"
#include "weights.h"

#define MAX_LANES 4
#define BEST_SLICE_TOKENS 8192
#define LEAST_SLICE_TOKENS 1024
#define GROUP_SLICES 2 /* of one pass: what is copied for one hides behind the other */

struct cof_bert_device {
    char name[COF_CUDA_MAX_NAME_BYTES + 16];
    struct cof_cublaslt library;
    struct cof_cuda_weights *weights;
    struct cof_cuda_lane *lanes[MAX_LANES];
    size_t lane_count;
    size_t slice_tokens;
    cof_notice_fn notice;
    void *notice_context;
    atomic_bool is_lost;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t is_free; /* a lane */
        struct cof_cuda_lane *idle[MAX_LANES];
        size_t idle_count;
    } shared;
};

/* ---- What fits ---- */

static enum cof_status check_sizes(const struct cof_model_config *config, struct cof_error *err)
{
    size_t head_size = config->hidden_size / config->head_count;
    if (config->hidden_size % 8 != 0 || config->intermediate_size % 8 != 0 || head_size % 8 != 0)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "layers of %zu and %zu with heads of %zu values are not all multiples of 8",
                        config->hidden_size, config->intermediate_size, head_size);
    if (config->hidden_size > COF_CUDA_MAX_HIDDEN_SIZE || head_size > COF_CUDA_MAX_HEAD_SIZE)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "the kernels take layers of %d and heads of %d values, the model has %zu "
                        "and %zu",
                        COF_CUDA_MAX_HIDDEN_SIZE, COF_CUDA_MAX_HEAD_SIZE, config->hidden_size,
                        head_size);
    return COF_OK;
}

/* As many lanes as threads and one for questions, then slices as long as they may be. */
static enum cof_status plan(struct cof_bert_device *device,
                            const struct cof_bert_device_options *options, size_t free_bytes,
                            struct cof_error *err)
{
    const struct cof_model_config *config = options->config;
    size_t budget = options->max_memory_bytes;
    size_t used = cof_cuda_weights_size(config);
    size_t least =
        config->max_tokens > LEAST_SLICE_TOKENS ? config->max_tokens : LEAST_SLICE_TOKENS;
    size_t best = least > BEST_SLICE_TOKENS ? least : BEST_SLICE_TOKENS;
    size_t lane_count = options->thread_count < MAX_LANES ? options->thread_count + 1 : MAX_LANES;
    if (budget == 0 || budget > free_bytes / 4 * 3)
        budget = free_bytes / 4 * 3;
    for (; lane_count > 0; lane_count--) {
        for (size_t slice = best;; slice = slice / 2 > least ? slice / 2 : least) {
            if (used + lane_count * cof_cuda_lane_size(config, slice) <= budget) {
                device->lane_count = lane_count;
                device->slice_tokens = slice;
                return COF_OK;
            }
            if (slice == least)
                break;
        }
    }
    return COF_FAIL(err, COF_UNAVAILABLE, "the model needs %zu MiB there, %zu MiB may be used",
                    (used + cof_cuda_lane_size(config, least)) / 1024 / 1024 + 1,
                    budget / 1024 / 1024);
}

/* ---- Lanes ---- */

static struct cof_cuda_lane *take_lane(struct cof_bert_device *device, bool is_bulk)
{
    struct cof_cuda_lane *lane = NULL;
    size_t spared = is_bulk && device->lane_count > 1 ? 1 : 0;
    pthread_mutex_lock(&device->shared.lock);
    while (is_bulk && device->shared.idle_count <= spared)
        pthread_cond_wait(&device->shared.is_free, &device->shared.lock);
    if (device->shared.idle_count > spared)
        lane = device->shared.idle[--device->shared.idle_count];
    pthread_mutex_unlock(&device->shared.lock);
    return lane;
}

static void return_lane(struct cof_bert_device *device, struct cof_cuda_lane *lane)
{
    pthread_mutex_lock(&device->shared.lock);
    device->shared.idle[device->shared.idle_count++] = lane;
    pthread_cond_signal(&device->shared.is_free);
    pthread_mutex_unlock(&device->shared.lock);
}

/* ---- The contract ---- */

bool cof_bert_device_is_built(void)
{
    return true;
}

const char *cof_bert_device_name(const struct cof_bert_device *device)
{
    return device->name;
}

size_t cof_bert_device_stream_count(const struct cof_bert_device *device)
{
    if (device == NULL || atomic_load(&device->is_lost))
        return 0;
    return device->lane_count > 1 ? device->lane_count - 1 : 1;
}

size_t cof_bert_device_group_tokens(const struct cof_bert_device *device)
{
    return device->slice_tokens * GROUP_SLICES;
}

static void lose(struct cof_bert_device *device, const struct cof_error *error)
{
    if (atomic_exchange(&device->is_lost, true) || device->notice == NULL)
        return;
    char message[sizeof(error->message) + 64];
    (void)snprintf(message, sizeof(message), "the processor embeds from now on, the GPU failed: %s",
                   error->message);
    device->notice(device->notice_context, message);
}

static bool is_of_the_pass(enum cof_status status)
{
    return status == COF_OK || status == COF_CANCELED || status == COF_TIMEOUT ||
           status == COF_CORRUPT || status == COF_NO_MEMORY;
}

enum cof_status cof_bert_device_encode(struct cof_bert_device *device,
                                       const struct cof_bert_pass *pass, struct cof_error *err)
{
    struct cof_error error = {0};
    if (atomic_load(&device->is_lost))
        return COF_FAIL(err, COF_UNAVAILABLE, "the GPU failed before");
    struct cof_cuda_lane *lane = take_lane(device, pass->between_layers != NULL);
    if (lane == NULL)
        return COF_FAIL(err, COF_LIMITED, "all streams of the GPU are taken");
    enum cof_status status = cof_cuda_lane_run(lane, pass, &error);
    return_lane(device, lane);
    if (status == COF_OK)
        return COF_OK;
    if (!is_of_the_pass(status)) {
        lose(device, &error);
        status = COF_UNAVAILABLE;
    }
    return COF_FAIL(err, status, "%s", error.message);
}

static enum cof_status fill(struct cof_bert_device *device,
                            const struct cof_bert_device_options *options, struct cof_error *err)
{
    struct cof_cuda_device found = {0};
    COF_TRY(check_sizes(options->config, err));
    COF_TRY(cof_cuda_device_open(&found, err));
    COF_TRY(cof_cublaslt_open(COF_CUBLASLT_LIBRARY, &device->library, err));
    COF_TRY(plan(device, options, found.free_bytes, err));
    COF_TRY(cof_cuda_weights_create(options->file, options->config, &device->weights, err));
    for (size_t i = 0; i < device->lane_count; i++) {
        COF_TRY(cof_cuda_lane_create(&device->library, device->weights, options->config,
                                     device->slice_tokens, &device->lanes[i], err));
        device->shared.idle[device->shared.idle_count++] = device->lanes[i];
    }
    (void)snprintf(device->name, sizeof(device->name), "%s", found.name);
    return COF_OK;
}

enum cof_status cof_bert_device_open(const struct cof_bert_device_options *options,
                                     struct cof_bert_device **out_device, struct cof_error *err)
{
    struct cof_error error = {0};
    struct cof_bert_device *device = cof_calloc(1, sizeof(*device));
    if (device == NULL)
        return COF_FAIL_MEMORY(err);
    device->notice = options->notice;
    device->notice_context = options->notice_context;
    pthread_mutex_init(&device->shared.lock, NULL);
    pthread_cond_init(&device->shared.is_free, NULL);
    if (fill(device, options, &error) != COF_OK) {
        cof_bert_device_close(device);
        return COF_FAIL(err, COF_UNAVAILABLE, "no device: %s", error.message);
    }
    *out_device = device;
    return COF_OK;
}

void cof_bert_device_close(struct cof_bert_device *device)
{
    if (device == NULL)
        return;
    for (size_t i = 0; i < MAX_LANES; i++)
        cof_cuda_lane_destroy(device->lanes[i]);
    cof_cuda_weights_destroy(device->weights);
    cof_cublaslt_close(&device->library);
    pthread_cond_destroy(&device->shared.is_free);
    pthread_mutex_destroy(&device->shared.lock);
    cof_free(device);
}
