/* Linear layers: output = activation(input * weights^T + bias), weights packed once.
 *
 * A `linear_set` belongs to one model and has one precision. In f32 its products are oneDNN's: it
 * knows the shapes of its layers and compiles, when first needed, one product per shape and number
 * of rows (1 to COF_LINEAR_MAX_ROWS); layers of the same shape share them. In bf16 and int8 they
 * are our own (kernels.h). A `linear` is one layer's packed weights. A `linear_worker` is what one
 * thread needs while it computes.
 *
 * Sets and layers may be used by any number of threads at once, each with a worker of its own.
 * oneDNN must see one OpenMP thread: create, pack and apply between cof_openmp_enter() and
 * cof_openmp_leave(). */
#ifndef COF_EMBEDDER_LINEAR_H
#define COF_EMBEDDER_LINEAR_H

#include <stddef.h>

#include <cof/base/status.h>
#include <cof/embedder/precision.h>

#include "kernels.h"

#define COF_LINEAR_MAX_ROWS 64

enum cof_activation {
    COF_ACTIVATION_NONE,
    COF_ACTIVATION_GELU, /* exact, by the error function (Hendrycks and Gimpel 2016) */
};

struct cof_linear_shape {
    size_t input_size;
    size_t output_size;
    enum cof_activation activation;
};

struct cof_linear_set;
struct cof_linear;
struct cof_linear_worker;

/* Says that the calling thread alone computes; returns what cof_openmp_leave() restores, because
 * other libraries in the process use OpenMP too. */
int cof_openmp_enter(void);
void cof_openmp_leave(int before);

/* Not COF_PRECISION_AUTO; `kernels` is one of cof_kernels_usable(). */
COF_MUST_USE enum cof_status cof_linear_set_create(enum cof_precision precision,
                                                   const struct cof_kernels *kernels,
                                                   struct cof_linear_set **out_set,
                                                   struct cof_error *err);
void cof_linear_set_destroy(struct cof_linear_set *set); /* after its layers and workers */
enum cof_precision cof_linear_set_precision(const struct cof_linear_set *set);
const struct cof_kernels *cof_linear_set_kernels(const struct cof_linear_set *set);

/* Rows of floats in the set's precision: bytes from one row to the next, and the writing of them.
 * In f32 nothing is written: the rows are the floats themselves. */
size_t cof_linear_row_bytes(const struct cof_linear_set *set, size_t size);
void cof_linear_encode(const struct cof_linear_set *set, const float *values, size_t row_count,
                       size_t size, struct cof_rows *rows);

/* `weights` has output_size rows of input_size, `bias` output_size; both are copied. The set is
 * borrowed. Not while other threads use the set. COF_INVALID when the model has too many shapes. */
COF_MUST_USE enum cof_status cof_linear_create(struct cof_linear_set *set,
                                               const struct cof_linear_shape *shape,
                                               const float *weights, const float *bias,
                                               struct cof_linear **out_linear,
                                               struct cof_error *err);
void cof_linear_destroy(struct cof_linear *linear);

COF_MUST_USE enum cof_status cof_linear_worker_create(struct cof_linear_set *set,
                                                      struct cof_linear_worker **out_worker,
                                                      struct cof_error *err);
void cof_linear_worker_destroy(struct cof_linear_worker *worker);

/* Rows as cof_linear_encode() left them; the output is written densely and does not overlap them.
 * Fails only when memory runs out or oneDNN does. */
COF_MUST_USE enum cof_status cof_linear_apply(const struct cof_linear *linear,
                                              struct cof_linear_worker *worker,
                                              const struct cof_rows *rows, size_t row_count,
                                              float *output, struct cof_error *err);
/* The same, rounded to bf16; for sets of another precision than f32 whose kernels attend in bf16.
 */
void cof_linear_apply_bf16(const struct cof_linear *linear, const struct cof_rows *rows,
                           size_t row_count, uint16_t *output);

#endif
