/* Attention in floats by AVX-512, everything of twelve queries in the first-level cache.
 *
 * Of each head the keys are transposed once, 16 side by side, and the values copied together;
 * then twelve queries at a time: scores, softmax, values. Both products keep 24 sums in registers.
 */
#include "attend.h"
#include "kernels_avx512.h"

#include <math.h>

#define QUERIES ((size_t)12)
#define SCORE_ROWS ((size_t)6)
#define SCORE_VECTORS ((size_t)4)
#define VALUE_VECTORS ((size_t)2)
#define VALUE_LANES (16 * VALUE_VECTORS)
#define WEIGHED_ROWS ((size_t)4) /* at a time */

struct head {
    const float *queries; /* the first row's */
    const float *keys;
    const float *values;
    size_t stride;
    size_t count;  /* of tokens */
    size_t padded; /* to a multiple of 16 * SCORE_VECTORS */
    size_t size;
    float scale; /* log2(e) / sqrt(size), as powers of two are computed */
    float *context;
    size_t context_stride;
    /* In the scratch. */
    float *laid_keys;   /* [padded / 64][size][64] */
    float *laid_values; /* [size / VALUE_LANES, rounded up][count][VALUE_LANES] */
    float *scores;      /* QUERIES rows of padded */
};

static size_t padded_of(size_t count)
{
    size_t step = 16 * SCORE_VECTORS;
    return (count + step - 1) / step * step;
}

size_t cof_attend_avx512_scratch(size_t token_count, size_t head_size)
{
    return padded_of(token_count) * (2 * head_size + VALUE_LANES + QUERIES);
}

static void lay_keys(const struct head *head)
{
    for (size_t key = 0; key < head->padded; key += 16) {
        float *to = head->laid_keys + key / 64 * 64 * head->size + key % 64;
        for (size_t i = 0; i < head->size; i += 16) {
            __m512i rows[16];
            UNROLLED
            for (size_t r = 0; r < 16; r++)
                rows[r] = key + r < head->count
                              ? _mm512_loadu_si512(head->keys + (key + r) * head->stride + i)
                              : _mm512_setzero_si512();
            transpose_16(rows);
            UNROLLED
            for (size_t r = 0; r < 16; r++)
                _mm512_store_si512(to + (i + r) * 64, rows[r]);
        }
    }
}

static void lay_values(const struct head *head)
{
    for (size_t i = 0; i < head->size; i += VALUE_LANES) {
        float *to = head->laid_values + i * head->count;
        __mmask16 mask = i + 16 < head->size ? 0xFFFF : 0;
        for (size_t token = 0; token < head->count; token++) {
            const float *from = head->values + token * head->stride + i;
            _mm512_store_ps(to + token * VALUE_LANES, _mm512_loadu_ps(from));
            _mm512_store_ps(to + token * VALUE_LANES + 16, _mm512_maskz_loadu_ps(mask, from + 16));
        }
    }
}

/* queries * keys^T of SCORE_ROWS queries; behind the last one it is repeated. */
static void score(const struct head *head, size_t query, float *scores)
{
    const float *rows[SCORE_ROWS];
    for (size_t r = 0; r < SCORE_ROWS; r++) {
        size_t row = query + r < head->count ? query + r : head->count - 1;
        rows[r] = head->queries + row * head->stride;
    }
    for (size_t key = 0; key < head->padded; key += 64) {
        const float *keys = head->laid_keys + key * head->size;
        __m512 sums[SCORE_ROWS][SCORE_VECTORS];
        UNROLLED
        for (size_t r = 0; r < SCORE_ROWS; r++) {
            UNROLLED
            for (size_t v = 0; v < SCORE_VECTORS; v++)
                sums[r][v] = _mm512_setzero_ps();
        }
        for (size_t i = 0; i < head->size; i++) {
            UNROLLED
            for (size_t r = 0; r < SCORE_ROWS; r++) {
                __m512 number = _mm512_set1_ps(rows[r][i]);
                UNROLLED
                for (size_t v = 0; v < SCORE_VECTORS; v++)
                    sums[r][v] =
                        _mm512_fmadd_ps(number, _mm512_load_ps(keys + i * 64 + 16 * v), sums[r][v]);
            }
        }
        UNROLLED
        for (size_t r = 0; r < SCORE_ROWS; r++) {
            UNROLLED
            for (size_t v = 0; v < SCORE_VECTORS; v++)
                _mm512_store_ps(scores + r * head->padded + key + 16 * v, sums[r][v]);
        }
    }
}

