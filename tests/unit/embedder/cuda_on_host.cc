/* Fibres, streams and events of the double, and device.h on top of them. */
#include "cuda_on_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

extern "C" {
#include <cof/base/status.h>
}
/* device.h is written for C. */
#undef COF_MUST_USE
#define COF_MUST_USE
extern "C" {
#include "device.h"
}

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { LANES = 32, MAX_THREADS = 256, STACK_SIZE = 256 * 1024, SLOT_SIZE = 64 };

/* ---- Fibres ---- */

struct barrier {
    unsigned arrived;
    unsigned generation;
};

struct fibre {
    ucontext_t context;
    void *fake_stack;
    unsigned exchanges;
    bool is_done;
};

static struct {
    fibre fibres[MAX_THREADS];
    unsigned char (*stacks)[STACK_SIZE];
    ucontext_t home;
    void *home_fake_stack;
    const void *home_stack;
    size_t home_stack_size;
    unsigned count;
    unsigned current;
    bool has_progress;
    barrier block;
    barrier warps[MAX_THREADS / LANES];
    unsigned char slots[2][MAX_THREADS][SLOT_SIZE];
    const std::function<void()> *kernel;
} machine;

struct cuda_on_host_index threadIdx;
struct cuda_on_host_index blockIdx;
struct cuda_on_host_index blockDim;

[[noreturn]] static void give_up(const char *why)
{
    fprintf(stderr, "cuda double: %s\n", why);
    abort();
}

static void leave(fibre *self)
{
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(self->is_done ? NULL : &self->fake_stack, machine.home_stack,
                                   machine.home_stack_size);
#endif
    swapcontext(&self->context, &machine.home);
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
#endif
}

static void run_fibre(void)
{
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(NULL, &machine.home_stack, &machine.home_stack_size);
#endif
    (*machine.kernel)();
    fibre *self = &machine.fibres[machine.current];
    self->is_done = true;
    machine.has_progress = true;
    leave(self);
}

static void enter(unsigned index)
{
    fibre *next = &machine.fibres[index];
    machine.current = index;
    threadIdx.x = index;
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(&machine.home_fake_stack, machine.stacks[index], STACK_SIZE);
#endif
    swapcontext(&machine.home, &next->context);
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(machine.home_fake_stack, NULL, NULL);
#endif
}

static void meet(barrier *barrier, unsigned count)
{
    unsigned generation = barrier->generation;
    machine.has_progress = true;
    if (++barrier->arrived == count) {
        barrier->arrived = 0;
        barrier->generation++;
        return;
    }
    while (barrier->generation == generation)
        leave(&machine.fibres[machine.current]);
}

void __syncthreads(void)
{
    meet(&machine.block, machine.count);
}

const unsigned char *cuda_on_host_exchange(const void *bytes, size_t size)
{
    unsigned index = machine.current;
    unsigned turn = machine.fibres[index].exchanges++ % 2;
    memcpy(machine.slots[turn][index], bytes, size);
    meet(&machine.warps[index / LANES], LANES);
    return machine.slots[turn][index / LANES * LANES];
}

static bool is_reverse;

static void run_block(unsigned threads, const std::function<void()> &kernel)
{
    if (machine.stacks == NULL)
        machine.stacks =
            (unsigned char(*)[STACK_SIZE])aligned_alloc(4096, (size_t)MAX_THREADS * STACK_SIZE);
    machine.count = threads;
    machine.kernel = &kernel;
    memset(&machine.block, 0, sizeof(machine.block));
    memset(machine.warps, 0, sizeof(machine.warps));
    for (unsigned i = 0; i < threads; i++) {
        fibre *each = &machine.fibres[i];
        getcontext(&each->context);
        each->context.uc_stack.ss_sp = machine.stacks[i];
        each->context.uc_stack.ss_size = STACK_SIZE;
        each->context.uc_link = NULL;
        each->fake_stack = NULL;
        each->exchanges = 0;
        each->is_done = false;
        makecontext(&each->context, run_fibre, 0);
    }
    for (unsigned left = threads; left > 0;) {
        machine.has_progress = false;
        for (unsigned i = 0; i < threads; i++) {
            unsigned index = is_reverse ? threads - 1 - i : i;
            if (machine.fibres[index].is_done)
                continue;
            enter(index);
            left -= machine.fibres[index].is_done ? 1 : 0;
        }
        if (!machine.has_progress)
            give_up("some threads wait at a barrier that the others never reach");
    }
}

