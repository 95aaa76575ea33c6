/* The first device that CUDA shows: its memory, its streams, its events.
 *
 * The only door to the CUDA runtime beside the kernels. The runtime is linked statically and looks
 * for the driver by itself when the program runs, so a machine without one is a status. A stream
 * and an event are of the thread that uses them; the rest may be called from any.
 *
 * A failed call is COF_UNAVAILABLE where there is no device or no memory on it, else COF_IO, and
 * names the call. Work in a stream fails later than the call that put it there: what is reported is
 * the call that saw it. */
#ifndef COF_EMBEDDER_CUDA_DEVICE_H
#define COF_EMBEDDER_CUDA_DEVICE_H

#include <stddef.h>

#include <cof/base/status.h>

#define COF_CUDA_MAX_NAME_BYTES 128

struct cof_cuda_device {
    char name[COF_CUDA_MAX_NAME_BYTES];
    size_t free_bytes; /* when it was opened */
};

/* One allocation; all zeros is none. */
struct cof_cuda_memory {
    void *address; /* on 256 bytes */
    size_t size;
};

/* COF_UNAVAILABLE when there is no driver, no device, or only one older than Ampere. */
COF_MUST_USE enum cof_status cof_cuda_device_open(struct cof_cuda_device *out_device,
                                                  struct cof_error *err);

/* On the device, as zeros. */
COF_MUST_USE enum cof_status cof_cuda_memory_create(size_t size, struct cof_cuda_memory *out_memory,
                                                    struct cof_error *err);
/* Overwritten before it is given back; every stream that used it must be finished. */
void cof_cuda_memory_destroy(struct cof_cuda_memory *memory);
/* On the host, where copies need no help of the processor; the same rules. */
COF_MUST_USE enum cof_status cof_cuda_pinned_create(size_t size, struct cof_cuda_memory *out_memory,
                                                    struct cof_error *err);
void cof_cuda_pinned_destroy(struct cof_cuda_memory *memory);

COF_MUST_USE enum cof_status cof_cuda_stream_create(void **out_stream, struct cof_error *err);
/* Returns when all that was put into the stream is done. */
COF_MUST_USE enum cof_status cof_cuda_stream_finish(void *stream, struct cof_error *err);
/* The same where a failure was seen already. */
void cof_cuda_stream_drain(void *stream);
/* Drains it; NULL is fine. */
void cof_cuda_stream_destroy(void *stream);

COF_MUST_USE enum cof_status cof_cuda_event_create(void **out_event, struct cof_error *err);
void cof_cuda_event_destroy(void *event);
/* The event happens when what the stream has now is done. */
COF_MUST_USE enum cof_status cof_cuda_event_record(void *event, void *stream,
                                                   struct cof_error *err);
/* What comes into the stream from now waits for the event's last record; the caller does not. */
COF_MUST_USE enum cof_status cof_cuda_event_hold(void *event, void *stream, struct cof_error *err);
/* The caller waits, asleep. */
COF_MUST_USE enum cof_status cof_cuda_event_await(void *event, struct cof_error *err);
/* Milliseconds on the device between two events that have happened. */
COF_MUST_USE enum cof_status cof_cuda_event_elapsed(void *begin, void *end, float *out_ms,
                                                    struct cof_error *err);

/* Both return at once when the host's side is pinned. */
COF_MUST_USE enum cof_status cof_cuda_copy_up(void *to, const void *from, size_t size, void *stream,
                                              struct cof_error *err);
COF_MUST_USE enum cof_status cof_cuda_copy_down(void *to, const void *from, size_t size,
                                                void *stream, struct cof_error *err);

/* What the functions of cuda_kernels.h return, as a status. */
COF_MUST_USE enum cof_status cof_cuda_launched(int code, const char *kernel, struct cof_error *err);

#endif
