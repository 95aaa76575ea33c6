/* Embedding, attention, norms, GELU and pooling on a GPU.
 *
 * Attention is FlashAttention-2 (Dao 2023) over packed sequences: a warp keeps 16 queries and their
 * sums in registers while the block walks over the keys and values, 64 at a time, through shared
 * memory; no matrix of scores is ever written, so memory does not grow with a sequence's square and
 * nothing is padded. Rows of shared memory are 16 bytes longer than a head, which spreads the
 * accesses of a warp over all banks. Everything else is bound by memory: a warp reads a row once,
 * eight halves a lane, and keeps it in registers for mean, variance and result. */
#include "cuda_kernels.h"

#include <math.h>

#include "warp.cuh"

#define WARP_LANES 32
#define WARPS 4
#define KEYS 64 /* of one step of attention */
#define KEY_TILES (KEYS / 8)
#define WARP_QUERIES 16
#define LANE_HALVES 8
#define WARP_HALVES (WARP_LANES * LANE_HALVES)
#define LOG2_E 1.44269504F

static_assert(WARPS * WARP_QUERIES == COF_CUDA_TILE_ROWS, "a block takes one tile");

struct __align__(16) eight_halves
{
    uint32_t words[4];
};

static __device__ inline void unpack(const eight_halves &from, float (&out)[LANE_HALVES])
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        out[2 * i] = half_to_float((uint16_t)(from.words[i] & 0xffffU));
        out[2 * i + 1] = half_to_float((uint16_t)(from.words[i] >> 16));
    }
}

static __device__ inline eight_halves pack(const float (&values)[LANE_HALVES])
{
    eight_halves out;
#pragma unroll
    for (int i = 0; i < 4; i++)
        out.words[i] = halves_from_floats(values[2 * i], values[2 * i + 1]);
    return out;
}

static __device__ inline eight_halves load_eight(const uint16_t *from)
{
    return *reinterpret_cast<const eight_halves *>(from);
}

static __device__ inline float sum_over_warp(float value)
{
#pragma unroll
    for (int mask = WARP_LANES / 2; mask > 0; mask /= 2)
        value += warp_exchange(value, mask);
    return value;
}

/* ---- Rows ---- */

/* A warp's row, a lane's share of it in `values` (what is beyond the row is 0), normalised to
 * `out`. Mean first, then the squares of what is left: one pass over both loses digits. */
template <int CHUNKS>
static __device__ void normalise(float (&values)[CHUNKS][LANE_HALVES], size_t size, unsigned lane,
                                 const struct cof_cuda_norm &norm, uint16_t *out)
{
    float sum = 0;
#pragma unroll
    for (int i = 0; i < CHUNKS; i++) {
#pragma unroll
        for (int j = 0; j < LANE_HALVES; j++)
            sum += values[i][j];
    }
    float mean = sum_over_warp(sum) / (float)size;
    float squares = 0;
#pragma unroll
    for (int i = 0; i < CHUNKS; i++) {
        if (i * WARP_HALVES + lane * LANE_HALVES < size) {
#pragma unroll
            for (int j = 0; j < LANE_HALVES; j++)
                squares += (values[i][j] - mean) * (values[i][j] - mean);
        }
    }
    float factor = 1.0F / sqrtf(sum_over_warp(squares) / (float)size + norm.epsilon);
#pragma unroll
    for (int i = 0; i < CHUNKS; i++) {
        size_t column = i * WARP_HALVES + lane * LANE_HALVES;
        if (column < size) {
#pragma unroll
            for (int j = 0; j < LANE_HALVES; j++)
                values[i][j] = (values[i][j] - mean) * factor * norm.scale[column + j] +
                               norm.shift[column + j];
            *reinterpret_cast<eight_halves *>(out + column) = pack(values[i]);
        }
    }
}

/* values = one row plus another, 0 beyond their end. */
template <int CHUNKS>
static __device__ void add_rows(const uint16_t *left, const uint16_t *right, size_t size,
                                unsigned lane, float (&values)[CHUNKS][LANE_HALVES])
{
#pragma unroll
    for (int i = 0; i < CHUNKS; i++) {
        size_t column = i * WARP_HALVES + lane * LANE_HALVES;
        if (column < size) {
            float other[LANE_HALVES];
            unpack(load_eight(left + column), values[i]);
            unpack(load_eight(right + column), other);
#pragma unroll
            for (int j = 0; j < LANE_HALVES; j++)
                values[i][j] += other[j];
        } else {
#pragma unroll
            for (int j = 0; j < LANE_HALVES; j++)
                values[i][j] = 0;
        }
    }
}

