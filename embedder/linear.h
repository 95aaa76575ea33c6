/* Linear layers by oneDNN: output = activation(input * weights^T + bias), weights packed once.
 *
 * A `linear_set` belongs to one model. It knows the shapes of its layers and compiles, when first
 * needed, one product per shape and number of rows (1 to COF_LINEAR_MAX_ROWS); layers of the same
 * shape share them. A `linear` is one layer's packed weights. A `linear_worker` is what one thread
 * needs while it computes.
 *
 * Sets and layers may be used by any number of threads at once, each with a worker of its own.
 * oneDNN must see one OpenMP thread: create, pack and apply between cof_openmp_enter() and
 * cof_openmp_leave(). What another precision changes is inside this file's implementation. */
#ifndef COF_EMBEDDER_LINEAR_H
#define COF_EMBEDDER_LINEAR_H

#include <stddef.h>

#include <cof/base/status.h>

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

COF_MUST_USE enum cof_status cof_linear_set_create(struct cof_linear_set **out_set,
                                                   struct cof_error *err);
void cof_linear_set_destroy(struct cof_linear_set *set); /* after its layers and workers */

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

/* 1 to COF_LINEAR_MAX_ROWS rows, densely one behind the other; input and output do not overlap.
 * Fails only when memory runs out or oneDNN does. */
COF_MUST_USE enum cof_status cof_linear_apply(const struct cof_linear *linear,
                                              struct cof_linear_worker *worker, const float *input,
                                              size_t row_count, float *output,
                                              struct cof_error *err);

#endif
