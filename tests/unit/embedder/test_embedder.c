/* The wrappers over a backend that counts its calls. */
#include <cof/embedder/embedder.h>

#include <string.h>

#include <cof/base/clock.h>

#include "../base/torture.h"
#include "testing.h"

struct counting {
    struct cof_embedder base;
    size_t call_count;
    size_t fail_at; /* the call that fails; 0 = none */
    bool is_closed;
};

static enum cof_status counting_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                      const struct cof_text *texts, size_t count,
                                      const struct cof_cancel *cancel, float *out_vectors,
                                      size_t *out_token_counts, struct cof_error *err)
{
    struct counting *counting = (struct counting *)embedder;
    assert_true(count >= 1 && count <= embedder->info.max_batch_count);
    counting->call_count++;
    if (counting->call_count == counting->fail_at)
        return COF_FAIL(err, COF_UNAVAILABLE, "told to fail");
    for (size_t i = 0; i < count; i++) {
        out_vectors[2 * i] = (float)texts[i].size;
        out_vectors[2 * i + 1] = role == COF_EMBED_QUERY ? 1 : 0;
        if (out_token_counts != NULL)
            out_token_counts[i] = texts[i].size + 2;
    }
    return COF_OK;
}

static enum cof_status counting_count(struct cof_embedder *embedder, struct cof_text text,
                                      size_t *out_count, struct cof_error *err)
{
    *out_count = text.size;
    return COF_OK;
}

static void counting_close(struct cof_embedder *embedder)
{
    ((struct counting *)embedder)->is_closed = true;
}

static const struct cof_embedder_ops COUNTING_OPS = {
    .name = "counting",
    .embed = counting_embed,
    .count_tokens = counting_count,
    .close = counting_close,
};

static struct counting new_counting(void)
{
    return (struct counting){
        .base = {.ops = &COUNTING_OPS, .info = {.dimension = 2, .max_batch_count = 3}}};
}

static void embedder__splits_what_is_over_a_batch(void **state)
{
    struct counting counting = new_counting();
    struct cof_text texts[8];
    float vectors[16] = {0};
    size_t token_counts[8] = {0};
    for (size_t i = 0; i < 8; i++)
        texts[i] = (struct cof_text){.data = "aaaaaaaa", .size = i};
    assert_int_equal(cof_embedder_embed(&counting.base, COF_EMBED_QUERY, texts, 8, NULL, vectors,
                                        token_counts, NULL),
                     COF_OK);
    assert_int_equal(counting.call_count, 3);
    for (size_t i = 0; i < 8; i++) {
        assert_true(vectors[2 * i] == (float)i && vectors[2 * i + 1] == 1);
        assert_int_equal(token_counts[i], i + 2);
    }
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_PASSAGE, texts, 8, NULL, vectors, NULL, NULL),
        COF_OK);
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_PASSAGE, texts, 3, NULL, vectors, NULL, NULL),
        COF_OK);
    assert_int_equal(counting.call_count, 7);
}

static void embedder__leaves_everything_untouched_when_a_later_part_fails(void **state)
{
    struct counting counting = new_counting();
    const struct cof_text texts[8] = {{0}};
    float vectors[16];
    float before[16];
    size_t token_counts[8] = {77};
    struct cof_error err = {0};
    memset(vectors, 0x55, sizeof(vectors));
    memcpy(before, vectors, sizeof(vectors));
    counting.fail_at = 3;
    assert_int_equal(cof_embedder_embed(&counting.base, COF_EMBED_QUERY, texts, 8, NULL, vectors,
                                        token_counts, &err),
                     COF_UNAVAILABLE);
    assert_memory_equal(vectors, before, sizeof(vectors));
    assert_int_equal(token_counts[0], 77);
    assert_string_equal(err.message, "told to fail");
}

static void embedder__names_the_text_that_is_not_utf8(void **state)
{
    struct counting counting = new_counting();
    const struct cof_text texts[] = {COF_TEXT("good"), COF_TEXT("ba\xff"
                                                                "d")};
    float vectors[4];
    struct cof_error err = {0};
    size_t count = 0;
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_QUERY, texts, 2, NULL, vectors, NULL, &err),
        COF_INVALID);
    assert_non_null(strstr(err.message, "text 1"));
    assert_non_null(strstr(err.message, "byte 2"));
    assert_int_equal(cof_embedder_count_tokens(&counting.base, texts[1], &count, &err),
                     COF_INVALID);
    assert_int_equal(counting.call_count, 0);
}

static void embedder__refuses_no_texts(void **state)
{
    struct counting counting = new_counting();
    float vector[2];
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_QUERY, NULL, 0, NULL, vector, NULL, NULL),
        COF_INVALID);
    assert_int_equal(counting.call_count, 0);
}

static void embedder__does_not_begin_what_is_cancelled_or_late(void **state)
{
    struct counting counting = new_counting();
    struct cof_manual_clock manual = {.steady_ns = 1000};
    const struct cof_clock clock = cof_manual_clock_init(&manual);
    const struct cof_text text = COF_TEXT("a");
    float vector[2];
    struct cof_cancel cancel = {.deadline_steady_ns = 500, .clock = &clock};
    manual.steady_ns = 1000;
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_QUERY, &text, 1, &cancel, vector, NULL, NULL),
        COF_TIMEOUT);
    cof_cancel_request(&cancel);
    assert_int_equal(
        cof_embedder_embed(&counting.base, COF_EMBED_QUERY, &text, 1, &cancel, vector, NULL, NULL),
        COF_CANCELED);
    assert_int_equal(counting.call_count, 0);
}

static void count_call(void *context, uint32_t id, size_t begin, size_t end)
{
    assert_int_equal(id, COF_TOKEN_WITHOUT_ID);
    assert_true(begin < end);
    (*(size_t *)context)++;
}

static void embedder__takes_words_where_the_backend_has_no_tokens(void **state)
{
    struct counting counting = new_counting();
    size_t count = 0;
    assert_int_equal(cof_embedder_each_token(&counting.base, COF_TEXT("three little words"),
                                             count_call, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(
        cof_embedder_each_token(&counting.base, COF_TEXT("\xff"), count_call, &count, NULL),
        COF_INVALID);
}

static void embedder__closes_once_and_nothing_at_all(void **state)
{
    struct counting counting = new_counting();
    cof_embedder_close(&counting.base);
    assert_true(counting.is_closed);
    cof_embedder_close(NULL);
}

static enum cof_status embed_many(void *context, struct cof_error *err)
{
    const struct cof_text texts[8] = {{0}};
    float vectors[16];
    return cof_embedder_embed(context, COF_EMBED_QUERY, texts, 8, NULL, vectors, NULL, err);
}

static void embedder__survives_every_failed_allocation(void **state)
{
    struct counting counting = new_counting();
    assert_int_equal(torture(embed_many, &counting.base), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedder__splits_what_is_over_a_batch),
        cmocka_unit_test(embedder__leaves_everything_untouched_when_a_later_part_fails),
        cmocka_unit_test(embedder__names_the_text_that_is_not_utf8),
        cmocka_unit_test(embedder__refuses_no_texts),
        cmocka_unit_test(embedder__does_not_begin_what_is_cancelled_or_late),
        cmocka_unit_test(embedder__takes_words_where_the_backend_has_no_tokens),
        cmocka_unit_test(embedder__closes_once_and_nothing_at_all),
        cmocka_unit_test(embedder__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
