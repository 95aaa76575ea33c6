/* Pairs through small models against the formulas in doubles. */
#include <cof/embedder/cross_encoder.h>

#include <math.h>
#include <string.h>

#include "../base/torture.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"
#include "tokenizer_open.h"

enum { TEXT_COUNT = 6, MAX_IDS = 64 };

static const char QUERY[] = "the bank keeps a file";
static const char *const TEXTS[TEXT_COUNT] = {
    "the file is safe at the bank",
    "",
    "a",
    "notes, notes, notes and a note of the file that the bank keeps in the safe every day of it",
    "[SEP] </s> the file",
    "\xe6\x96\x87\xe5\xad\x97 the",
};

struct fixture {
    char folder[TEMP_DIR_PATH_SIZE];
    struct tiny_model model;
};

static void fixture_init(struct fixture *fixture, const struct tiny_model *shape)
{
    temp_dir_create(fixture->folder);
    fixture->model = *shape;
    tiny_model_create(&fixture->model, 99);
    tiny_model_write(&fixture->model, fixture->folder);
}

static void fixture_deinit(struct fixture *fixture)
{
    tiny_model_destroy(&fixture->model);
    temp_dir_remove(fixture->folder);
}

static struct cof_reranker *open_model(const char *folder)
{
    const struct cof_cross_encoder_options options = {.folder = folder, .name = "judge"};
    struct cof_reranker *reranker = NULL;
    struct cof_error err = {0};
    if (cof_cross_encoder_open(&options, &reranker, &err) != COF_OK)
        fail_msg("%s", err.message);
    return reranker;
}

static void make_texts(struct cof_text texts[TEXT_COUNT])
{
    for (size_t i = 0; i < TEXT_COUNT; i++)
        texts[i] = cof_text_from(TEXTS[i]);
}

static void check_shape(const struct tiny_model *shape)
{
    struct fixture fixture = {0};
    struct cof_text texts[TEXT_COUNT];
    struct cof_tokenizer *tokenizer = NULL;
    float scores[TEXT_COUNT];
    size_t token_count = 0;
    size_t expected_count = 0;
    fixture_init(&fixture, shape);
    make_texts(texts);
    struct cof_reranker *reranker = open_model(fixture.folder);
    assert_int_equal(
        cof_tokenizer_open(fixture.folder,
                           shape->is_xlm_roberta ? COF_MODEL_XLM_ROBERTA : COF_MODEL_BERT,
                           &tokenizer, NULL),
        COF_OK);
    assert_int_equal(cof_reranker_rank(reranker, cof_text_from(QUERY), texts, TEXT_COUNT, NULL,
                                       scores, &token_count, NULL),
                     COF_OK);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        uint32_t ids[MAX_IDS];
        size_t count = 0;
        size_t second_begin = 0;
        assert_int_equal(cof_tokenizer_encode_pair(tokenizer, cof_text_from(QUERY), texts[i], ids,
                                                   reranker->info.max_tokens, &count, &second_begin,
                                                   NULL),
                         COF_OK);
        double expected = tiny_model_score(&fixture.model, ids, count, second_begin);
        if (fabs((double)scores[i] - expected) > 1e-5)
            fail_msg("text %zu: %.7f instead of %.7f", i, (double)scores[i], expected);
        expected_count += count;
    }
    assert_int_equal(token_count, expected_count);
    cof_tokenizer_close(tokenizer);
    cof_reranker_close(reranker);
    fixture_deinit(&fixture);
}

static void cross_encoder__agrees_with_the_formulas_for_bert(void **state)
{
    check_shape(&(struct tiny_model){.label_count = 1});
    check_shape(&(struct tiny_model){.label_count = 2, .prefix = "bert."});
    check_shape(&(struct tiny_model){.label_count = 1,
                                     .dtype = "F16",
                                     .hidden_size = 60,
                                     .head_count = 3,
                                     .intermediate_size = 52,
                                     .layer_count = 3});
}

static void cross_encoder__agrees_with_the_formulas_for_xlm_roberta(void **state)
{
    check_shape(&(struct tiny_model){.is_xlm_roberta = true, .label_count = 1});
    check_shape(
        &(struct tiny_model){.is_xlm_roberta = true, .label_count = 2, .prefix = "roberta."});
    check_shape(&(struct tiny_model){.is_xlm_roberta = true,
                                     .label_count = 1,
                                     .prefix = "roberta.",
                                     .hidden_size = 96,
                                     .head_count = 6,
                                     .intermediate_size = 200,
                                     .layer_count = 4});
}

