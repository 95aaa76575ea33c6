/* Attention by AMX: both products in bf16, scores and softmax in floats.
 *
 * Of each head the keys are laid down as the second operand of queries * keys^T and the values as
 * that of weights * values; then 32 queries at a time pass by: scores of 16 rows (they fit the
 * first-level cache), softmax into bf16 with the sums kept aside, twice; then the values, and the
 * division by the sums at the end. While 16 rows go through softmax, four at a time, the tiles of
 * the next 16 are multiplied in between, because that work uses other units. */
#include "attend.h"
#include "kernels_avx512.h"
#include "tiles.h"

#include <math.h>

#define QUERIES ((size_t)32)
#define TILE_DEPTH ((size_t)32)  /* numbers of bf16 in a row of a tile */
#define WEIGHED_ROWS ((size_t)4) /* at a time */

/* One head: where things are, sizes in numbers of bf16. */
struct head {
    const uint16_t *queries; /* the first row's */
    const uint16_t *keys;
    const uint16_t *values;
    size_t stride;
    size_t count;  /* of tokens */
    size_t padded; /* to a multiple of TILE_DEPTH */
    size_t size;
    float scale; /* log2(e) / sqrt(size), as powers of two are computed */
    float *context;
    size_t context_stride;
    /* In the scratch. */
    uint8_t *key_tiles;   /* [size / 32][padded / 16] */
    uint8_t *value_tiles; /* [padded / 32][size / 16] */
    float *scores[2];     /* in turn: 16 rows of padded */
    uint16_t *weights;    /* QUERIES rows of padded */
    float *given;         /* QUERIES rows of 32 */
    float sums[QUERIES];
};

static size_t padded_of(size_t count)
{
    return (count + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH;
}

size_t cof_attend_amx_scratch(size_t token_count, size_t head_size)
{
    size_t padded = padded_of(token_count);
    return padded * head_size + 2 * TILE_ROWS * padded + QUERIES * padded / 2 + QUERIES * 32;
}

static void place(struct head *head, float *scratch)
{
    head->padded = padded_of(head->count);
    head->key_tiles = (uint8_t *)scratch;
    scratch += head->padded * head->size / 2;
    head->value_tiles = (uint8_t *)scratch;
    scratch += head->padded * head->size / 2;
    for (size_t i = 0; i < 2; i++) {
        head->scores[i] = scratch;
        scratch += TILE_ROWS * head->padded;
    }
    head->weights = (uint16_t *)(void *)scratch;
    scratch += QUERIES * head->padded / 2;
    head->given = scratch;
}

/* A tile of keys: 16 keys side by side, two numbers of each in a row. */
static void lay_keys(const struct head *head)
{
    uint8_t *tile = head->key_tiles;
    for (size_t i = 0; i < head->size; i += TILE_DEPTH) {
        for (size_t key = 0; key < head->padded; key += 16, tile += TILE_BYTES) {
            __m512i rows[16];
            UNROLLED
            for (size_t r = 0; r < 16; r++)
                rows[r] = key + r < head->count
                              ? _mm512_loadu_si512(head->keys + (key + r) * head->stride + i)
                              : _mm512_setzero_si512();
            transpose_16(rows);
            UNROLLED
            for (size_t r = 0; r < 16; r++)
                _mm512_store_si512(tile + 64 * r, rows[r]);
        }
    }
}

/* A tile of values: 16 numbers side by side, of two tokens in turn. */
static void lay_values(const struct head *head)
{
    static const uint16_t turns[64] = {
        0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
        11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53,
        22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63,
    };
    __m512i low = _mm512_loadu_si512(turns);
    __m512i high = _mm512_loadu_si512(turns + 32);
    size_t wide = head->size / 16;
    for (size_t token = 0; token < head->padded; token += 2) {
        uint8_t *row = head->value_tiles + token / TILE_DEPTH * wide * TILE_BYTES +
                       token % TILE_DEPTH / 2 * 64;
        for (size_t i = 0; i < head->size; i += TILE_DEPTH) {
            const uint16_t *values = head->values + token * head->stride + i;
            __m512i even = _mm512_setzero_si512();
            __m512i odd = even;
            if (token < head->count)
                even = _mm512_loadu_si512(values);
            if (token + 1 < head->count)
                odd = _mm512_loadu_si512(values + head->stride);
            uint8_t *to = row + i / 16 * TILE_BYTES;
            _mm512_store_si512(to, _mm512_permutex2var_epi16(even, low, odd));
            _mm512_store_si512(to + TILE_BYTES, _mm512_permutex2var_epi16(even, high, odd));
        }
    }
}

/* queries * keys^T of 16 queries and the keys from begin to end, multiples of 32. */
static void score(const struct head *head, size_t query, size_t begin, size_t end, float *scores)
{
    const uint16_t *queries = head->queries + query * head->stride;
    size_t row_bytes = head->padded * sizeof(float);
    size_t next = head->padded / 16 * TILE_BYTES;
    for (size_t key = begin; key < end; key += 32) {
        const uint8_t *tiles = head->key_tiles + key / 16 * TILE_BYTES;
        _tile_zero(0);
        _tile_zero(1);
        for (size_t i = 0; i < head->size; i += TILE_DEPTH, tiles += next) {
            _tile_loadd(4, queries + i, head->stride * sizeof(*queries));
            _tile_loadd(5, tiles, 64);
            _tile_loadd(6, tiles + TILE_BYTES, 64);
            _tile_dpbf16ps(0, 4, 5);
            _tile_dpbf16ps(1, 4, 6);
        }
        _tile_stored(0, scores + key, row_bytes);
        _tile_stored(1, scores + key + 16, row_bytes);
    }
}

/* 2^x, relative error 8e-5 (bf16 keeps 4e-3), by a polynomial of degree 3 on the fraction. */
static inline __m512 power_of_two(__m512 x)
{
    __m512 fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(0.07802406F);
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.22606792F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.69583319F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.99992526F));
    return _mm512_scalef_ps(p, x);
}

