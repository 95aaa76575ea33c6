/* A GPU made of the processor, for tests of embedder/cuda/ on machines without one.
 *
 * It stands for device.c and cublaslt.c (cuda_on_host.cc, cuda_cublaslt_double.c), and runs the
 * kernels of cuda_kernels.cu as they are, a fibre a thread. What is put into a stream is done when
 * somebody waits for it, in the order that the test chose, so that a missing event shows. It does
 * not show what a device would: speed, the compiler's code, the memory model, cuBLASLt itself. */
#ifndef COF_TESTS_UNIT_EMBEDDER_CUDA_DOUBLE_H
#define COF_TESTS_UNIT_EMBEDDER_CUDA_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cuda_double_order {
    CUDA_DOUBLE_AT_ONCE,    /* as soon as it may run */
    CUDA_DOUBLE_OLD_FIRST,  /* only when waited for; streams made first go as far as they can */
    CUDA_DOUBLE_YOUNG_FIRST /* the same, those made last */
};

/* As after the start of the program; everything must have been given back. */
void cuda_double_reset(void);
void cuda_double_set_order(enum cuda_double_order order);
/* The threads of a block run from the last to the first. */
void cuda_double_set_reverse(bool is_reverse);
/* What the device says it has free; 0: there is no device. */
void cuda_double_set_free_bytes(size_t bytes);
/* The n-th call from now fails, and all after it too when `is_for_good`; negative = none. */
void cuda_double_fail_after(long n, bool is_for_good);
bool cuda_double_has_failed(void);
/* On the device, now and at most. */
size_t cuda_double_allocated_bytes(void);
size_t cuda_double_most_bytes(void);
/* Allocations, streams, events and descriptors that exist. */
size_t cuda_double_object_count(void);
/* Slices that were computed while a copy of another one waited in its stream or was done: how often
 * a compute stream ran with something queued in another. */
size_t cuda_double_overlap_count(void);

size_t cuda_double_launch_count(void);

/* For the doubles themselves: true when this call shall fail. */
bool cuda_double_must_fail(void);
void cuda_double_count_object(int change);
/* Puts run(context) into a stream. */
void cuda_double_enqueue(void *stream, void (*run)(void *context), void *context);

/* Half precision as the standard says, sharing nothing with the code under test. */
float cuda_double_from_half(uint16_t half);
uint16_t cuda_double_to_half(float value);

#ifdef __cplusplus
}
#endif
#endif