/* A warp a row. */
template <int CHUNKS> static __global__ void embed_kernel(struct cof_cuda_embedding embedding)
{
    unsigned lane = threadIdx.x % WARP_LANES;
    size_t row = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP_LANES;
    size_t size = embedding.hidden_size;
    float values[CHUNKS][LANE_HALVES];
    if (row >= embedding.row_count)
        return;
    add_rows<CHUNKS>(embedding.words + embedding.ids[row] * size,
                     embedding.positions + embedding.places[row] * size, size, lane, values);
    normalise<CHUNKS>(values, size, lane, embedding.norm, embedding.state + row * size);
}

template <int CHUNKS> static __global__ void add_kernel(struct cof_cuda_addition addition)
{
    unsigned lane = threadIdx.x % WARP_LANES;
    size_t row = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP_LANES;
    size_t size = addition.hidden_size;
    float values[CHUNKS][LANE_HALVES];
    if (row >= addition.row_count)
        return;
    add_rows<CHUNKS>(addition.state + row * size, addition.addend + row * size, size, lane, values);
    normalise<CHUNKS>(values, size, lane, addition.norm, addition.state + row * size);
}

/* ---- Single values ---- */

static __global__ void gelu_kernel(uint16_t *values, size_t count)
{
    size_t at = ((size_t)blockIdx.x * blockDim.x + threadIdx.x) * LANE_HALVES;
    float eight[LANE_HALVES];
    if (at >= count)
        return;
    unpack(load_eight(values + at), eight);
#pragma unroll
    for (int i = 0; i < LANE_HALVES; i++)
        eight[i] = 0.5F * eight[i] * (1.0F + erff(eight[i] * 0.70710678F));
    *reinterpret_cast<eight_halves *>(values + at) = pack(eight);
}

static __global__ void convert_kernel(const float *values, uint16_t *out, size_t count,
                                      uint32_t *is_bad)
{
    size_t at = (size_t)blockIdx.x * blockDim.x * LANE_HALVES + threadIdx.x;
    for (int i = 0; i < LANE_HALVES && at < count; i++, at += blockDim.x) {
        uint16_t half = half_from_float(values[at]);
        out[at] = half;
        if ((half & 0x7c00U) == 0x7c00U) /* infinite, or no number */
            *is_bad = 1;
    }
}

/* ---- Attention ---- */

/* KEYS rows of one head into shared memory, as zeros beyond the sequence's or the head's end. */
template <int SIZE>
static __device__ void load_rows(uint16_t (&out)[KEYS][SIZE + LANE_HALVES], const uint16_t *from,
                                 size_t stride, size_t row_count, size_t head_size)
{
    for (unsigned i = threadIdx.x; i < KEYS * SIZE / LANE_HALVES; i += WARPS * WARP_LANES) {
        unsigned row = i / (SIZE / LANE_HALVES);
        unsigned column = i % (SIZE / LANE_HALVES) * LANE_HALVES;
        eight_halves eight = {{0, 0, 0, 0}};
        if (row < row_count && column < head_size)
            eight = load_eight(from + row * stride + column);
        *reinterpret_cast<eight_halves *>(&out[row][column]) = eight;
    }
}

static __device__ inline uint32_t load_two(const uint16_t *from)
{
    return *reinterpret_cast<const uint32_t *>(from);
}

/* SIZE is the head's size or the next multiple of 32 above it. blockIdx.x is the tile, blockIdx.y
 * the head. */
