/* Attention of every set of kernels that runs here, in every precision, against the formula. */
#include "bert_attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "testing.h"

enum { MAX_TOKENS = 150 };

struct fixture {
    struct cof_linear_set *set;
    struct cof_bert_attention attention;
    size_t hidden_size;
    size_t head_count;
    float *values;  /* what queries, keys and values are, as floats */
    uint8_t *given; /* the same as attention takes them; on a cache line */
    float *context;
    float *scratch; /* on a cache line */
};

static void *line_alloc(size_t size)
{
    void *memory = aligned_alloc(64, (size + 64) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0x7F, size); /* whatever is read without having been written must not matter */
    return memory;
}

static void fixture_init(struct fixture *fixture, const struct cof_kernels *kernels,
                         enum cof_precision precision, size_t hidden_size, size_t head_count)
{
    *fixture = (struct fixture){.hidden_size = hidden_size, .head_count = head_count};
    assert_int_equal(cof_linear_set_create(precision, kernels, &fixture->set, NULL), COF_OK);
    const struct cof_bert_weights weights = {
        .hidden_size = hidden_size, .head_count = head_count, .linears = fixture->set};
    fixture->attention = cof_bert_attention_choose(&weights, MAX_TOKENS);
    size_t count = (MAX_TOKENS + COF_CODE_SPARE_ROWS) * 3 * hidden_size;
    fixture->values = line_alloc(count * sizeof(float));
    fixture->given = line_alloc(count * sizeof(float));
    fixture->context = line_alloc((MAX_TOKENS * hidden_size + 1) * sizeof(float));
    fixture->scratch = line_alloc(fixture->attention.scratch_size * sizeof(float));
}

static void fixture_deinit(struct fixture *fixture)
{
    cof_linear_set_destroy(fixture->set);
    free(fixture->values);
    free(fixture->given);
    free(fixture->context);
    free(fixture->scratch);
}

/* Random numbers, cut to bf16 where that is what attention takes. */
static void fill(struct fixture *fixture, size_t token_count, float spread)
{
    struct seeded_random random;
    seeded_random_init(&random, token_count);
    for (size_t i = 0; i < token_count * 3 * fixture->hidden_size; i++) {
        float value = spread * (float)(2.0 * seeded_random_unit(&random) - 1.0);
        uint32_t bits = 0;
        memcpy(&bits, &value, sizeof(bits));
        if (fixture->attention.takes_bf16) {
            uint16_t code = (uint16_t)(bits >> 16);
            memcpy(fixture->given + 2 * i, &code, sizeof(code));
            bits &= 0xFFFF0000U;
        } else {
            memcpy(fixture->given + 4 * i, &bits, sizeof(bits));
        }
        memcpy(&fixture->values[i], &bits, sizeof(bits));
    }
}

static double score(const struct fixture *fixture, size_t first, size_t query, size_t key,
                    size_t head)
{
    size_t size = fixture->hidden_size / fixture->head_count;
    size_t stride = 3 * fixture->hidden_size;
    const float *a = fixture->values + (first + query) * stride + head * size;
    const float *b = fixture->values + (first + key) * stride + fixture->hidden_size + head * size;
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)a[i] * (double)b[i];
    return sum / sqrt((double)size);
}

/* One query of one head of the sequence that begins at row `first`. */
static void check_query(const struct fixture *fixture, size_t first, size_t count, size_t query,
                        size_t head, double tolerance)
{
    size_t size = fixture->hidden_size / fixture->head_count;
    double weights[MAX_TOKENS];
    double most = -1e300;
    double sum = 0;
    for (size_t key = 0; key < count; key++) {
        weights[key] = score(fixture, first, query, key, head);
        most = fmax(most, weights[key]);
    }
    for (size_t key = 0; key < count; key++) {
        weights[key] = exp(weights[key] - most);
        sum += weights[key];
    }
    for (size_t i = 0; i < size; i++) {
        double expected = 0;
        for (size_t key = 0; key < count; key++)
            expected += weights[key] / sum *
                        (double)fixture->values[(first + key) * 3 * fixture->hidden_size +
                                                2 * fixture->hidden_size + head * size + i];
        double given =
            (double)fixture->context[(first + query) * fixture->hidden_size + head * size + i];
        if (!(fabs(given - expected) <= tolerance))
            fail_msg("%s, %zu tokens, query %zu, head %zu, number %zu: %.9g is not %.9g",
                     fixture->attention.kernels->name, count, query, head, i, given, expected);
    }
}

/* Sequences one behind the other; nothing of one may be seen in another. */
static void check_sequences(struct fixture *fixture, const size_t *counts, size_t sequence_count,
                            float spread)
{
    struct cof_bert_sequence sequences[8];
    size_t token_count = 0;
    for (size_t i = 0; i < sequence_count; i++) {
        sequences[i] = (struct cof_bert_sequence){.count = counts[i]};
        token_count += counts[i];
    }
    fill(fixture, token_count, spread);
    fixture->context[token_count * fixture->hidden_size] = 77;
    assert_int_equal(cof_bert_attention_run(&fixture->attention, fixture->given, sequences,
                                            sequence_count, fixture->context, fixture->scratch,
                                            NULL),
                     COF_OK);
    assert_true(fixture->context[token_count * fixture->hidden_size] == 77);
    /* Of great scores the last digit of a float is worth more. */
    double exact = spread > 1 ? 1e-4 : 1e-5;
    double tolerance = (fixture->attention.takes_bf16 ? 6e-3 : exact) * (double)spread;
    size_t first = 0;
    for (size_t i = 0; i < sequence_count; i++) {
        for (size_t query = 0; query < counts[i]; query++) {
            for (size_t head = 0; head < fixture->head_count; head++)
                check_query(fixture, first, counts[i], query, head, tolerance);
        }
        first += counts[i];
    }
}

static void attention__is_the_formula_for_every_length(void **state)
{
    static const size_t shapes[][2] = {{64, 2}, {64, 1}, {48, 3}, {60, 3}};
    static const size_t packed[] = {1, 17, 2, 40, 31, 33};
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    int before = cof_openmp_enter();
    for (size_t k = 0; k < usable_count; k++) {
        for (size_t i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++) {
            struct fixture fixture;
            fixture_init(&fixture, usable[k], i % 2 == 0 ? COF_PRECISION_F32 : COF_PRECISION_INT8,
                         shapes[i / 2][0], shapes[i / 2][1]);
            check_sequences(&fixture, packed, sizeof(packed) / sizeof(packed[0]), 1);
            for (size_t count = 1; count <= MAX_TOKENS; count += count < 70 ? 1 : 13)
                check_sequences(&fixture, &count, 1, 1);
            fixture_deinit(&fixture);
        }
    }
    cof_openmp_leave(before);
}

/* Scores of hundreds: one key takes all the weight, and nothing overflows. */
static void attention__stays_finite_when_scores_are_great(void **state)
{
    static const size_t count = 50;
    const struct cof_kernels *usable[COF_KERNELS_MAX_COUNT];
    size_t usable_count = cof_kernels_usable(usable);
    int before = cof_openmp_enter();
    for (size_t k = 0; k < 2 * usable_count; k++) {
        struct fixture fixture;
        fixture_init(&fixture, usable[k / 2], k % 2 == 0 ? COF_PRECISION_F32 : COF_PRECISION_BF16,
                     64, 2);
        check_sequences(&fixture, &count, 1, 30);
        fixture_deinit(&fixture);
    }
    cof_openmp_leave(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention__is_the_formula_for_every_length),
        cmocka_unit_test(attention__stays_finite_when_scores_are_great),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
