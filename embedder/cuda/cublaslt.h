/* The few calls of cuBLASLt that a linear layer needs, taken from the library when the program
 * runs.
 *
 * The library has half a gigabyte, and a machine without a GPU has it not: so nothing links it and
 * its headers are not needed. What is said here of its interface (version 13) is compared with
 * those headers by cublaslt_check.c where they lie. Handles and descriptors are opaque; sizes,
 * types and values are the library's. */
#ifndef COF_EMBEDDER_CUDA_CUBLASLT_H
#define COF_EMBEDDER_CUDA_CUBLASLT_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#define COF_CUBLASLT_LIBRARY "libcublasLt.so.13"

enum {
    COF_CUBLASLT_REAL_32F = 0,
    COF_CUBLASLT_REAL_16F = 2,
    COF_CUBLASLT_COMPUTE_32F = 68,
    COF_CUBLASLT_TRANSPOSED = 1,
    COF_CUBLASLT_DESC_TRANSA = 3,
    COF_CUBLASLT_DESC_EPILOGUE = 7,
    COF_CUBLASLT_DESC_BIAS_POINTER = 8,
    COF_CUBLASLT_EPILOGUE_BIAS = 4,
    COF_CUBLASLT_PREFERENCE_MAX_WORKSPACE = 1,
};

struct cof_cublaslt_algorithm {
    uint64_t data[8];
};

struct cof_cublaslt_choice {
    struct cof_cublaslt_algorithm algorithm;
    size_t workspace_size;
    int state;
    float wave_count;
    int reserved[4];
};

/* Matrices are column-major. Every function returns 0 or the library's error. */
struct cof_cublaslt {
    void *library;
    int (*create)(void **out_handle);
    int (*destroy)(void *handle);
    int (*operation_create)(void **out_operation, int compute_type, int scale_type);
    int (*operation_destroy)(void *operation);
    int (*operation_set)(void *operation, int attribute, const void *value, size_t size);
    int (*layout_create)(void **out_layout, int type, uint64_t rows, uint64_t columns,
                         int64_t leading);
    int (*layout_destroy)(void *layout);
    int (*preference_create)(void **out_preference);
    int (*preference_destroy)(void *preference);
    int (*preference_set)(void *preference, int attribute, const void *value, size_t size);
    int (*choose)(void *handle, void *operation, void *a, void *b, void *c, void *d,
                  void *preference, int wanted_count, struct cof_cublaslt_choice *out_choices,
                  int *out_count);
    int (*multiply)(void *handle, void *operation, const void *alpha, const void *a, void *a_layout,
                    const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                    void *d, void *d_layout, const struct cof_cublaslt_algorithm *algorithm,
                    void *workspace, size_t workspace_size, void *stream);
    const char *(*status_text)(int status);
};

/* COF_UNAVAILABLE when the library, or a function in it, is not there. */
COF_MUST_USE enum cof_status cof_cublaslt_open(const char *name, struct cof_cublaslt *out_library,
                                               struct cof_error *err);
/* All zeros is fine. */
void cof_cublaslt_close(struct cof_cublaslt *library);

/* A result of the functions above, as a status: COF_IO, naming the call. */
COF_MUST_USE enum cof_status cof_cublaslt_done(const struct cof_cublaslt *library, int result,
                                               const char *call, struct cof_error *err);

#endif
