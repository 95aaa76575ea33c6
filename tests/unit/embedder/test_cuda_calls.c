/* device.c against a double of the CUDA runtime: what is called, in which order, and what an error
 * of each call becomes. */
#include "device.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cuda_runtime_api.h>

#include "testing.h"

static struct {
    char calls[512];
    const char *failing; /* the call that fails */
    cudaError_t error;
    int driver_version;
    int device_count;
    int major;
    unsigned char memory[256];
    bool was_wiped; /* what was freed last */
} runtime;

static cudaError_t answer(const char *call)
{
    size_t used = strlen(runtime.calls);
    (void)snprintf(runtime.calls + used, sizeof(runtime.calls) - used, "%s ", call);
    if (runtime.failing != NULL && strcmp(call, runtime.failing) == 0)
        return runtime.error;
    return cudaSuccess;
}

static bool is_zero(void)
{
    for (size_t i = 0; i < sizeof(runtime.memory); i++) {
        if (runtime.memory[i] != 0)
            return false;
    }
    return true;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = runtime.driver_version;
    return answer("version");
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = runtime.device_count;
    return answer("count");
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    assert_int_equal(device, 0);
    memset(properties, 0, sizeof(*properties));
    properties->major = runtime.major;
    (void)snprintf(properties->name, sizeof(properties->name), "A device");
    return answer("properties");
}

cudaError_t cudaSetDeviceFlags(unsigned int flags)
{
    assert_int_equal(flags, cudaDeviceScheduleBlockingSync);
    return answer("flags");
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    *free_bytes = 1000;
    *total_bytes = 2000;
    return answer("info");
}

cudaError_t cudaMalloc(void **address, size_t size)
{
    assert_int_equal(size, sizeof(runtime.memory));
    cudaError_t error = answer("malloc");
    if (error == cudaSuccess)
        *address = runtime.memory;
    return error;
}

cudaError_t cudaMemset(void *address, int value, size_t size)
{
    cudaError_t error = answer("memset");
    if (error == cudaSuccess)
        memset(address, value, size);
    return error;
}

cudaError_t cudaMemsetAsync(void *address, int value, size_t size, cudaStream_t stream)
{
    assert_null(stream);
    memset(address, value, size);
    return answer("memset_async");
}

cudaError_t cudaDeviceSynchronize(void)
{
    return answer("synchronize");
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    (void)stream;
    return answer("finish");
}

cudaError_t cudaFree(void *address)
{
    assert_ptr_equal(address, runtime.memory);
    runtime.was_wiped = is_zero();
    return answer("free");
}

cudaError_t cudaHostAlloc(void **address, size_t size, unsigned int flags)
{
    (void)flags;
    assert_int_equal(size, sizeof(runtime.memory));
    cudaError_t error = answer("host_alloc");
    if (error == cudaSuccess)
        *address = runtime.memory;
    return error;
}

cudaError_t cudaFreeHost(void *address)
{
    assert_ptr_equal(address, runtime.memory);
    runtime.was_wiped = is_zero();
    return answer("free_host");
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags)
{
    /* Otherwise it would wait for, and hold up, the stream that everybody shares. */
    assert_int_equal(flags, cudaStreamNonBlocking);
    *stream = (cudaStream_t)(void *)runtime.memory;
    return answer("stream");
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    (void)stream;
    return answer("end_stream");
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags)
{
    assert_int_equal(flags, cudaEventBlockingSync);
    *event = (cudaEvent_t)(void *)runtime.memory;
    return answer("event");
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    (void)event;
    return answer("end_event");
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    (void)event;
    (void)stream;
    return answer("record");
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    (void)stream;
    (void)event;
    assert_int_equal(flags, 0);
    return answer("hold");
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    (void)event;
    return answer("await");
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begin, cudaEvent_t end)
{
    (void)begin;
    (void)end;
    *ms = 2;
    return answer("elapsed");
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    (void)to;
    (void)from;
    (void)size;
    (void)stream;
    return answer(kind == cudaMemcpyHostToDevice ? "up" : "down");
}

cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
    (void)error;
    return "its words";
}

static void reset(const char *failing, cudaError_t error)
{
    memset(&runtime, 0, sizeof(runtime));
    runtime.driver_version = 13000;
    runtime.device_count = 1;
    runtime.major = 9;
    runtime.failing = failing;
    runtime.error = error;
}

/* ---- */

