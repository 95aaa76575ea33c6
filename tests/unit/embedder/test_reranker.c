/* What the contract checks before any backend is asked. */
#include <cof/embedder/reranker.h>

#include <string.h>

#include "testing.h"

struct fake {
    struct cof_reranker base;
    size_t call_count;
};

static enum cof_status fake_rank(struct cof_reranker *reranker, struct cof_text query,
                                 const struct cof_text *texts, size_t count,
                                 const struct cof_cancel *cancel, float *out_scores,
                                 size_t *out_token_count, struct cof_error *err)
{
    struct fake *fake = (struct fake *)reranker;
    (void)query;
    (void)texts;
    (void)cancel;
    (void)err;
    fake->call_count++;
    for (size_t i = 0; i < count; i++)
        out_scores[i] = 0.5F;
    if (out_token_count != NULL)
        *out_token_count = count;
    return COF_OK;
}

static void fake_close(struct cof_reranker *reranker)
{
    ((struct fake *)reranker)->call_count = 4711;
}

static const struct cof_reranker_ops FAKE_OPS = {
    .name = "fake", .rank = fake_rank, .close = fake_close};

static void assert_refused(struct cof_text query, const struct cof_text *texts, size_t count,
                           const char *part)
{
    struct fake fake = {.base = {.ops = &FAKE_OPS}};
    struct cof_error err = {0};
    float scores[4] = {0};
    assert_int_equal(cof_reranker_rank(&fake.base, query, texts, count, NULL, scores, NULL, &err),
                     COF_INVALID);
    assert_int_equal(fake.call_count, 0);
    assert_non_null(strstr(err.message, part));
}

static void reranker__checks_its_arguments_once(void **state)
{
    const struct cof_text good[] = {COF_TEXT("a"), COF_TEXT("")};
    const struct cof_text bad[] = {COF_TEXT("a"), COF_TEXT("b\xff")};
    assert_refused(COF_TEXT("q"), good, 0, "no text");
    assert_refused(COF_TEXT(""), good, 2, "query is empty");
    assert_refused(COF_TEXT("\xc3"), good, 2, "query is not valid UTF-8 at byte 0");
    assert_refused(COF_TEXT("q"), bad, 2, "text 1 is not valid UTF-8 at byte 1");
}

static void reranker__passes_good_arguments_on(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("a"), COF_TEXT("")};
    struct fake fake = {.base = {.ops = &FAKE_OPS}};
    float scores[2] = {0};
    size_t token_count = 0;
    assert_int_equal(
        cof_reranker_rank(&fake.base, COF_TEXT("q"), texts, 2, NULL, scores, &token_count, NULL),
        COF_OK);
    assert_int_equal(fake.call_count, 1);
    assert_int_equal(token_count, 2);
    assert_true(scores[1] > 0);
    cof_reranker_close(&fake.base);
    assert_int_equal(fake.call_count, 4711);
    cof_reranker_close(NULL);
}

static void reranker__does_not_begin_what_is_canceled(void **state)
{
    const struct cof_text text = COF_TEXT("a");
    struct fake fake = {.base = {.ops = &FAKE_OPS}};
    struct cof_cancel cancel = {0};
    float score = 0;
    cof_cancel_request(&cancel);
    assert_int_equal(
        cof_reranker_rank(&fake.base, COF_TEXT("q"), &text, 1, &cancel, &score, NULL, NULL),
        COF_CANCELED);
    assert_int_equal(fake.call_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reranker__checks_its_arguments_once),
        cmocka_unit_test(reranker__passes_good_arguments_on),
        cmocka_unit_test(reranker__does_not_begin_what_is_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