/* ---- What a warp does together ---- */

static float value_of_half(uint16_t half)
{
    int exponent = half >> 10 & 31;
    float fraction = (float)(half & 1023);
    float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
    if (exponent == 31)
        return fraction == 0 ? sign * INFINITY : NAN;
    if (exponent == 0)
        return sign * ldexpf(fraction, -24);
    return sign * ldexpf(1024 + fraction, exponent - 25);
}

float cuda_double_from_half(uint16_t half)
{
    static const std::vector<float> values = [] {
        std::vector<float> all(65536);
        for (uint32_t i = 0; i < all.size(); i++)
            all[i] = value_of_half((uint16_t)i);
        return all;
    }();
    return values[half];
}

/* To the nearest, ties to even. */
uint16_t cuda_double_to_half(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    float size = fabsf(value);
    if (isnan(value))
        return 0x7fff;
    if (size >= 65520.0F)
        return (uint16_t)(sign | 0x7c00);
    int exponent = 0;
    (void)frexpf(size, &exponent);
    int step = exponent - 11 < -24 ? -24 : exponent - 11; /* of the last digit */
    float digits = nearbyintf(ldexpf(size, -step));
    if (digits >= 2048) {
        digits /= 2;
        step++;
    }
    uint16_t whole = (uint16_t)digits;
    if (whole < 1024)
        return (uint16_t)(sign | whole);
    return (uint16_t)(sign | (step + 25) << 10 | (whole - 1024));
}

float half_to_float(uint16_t half)
{
    return cuda_double_from_half(half);
}

uint16_t half_from_float(float value)
{
    return cuda_double_to_half(value);
}

uint32_t halves_from_floats(float first, float second)
{
    return (uint32_t)half_from_float(first) | (uint32_t)half_from_float(second) << 16;
}

float warp_exchange(float value, int mask)
{
    unsigned lane = (machine.current % LANES) ^ (unsigned)mask;
    const unsigned char *all = cuda_on_host_exchange(&value, sizeof(value));
    memcpy(&value, all + lane * SLOT_SIZE, sizeof(value));
    return value;
}

static float half_of(const uint32_t *words, unsigned index)
{
    return half_to_float((uint16_t)(words[index / 2] >> index % 2 * 16));
}

/* By the PTX manual's formulas for the elements a(0) … a(7), b(0) … b(3), c(0) … c(3) of each lane,
 * gathered into whole matrices and multiplied there. */
