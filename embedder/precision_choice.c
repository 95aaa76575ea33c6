/* Times a slice of a layer: a product with GELU over 64 rows and the attention of one sequence. */
#include "precision_choice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/clock.h>

#include "bert_attention.h"
#include "linear.h"

#define ROWS ((size_t)64)
#define MAX_WIDTH 1024 /* of the slice, so that large models take no longer than small ones */
#define ROUNDS 4
#define GIVE_UP_NS 10000000 /* a round of that long needs no second one to be told slow */

struct trial {
    struct cof_linear_set *set;
    struct cof_linear_worker *worker;
    struct cof_linear *up;
    struct cof_bert_attention attention;
    size_t hidden_size;
    size_t width;
    uint8_t *memory;
    float *values; /* a row per token, of hidden_size */
    struct cof_rows rows;
    float *wide;
    uint8_t *triple;
    float *context;
    float *scratch;
};

static void trial_deinit(struct trial *trial)
{
    cof_linear_destroy(trial->up);
    cof_linear_worker_destroy(trial->worker);
    cof_linear_set_destroy(trial->set);
    cof_free(trial->memory);
}

static size_t line_of(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* One piece of memory; sizes are bounded by MAX_WIDTH and what the model's layers already need. */
static enum cof_status trial_reserve(struct trial *trial, struct cof_error *err)
{
    size_t floats = line_of(ROWS * trial->hidden_size * sizeof(float));
    size_t codes = line_of((ROWS + COF_CODE_SPARE_ROWS) * trial->rows.stride);
    size_t wide = line_of(ROWS * trial->width * sizeof(float));
    size_t triple = line_of((ROWS + COF_CODE_SPARE_ROWS) * 3 * trial->hidden_size * sizeof(float));
    size_t scratch = line_of(trial->attention.scratch_size * sizeof(float));
    size_t per_row = line_of(ROWS * sizeof(float));
    trial->memory = cof_calloc(2 * floats + codes + wide + triple + scratch + 2 * per_row + 64, 1);
    if (trial->memory == NULL)
        return COF_FAIL_MEMORY(err);
    uint8_t *next = trial->memory + (64 - (uintptr_t)trial->memory % 64) % 64;
    trial->values = (float *)(void *)next;
    next += floats;
    trial->context = (float *)(void *)next;
    next += floats;
    trial->rows.codes = next;
    next += codes;
    trial->wide = (float *)(void *)next;
    next += wide;
    trial->triple = next;
    next += triple;
    trial->scratch = (float *)(void *)next;
    next += scratch;
    trial->rows.scales = (float *)(void *)next;
    next += per_row;
    trial->rows.sums = (int32_t *)(void *)next;
    return COF_OK;
}

static enum cof_status trial_init(struct trial *trial, const struct cof_model_config *config,
                                  const struct cof_kernels *kernels, enum cof_precision precision,
                                  struct cof_error *err)
{
    trial->hidden_size = config->hidden_size;
    trial->width = config->intermediate_size < MAX_WIDTH ? config->intermediate_size : MAX_WIDTH;
    const struct cof_linear_shape shape = {.input_size = trial->hidden_size,
                                           .output_size = trial->width,
                                           .activation = COF_ACTIVATION_GELU};
    COF_TRY(cof_linear_set_create(precision, kernels, &trial->set, err));
    COF_TRY(cof_linear_worker_create(trial->set, &trial->worker, err));
    const struct cof_bert_weights weights = {.hidden_size = config->hidden_size,
                                             .head_count = config->head_count,
                                             .linears = trial->set};
    trial->attention = cof_bert_attention_choose(&weights, ROWS);
    trial->rows.stride = cof_linear_row_bytes(trial->set, trial->hidden_size);
    COF_TRY(trial_reserve(trial, err));
    for (size_t i = 0; i < ROWS * trial->hidden_size; i++)
        trial->values[i] = (float)(i % 17) / 8.0F - 1.0F;
    size_t count = trial->width * trial->hidden_size;
    float *values = cof_calloc(count + trial->width, sizeof(*values)); /* and the bias */
    if (values == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(i % 13) / 128.0F - 0.05F;
    enum cof_status status =
        cof_linear_create(trial->set, &shape, values, values + count, &trial->up, err);
    cof_free(values);
    return status;
}

static enum cof_status trial_run(struct trial *trial, struct cof_error *err)
{
    const struct cof_bert_sequence sequence = {.count = ROWS};
    cof_linear_encode(trial->set, trial->values, ROWS, trial->hidden_size, &trial->rows);
    COF_TRY(cof_linear_apply(trial->up, trial->worker, &trial->rows, ROWS, trial->wide, err));
    return cof_bert_attention_run(&trial->attention, trial->triple, &sequence, 1, trial->context,
                                  trial->scratch, err);
}

/* The fastest of a few rounds: others may be using the processor. */
static enum cof_status trial_time(struct trial *trial, double *out_ns, struct cof_error *err)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i <= ROUNDS; i++) {
        int64_t begin = cof_clock_steady_ns(cof_clock_system());
        COF_TRY(trial_run(trial, err));
        int64_t taken = cof_clock_steady_ns(cof_clock_system()) - begin;
        if ((i > 0 || taken > GIVE_UP_NS) && taken < least)
            least = taken;
        if (taken > GIVE_UP_NS)
            break;
    }
    *out_ns = (double)least / ROWS;
    return COF_OK;
}

