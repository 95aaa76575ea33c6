/* The CUDA runtime behind device.h, call by call. */
#include "device.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cuda_runtime_api.h>

/* The first architecture with the tensor core instructions that the kernels use. */
#define LEAST_MAJOR 8

static enum cof_status check(cudaError_t code, const char *call, struct cof_error *err)
{
    if (code == cudaSuccess)
        return COF_OK;
    /* Where the error does not stay with the context, it shall not be seen again. */
    (void)cudaGetLastError();
    bool is_absent = code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver ||
                     code == cudaErrorMemoryAllocation || code == cudaErrorDevicesUnavailable ||
                     code == cudaErrorSystemDriverMismatch || code == cudaErrorStubLibrary ||
                     code == cudaErrorInitializationError;
    return COF_FAIL(err, is_absent ? COF_UNAVAILABLE : COF_IO, "%s: %s", call,
                    cudaGetErrorString(code));
}

enum cof_status cof_cuda_device_open(struct cof_cuda_device *out_device, struct cof_error *err)
{
    int version = 0;
    int count = 0;
    struct cudaDeviceProp properties;
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    COF_TRY(check(cudaDriverGetVersion(&version), "cudaDriverGetVersion", err));
    if (version == 0)
        return COF_FAIL(err, COF_UNAVAILABLE, "there is no NVIDIA driver on this machine");
    COF_TRY(check(cudaGetDeviceCount(&count), "cudaGetDeviceCount", err));
    if (count == 0)
        return COF_FAIL(err, COF_UNAVAILABLE, "CUDA shows none");
    COF_TRY(check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties", err));
    if (properties.major < LEAST_MAJOR)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "%.100s is of compute capability %d.%d, %d.0 is needed", properties.name,
                        properties.major, properties.minor, LEAST_MAJOR);
    /* Who waits for the device sleeps, so that its core is free for tokenising. */
    COF_TRY(check(cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync), "cudaSetDeviceFlags", err));
    COF_TRY(check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo", err));
    (void)snprintf(out_device->name, sizeof(out_device->name), "%.100s", properties.name);
    out_device->free_bytes = free_bytes;
    return COF_OK;
}

enum cof_status cof_cuda_memory_create(size_t size, struct cof_cuda_memory *out_memory,
                                       struct cof_error *err)
{
    struct cof_cuda_memory memory = {.size = size};
    COF_TRY(check(cudaMalloc(&memory.address, size), "cudaMalloc", err));
    enum cof_status status = check(cudaMemset(memory.address, 0, size), "cudaMemset", err);
    if (status == COF_OK)
        status = check(cudaDeviceSynchronize(), "cudaDeviceSynchronize", err);
    if (status != COF_OK) {
        (void)cudaFree(memory.address);
        return status;
    }
    *out_memory = memory;
    return COF_OK;
}

/* Errors have nobody to go to: a device that is lost takes its memory with it. */
void cof_cuda_memory_destroy(struct cof_cuda_memory *memory)
{
    if (memory->address == NULL)
        return;
    (void)cudaMemsetAsync(memory->address, 0, memory->size, NULL);
    (void)cudaStreamSynchronize(NULL);
    (void)cudaFree(memory->address);
    (void)cudaGetLastError();
    *memory = (struct cof_cuda_memory){0};
}

enum cof_status cof_cuda_pinned_create(size_t size, struct cof_cuda_memory *out_memory,
                                       struct cof_error *err)
{
    struct cof_cuda_memory memory = {.size = size};
    COF_TRY(
        check(cudaHostAlloc(&memory.address, size, cudaHostAllocDefault), "cudaHostAlloc", err));
    memset(memory.address, 0, size);
    *out_memory = memory;
    return COF_OK;
}

void cof_cuda_pinned_destroy(struct cof_cuda_memory *memory)
{
    if (memory->address == NULL)
        return;
    explicit_bzero(memory->address, memory->size);
    (void)cudaFreeHost(memory->address);
    (void)cudaGetLastError();
    *memory = (struct cof_cuda_memory){0};
}

enum cof_status cof_cuda_stream_create(void **out_stream, struct cof_error *err)
{
    cudaStream_t stream = NULL;
    COF_TRY(check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                  "cudaStreamCreateWithFlags", err));
    *out_stream = stream;
    return COF_OK;
}

enum cof_status cof_cuda_stream_finish(void *stream, struct cof_error *err)
{
    return check(cudaStreamSynchronize(stream), "cudaStreamSynchronize", err);
}

void cof_cuda_stream_drain(void *stream)
{
    (void)cudaStreamSynchronize(stream);
    (void)cudaGetLastError();
}

void cof_cuda_stream_destroy(void *stream)
{
    if (stream == NULL)
        return;
    cof_cuda_stream_drain(stream);
    (void)cudaStreamDestroy(stream);
    (void)cudaGetLastError();
}

enum cof_status cof_cuda_event_create(void **out_event, struct cof_error *err)
{
    cudaEvent_t event = NULL;
    COF_TRY(check(cudaEventCreateWithFlags(&event, cudaEventBlockingSync),
                  "cudaEventCreateWithFlags", err));
    *out_event = event;
    return COF_OK;
}

void cof_cuda_event_destroy(void *event)
{
    if (event == NULL)
        return;
    (void)cudaEventDestroy(event);
    (void)cudaGetLastError();
}

enum cof_status cof_cuda_event_record(void *event, void *stream, struct cof_error *err)
{
    return check(cudaEventRecord(event, stream), "cudaEventRecord", err);
}

enum cof_status cof_cuda_event_hold(void *event, void *stream, struct cof_error *err)
{
    return check(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent", err);
}

enum cof_status cof_cuda_event_await(void *event, struct cof_error *err)
{
    return check(cudaEventSynchronize(event), "cudaEventSynchronize", err);
}

enum cof_status cof_cuda_event_elapsed(void *begin, void *end, float *out_ms, struct cof_error *err)
{
    return check(cudaEventElapsedTime(out_ms, begin, end), "cudaEventElapsedTime", err);
}

enum cof_status cof_cuda_copy_up(void *to, const void *from, size_t size, void *stream,
                                 struct cof_error *err)
{
    return check(cudaMemcpyAsync(to, from, size, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync",
                 err);
}

enum cof_status cof_cuda_copy_down(void *to, const void *from, size_t size, void *stream,
                                   struct cof_error *err)
{
    return check(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync",
                 err);
}

enum cof_status cof_cuda_launched(int code, const char *kernel, struct cof_error *err)
{
    return check((cudaError_t)code, kernel, err);
}
