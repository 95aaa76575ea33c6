/* Texts, ids and token vectors of one model agree with each other, and failures leave nothing. */
#include <cof/embedder/bert.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

enum { HIDDEN = 32, COUNT = 60 };

static char folder[TEMP_DIR_PATH_SIZE];
static struct tiny_model model;
static struct cof_embedder *embedder;
static struct cof_text texts[COUNT];

static int open_model(void **state)
{
    static const char *const samples[] = {"", "a", "the file is safe.", "bank notes, a note",
                                          "a very long text indeed: the bank is a safe bank"};
    temp_dir_create(folder);
    model = (struct tiny_model){0};
    tiny_model_create(&model, 7);
    tiny_model_write(&model, folder);
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = cof_text_from(samples[i % 5]);
    const struct cof_bert_options options = {.folder = folder};
    return cof_bert_open(&options, &embedder, NULL) == COF_OK ? 0 : 1;
}

static int close_model(void **state)
{
    cof_embedder_close(embedder);
    tiny_model_destroy(&model);
    temp_dir_remove(folder);
    return 0;
}

static void assert_same(const float *a, const float *b)
{
    for (size_t i = 0; i < HIDDEN; i++)
        assert_true(fabsf(a[i] - b[i]) < 1e-5F);
}

struct ids {
    uint32_t values[64];
    size_t count;
};

static void gather_id(void *context, uint32_t id, size_t begin, size_t end)
{
    struct ids *ids = context;
    (void)begin;
    (void)end;
    ids->values[ids->count++] = id;
}

static void batch__embeds_ids_as_it_embeds_the_text_they_are_of(void **state)
{
    static struct ids ids[COUNT];
    struct cof_token_ids tokens[COUNT];
    float by_text[COUNT * HIDDEN];
    float by_ids[COUNT * HIDDEN];
    size_t text_counts[COUNT];
    size_t id_counts[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        ids[i].count = 0;
        assert_int_equal(cof_embedder_each_token(embedder, texts[i], gather_id, &ids[i], NULL),
                         COF_OK);
        tokens[i] = (struct cof_token_ids){.ids = ids[i].values, .count = ids[i].count};
    }
    assert_int_equal(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, COUNT, NULL, by_text,
                                        text_counts, NULL),
                     COF_OK);
    assert_int_equal(cof_embedder_embed_ids(embedder, tokens, COUNT, NULL, by_ids, id_counts, NULL),
                     COF_OK);
    assert_memory_equal(text_counts, id_counts, sizeof(text_counts));
    for (size_t i = 0; i < COUNT; i++)
        assert_same(by_text + i * HIDDEN, by_ids + i * HIDDEN);
}

static void batch__names_the_id_that_no_model_has(void **state)
{
    const uint32_t good[] = {5, 6};
    const uint32_t bad[] = {5, 6, 100000};
    const struct cof_token_ids tokens[] = {{.ids = good, .count = 2}, {.ids = bad, .count = 3}};
    float vectors[2 * HIDDEN] = {7};
    struct cof_error err = {0};
    assert_int_equal(cof_embedder_embed_ids(embedder, tokens, 2, NULL, vectors, NULL, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "token 2 of text 1 is 100000"));
    assert_true(vectors[0] == 7);
}

static void batch__gives_a_unit_vector_for_every_token(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_token_vectors tokens[COUNT];
    float vectors[COUNT * HIDDEN];
    size_t counts[COUNT];
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, COUNT, NULL, vectors, counts, NULL),
        COF_OK);
    assert_int_equal(cof_embedder_embed_tokens(embedder, COF_EMBED_PASSAGE, texts, COUNT, NULL,
                                               &arena, tokens, NULL),
                     COF_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(tokens[i].count, counts[i]);
        for (size_t j = 0; j < counts[i]; j++) {
            float length = 0;
            for (size_t k = 0; k < HIDDEN; k++)
                length += tokens[i].vectors[j * HIDDEN + k] * tokens[i].vectors[j * HIDDEN + k];
            assert_true(fabsf(length - 1) < 1e-4F);
        }
    }
    /* Alone and in company, row by row. */
    struct cof_token_vectors alone;
    assert_int_equal(cof_embedder_embed_tokens(embedder, COF_EMBED_PASSAGE, &texts[3], 1, NULL,
                                               &arena, &alone, NULL),
                     COF_OK);
    for (size_t j = 0; j < alone.count; j++)
        assert_same(alone.vectors + j * HIDDEN, tokens[3].vectors + j * HIDDEN);
}

static void batch__allocates_nothing_once_it_is_warm(void **state)
{
    float vectors[COUNT * HIDDEN];
    for (size_t round = 0; round < 2; round++) {
        if (round == 1)
            cof_alloc_fail_after(1);
        enum cof_status many = cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, COUNT, NULL,
                                                  vectors, NULL, NULL);
        enum cof_status one =
            cof_embedder_embed(embedder, COF_EMBED_QUERY, &texts[2], 1, NULL, vectors, NULL, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(many, COF_OK);
        assert_int_equal(one, COF_OK);
        assert_int_equal(is_pending, round == 1);
    }
}

static void batch__leaves_the_callers_vectors_alone_when_it_fails(void **state)
{
    struct cof_cancel cancel = {0};
    float vectors[COUNT * HIDDEN] = {7};
    size_t counts[COUNT] = {7};
    cof_cancel_request(&cancel);
    assert_int_equal(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, COUNT, &cancel, vectors,
                                        counts, NULL),
                     COF_CANCELED);
    assert_true(vectors[0] == 7 && counts[0] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__embeds_ids_as_it_embeds_the_text_they_are_of),
        cmocka_unit_test(batch__names_the_id_that_no_model_has),
        cmocka_unit_test(batch__gives_a_unit_vector_for_every_token),
        cmocka_unit_test(batch__allocates_nothing_once_it_is_warm),
        cmocka_unit_test(batch__leaves_the_callers_vectors_alone_when_it_fails),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