/* The greatest score of each of WEIGHED_ROWS rows, times -scale. */
static inline void find_shifts(const struct head *head, const float *scores,
                               __m512 shifts[WEIGHED_ROWS])
{
    size_t whole = (head->count - 1) / 16 * 16;
    __mmask16 last = mask_of(head->count - whole);
    __m512 most[WEIGHED_ROWS];
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        most[r] =
            _mm512_mask_loadu_ps(_mm512_set1_ps(-3.0e38F), last, scores + r * head->padded + whole);
    for (size_t i = 0; i < whole; i += 16) {
        UNROLLED
        for (size_t r = 0; r < WEIGHED_ROWS; r++)
            most[r] = _mm512_max_ps(most[r], _mm512_load_ps(scores + r * head->padded + i));
    }
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        shifts[r] = _mm512_set1_ps(-head->scale * _mm512_reduce_max_ps(most[r]));
}

/* Softmax of WEIGHED_ROWS rows, not yet divided by the sums. */
static void weigh(const struct head *head, const float *scores, uint16_t *weights, float *sums)
{
    size_t padded = head->padded;
    __m512 scale = _mm512_set1_ps(head->scale);
    __m512 shifts[WEIGHED_ROWS];
    __m512 sum[WEIGHED_ROWS];
    find_shifts(head, scores, shifts);
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        sum[r] = _mm512_setzero_ps();
    for (size_t i = 0; i < padded; i += 16) {
        __mmask16 mask = head->count > i ? mask_of(head->count - i) : 0;
        UNROLLED
        for (size_t r = 0; r < WEIGHED_ROWS; r++) {
            __m512 x = _mm512_fmadd_ps(_mm512_load_ps(scores + r * padded + i), scale, shifts[r]);
            __m512 weight = _mm512_maskz_mov_ps(mask, power_of_two(x));
            sum[r] = _mm512_add_ps(sum[r], weight);
            _mm256_store_si256((__m256i *)(void *)(weights + r * padded + i),
                               (__m256i)_mm512_cvtneps_pbh(weight));
        }
    }
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        sums[r] = _mm512_reduce_add_ps(sum[r]);
}