template <int SIZE> static __global__ void attend_kernel(struct cof_cuda_attention attention)
{
    __shared__ __align__(16) uint16_t keys[KEYS][SIZE + LANE_HALVES];
    __shared__ __align__(16) uint16_t values[KEYS][SIZE + LANE_HALVES];
    const struct cof_cuda_tile tile = attention.tiles[blockIdx.x];
    size_t head_size = attention.hidden_size / attention.head_count;
    size_t stride = 3 * attention.hidden_size;
    unsigned lane = threadIdx.x % WARP_LANES;
    unsigned group = lane / 4;
    unsigned pair = lane % 4 * 2;
    /* The two rows of this lane, counted in the sequence. */
    size_t query = tile.first + threadIdx.x / WARP_LANES * WARP_QUERIES + group;
    const uint16_t *head = attention.triple + tile.row * stride + blockIdx.y * head_size;

    uint32_t queries[SIZE / 16][4];
#pragma unroll
    for (int i = 0; i < SIZE / 16; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            size_t row = query + j % 2 * 8;
            size_t column = i * 16 + j / 2 * 8 + pair;
            bool is_there = row < tile.count && column < head_size;
            queries[i][j] = is_there ? load_two(head + row * stride + column) : 0;
        }
    }

    /* exp(x / sqrt(head_size)) = 2^(x * scale) */
    float scale = LOG2_E / sqrtf((float)head_size);
    float highest[2] = {-INFINITY, -INFINITY};
    float total[2] = {0, 0};
    float sums[SIZE / 8][4] = {};
    for (size_t first = 0; first < tile.count; first += KEYS) {
        size_t key_count = tile.count - first < KEYS ? tile.count - first : KEYS;
        const uint16_t *rows = head + attention.hidden_size + first * stride;
        __syncthreads(); /* the rows before are done with */
        load_rows<SIZE>(keys, rows, stride, key_count, head_size);
        load_rows<SIZE>(values, rows + attention.hidden_size, stride, key_count, head_size);
        __syncthreads();
        if (query - group >= tile.count)
            continue; /* a warp without queries only helps to load */

        float scores[KEY_TILES][4] = {};
#pragma unroll
        for (int i = 0; i < KEY_TILES; i++) {
#pragma unroll
            for (int j = 0; j < SIZE / 16; j++) {
                const uint16_t *key = &keys[i * 8 + group][j * 16 + pair];
                const uint32_t both[2] = {load_two(key), load_two(key + 8)};
                multiply_tiles(scores[i], queries[j], both);
            }
        }

        float now[2] = {highest[0], highest[1]};
#pragma unroll
        for (int i = 0; i < KEY_TILES; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                bool is_key = i * 8 + pair + j % 2 < key_count;
                scores[i][j] = is_key ? scores[i][j] * scale : -INFINITY;
                now[j / 2] = fmaxf(now[j / 2], scores[i][j]);
            }
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            now[i] = fmaxf(now[i], warp_exchange(now[i], 1));
            now[i] = fmaxf(now[i], warp_exchange(now[i], 2));
            float shrink = exp2f(highest[i] - now[i]);
            highest[i] = now[i];
            total[i] *= shrink;
#pragma unroll
            for (int j = 0; j < SIZE / 8; j++) {
                sums[j][2 * i] *= shrink;
                sums[j][2 * i + 1] *= shrink;
            }
        }
#pragma unroll
        for (int i = 0; i < KEY_TILES; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                scores[i][j] = exp2f(scores[i][j] - highest[j / 2]);
                total[j / 2] += scores[i][j];
            }
        }

        /* Two neighbouring tiles of scores lie in the lanes as one left operand does. */
#pragma unroll
        for (int i = 0; i < KEYS / 16; i++) {
            const uint32_t weights[4] = {
                halves_from_floats(scores[2 * i][0], scores[2 * i][1]),
                halves_from_floats(scores[2 * i][2], scores[2 * i][3]),
                halves_from_floats(scores[2 * i + 1][0], scores[2 * i + 1][1]),
                halves_from_floats(scores[2 * i + 1][2], scores[2 * i + 1][3])};
#pragma unroll
            for (int j = 0; j < SIZE / 8; j++) {
                uint32_t both[2];
                load_transposed(both, &values[i * 16 + lane % 16][j * 8]);
                multiply_tiles(sums[j], weights, both);
            }
        }
    }

#pragma unroll
    for (int i = 0; i < 2; i++) {
        total[i] += warp_exchange(total[i], 1);
        total[i] += warp_exchange(total[i], 2);
        size_t row = query + i * 8;
        if (row < tile.count) {
            uint16_t *out = attention.context + (tile.row + row) * attention.hidden_size +
                            blockIdx.y * head_size;
#pragma unroll
            for (int j = 0; j < SIZE / 8; j++) {
                size_t column = j * 8 + pair;
                if (column < head_size)
                    *reinterpret_cast<uint32_t *>(out + column) = halves_from_floats(
                        sums[j][2 * i] / total[i], sums[j][2 * i + 1] / total[i]);
            }
        }
    }
}

/* ---- Results ---- */

#define OUTPUT_THREADS 128
#define OUTPUT_PAIRS (COF_CUDA_MAX_HIDDEN_SIZE / 2 / OUTPUT_THREADS)