enum cof_status cof_precision_measure(const struct cof_model_config *config,
                                      const struct cof_kernels *kernels,
                                      enum cof_precision precision, double *out_ns,
                                      struct cof_error *err)
{
    struct trial trial = {0};
    int before = cof_openmp_enter();
    enum cof_status status = trial_init(&trial, config, kernels, precision, err);
    if (status == COF_OK)
        status = trial_time(&trial, out_ns, err);
    trial_deinit(&trial);
    cof_openmp_leave(before);
    return status;
}

/* The manifest, or why there is none that counts; an unreadable one is an error. */
static enum cof_status read_manifest(const char *folder, const uint8_t *weights_sha256,
                                     struct cof_manifest *manifest, const char **out_reason,
                                     struct cof_error *err)
{
    struct cof_error cause = {0};
    enum cof_status status = cof_manifest_read(folder, manifest, &cause);
    if (status == COF_NOT_FOUND) {
        *out_reason = "the model's fidelity in others was never measured; `coffer model add` does";
        return COF_OK;
    }
    if (status != COF_OK) {
        if (err != NULL)
            *err = cause;
        return status;
    }
    if (weights_sha256 != NULL && memcmp(weights_sha256, manifest->weights_sha256, 32) != 0) {
        *out_reason = "the weights are not those that were measured; run `coffer model add` again";
        *manifest = (struct cof_manifest){0};
    }
    return COF_OK;
}

static enum cof_status choose_fastest(const struct cof_manifest *manifest,
                                      const struct cof_model_config *config,
                                      const struct cof_kernels *kernels,
                                      struct cof_precision_choice *choice, struct cof_error *err)
{
    double f32_ns = 0;
    double least_ns = 0;
    size_t faithful_count = 0;
    COF_TRY(cof_precision_measure(config, kernels, COF_PRECISION_F32, &f32_ns, err));
    choice->precision = COF_PRECISION_F32;
    least_ns = f32_ns;
    for (int i = COF_PRECISION_F32 + 1; i < COF_PRECISION_COUNT; i++) {
        double ns = 0;
        if (!cof_fidelity_is_enough(&manifest->fidelity[i]))
            continue;
        faithful_count++;
        COF_TRY(cof_precision_measure(config, kernels, (enum cof_precision)i, &ns, err));
        if (ns < least_ns) {
            least_ns = ns;
            choice->precision = (enum cof_precision)i;
        }
    }
    const struct cof_fidelity *fidelity = &manifest->fidelity[choice->precision];
    if (choice->precision != COF_PRECISION_F32)
        (void)snprintf(choice->reason, sizeof(choice->reason),
                       "fastest here (%.1f times f32, %s) and faithful (cosine to f32: mean %.4f, "
                       "least %.4f)",
                       f32_ns / least_ns, kernels->name, fidelity->mean, fidelity->least);
    else
        (void)snprintf(choice->reason, sizeof(choice->reason), "%s",
                       faithful_count > 0 ? "fastest here" : "no other is faithful to this model");
    return COF_OK;
}

enum cof_status cof_precision_choose(const char *folder, const struct cof_model_config *config,
                                     const struct cof_kernels *kernels, enum cof_precision wanted,
                                     const uint8_t *weights_sha256,
                                     struct cof_precision_choice *out_choice, struct cof_error *err)
{
    struct cof_precision_choice choice = {.precision = wanted};
    struct cof_manifest manifest = {0};
    const char *reason = NULL;
    if (wanted != COF_PRECISION_AUTO) {
        reason = "by configuration";
    } else {
        choice.precision = COF_PRECISION_F32;
        COF_TRY(read_manifest(folder, weights_sha256, &manifest, &reason, err));
    }
    if (reason == NULL)
        COF_TRY(choose_fastest(&manifest, config, kernels, &choice, err));
    else
        (void)snprintf(choice.reason, sizeof(choice.reason), "%s", reason);
    *out_choice = choice;
    return COF_OK;
}
