/* Attention by VNNI: both products of 8-bit integers, softmax in floats.
 *
 * Of each head the keys are encoded one by one (signed, 16 side by side) and the values number by
 * number (signed, four tokens in turn), each with a scale of its own. Then twelve queries at a time
 * pass by: they are encoded (unsigned, code + 128; what that adds is taken away by the sum of the
 * key's codes), scored, put through softmax into weights of 0 to 255, and the values are gathered.
 * Scores and gathered values keep 24 sums in registers. Of short sequences encoding costs more than
 * it saves, so they go to cof_attend_avx512(). */
#include "attend.h"
#include "kernels_avx512.h"

#include <math.h>
#include <string.h>

#define QUERIES ((size_t)12)
#define SCORE_ROWS ((size_t)6)
#define SCORE_VECTORS ((size_t)4)
#define SCORE_KEYS (16 * SCORE_VECTORS)
#define VALUE_VECTORS ((size_t)2)
#define VALUE_LANES (16 * VALUE_VECTORS)
#define WEIGHED_ROWS ((size_t)4)         /* at a time */
#define LOG2_GREATEST_WEIGHT 7.99435344F /* of 255 */
#define LEAST_TOKENS 80                  /* measured: even at 64 to 96 */

struct head {
    const float *queries; /* the first row's */
    const float *keys;
    const float *values;
    size_t stride;
    size_t count;  /* of tokens */
    size_t padded; /* to a multiple of SCORE_KEYS */
    size_t size;   /* a multiple of 32 */
    float scale;   /* log2(e) / sqrt(size), as powers of two are computed */
    float *context;
    size_t context_stride;
    /* In the scratch. */
    int8_t *laid_keys;    /* [padded / 64][size / 4][64][4] */
    float *key_scales;    /* padded */
    int32_t *key_offsets; /* padded: -128 * the sum of a key's codes */
    int8_t *laid_values;  /* [size / 32][padded / 4][32][4] */
    float *value_scales;  /* size */
    float *scores;        /* QUERIES rows of padded, then the same */
    uint8_t *weights;     /* QUERIES rows of padded */
    uint8_t *codes;       /* QUERIES rows of size */
    float query_scales[QUERIES];
};

static size_t padded_of(size_t count)
{
    return (count + SCORE_KEYS - 1) / SCORE_KEYS * SCORE_KEYS;
}

/* In floats: keys and values a byte a number, the rest as struct head lists it. */
size_t cof_attend_vnni_scratch(size_t token_count, size_t head_size)
{
    size_t padded = padded_of(token_count);
    size_t otherwise = cof_attend_avx512_scratch(LEAST_TOKENS, head_size);
    size_t size = padded * head_size / 2 + 2 * padded + head_size + QUERIES * padded +
                  QUERIES * padded / 4 + QUERIES * head_size / 4;
    return size > otherwise ? size : otherwise;
}

static void place(struct head *head, float *scratch)
{
    size_t padded = head->padded;
    head->laid_keys = (int8_t *)scratch;
    scratch += padded * head->size / 4;
    head->laid_values = (int8_t *)scratch;
    scratch += padded * head->size / 4;
    head->key_scales = scratch;
    scratch += padded;
    head->key_offsets = (int32_t *)(void *)scratch;
    scratch += padded;
    head->scores = scratch;
    scratch += QUERIES * padded;
    head->weights = (uint8_t *)scratch;
    scratch += QUERIES * padded / 4;
    head->value_scales = scratch;
    scratch += head->size;
    head->codes = (uint8_t *)scratch;
}