static void cross_encoder__gives_a_text_the_same_score_in_any_company(void **state)
{
    struct fixture fixture = {0};
    struct cof_text texts[TEXT_COUNT];
    float together[TEXT_COUNT];
    fixture_init(&fixture, &(struct tiny_model){.label_count = 1});
    make_texts(texts);
    struct cof_reranker *reranker = open_model(fixture.folder);
    assert_int_equal(cof_reranker_rank(reranker, cof_text_from(QUERY), texts, TEXT_COUNT, NULL,
                                       together, NULL, NULL),
                     COF_OK);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        float alone = 0;
        assert_int_equal(cof_reranker_rank(reranker, cof_text_from(QUERY), &texts[i], 1, NULL,
                                           &alone, NULL, NULL),
                         COF_OK);
        assert_true(fabsf(alone - together[i]) < 1e-6F);
        assert_true(alone >= 0 && alone <= 1);
    }
    assert_true(fabsf(together[0] - together[3]) > 1e-4F);
    cof_reranker_close(reranker);
    fixture_deinit(&fixture);
}

static void cross_encoder__says_what_it_is(void **state)
{
    struct fixture fixture = {0};
    fixture_init(&fixture, &(struct tiny_model){.label_count = 1});
    struct cof_reranker *reranker = open_model(fixture.folder);
    assert_string_equal(reranker->info.name, "judge");
    assert_string_equal(reranker->info.backend, "cross_encoder");
    assert_string_equal(reranker->info.precision, "f32");
    assert_int_equal(reranker->info.max_tokens, 24);
    cof_reranker_close(reranker);
    cof_reranker_close(NULL);
    fixture_deinit(&fixture);
}

static void assert_refused(const char *folder, enum cof_status expected, const char *part)
{
    const struct cof_cross_encoder_options options = {.folder = folder};
    struct cof_reranker *reranker = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_cross_encoder_open(&options, &reranker, &err), expected);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, err.message);
    assert_null(reranker);
}

static void cross_encoder__refuses_a_model_without_a_head(void **state)
{
    struct fixture fixture = {0};
    fixture_init(&fixture, &(struct tiny_model){0});
    assert_refused(fixture.folder, COF_INVALID, "'classifier.weight'");
    fixture_deinit(&fixture);
    assert_refused("/nonexistent/model", COF_NOT_FOUND, "/nonexistent/model");
}

static void cross_encoder__stops_when_canceled(void **state)
{
    struct fixture fixture = {0};
    struct cof_text texts[TEXT_COUNT];
    float scores[TEXT_COUNT] = {0};
    struct cof_cancel cancel = {0};
    fixture_init(&fixture, &(struct tiny_model){.label_count = 1});
    make_texts(texts);
    struct cof_reranker *reranker = open_model(fixture.folder);
    cof_cancel_request(&cancel);
    assert_int_equal(cof_reranker_rank(reranker, cof_text_from(QUERY), texts, TEXT_COUNT, &cancel,
                                       scores, NULL, NULL),
                     COF_CANCELED);
    assert_true(scores[0] == 0);
    cof_reranker_close(reranker);
    fixture_deinit(&fixture);
}

static enum cof_status rank_once(void *context, struct cof_error *err)
{
    struct cof_text texts[TEXT_COUNT];
    float scores[TEXT_COUNT];
    make_texts(texts);
    return cof_reranker_rank(context, cof_text_from(QUERY), texts, TEXT_COUNT, NULL, scores, NULL,
                             err);
}

static void cross_encoder__survives_every_failed_allocation(void **state)
{
    struct fixture fixture = {0};
    fixture_init(&fixture, &(struct tiny_model){.label_count = 1, .layer_count = 1});
    struct cof_reranker *reranker = open_model(fixture.folder);
    assert_true(torture(rank_once, reranker) >= 2);
    cof_reranker_close(reranker);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_encoder__agrees_with_the_formulas_for_bert),
        cmocka_unit_test(cross_encoder__agrees_with_the_formulas_for_xlm_roberta),
        cmocka_unit_test(cross_encoder__gives_a_text_the_same_score_in_any_company),
        cmocka_unit_test(cross_encoder__says_what_it_is),
        cmocka_unit_test(cross_encoder__refuses_a_model_without_a_head),
        cmocka_unit_test(cross_encoder__stops_when_canceled),
        cmocka_unit_test(cross_encoder__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
