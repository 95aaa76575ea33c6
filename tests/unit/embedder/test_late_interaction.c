/* MaxSim against its formula over token vectors that the test chose, and over a real encoder. */
#include <cof/embedder/late_interaction.h>

#include <math.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/embedder/bert.h>
#include <cof/embedder/hashing.h>

#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

/* An embedder of two dimensions whose tokens are letters: a → (1, 0), b → (0, 1), c → (-1, 0),
 * d → (0.6, 0.8). */
static enum cof_status letter_tokens(struct cof_embedder *embedder, enum cof_embed_role role,
                                     const struct cof_text *texts, size_t count,
                                     const struct cof_cancel *cancel, struct cof_arena *arena,
                                     struct cof_token_vectors *out_texts, struct cof_error *err)
{
    static const float vectors[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0.6F, 0.8F}};
    (void)embedder;
    (void)role;
    assert_true(count <= 32);
    COF_TRY(cof_cancel_check(cancel, err));
    for (size_t i = 0; i < count; i++) {
        float *rows = cof_arena_array(arena, texts[i].size, 2 * sizeof(*rows));
        if (rows == NULL)
            return COF_FAIL_MEMORY(err);
        for (size_t j = 0; j < texts[i].size; j++)
            memcpy(rows + 2 * j, vectors[texts[i].data[j] - 'a'], 2 * sizeof(*rows));
        out_texts[i] = (struct cof_token_vectors){.vectors = rows, .count = texts[i].size};
    }
    return COF_OK;
}

static const struct cof_embedder_ops LETTER_OPS = {.name = "letters",
                                                   .embed_tokens = letter_tokens};
static struct cof_embedder letters = {
    .ops = &LETTER_OPS,
    .info = {.name = "letters", .precision = "f32", .dimension = 2, .max_batch_count = 100}};

static struct cof_reranker *open_over(struct cof_embedder *embedder)
{
    struct cof_reranker *reranker = NULL;
    assert_int_equal(cof_late_interaction_open(embedder, &reranker, NULL), COF_OK);
    return reranker;
}

static void assert_near(float value, double expected)
{
    assert_true(fabs((double)value - expected) < 1e-5);
}

static void late_interaction__is_the_mean_of_each_query_tokens_best(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("ab"), COF_TEXT("d"), COF_TEXT("c"), COF_TEXT("bc"),
                                     COF_TEXT("dda")};
    struct cof_reranker *reranker = open_over(&letters);
    float scores[5];
    size_t token_count = 0;
    assert_string_equal(reranker->info.name, "letters");
    assert_string_equal(reranker->info.backend, "late_interaction");
    assert_int_equal(
        cof_reranker_rank(reranker, COF_TEXT("ab"), texts, 5, NULL, scores, &token_count, NULL),
        COF_OK);
    assert_near(scores[0], 1);
    assert_near(scores[1], 0.7);
    assert_near(scores[2], 0); /* (-1 + 0) / 2 */
    assert_near(scores[3], 0.5);
    assert_near(scores[4], 0.9);
    assert_int_equal(token_count, 2 + 2 + 1 + 1 + 2 + 3);
    cof_reranker_close(reranker);
}

static void late_interaction__takes_many_texts(void **state)
{
    enum { COUNT = 100 };
    struct cof_text texts[COUNT];
    float scores[COUNT];
    struct cof_reranker *reranker = open_over(&letters);
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = i % 3 == 0 ? COF_TEXT("a") : COF_TEXT("b");
    assert_int_equal(
        cof_reranker_rank(reranker, COF_TEXT("a"), texts, COUNT, NULL, scores, NULL, NULL), COF_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_near(scores[i], i % 3 == 0 ? 1 : 0);
    cof_reranker_close(reranker);
}

static void late_interaction__leaves_scores_alone_when_it_fails(void **state)
{
    struct cof_cancel cancel = {0};
    const struct cof_text text = COF_TEXT("a");
    float score = 7;
    struct cof_reranker *reranker = open_over(&letters);
    cof_cancel_request(&cancel);
    assert_int_equal(
        cof_reranker_rank(reranker, COF_TEXT("a"), &text, 1, &cancel, &score, NULL, NULL),
        COF_CANCELED);
    for (long n = 1; n <= 4; n++) {
        cof_alloc_fail_after(n);
        enum cof_status status =
            cof_reranker_rank(reranker, COF_TEXT("a"), &text, 1, NULL, &score, NULL, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_pending ? COF_OK : COF_NO_MEMORY);
        if (is_pending)
            break;
        assert_true(score == 7);
    }
    cof_reranker_close(reranker);
}

static void late_interaction__needs_token_vectors(void **state)
{
    struct cof_embedder *hashing = NULL;
    struct cof_reranker *reranker = NULL;
    assert_int_equal(cof_hashing_open(16, 64, &hashing, NULL), COF_OK);
    assert_int_equal(cof_late_interaction_open(hashing, &reranker, NULL), COF_UNAVAILABLE);
    cof_embedder_close(hashing);
}

/* With a real encoder a text is nearest to itself. */
static void late_interaction__ranks_the_same_text_first(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    struct tiny_model model = {0};
    struct cof_embedder *embedder = NULL;
    const struct cof_text texts[] = {COF_TEXT("a bad note"), COF_TEXT("the file is safe"),
                                     COF_TEXT("0101 .")};
    float scores[3];
    temp_dir_create(folder);
    tiny_model_create(&model, 7);
    tiny_model_write(&model, folder);
    const struct cof_bert_options options = {.folder = folder};
    assert_int_equal(cof_bert_open(&options, &embedder, NULL), COF_OK);
    struct cof_reranker *reranker = open_over(embedder);
    assert_int_equal(cof_reranker_rank(reranker, COF_TEXT("the file is safe"), texts, 3, NULL,
                                       scores, NULL, NULL),
                     COF_OK);
    assert_true(scores[1] > 0.9999F && scores[1] > scores[0] && scores[1] > scores[2]);
    cof_reranker_close(reranker);
    cof_embedder_close(embedder);
    tiny_model_destroy(&model);
    temp_dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_interaction__is_the_mean_of_each_query_tokens_best),
        cmocka_unit_test(late_interaction__takes_many_texts),
        cmocka_unit_test(late_interaction__leaves_scores_alone_when_it_fails),
        cmocka_unit_test(late_interaction__needs_token_vectors),
        cmocka_unit_test(late_interaction__ranks_the_same_text_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