/* Four vectors of codes as the bytes of one, the first lowest. */
static inline __m512i join_4(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i byte = _mm512_set1_epi32(0xFF);
    __m512i low =
        _mm512_or_si512(_mm512_and_si512(a, byte), _mm512_slli_epi32(_mm512_and_si512(b, byte), 8));
    __m512i high = _mm512_or_si512(_mm512_and_si512(c, byte), _mm512_slli_epi32(d, 8));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/* Numbers i to i + 16 of 16 keys, a key in each lane. */
static inline void load_keys(const struct head *head, size_t key, size_t i, __m512i lanes[16])
{
    UNROLLED
    for (size_t r = 0; r < 16; r++)
        lanes[r] = key + r < head->count
                       ? _mm512_loadu_si512(head->keys + (key + r) * head->stride + i)
                       : _mm512_setzero_si512();
    transpose_16(lanes);
}

static void lay_16_keys(const struct head *head, size_t key)
{
    __m512i lanes[16];
    __m512 most = _mm512_set1_ps(1e-30F);
    for (size_t i = 0; i < head->size; i += 16) {
        load_keys(head, key, i, lanes);
        UNROLLED
        for (size_t r = 0; r < 16; r++)
            most = greater_magnitude(most, _mm512_castsi512_ps(lanes[r]));
    }
    __m512 factor = _mm512_div_ps(_mm512_set1_ps(127.0F), most);
    __m512i sum = _mm512_setzero_si512();
    int8_t *to =
        head->laid_keys + key / SCORE_KEYS * SCORE_KEYS * head->size + key % SCORE_KEYS * 4;
    for (size_t i = 0; i < head->size; i += 16) {
        load_keys(head, key, i, lanes);
        UNROLLED
        for (size_t r = 0; r < 16; r++) {
            lanes[r] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_castsi512_ps(lanes[r]), factor));
            sum = _mm512_add_epi32(sum, lanes[r]);
        }
        UNROLLED
        for (size_t r = 0; r < 16; r += 4)
            _mm512_store_si512(to + (i + r) * SCORE_KEYS,
                               join_4(lanes[r], lanes[r + 1], lanes[r + 2], lanes[r + 3]));
    }
    _mm512_store_ps(head->key_scales + key, _mm512_mul_ps(most, _mm512_set1_ps(1.0F / 127.0F)));
    _mm512_store_si512(head->key_offsets + key,
                       _mm512_slli_epi32(_mm512_sub_epi32(_mm512_setzero_si512(), sum), 7));
}

static inline __m512i encode_value(const struct head *head, size_t token, size_t i, __m512 factor)
{
    if (token >= head->count)
        return _mm512_setzero_si512();
    return _mm512_cvtps_epi32(
        _mm512_mul_ps(_mm512_loadu_ps(head->values + token * head->stride + i), factor));
}

static void lay_16_values(const struct head *head, size_t i)
{
    __m512 most = _mm512_set1_ps(1e-30F);
    for (size_t token = 0; token < head->count; token++)
        most = greater_magnitude(most, _mm512_loadu_ps(head->values + token * head->stride + i));
    __m512 factor = _mm512_div_ps(_mm512_set1_ps(127.0F), most);
    int8_t *to =
        head->laid_values + i / VALUE_LANES * VALUE_LANES * head->padded + i % VALUE_LANES * 4;
    for (size_t token = 0; token < head->padded; token += 4)
        _mm512_store_si512(to + token * VALUE_LANES,
                           join_4(encode_value(head, token, i, factor),
                                  encode_value(head, token + 1, i, factor),
                                  encode_value(head, token + 2, i, factor),
                                  encode_value(head, token + 3, i, factor)));
    _mm512_store_ps(head->value_scales + i, _mm512_mul_ps(most, _mm512_set1_ps(1.0F / 127.0F)));
}

/* Behind the last query it is repeated. */
static void encode_queries(struct head *head, size_t query)
{
    for (size_t r = 0; r < QUERIES; r++) {
        size_t row = query + r < head->count ? query + r : head->count - 1;
        const float *values = head->queries + row * head->stride;
        uint8_t *codes = head->codes + r * head->size;
        float most = find_most(values, head->size);
        if (most < 1e-30F)
            most = 1e-30F;
        __m512 factor = _mm512_set1_ps(127.0F / most);
        for (size_t i = 0; i < head->size; i += 16) {
            __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(values + i), factor));
            code = _mm512_add_epi32(code, _mm512_set1_epi32(128));
            _mm_storeu_si128((__m128i *)(void *)(codes + i), _mm512_cvtepi32_epi8(code));
        }
        head->query_scales[r] = most / 127.0F * head->scale;
    }
}

