/* Each kernel alone, on the double of a GPU, against its formula in doubles. */
#include "cuda_kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_double.h"
#include "device.h"
#include "seeded_random.h"
#include "testing.h"

struct bench {
    struct seeded_random random;
    void *stream;
    struct cof_cuda_memory memory;
    size_t used;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    cuda_double_reset();
    seeded_random_init(&bench->random, 7);
    assert_int_equal(cof_cuda_stream_create(&bench->stream, NULL), COF_OK);
    assert_int_equal(cof_cuda_memory_create((size_t)64 << 20, &bench->memory, NULL), COF_OK);
}

static void bench_deinit(struct bench *bench)
{
    cof_cuda_stream_destroy(bench->stream);
    cof_cuda_memory_destroy(&bench->memory);
    assert_int_equal(cuda_double_object_count(), 0);
}

static void *reserve(struct bench *bench, size_t size)
{
    void *place = (uint8_t *)bench->memory.address + bench->used;
    bench->used += (size + 255) / 256 * 256;
    assert_true(bench->used <= bench->memory.size);
    return place;
}

static float any(struct bench *bench, float size)
{
    return ((float)seeded_random_below(&bench->random, 20001) / 10000.0F - 1.0F) * size;
}

static uint16_t *any_halves(struct bench *bench, size_t count, float size)
{
    uint16_t *values = reserve(bench, count * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = cuda_double_to_half(any(bench, size));
    return values;
}

static float *any_floats(struct bench *bench, size_t count, float size)
{
    float *values = reserve(bench, count * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = any(bench, size);
    return values;
}

static double value_of(uint16_t half)
{
    return (double)cuda_double_from_half(half);
}

/* The nearest half is less than 2^-11 of the value away; sums in f32 add less than that. */
static void assert_near(uint16_t half, double expected)
{
    double distance = fabs(value_of(half) - expected);
    if (!(distance <= fabs(expected) / 1024 + 2e-5))
        fail_msg("%.9g, expected %.9g", value_of(half), expected);
}

/* ---- */

static void double__converts_every_half_and_back(void **state)
{
    for (uint32_t half = 0; half < 65536; half++) {
        float value = cuda_double_from_half((uint16_t)half);
        if (isnan(value))
            assert_true(isnan(cuda_double_from_half(cuda_double_to_half(value))));
        else
            assert_int_equal(cuda_double_to_half(value), half);
    }
    assert_int_equal(cuda_double_to_half(65519.0F), 0x7bff);
    assert_int_equal(cuda_double_to_half(65520.0F), 0x7c00);
    assert_int_equal(cuda_double_to_half(1.0F + 0x1p-11F), 0x3c00); /* a tie, to even */
    assert_int_equal(cuda_double_to_half(1.0F + 0x3p-11F), 0x3c02);
    assert_int_equal(cuda_double_to_half(0x1p-25F), 0);
    assert_int_equal(cuda_double_to_half(0x1.8p-25F), 1);
}

static void kernels__convert_and_tell_what_does_not_fit(void **state)
{
    struct bench bench;
    bench_init(&bench);
    size_t count = 2777;
    float *values = any_floats(&bench, count, 60000.0F);
    uint16_t *halves = reserve(&bench, count * sizeof(*halves));
    uint32_t *is_bad = reserve(&bench, sizeof(*is_bad));
    assert_int_equal(cof_cuda_convert(bench.stream, values, halves, count, is_bad), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(halves[i], cuda_double_to_half(values[i]));
    assert_int_equal(*is_bad, 0);
    values[count - 1] = 65520.0F;
    assert_int_equal(cof_cuda_convert(bench.stream, values, halves, count - 1, is_bad), 0);
    assert_int_equal(*is_bad, 0);
    assert_int_equal(cof_cuda_convert(bench.stream, values, halves, count, is_bad), 0);
    assert_int_equal(*is_bad, 1);
    bench_deinit(&bench);
}

static void kernels__compute_the_exact_gelu(void **state)
{
    struct bench bench;
    bench_init(&bench);
    size_t count = 8 * 391;
    uint16_t *values = any_halves(&bench, count + 8, 6.0F);
    uint16_t *before = reserve(&bench, (count + 8) * sizeof(*before));
    memcpy(before, values, (count + 8) * sizeof(*before));
    assert_int_equal(cof_cuda_gelu(bench.stream, values, count), 0);
    for (size_t i = 0; i < count; i++) {
        double x = value_of(before[i]);
        assert_near(values[i], 0.5 * x * (1 + erf(x / sqrt(2))));
    }
    assert_memory_equal(values + count, before + count, 8 * sizeof(*before));
    bench_deinit(&bench);
}

static void expect_norm(const double *sums, const struct cof_cuda_norm *norm, size_t size,
                        const uint16_t *row)
{
    double mean = 0;
    double variance = 0;
    for (size_t i = 0; i < size; i++)
        mean += sums[i] / (double)size;
    for (size_t i = 0; i < size; i++)
        variance += (sums[i] - mean) * (sums[i] - mean) / (double)size;
    for (size_t i = 0; i < size; i++)
        assert_near(row[i], (sums[i] - mean) / sqrt(variance + (double)norm->epsilon) *
                                    (double)norm->scale[i] +
                                (double)norm->shift[i]);
}

static void check_rows(size_t size, size_t row_count)
{
    struct bench bench;
    bench_init(&bench);
    const struct cof_cuda_norm norm = {.scale = any_floats(&bench, size, 2.0F),
                                       .shift = any_floats(&bench, size, 1.0F),
                                       .epsilon = 1e-5F};
    uint16_t *words = any_halves(&bench, 50 * size, 3.0F);
    uint16_t *positions = any_halves(&bench, row_count * size, 1.0F);
    uint32_t *ids = reserve(&bench, row_count * sizeof(*ids));
    uint32_t *places = reserve(&bench, row_count * sizeof(*places));
    uint16_t *state = any_halves(&bench, (row_count + 1) * size, 1.0F);
    uint16_t *after = reserve(&bench, size * sizeof(*after));
    double *sums = calloc(row_count * size, sizeof(*sums));
    memcpy(after, state + row_count * size, size * sizeof(*after));
    for (size_t i = 0; i < row_count; i++) {
        ids[i] = (uint32_t)seeded_random_below(&bench.random, 50);
        places[i] = (uint32_t)((i * 5 + 1) % row_count);
    }
    const struct cof_cuda_embedding embedding = {.ids = ids,
                                                 .places = places,
                                                 .words = words,
                                                 .positions = positions,
                                                 .norm = norm,
                                                 .state = state,
                                                 .row_count = row_count,
                                                 .hidden_size = size};
    assert_int_equal(cof_cuda_embed(bench.stream, &embedding), 0);
    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = 0; j < size; j++)
            sums[j] =
                value_of(words[ids[i] * size + j]) + value_of(positions[places[i] * size + j]);
        expect_norm(sums, &norm, size, state + i * size);
    }
    uint16_t *addend = any_halves(&bench, row_count * size, 40.0F);
    for (size_t i = 0; i < row_count * size; i++)
        sums[i] = value_of(state[i]) + value_of(addend[i]);
    const struct cof_cuda_addition addition = {.state = state,
                                               .addend = addend,
                                               .norm = norm,
                                               .row_count = row_count,
                                               .hidden_size = size};
    assert_int_equal(cof_cuda_add(bench.stream, &addition), 0);
    for (size_t i = 0; i < row_count; i++)
        expect_norm(sums + i * size, &norm, size, state + i * size);
    assert_memory_equal(state + row_count * size, after, size * sizeof(*after));
    free(sums);
    bench_deinit(&bench);
}

static void kernels__add_and_norm_rows_of_any_size(void **state)
{
    static const size_t sizes[] = {8, 16, 248, 256, 264, 384, 768, 1000, 1024, 1032, 1536, 2048};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_rows(sizes[i], 1 + i % 6);
}

/* ---- Attention ---- */

static void expect_attention(const struct cof_cuda_attention *attention, size_t row, size_t count)
{
    size_t hidden = attention->hidden_size;
    size_t head_size = hidden / attention->head_count;
    double *weights = calloc(count, sizeof(*weights));
    for (size_t query = 0; query < count; query++) {
        for (size_t head = 0; head < hidden; head += head_size) {
            const uint16_t *from = attention->triple + (row + query) * 3 * hidden + head;
            double highest = -HUGE_VAL;
            double sum = 0;
            for (size_t key = 0; key < count; key++) {
                const uint16_t *to = attention->triple + (row + key) * 3 * hidden + hidden + head;
                weights[key] = 0;
                for (size_t i = 0; i < head_size; i++)
                    weights[key] += value_of(from[i]) * value_of(to[i]) / sqrt((double)head_size);
                highest = weights[key] > highest ? weights[key] : highest;
            }
            for (size_t key = 0; key < count; key++) {
                weights[key] = exp(weights[key] - highest);
                sum += weights[key];
            }
            for (size_t i = 0; i < head_size; i++) {
                double expected = 0;
                for (size_t key = 0; key < count; key++)
                    expected +=
                        weights[key] / sum *
                        value_of(
                            attention->triple[(row + key) * 3 * hidden + 2 * hidden + head + i]);
                double value = value_of(attention->context[(row + query) * hidden + head + i]);
                /* The weights of the values are halves too. */
                if (!(fabs(value - expected) < 2e-3 + fabs(expected) / 1024))
                    fail_msg("%zu tokens, query %zu, value %zu: %.6f, expected %.6f", count, query,
                             head + i, value, expected);
            }
        }
    }
    free(weights);
}

static void check_attention(size_t head_size, size_t head_count, const size_t *counts,
                            size_t sequence_count, float size)
{
    struct bench bench;
    bench_init(&bench);
    size_t hidden = head_size * head_count;
    size_t row_count = 0;
    struct cof_cuda_tile *tiles = reserve(&bench, 4096 * sizeof(*tiles));
    size_t tile_count = 0;
    for (size_t i = 0; i < sequence_count; i++) {
        for (size_t at = 0; at < counts[i]; at += COF_CUDA_TILE_ROWS)
            tiles[tile_count++] = (struct cof_cuda_tile){
                .row = (uint32_t)row_count, .count = (uint32_t)counts[i], .first = (uint32_t)at};
        row_count += counts[i];
    }
    uint16_t *context = reserve(&bench, (row_count + 1) * hidden * sizeof(*context));
    memset(context, 0xff, (row_count + 1) * hidden * sizeof(*context));
    const struct cof_cuda_attention attention = {
        .triple = any_halves(&bench, row_count * 3 * hidden, size),
        .tiles = tiles,
        .context = context,
        .tile_count = tile_count,
        .hidden_size = hidden,
        .head_count = head_count,
    };
    assert_int_equal(cof_cuda_attend(bench.stream, &attention), 0);
    for (size_t i = 0, row = 0; i < sequence_count; row += counts[i], i++)
        expect_attention(&attention, row, counts[i]);
    for (size_t i = 0; i < hidden; i++)
        assert_int_equal(context[row_count * hidden + i], 0xffff); /* nobody's */
    bench_deinit(&bench);
}

static void attention__agrees_at_the_borders_of_its_tiles(void **state)
{
    static const size_t counts[] = {1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 2};
    check_attention(32, 1, counts, sizeof(counts) / sizeof(counts[0]), 2.0F);
}

static void attention__agrees_for_heads_of_any_size(void **state)
{
    static const size_t head_sizes[] = {8, 16, 24, 32, 40, 64, 72, 96, 104, 128};
    static const size_t counts[] = {70, 3};
    for (size_t i = 0; i < sizeof(head_sizes) / sizeof(head_sizes[0]); i++)
        check_attention(head_sizes[i], 1 + i % 3, counts, 2, 1.5F);
}

/* Scores of hundreds: without the running maximum their exponentials would be infinite. */
static void attention__holds_with_very_sharp_scores(void **state)
{
    static const size_t counts[] = {150, 66};
    check_attention(64, 2, counts, 2, 10.0F);
}

static void attention__does_not_depend_on_the_order_of_threads(void **state)
{
    static const size_t counts[] = {130, 20};
    struct bench bench;
    bench_init(&bench);
    const struct cof_cuda_tile tiles[] = {{0, 130, 0}, {0, 130, 64}, {0, 130, 128}, {130, 20, 0}};
    size_t hidden = 80;
    size_t size = (counts[0] + counts[1]) * hidden * sizeof(uint16_t);
    struct cof_cuda_attention attention = {
        .triple = any_halves(&bench, (counts[0] + counts[1]) * 3 * hidden, 2.0F),
        .tiles = tiles,
        .context = reserve(&bench, size),
        .tile_count = 4,
        .hidden_size = hidden,
        .head_count = 2,
    };
    const uint16_t *forward = attention.context;
    assert_int_equal(cof_cuda_attend(bench.stream, &attention), 0);
    attention.context = reserve(&bench, size);
    cuda_double_set_reverse(true);
    assert_int_equal(cof_cuda_attend(bench.stream, &attention), 0);
    assert_memory_equal(attention.context, forward, size);
    bench_deinit(&bench);
}

static void attention__walks_over_eight_thousand_keys(void **state)
{
    struct bench bench;
    bench_init(&bench);
    /* Only the last tile of queries; all keys. */
    const struct cof_cuda_tile tile = {.row = 0, .count = 8192 - 5, .first = 8128};
    size_t count = tile.count;
    size_t hidden = 16;
    struct cof_cuda_attention attention = {
        .triple = any_halves(&bench, count * 3 * hidden, 3.0F),
        .tiles = &tile,
        .context = reserve(&bench, count * hidden * sizeof(uint16_t)),
        .tile_count = 1,
        .hidden_size = hidden,
        .head_count = 1,
    };
    assert_int_equal(cof_cuda_attend(bench.stream, &attention), 0);
    double *weights = calloc(count, sizeof(*weights));
    for (size_t query = 8128; query < count; query += 29) {
        double sum = 0;
        for (size_t key = 0; key < count; key++) {
            double score = 0;
            for (size_t i = 0; i < hidden; i++)
                score += value_of(attention.triple[query * 3 * hidden + i]) *
                         value_of(attention.triple[key * 3 * hidden + hidden + i]);
            weights[key] = exp(score / 4);
            sum += weights[key];
        }
        for (size_t i = 0; i < hidden; i++) {
            double expected = 0;
            for (size_t key = 0; key < count; key++)
                expected += weights[key] / sum *
                            value_of(attention.triple[key * 3 * hidden + 2 * hidden + i]);
            assert_true(fabs(value_of(attention.context[query * hidden + i]) - expected) < 2e-3);
        }
    }
    free(weights);
    bench_deinit(&bench);
}

/* ---- Results ---- */

static void kernels__write_sums_rows_and_unit_vectors(void **state)
{
    static const size_t sizes[] = {8, 256, 384, 1032, 2048};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct bench bench;
        size_t size = sizes[s];
        bench_init(&bench);
        const struct cof_cuda_rows groups[] = {{0, 5}, {5, 1}, {6, 130}, {200, 1}};
        uint16_t *values = any_halves(&bench, 256 * size, 2.0F);
        uint32_t *is_bad = reserve(&bench, sizeof(*is_bad));
        float *rows = reserve(&bench, 256 * size * sizeof(*rows));
        struct cof_cuda_output output = {.state = values,
                                         .groups = groups,
                                         .rows = rows,
                                         .is_unit_length = true,
                                         .group_count = 4,
                                         .hidden_size = size,
                                         .is_bad = is_bad};
        assert_int_equal(cof_cuda_write(bench.stream, &output), 0);
        double *sums = calloc(size, sizeof(*sums));
        for (size_t i = 0; i < 4; i++) {
            double length = 0;
            for (size_t j = 0; j < size; j++) {
                sums[j] = 0;
                for (size_t k = 0; k < groups[i].count; k++)
                    sums[j] += value_of(values[(groups[i].row + k) * size + j]);
                length += sums[j] * sums[j];
            }
            for (size_t j = 0; j < size; j++)
                assert_true(fabs((double)rows[i * size + j] - sums[j] / sqrt(length)) < 1e-5);
        }
        free(sums);
        output.groups = NULL;
        output.is_unit_length = false;
        output.group_count = 250;
        assert_int_equal(cof_cuda_write(bench.stream, &output), 0);
        for (size_t i = 0; i < 250 * size; i++)
            assert_true((double)rows[i] == value_of(values[i]));
        assert_int_equal(*is_bad, 0);
        bench_deinit(&bench);
    }
}