void multiply_tiles(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
    struct operands {
        uint32_t a[4];
        uint32_t b[2];
    } mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const unsigned char *all = cuda_on_host_exchange(&mine, sizeof(mine));
    unsigned self = machine.current % LANES;
    float left[2][16];
    float right[2][16];
    for (unsigned lane = 0; lane < LANES; lane++) {
        operands theirs;
        memcpy(&theirs, all + lane * SLOT_SIZE, sizeof(theirs));
        unsigned group = lane >> 2;
        unsigned within = lane % 4;
        for (unsigned i = 0; i < 8; i++) {
            unsigned row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
            unsigned column = within * 2 + (i & 1) + (i >= 4 ? 8 : 0);
            if (row % 8 == self >> 2)
                left[row / 8][column] = half_of(theirs.a, i);
        }
        for (unsigned i = 0; i < 4; i++) {
            unsigned row = within * 2 + (i & 1) + (i >= 2 ? 8 : 0);
            unsigned column = group;
            if (column / 2 == self % 4)
                right[column % 2][row] = half_of(theirs.b, i);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        float sum = 0;
        for (unsigned k = 0; k < 16; k++)
            sum += left[i < 2 ? 0 : 1][k] * right[i & 1][k];
        sums[i] += sum;
    }
}

void load_transposed(uint32_t (&out)[2], const uint16_t *row)
{
    const unsigned char *all = cuda_on_host_exchange(&row, sizeof(row));
    unsigned lane = machine.current % LANES;
    for (unsigned block = 0; block < 2; block++) {
        uint32_t word = 0;
        for (unsigned i = 0; i < 2; i++) {
            const uint16_t *from = NULL;
            memcpy(&from, all + (block * 8 + lane % 4 * 2 + i) * SLOT_SIZE, sizeof(from));
            if ((uintptr_t)from % 16 != 0)
                give_up("a row for load_transposed is not on 16 bytes");
            word |= (uint32_t)from[lane / 4] << i * 16;
        }
        out[block] = word;
    }
}

/* ---- Streams ---- */

struct event {
    unsigned long recorded;
    unsigned long happened;
};

struct operation {
    std::function<void()> run;
    event *needed; /* or NULL */
    unsigned long needed_record;
    bool is_kernel;
};

struct stream {
    std::deque<operation> queue;
};

static struct {
    std::recursive_mutex lock;
    std::vector<stream *> streams;   /* in the order they were made */
    std::map<void *, void *> memory; /* address to what is freed for it */
    cuda_double_order order;
    size_t free_bytes;
    size_t allocated;
    size_t most;
    long objects;
    long fail_after;
    bool fails_for_good;
    bool has_failed;
    size_t overlaps;
    size_t launches;
} state;

typedef std::lock_guard<std::recursive_mutex> locked;

static bool run_one(stream *each)
{
    if (each->queue.empty())
        return false;
    operation &next = each->queue.front();
    if (next.needed != NULL && next.needed->happened < next.needed_record)
        return false;
    if (next.is_kernel) {
        for (stream *other : state.streams)
            state.overlaps += other != each && !other->queue.empty() ? 1U : 0U;
    }
    operation taken = next;
    each->queue.pop_front();
    taken.run();
    return true;
}

static bool run_any(void)
{
    size_t count = state.streams.size();
    for (size_t i = 0; i < count; i++) {
        bool is_young = state.order == CUDA_DOUBLE_YOUNG_FIRST;
        if (run_one(state.streams[is_young ? count - 1 - i : i]))
            return true;
    }
    return false;
}

static void put(void *to, operation operation)
{
    ((stream *)to)->queue.push_back(operation);
    while (state.order == CUDA_DOUBLE_AT_ONCE && run_any())
        continue;
}

static void wait_for(const std::function<bool()> &is_done)
{
    while (!is_done()) {
        if (!run_any())
            give_up("what is waited for never happens");
    }
}

static int launch_at(unsigned width, unsigned height, unsigned threads,
                     const std::function<void()> &kernel)
{
    blockDim.x = threads;
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            blockIdx.x = x;
            blockIdx.y = y;
            run_block(threads, kernel);
        }
    }
    return 0;
}

int cuda_on_host_launch(unsigned width, unsigned height, unsigned threads, void *to,
                        std::function<void()> kernel)
{
    locked guard(state.lock);
    if (cuda_double_must_fail())
        return 719; /* cudaErrorLaunchFailure */
    /* What a device would refuse. */
    if (width == 0 || height == 0 || height > 65535 || threads > 1024)
        return 9; /* cudaErrorInvalidConfiguration */
    state.launches++;
    put(to, {[=] { launch_at(width, height, threads, kernel); }, NULL, 0, true});
    return 0;
}

void cuda_double_enqueue(void *to, void (*run)(void *context), void *context)
{
    locked guard(state.lock);
    put(to, {[=] { run(context); }, NULL, 0, true});
}