static inline __m512i broadcast_4(const uint8_t *codes)
{
    int32_t bits = 0;
    memcpy(&bits, codes, sizeof(bits));
    return _mm512_set1_epi32(bits);
}

/* Of SCORE_ROWS queries, times the keys' scales. */
static void score(const struct head *head, size_t row)
{
    const uint8_t *codes = head->codes + row * head->size;
    float *scores = head->scores + row * head->padded;
    for (size_t key = 0; key < head->padded; key += SCORE_KEYS) {
        const int8_t *keys = head->laid_keys + key * head->size;
        __m512i sums[SCORE_ROWS][SCORE_VECTORS];
        UNROLLED
        for (size_t r = 0; r < SCORE_ROWS; r++) {
            UNROLLED
            for (size_t v = 0; v < SCORE_VECTORS; v++)
                sums[r][v] = _mm512_load_si512(head->key_offsets + key + 16 * v);
        }
        for (size_t i = 0; i < head->size; i += 4) {
            __m512i laid[SCORE_VECTORS];
            UNROLLED
            for (size_t v = 0; v < SCORE_VECTORS; v++)
                laid[v] = _mm512_load_si512(keys + i * SCORE_KEYS + 64 * v);
            UNROLLED
            for (size_t r = 0; r < SCORE_ROWS; r++) {
                __m512i code = broadcast_4(codes + r * head->size + i);
                UNROLLED
                for (size_t v = 0; v < SCORE_VECTORS; v++)
                    sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], code, laid[v]);
            }
        }
        UNROLLED
        for (size_t v = 0; v < SCORE_VECTORS; v++) {
            __m512 scale = _mm512_load_ps(head->key_scales + key + 16 * v);
            UNROLLED
            for (size_t r = 0; r < SCORE_ROWS; r++)
                _mm512_store_ps(scores + r * head->padded + key + 16 * v,
                                _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][v]), scale));
        }
    }
}

/* 2^x for x <= 0, relative error 8e-5, by a polynomial of degree 3 on the fraction. */
static inline __m512 power_of_two(__m512 x)
{
    __m512 fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(0.07802406F);
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.22606792F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.69583319F));
    p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.99992526F));
    return _mm512_scalef_ps(p, x);
}

/* Softmax of WEIGHED_ROWS rows, not yet divided by the sums, whose inverses are written. The
 * greatest weight of a row is 255: log2 of it is added to every score. */
static void weigh(const struct head *head, size_t row, float *factors)
{
    size_t padded = head->padded;
    size_t whole = (head->count - 1) / 16 * 16;
    const float *scores = head->scores + row * padded;
    uint8_t *weights = head->weights + row * padded;
    __m512 most[WEIGHED_ROWS];
    __m512 scale[WEIGHED_ROWS];
    __m512i sum[WEIGHED_ROWS];
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        most[r] = _mm512_mask_loadu_ps(_mm512_set1_ps(-3.0e38F), mask_of(head->count - whole),
                                       scores + r * padded + whole);
    for (size_t i = 0; i < whole; i += 16) {
        UNROLLED
        for (size_t r = 0; r < WEIGHED_ROWS; r++)
            most[r] = _mm512_max_ps(most[r], _mm512_load_ps(scores + r * padded + i));
    }
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++) {
        float query_scale = head->query_scales[row + r];
        scale[r] = _mm512_set1_ps(query_scale);
        most[r] =
            _mm512_set1_ps(LOG2_GREATEST_WEIGHT - query_scale * _mm512_reduce_max_ps(most[r]));
        sum[r] = _mm512_setzero_si512();
    }
    for (size_t i = 0; i < padded; i += 16) {
        __mmask16 mask = head->count > i ? mask_of(head->count - i) : 0;
        UNROLLED
        for (size_t r = 0; r < WEIGHED_ROWS; r++) {
            __m512 x = _mm512_fmadd_ps(_mm512_load_ps(scores + r * padded + i), scale[r], most[r]);
            __m512i weight = _mm512_maskz_cvtps_epi32(mask, power_of_two(x));
            sum[r] = _mm512_add_epi32(sum[r], weight);
            _mm_store_si128((__m128i *)(void *)(weights + r * padded + i),
                            _mm512_cvtepi32_epi8(weight));
        }
    }
    UNROLLED
    for (size_t r = 0; r < WEIGHED_ROWS; r++)
        factors[r] = 1.0F / (float)_mm512_reduce_add_epi32(sum[r]);
}