static void device__is_refused_with_the_reason(void **state)
{
    struct cof_cuda_device device = {0};
    struct cof_error err = {0};
    reset(NULL, cudaSuccess);
    runtime.driver_version = 0;
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "there is no NVIDIA driver on this machine");
    reset("count", cudaErrorNoDevice);
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "cudaGetDeviceCount: its words");
    reset(NULL, cudaSuccess);
    runtime.device_count = 0;
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_UNAVAILABLE);
    reset(NULL, cudaSuccess);
    runtime.major = 7;
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "A device is of compute capability 7.0, 8.0 is needed");
    reset("info", cudaErrorUnknown);
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_IO);
    assert_int_equal(device.free_bytes, 0);
    reset(NULL, cudaSuccess);
    assert_int_equal(cof_cuda_device_open(&device, &err), COF_OK);
    assert_string_equal(device.name, "A device");
    assert_int_equal(device.free_bytes, 1000);
}

static void device__overwrites_memory_before_it_is_given_back(void **state)
{
    struct cof_cuda_memory memory = {0};
    reset(NULL, cudaSuccess);
    assert_int_equal(cof_cuda_memory_create(256, &memory, NULL), COF_OK);
    memset(runtime.memory, 0x55, sizeof(runtime.memory));
    cof_cuda_memory_destroy(&memory);
    assert_string_equal(runtime.calls, "malloc memset synchronize memset_async finish free ");
    assert_true(runtime.was_wiped);
    assert_null(memory.address);
    cof_cuda_memory_destroy(&memory); /* none: nothing is called */
    reset(NULL, cudaSuccess);
    assert_int_equal(cof_cuda_pinned_create(256, &memory, NULL), COF_OK);
    memset(runtime.memory, 0x55, sizeof(runtime.memory));
    cof_cuda_pinned_destroy(&memory);
    assert_string_equal(runtime.calls, "host_alloc free_host ");
    assert_true(runtime.was_wiped);
}

static void device__gives_back_memory_that_it_could_not_clear(void **state)
{
    struct cof_cuda_memory memory = {0};
    struct cof_error err = {0};
    reset("memset", cudaErrorIllegalAddress);
    assert_int_equal(cof_cuda_memory_create(256, &memory, &err), COF_IO);
    assert_string_equal(runtime.calls, "malloc memset free ");
    assert_null(memory.address);
    reset("malloc", cudaErrorMemoryAllocation);
    assert_int_equal(cof_cuda_memory_create(256, &memory, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "cudaMalloc: its words");
    assert_string_equal(runtime.calls, "malloc ");
}

static void device__names_the_call_that_failed(void **state)
{
    struct cof_cuda_memory memory = {0};
    struct cof_error err = {0};
    void *handle = NULL;
    float ms = 0;
    reset("host_alloc", cudaErrorUnknown);
    assert_int_equal(cof_cuda_pinned_create(256, &memory, &err), COF_IO);
    assert_string_equal(err.message, "cudaHostAlloc: its words");
    reset("stream", cudaErrorUnknown);
    assert_int_equal(cof_cuda_stream_create(&handle, &err), COF_IO);
    assert_null(handle);
    assert_string_equal(err.message, "cudaStreamCreateWithFlags: its words");
    reset("event", cudaErrorUnknown);
    assert_int_equal(cof_cuda_event_create(&handle, &err), COF_IO);
    assert_null(handle);
    reset("finish", cudaErrorLaunchFailure);
    assert_int_equal(cof_cuda_stream_finish(NULL, &err), COF_IO);
    assert_string_equal(err.message, "cudaStreamSynchronize: its words");
    reset("record", cudaErrorUnknown);
    assert_int_equal(cof_cuda_event_record(NULL, NULL, &err), COF_IO);
    reset("hold", cudaErrorUnknown);
    assert_int_equal(cof_cuda_event_hold(NULL, NULL, &err), COF_IO);
    assert_string_equal(err.message, "cudaStreamWaitEvent: its words");
    reset("await", cudaErrorUnknown);
    assert_int_equal(cof_cuda_event_await(NULL, &err), COF_IO);
    reset("elapsed", cudaErrorUnknown);
    assert_int_equal(cof_cuda_event_elapsed(NULL, NULL, &ms, &err), COF_IO);
    reset("up", cudaErrorUnknown);
    assert_int_equal(cof_cuda_copy_up(NULL, NULL, 1, NULL, &err), COF_IO);
    assert_int_equal(cof_cuda_copy_down(NULL, NULL, 1, NULL, &err), COF_OK);
    reset("down", cudaErrorUnknown);
    assert_int_equal(cof_cuda_copy_down(NULL, NULL, 1, NULL, &err), COF_IO);
    assert_string_equal(err.message, "cudaMemcpyAsync: its words");
    assert_int_equal(cof_cuda_launched(cudaErrorInvalidConfiguration, "a kernel", &err), COF_IO);
    assert_string_equal(err.message, "a kernel: its words");
    assert_int_equal(cof_cuda_launched(0, "a kernel", &err), COF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device__is_refused_with_the_reason),
        cmocka_unit_test(device__overwrites_memory_before_it_is_given_back),
        cmocka_unit_test(device__gives_back_memory_that_it_could_not_clear),
        cmocka_unit_test(device__names_the_call_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