/* ---- What a test asks for ---- */

void cuda_double_reset(void)
{
    locked guard(state.lock);
    if (state.objects != 0)
        give_up("something was not given back");
    state.order = CUDA_DOUBLE_AT_ONCE;
    state.free_bytes = (size_t)1 << 30;
    state.allocated = 0;
    state.most = 0;
    state.fail_after = -1;
    state.fails_for_good = false;
    state.has_failed = false;
    state.overlaps = 0;
    is_reverse = false;
}

void cuda_double_set_order(enum cuda_double_order order)
{
    state.order = order;
}

void cuda_double_set_reverse(bool value)
{
    is_reverse = value;
}

void cuda_double_set_free_bytes(size_t bytes)
{
    state.free_bytes = bytes;
}

void cuda_double_fail_after(long n, bool is_for_good)
{
    locked guard(state.lock);
    state.fail_after = n;
    state.fails_for_good = is_for_good;
    state.has_failed = false;
}

bool cuda_double_has_failed(void)
{
    return state.has_failed;
}

bool cuda_double_must_fail(void)
{
    locked guard(state.lock);
    if (state.has_failed && state.fails_for_good)
        return true;
    if (state.fail_after < 0 || state.has_failed || --state.fail_after > 0)
        return false;
    state.has_failed = true;
    return true;
}

size_t cuda_double_allocated_bytes(void)
{
    return state.allocated;
}

size_t cuda_double_most_bytes(void)
{
    return state.most;
}

void cuda_double_count_object(int change)
{
    locked guard(state.lock);
    state.objects += change;
}

size_t cuda_double_object_count(void)
{
    return (size_t)state.objects;
}

size_t cuda_double_overlap_count(void)
{
    return state.overlaps;
}

size_t cuda_double_launch_count(void)
{
    return state.launches;
}

/* ---- device.h ---- */

#define FAIL_IF_ASKED(call)                                                                        \
    do {                                                                                           \
        if (cuda_double_must_fail())                                                               \
            return COF_FAIL(err, COF_IO, "%s: made to fail", call);                                \
    } while (0)

enum cof_status cof_cuda_device_open(struct cof_cuda_device *out_device, struct cof_error *err)
{
    locked guard(state.lock);
    if (state.free_bytes == 0)
        return COF_FAIL(err, COF_UNAVAILABLE, "cudaGetDeviceCount: there is none");
    FAIL_IF_ASKED("cudaGetDeviceCount");
    snprintf(out_device->name, sizeof(out_device->name), "Double");
    out_device->free_bytes = state.free_bytes;
    return COF_OK;
}

/* Pages come as zeros, so that large and hardly used memory costs nothing. */
static enum cof_status create_memory(size_t size, struct cof_cuda_memory *out_memory)
{
    char *raw = (char *)calloc(1, size + 256);
    char *address = raw + (256 - (uintptr_t)raw % 256);
    state.memory[address] = raw;
    cuda_double_count_object(1);
    *out_memory = {address, size};
    return COF_OK;
}

static void destroy_memory(struct cof_cuda_memory *memory)
{
    auto found = state.memory.find(memory->address);
    if (found == state.memory.end())
        give_up("memory that is not the device's");
    free(found->second);
    state.memory.erase(found);
    cuda_double_count_object(-1);
    *memory = {};
}

static void check_quiet(void)
{
    for (stream *each : state.streams) {
        if (!each->queue.empty())
            give_up("memory is given back while a stream has work");
    }
}

enum cof_status cof_cuda_memory_create(size_t size, struct cof_cuda_memory *out_memory,
                                       struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaMalloc");
    if (state.allocated + size > state.free_bytes)
        return COF_FAIL(err, COF_UNAVAILABLE, "cudaMalloc: out of memory");
    state.allocated += size;
    state.most = state.allocated > state.most ? state.allocated : state.most;
    return create_memory(size, out_memory);
}