/* 2^x for x <= 0, relative error 2e-7, by a polynomial of degree 5 on the fraction. */
static inline __m512 power_of_two(__m512 x)
{
    __m512 fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(1.87757e-3F);
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(8.98936e-3F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(5.58263e-2F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(2.4015362e-1F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(6.9315307e-1F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(9.9999993e-1F));
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

/* Softmax of WEIGHED_ROWS rows, not yet divided by the sums, whose inverses are written. */
static void weigh(const struct head *head, float *scores, float *factors)
{
    size_t padded = head->padded;
    __m512 scale = _mm512_set1_ps(head->scale);
    __m512 shifts[WEIGHED_ROWS];
    __m512 sum[WEIGHED_ROWS];
    find_shifts(head, scores, shifts);
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        sum[r] = _mm512_setzero_ps();
    for (size_t i = 0; i < head->count; i += 16) {
        __mmask16 mask = mask_of(head->count - i);
        UNROLLED
        for (size_t r = 0; r < WEIGHED_ROWS; r++) {
            float *place = scores + r * padded + i;
            __m512 x = _mm512_fmadd_ps(_mm512_load_ps(place), scale, shifts[r]);
            __m512 weight = _mm512_maskz_mov_ps(mask, power_of_two(x));
            sum[r] = _mm512_add_ps(sum[r], weight);
            _mm512_store_ps(place, weight);
        }
    }
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        factors[r] = 1.0F / _mm512_reduce_add_ps(sum[r]);
}

/* weights * values of QUERIES queries, VALUE_LANES numbers at a time. */
static void gather(const struct head *head, size_t query, const float *factors)
{
    size_t count = head->count - query < QUERIES ? head->count - query : QUERIES;
    for (size_t i = 0; i < head->size; i += VALUE_LANES) {
        const float *values = head->laid_values + i * head->count;
        __mmask16 mask = i + 16 < head->size ? 0xFFFF : 0;
        __m512 sums[QUERIES][VALUE_VECTORS];
        UNROLLED
        for (size_t r = 0; r < QUERIES; r++)
            sums[r][0] = sums[r][1] = _mm512_setzero_ps();
        for (size_t token = 0; token < head->count; token++) {
            __m512 low = _mm512_load_ps(values + token * VALUE_LANES);
            __m512 high = _mm512_load_ps(values + token * VALUE_LANES + 16);
            UNROLLED
            for (size_t r = 0; r < QUERIES; r++) {
                __m512 weight = _mm512_set1_ps(head->scores[r * head->padded + token]);
                sums[r][0] = _mm512_fmadd_ps(weight, low, sums[r][0]);
                sums[r][1] = _mm512_fmadd_ps(weight, high, sums[r][1]);
            }
        }
        _Alignas(64) float given[QUERIES][VALUE_LANES];
        UNROLLED
        for (size_t r = 0; r < QUERIES; r++) {
            __m512 factor = _mm512_set1_ps(factors[r]);
            _mm512_store_ps(given[r], _mm512_mul_ps(sums[r][0], factor));
            _mm512_store_ps(given[r] + 16, _mm512_mul_ps(sums[r][1], factor));
        }
        for (size_t r = 0; r < count; r++) {
            float *to = head->context + (query + r) * head->context_stride + i;
            _mm512_storeu_ps(to, _mm512_load_ps(given[r]));
            _mm512_mask_storeu_ps(to + 16, mask, _mm512_load_ps(given[r] + 16));
        }
    }
}

static void attend_head(const struct head *head)
{
    lay_keys(head);
    lay_values(head);
    for (size_t query = 0; query < head->count; query += QUERIES) {
        float factors[QUERIES];
        for (size_t r = 0; r < QUERIES; r += SCORE_ROWS)
            score(head, query + r, head->scores + r * head->padded);
        for (size_t r = 0; r < QUERIES; r += WEIGHED_ROWS)
            weigh(head, head->scores + r * head->padded, factors + r);
        gather(head, query, factors);
    }
}

void cof_attend_avx512(const struct cof_attention *attention)
{
    const float *triple = attention->triple;
    size_t hidden = attention->hidden_size;
    struct head head = {
        .stride = 3 * hidden,
        .count = attention->token_count,
        .padded = padded_of(attention->token_count),
        .size = hidden / attention->head_count,
        .context_stride = hidden,
    };
    head.scale = 1.44269504F / sqrtf((float)head.size);
    head.laid_keys = attention->scratch;
    head.laid_values = head.laid_keys + head.padded * head.size;
    head.scores = head.laid_values + head.padded * (head.size + VALUE_LANES);
    for (size_t i = 0; i < hidden; i += head.size) {
        head.queries = triple + i;
        head.keys = triple + hidden + i;
        head.values = triple + 2 * hidden + i;
        head.context = attention->context + i;
        attend_head(&head);
    }
}