static void kernels__tell_of_rows_without_a_length(void **state)
{
    struct bench bench;
    bench_init(&bench);
    size_t size = 384;
    uint16_t *values = any_halves(&bench, 4 * size, 1.0F);
    uint32_t *is_bad = reserve(&bench, sizeof(*is_bad));
    struct cof_cuda_output output = {.state = values,
                                     .rows = reserve(&bench, 4 * size * sizeof(float)),
                                     .is_unit_length = true,
                                     .group_count = 4,
                                     .hidden_size = size,
                                     .is_bad = is_bad};
    memset(values + 2 * size, 0, size * sizeof(*values));
    assert_int_equal(cof_cuda_write(bench.stream, &output), 0);
    assert_int_equal(*is_bad, 1);
    *is_bad = 0;
    output.is_unit_length = false; /* zeros are a state like others */
    assert_int_equal(cof_cuda_write(bench.stream, &output), 0);
    assert_int_equal(*is_bad, 0);
    values[3 * size + 383] = 0x7c00; /* infinite */
    assert_int_equal(cof_cuda_write(bench.stream, &output), 0);
    assert_int_equal(*is_bad, 1);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(double__converts_every_half_and_back),
        cmocka_unit_test(kernels__convert_and_tell_what_does_not_fit),
        cmocka_unit_test(kernels__compute_the_exact_gelu),
        cmocka_unit_test(kernels__add_and_norm_rows_of_any_size),
        cmocka_unit_test(attention__agrees_at_the_borders_of_its_tiles),
        cmocka_unit_test(attention__agrees_for_heads_of_any_size),
        cmocka_unit_test(attention__holds_with_very_sharp_scores),
        cmocka_unit_test(attention__does_not_depend_on_the_order_of_threads),
        cmocka_unit_test(attention__walks_over_eight_thousand_keys),
        cmocka_unit_test(kernels__write_sums_rows_and_unit_vectors),
        cmocka_unit_test(kernels__tell_of_rows_without_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