/* weights * values of QUERIES queries, VALUE_LANES numbers at a time. */
static void gather(const struct head *head, size_t query, const float *factors)
{
    size_t count = head->count - query < QUERIES ? head->count - query : QUERIES;
    for (size_t i = 0; i < head->size; i += VALUE_LANES) {
        const int8_t *values = head->laid_values + i * head->padded;
        __m512i sums[QUERIES][VALUE_VECTORS];
        UNROLLED
        for (size_t r = 0; r < QUERIES; r++)
            sums[r][0] = sums[r][1] = _mm512_setzero_si512();
        for (size_t token = 0; token < head->count; token += 4) {
            __m512i low = _mm512_load_si512(values + token * VALUE_LANES);
            __m512i high = _mm512_load_si512(values + token * VALUE_LANES + 64);
            UNROLLED
            for (size_t r = 0; r < QUERIES; r++) {
                __m512i weight = broadcast_4(head->weights + r * head->padded + token);
                sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], weight, low);
                sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], weight, high);
            }
        }
        _Alignas(64) float given[QUERIES][VALUE_LANES];
        __m512 low_scale = _mm512_load_ps(head->value_scales + i);
        __m512 high_scale = _mm512_load_ps(head->value_scales + i + 16);
        UNROLLED
        for (size_t r = 0; r < QUERIES; r++) {
            __m512 factor = _mm512_set1_ps(factors[r]);
            _mm512_store_ps(given[r], _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][0]),
                                                    _mm512_mul_ps(factor, low_scale)));
            _mm512_store_ps(given[r] + 16, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][1]),
                                                         _mm512_mul_ps(factor, high_scale)));
        }
        for (size_t r = 0; r < count; r++) {
            float *to = head->context + (query + r) * head->context_stride + i;
            _mm512_storeu_ps(to, _mm512_load_ps(given[r]));
            _mm512_storeu_ps(to + 16, _mm512_load_ps(given[r] + 16));
        }
    }
}

static void attend_head(struct head *head)
{
    for (size_t key = 0; key < head->padded; key += 16)
        lay_16_keys(head, key);
    for (size_t i = 0; i < head->size; i += 16)
        lay_16_values(head, i);
    for (size_t query = 0; query < head->count; query += QUERIES) {
        float factors[QUERIES];
        encode_queries(head, query);
        for (size_t r = 0; r < QUERIES; r += SCORE_ROWS)
            score(head, r);
        for (size_t r = 0; r < QUERIES; r += WEIGHED_ROWS)
            weigh(head, r, factors + r);
        gather(head, query, factors);
    }
}

void cof_attend_vnni(const struct cof_attention *attention)
{
    if (attention->token_count < LEAST_TOKENS) {
        cof_attend_avx512(attention);
        return;
    }
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
    place(&head, attention->scratch);
    for (size_t i = 0; i < hidden; i += head.size) {
        head.queries = triple + i;
        head.keys = triple + hidden + i;
        head.values = triple + 2 * hidden + i;
        head.context = attention->context + i;
        attend_head(&head);
    }
}