/* weights * values of 32 queries, 32 numbers at a time. */
static void gather(const struct head *head, size_t query)
{
    size_t row_bytes = head->padded * sizeof(*head->weights);
    size_t wide = head->size / 16;
    size_t count = head->count - query < QUERIES ? head->count - query : QUERIES;
    for (size_t i = 0; i < wide; i += 2) {
        const uint8_t *tiles = head->value_tiles + i * TILE_BYTES;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (size_t key = 0; key < head->padded; key += TILE_DEPTH, tiles += wide * TILE_BYTES) {
            _tile_loadd(4, head->weights + key, row_bytes);
            _tile_loadd(5, head->weights + TILE_ROWS * head->padded + key, row_bytes);
            _tile_loadd(6, tiles, 64);
            _tile_loadd(7, tiles + TILE_BYTES, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, head->given, 128);
        _tile_stored(1, head->given + 16, 128);
        _tile_stored(2, head->given + TILE_ROWS * 32, 128);
        _tile_stored(3, head->given + TILE_ROWS * 32 + 16, 128);
        for (size_t r = 0; r < count; r++) {
            __m512 factor = _mm512_set1_ps(1.0F / head->sums[r]);
            float *to = head->context + (query + r) * head->context_stride + i * 16;
            const float *from = head->given + r * 32;
            _mm512_storeu_ps(to, _mm512_mul_ps(factor, _mm512_load_ps(from)));
            _mm512_storeu_ps(to + 16, _mm512_mul_ps(factor, _mm512_load_ps(from + 16)));
        }
    }
}

/* Softmax of 16 queries whose scores are there, and the scores of the next 16. */
static void weigh_and_score(struct head *head, size_t query)
{
    size_t half = query % QUERIES;
    const float *scores = head->scores[half / TILE_ROWS];
    float *next_scores = head->scores[1 - half / TILE_ROWS];
    size_t next = query + TILE_ROWS;
    size_t step = padded_of(head->padded * WEIGHED_ROWS / TILE_ROWS);
    size_t scored = next < head->count ? 0 : head->padded;
    for (size_t r = 0; r < TILE_ROWS; r += WEIGHED_ROWS) {
        if (scored < head->padded) {
            size_t end = scored + step < head->padded ? scored + step : head->padded;
            score(head, next, scored, end, next_scores);
            scored = end;
        }
        if (query + r < head->count)
            weigh(head, scores + r * head->padded, head->weights + (half + r) * head->padded,
                  head->sums + half + r);
    }
}

static void attend_head(struct head *head)
{
    lay_keys(head);
    lay_values(head);
    score(head, 0, 0, head->padded, head->scores[0]);
    for (size_t query = 0; query < head->count; query += TILE_ROWS) {
        weigh_and_score(head, query);
        if (query % QUERIES != 0 || query + TILE_ROWS >= head->count)
            gather(head, query / QUERIES * QUERIES);
    }
}

void cof_attend_amx(const struct cof_attention *attention)
{
    const uint16_t *triple = attention->triple;
    size_t hidden = attention->hidden_size;
    struct head head = {
        .stride = 3 * hidden,
        .count = attention->token_count,
        .size = hidden / attention->head_count,
        .context_stride = hidden,
    };
    head.scale = 1.44269504F / sqrtf((float)head.size);
    place(&head, attention->scratch);
    tiles_begin();
    for (size_t i = 0; i < hidden; i += head.size) {
        head.queries = triple + i;
        head.keys = triple + hidden + i;
        head.values = triple + 2 * hidden + i;
        head.context = attention->context + i;
        attend_head(&head);
    }
    tiles_end();
}