/* A block a group. The mean's divisor is left to the scaling to unit length. */
static __global__ void write_kernel(struct cof_cuda_output output)
{
    __shared__ float warp_squares[OUTPUT_THREADS / WARP_LANES];
    size_t size = output.hidden_size;
    struct cof_cuda_rows group = {blockIdx.x, 1};
    if (output.groups != NULL)
        group = output.groups[blockIdx.x];
    float sums[OUTPUT_PAIRS][2] = {};
    float squares = 0;
#pragma unroll
    for (int i = 0; i < OUTPUT_PAIRS; i++) {
        size_t column = (i * OUTPUT_THREADS + threadIdx.x) * 2;
        if (column < size) {
            const uint16_t *from = output.state + group.row * size + column;
            for (uint32_t row = 0; row < group.count; row++) {
                uint32_t both = load_two(from + row * size);
                sums[i][0] += half_to_float((uint16_t)(both & 0xffffU));
                sums[i][1] += half_to_float((uint16_t)(both >> 16));
            }
        }
        squares += sums[i][0] * sums[i][0] + sums[i][1] * sums[i][1];
    }
    squares = sum_over_warp(squares);
    if (threadIdx.x % WARP_LANES == 0)
        warp_squares[threadIdx.x / WARP_LANES] = squares;
    __syncthreads();
    float all = 0;
    for (int i = 0; i < OUTPUT_THREADS / WARP_LANES; i++)
        all += warp_squares[i];
    bool is_bad = !isfinite(all) || (output.is_unit_length && all <= 0);
    if (is_bad && threadIdx.x == 0)
        *output.is_bad = 1;
    float scale = output.is_unit_length ? 1.0F / sqrtf(all) : 1.0F;
#pragma unroll
    for (int i = 0; i < OUTPUT_PAIRS; i++) {
        size_t column = (i * OUTPUT_THREADS + threadIdx.x) * 2;
        if (column < size) {
            float *out = output.rows + blockIdx.x * size + column;
            out[0] = sums[i][0] * scale;
            out[1] = sums[i][1] * scale;
        }
    }
}

/* ---- Launches ---- */

static unsigned blocks_of(size_t count, size_t per_block)
{
    return (unsigned)((count + per_block - 1) / per_block);
}

extern "C" int cof_cuda_convert(void *stream, const float *values, uint16_t *out, size_t count,
                                uint32_t *is_bad)
{
    return launch(convert_kernel, blocks_of(count, (size_t)256 * LANE_HALVES), 1, 256, stream,
                  values, out, count, is_bad);
}

extern "C" int cof_cuda_gelu(void *stream, uint16_t *values, size_t count)
{
    return launch(gelu_kernel, blocks_of(count, (size_t)256 * LANE_HALVES), 1, 256, stream, values,
                  count);
}

extern "C" int cof_cuda_write(void *stream, const struct cof_cuda_output *output)
{
    return launch(write_kernel, (unsigned)output->group_count, 1, OUTPUT_THREADS, stream, *output);
}

extern "C" int cof_cuda_embed(void *stream, const struct cof_cuda_embedding *embedding)
{
    unsigned blocks = blocks_of(embedding->row_count, WARPS);
    unsigned threads = WARPS * WARP_LANES;
    switch (blocks_of(embedding->hidden_size, WARP_HALVES)) {
    case 1:
        return launch(embed_kernel<1>, blocks, 1, threads, stream, *embedding);
    case 2:
        return launch(embed_kernel<2>, blocks, 1, threads, stream, *embedding);
    case 3:
        return launch(embed_kernel<3>, blocks, 1, threads, stream, *embedding);
    case 4:
        return launch(embed_kernel<4>, blocks, 1, threads, stream, *embedding);
    default:
        return launch(embed_kernel<8>, blocks, 1, threads, stream, *embedding);
    }
}

extern "C" int cof_cuda_add(void *stream, const struct cof_cuda_addition *addition)
{
    unsigned blocks = blocks_of(addition->row_count, WARPS);
    unsigned threads = WARPS * WARP_LANES;
    switch (blocks_of(addition->hidden_size, WARP_HALVES)) {
    case 1:
        return launch(add_kernel<1>, blocks, 1, threads, stream, *addition);
    case 2:
        return launch(add_kernel<2>, blocks, 1, threads, stream, *addition);
    case 3:
        return launch(add_kernel<3>, blocks, 1, threads, stream, *addition);
    case 4:
        return launch(add_kernel<4>, blocks, 1, threads, stream, *addition);
    default:
        return launch(add_kernel<8>, blocks, 1, threads, stream, *addition);
    }
}

extern "C" int cof_cuda_attend(void *stream, const struct cof_cuda_attention *attention)
{
    unsigned tiles = (unsigned)attention->tile_count;
    unsigned heads = (unsigned)attention->head_count;
    unsigned threads = WARPS * WARP_LANES;
    switch (blocks_of(attention->hidden_size / attention->head_count, 32)) {
    case 1:
        return launch(attend_kernel<32>, tiles, heads, threads, stream, *attention);
    case 2:
        return launch(attend_kernel<64>, tiles, heads, threads, stream, *attention);
    case 3:
        return launch(attend_kernel<96>, tiles, heads, threads, stream, *attention);
    default:
        return launch(attend_kernel<128>, tiles, heads, threads, stream, *attention);
    }
}