void cof_cuda_memory_destroy(struct cof_cuda_memory *memory)
{
    locked guard(state.lock);
    if (memory->address == NULL)
        return;
    check_quiet();
    state.allocated -= memory->size;
    destroy_memory(memory);
}

enum cof_status cof_cuda_pinned_create(size_t size, struct cof_cuda_memory *out_memory,
                                       struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaHostAlloc");
    return create_memory(size, out_memory);
}

void cof_cuda_pinned_destroy(struct cof_cuda_memory *memory)
{
    locked guard(state.lock);
    if (memory->address == NULL)
        return;
    check_quiet();
    destroy_memory(memory);
}

enum cof_status cof_cuda_stream_create(void **out_stream, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaStreamCreateWithFlags");
    stream *made = new stream;
    state.streams.push_back(made);
    cuda_double_count_object(1);
    *out_stream = made;
    return COF_OK;
}

enum cof_status cof_cuda_stream_finish(void *of, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaStreamSynchronize");
    wait_for([=] { return ((stream *)of)->queue.empty(); });
    return COF_OK;
}

void cof_cuda_stream_drain(void *of)
{
    locked guard(state.lock);
    wait_for([=] { return ((stream *)of)->queue.empty(); });
}

void cof_cuda_stream_destroy(void *of)
{
    locked guard(state.lock);
    if (of == NULL)
        return;
    cof_cuda_stream_drain(of);
    for (size_t i = 0; i < state.streams.size(); i++) {
        if (state.streams[i] == of) {
            state.streams.erase(state.streams.begin() + (long)i);
            break;
        }
    }
    delete (stream *)of;
    cuda_double_count_object(-1);
}

enum cof_status cof_cuda_event_create(void **out_event, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaEventCreateWithFlags");
    *out_event = new event{};
    cuda_double_count_object(1);
    return COF_OK;
}

void cof_cuda_event_destroy(void *of)
{
    locked guard(state.lock);
    if (of == NULL)
        return;
    delete (event *)of;
    cuda_double_count_object(-1);
}

enum cof_status cof_cuda_event_record(void *of, void *to, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaEventRecord");
    event *each = (event *)of;
    unsigned long record = ++each->recorded;
    put(to, {[=] { each->happened = record; }, NULL, 0, false});
    return COF_OK;
}

enum cof_status cof_cuda_event_hold(void *of, void *to, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaStreamWaitEvent");
    event *each = (event *)of;
    put(to, {[] {}, each, each->recorded, false});
    return COF_OK;
}

enum cof_status cof_cuda_event_await(void *of, struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaEventSynchronize");
    event *each = (event *)of;
    unsigned long record = each->recorded;
    wait_for([=] { return each->happened >= record; });
    return COF_OK;
}

enum cof_status cof_cuda_event_elapsed(void *begin, void *end, float *out_ms, struct cof_error *err)
{
    (void)begin;
    (void)end;
    FAIL_IF_ASKED("cudaEventElapsedTime");
    *out_ms = 1;
    return COF_OK;
}

static enum cof_status copy(void *to, const void *from, size_t size, void *of,
                            struct cof_error *err)
{
    locked guard(state.lock);
    FAIL_IF_ASKED("cudaMemcpyAsync");
    put(of, {[=] { memcpy(to, from, size); }, NULL, 0, false});
    return COF_OK;
}

enum cof_status cof_cuda_copy_up(void *to, const void *from, size_t size, void *stream,
                                 struct cof_error *err)
{
    return copy(to, from, size, stream, err);
}

enum cof_status cof_cuda_copy_down(void *to, const void *from, size_t size, void *stream,
                                   struct cof_error *err)
{
    return copy(to, from, size, stream, err);
}

enum cof_status cof_cuda_launched(int code, const char *kernel, struct cof_error *err)
{
    if (code == 0)
        return COF_OK;
    return COF_FAIL(err, COF_IO, "%s: CUDA error %d", kernel, code);
}
