/* The backend over a small model folder: identity, slices and groups, threads. */
#include <cof/embedder/bert.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

static char folder[TEMP_DIR_PATH_SIZE];
static struct tiny_model model;

static int make_model(void **state)
{
    temp_dir_create(folder);
    model = (struct tiny_model){0};
    tiny_model_create(&model, 7);
    tiny_model_write(&model, folder);
    return 0;
}

static int remove_model(void **state)
{
    tiny_model_destroy(&model);
    temp_dir_remove(folder);
    return 0;
}

static struct cof_embedder *open_with(const struct cof_bert_options *options)
{
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    if (cof_bert_open(options, &embedder, &err) != COF_OK)
        fail_msg("%s", err.message);
    return embedder;
}

static struct cof_embedder *open_plain(void)
{
    return open_with(&(struct cof_bert_options){.folder = folder});
}

enum { TEXT_COUNT = 300, MAX_TEXT = 200 };

static char text_bytes[TEXT_COUNT][MAX_TEXT];
static struct cof_text texts[TEXT_COUNT];

/* Texts of very different lengths over the tiny vocabulary's letters. */
static void make_texts(void)
{
    struct seeded_random random;
    seeded_random_init(&random, 13);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t limit = i % 10 == 0 ? MAX_TEXT : 30;
        size_t size = (size_t)seeded_random_below(&random, limit);
        for (size_t j = 0; j < size; j++)
            text_bytes[i][j] = "abcdef  the .01"[seeded_random_below(&random, 15)];
        texts[i] = (struct cof_text){.data = text_bytes[i], .size = size};
    }
}

static float *embed_all(struct cof_embedder *embedder, size_t *token_counts)
{
    float *vectors = calloc(TEXT_COUNT * embedder->info.dimension, sizeof(*vectors));
    struct cof_error err = {0};
    assert_non_null(vectors);
    if (cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, TEXT_COUNT, NULL, vectors,
                           token_counts, &err) != COF_OK)
        fail_msg("%s", err.message);
    return vectors;
}

static void assert_same_vectors(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(fabsf(a[i] - b[i]) < 1e-5F);
}

static void bert__says_what_it_is(void **state)
{
    struct cof_embedder *embedder = open_plain();
    const char *slash = strrchr(folder, '/');
    assert_string_equal(embedder->info.name, slash + 1);
    assert_string_equal(embedder->info.backend, "bert");
    assert_string_equal(embedder->info.precision, "f32");
    assert_string_equal(embedder->info.pooling, "mean");
    assert_int_equal(embedder->info.dimension, 32);
    assert_int_equal(embedder->info.max_tokens, 24);
    assert_int_equal(embedder->info.max_batch_count, 2048);
    cof_embedder_close(embedder);

    char with_slash[TEMP_DIR_PATH_SIZE + 2];
    (void)snprintf(with_slash, sizeof(with_slash), "%s/", folder);
    embedder = open_with(&(struct cof_bert_options){.folder = with_slash, .max_batch_count = 3});
    assert_string_equal(embedder->info.name, slash + 1);
    assert_int_equal(embedder->info.max_batch_count, 3);
    cof_embedder_close(embedder);
    embedder = open_with(&(struct cof_bert_options){.folder = folder, .name = "mine"});
    assert_string_equal(embedder->info.name, "mine");
    cof_embedder_close(embedder);
}

static void bert__agrees_with_the_formulas_from_text_to_vector(void **state)
{
    const struct cof_text text = COF_TEXT("the file, b!");
    const uint32_t ids[] = {2, 30, 31, 38, 6, 39, 3};
    struct cof_embedder *embedder = open_plain();
    float vector[32];
    double expected[32];
    size_t token_count = 0;
    double product = 0;
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, &text, 1, NULL, vector, &token_count, NULL),
        COF_OK);
    assert_int_equal(token_count, 7);
    tiny_model_embed(&model, ids, 7, expected);
    for (size_t i = 0; i < 32; i++)
        product += (double)vector[i] * expected[i];
    assert_true(product > 0.9999999);
    cof_embedder_close(embedder);
}

static void bert__opens_an_xlm_roberta(void **state)
{
    const struct cof_text text = COF_TEXT("the bank keeps Q");
    const uint32_t ids[] = {0, 4, 6, 49, 55, 3, 2};
    struct tiny_model other = {.is_xlm_roberta = true, .prefix = "roberta."};
    char place[TEMP_DIR_PATH_SIZE];
    temp_dir_create(place);
    tiny_model_create(&other, 8);
    tiny_model_write(&other, place);
    struct cof_embedder *embedder = open_with(&(struct cof_bert_options){.folder = place});
    float vector[32];
    double expected[32];
    size_t token_count = 0;
    double product = 0;
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_QUERY, &text, 1, NULL, vector, &token_count, NULL),
        COF_OK);
    assert_int_equal(token_count, 7);
    assert_int_equal(cof_embedder_count_tokens(embedder, text, &token_count, NULL), COF_OK);
    assert_int_equal(token_count, 5);
    tiny_model_embed(&other, ids, 7, expected);
    for (size_t i = 0; i < 32; i++)
        product += (double)vector[i] * expected[i];
    assert_true(product > 0.9999999);
    cof_embedder_close(embedder);
    tiny_model_destroy(&other);
    temp_dir_remove(place);
}

static void bert__cuts_vectors_to_the_dimension_asked_for(void **state)
{
    enum { CUT = 12 };
    const struct cof_text some[] = {COF_TEXT("the file, b!"), COF_TEXT("a"), COF_TEXT("")};
    struct cof_embedder *plain = open_plain();
    struct cof_embedder *cut =
        open_with(&(struct cof_bert_options){.folder = folder, .dimension = CUT});
    struct cof_embedder *whole =
        open_with(&(struct cof_bert_options){.folder = folder, .dimension = 32});
    float expected[3 * 32];
    float vectors[3 * CUT + 1];
    assert_int_equal(cut->info.dimension, CUT);
    assert_memory_not_equal(cut->info.fingerprint, plain->info.fingerprint, 32);
    assert_memory_equal(whole->info.fingerprint, plain->info.fingerprint, 32);
    assert_int_equal(
        cof_embedder_embed(plain, COF_EMBED_PASSAGE, some, 3, NULL, expected, NULL, NULL), COF_OK);
    for (size_t count = 1; count <= 3; count++) {
        vectors[count * CUT] = 4711;
        assert_int_equal(
            cof_embedder_embed(cut, COF_EMBED_PASSAGE, some, count, NULL, vectors, NULL, NULL),
            COF_OK);
        assert_true(vectors[count * CUT] == 4711);
        for (size_t i = 0; i < count; i++) {
            double length = 0;
            for (size_t j = 0; j < CUT; j++)
                length += (double)expected[i * 32 + j] * (double)expected[i * 32 + j];
            for (size_t j = 0; j < CUT; j++)
                assert_true(fabs((double)vectors[i * CUT + j] -
                                 (double)expected[i * 32 + j] / sqrt(length)) < 1e-5);
        }
    }
    cof_embedder_close(plain);
    cof_embedder_close(cut);
    cof_embedder_close(whole);
}

static void bert__refuses_a_dimension_over_the_models(void **state)
{
    const struct cof_bert_options options = {.folder = folder, .dimension = 33};
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_bert_open(&options, &embedder, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "the model gives 32"));
}

static void bert__gives_the_same_vectors_however_work_is_cut(void **state)
{
    static const size_t in_flight[] = {1, 25, 70, 400, 0};
    struct cof_embedder *embedder = open_plain();
    size_t plain_counts[TEXT_COUNT];
    make_texts();
    float *plain = embed_all(embedder, plain_counts);
    cof_embedder_close(embedder);
    for (size_t threads = 0; threads < 4; threads += 3) {
        struct cof_pool *pool = NULL;
        const struct cof_pool_options pool_options = {
            .name = "t", .thread_count = threads, .max_queue_count = 16};
        assert_int_equal(cof_pool_create(&pool_options, &pool, NULL), COF_OK);
        for (size_t i = 0; i < sizeof(in_flight) / sizeof(in_flight[0]); i++) {
            size_t counts[TEXT_COUNT];
            embedder = open_with(&(struct cof_bert_options){
                .folder = folder, .pool = pool, .max_tokens_in_flight = in_flight[i]});
            float *vectors = embed_all(embedder, counts);
            assert_same_vectors(plain, vectors, TEXT_COUNT * embedder->info.dimension);
            assert_memory_equal(counts, plain_counts, sizeof(counts));
            free(vectors);
            cof_embedder_close(embedder);
        }
        cof_pool_destroy(pool);
    }
    free(plain);
}

struct thread_run {
    struct cof_embedder *embedder;
    const float *expected;
};

static void *embed_many(void *argument)
{
    const struct thread_run *run = argument;
    for (size_t round = 0; round < 3; round++) {
        float *vectors = embed_all(run->embedder, NULL);
        assert_same_vectors(run->expected, vectors, TEXT_COUNT * run->embedder->info.dimension);
        free(vectors);
    }
    return NULL;
}

static void bert__is_called_from_many_threads_at_once(void **state)
{
    enum { THREADS = 4 };
    struct cof_pool *pool = NULL;
    const struct cof_pool_options pool_options = {
        .name = "t", .thread_count = 2, .max_queue_count = 16};
    pthread_t threads[THREADS];
    assert_int_equal(cof_pool_create(&pool_options, &pool, NULL), COF_OK);
    struct cof_embedder *embedder = open_with(
        &(struct cof_bert_options){.folder = folder, .pool = pool, .max_tokens_in_flight = 500});
    make_texts();
    float *expected = embed_all(embedder, NULL);
    struct thread_run run = {.embedder = embedder, .expected = expected};
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, embed_many, &run), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    free(expected);
    cof_embedder_close(embedder);
    cof_pool_destroy(pool);
}

static void bert__prefixes_what_the_model_says(void **state)
{
    const struct cof_text bare = COF_TEXT("safe");
    const struct cof_text prefixed = COF_TEXT("the: safe");
    float plain[32];
    float query[32];
    float by_hand[32];
    struct cof_embedder *embedder = open_plain();
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_QUERY, &bare, 1, NULL, plain, NULL, NULL), COF_OK);
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, &prefixed, 1, NULL, by_hand, NULL, NULL),
        COF_OK);
    cof_embedder_close(embedder);
    tiny_model_put_text(folder, "config_sentence_transformers.json",
                        "{\"prompts\":{\"query\":\"the: \"}}");
    embedder = open_plain();
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_QUERY, &bare, 1, NULL, query, NULL, NULL), COF_OK);
    assert_same_vectors(query, by_hand, 32);
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, &bare, 1, NULL, query, NULL, NULL), COF_OK);
    assert_same_vectors(query, plain, 32);
    cof_embedder_close(embedder);
}

static void assert_fingerprint_differs(const uint8_t before[32])
{
    struct cof_embedder *embedder = open_plain();
    assert_memory_not_equal(embedder->info.fingerprint, before, 32);
    cof_embedder_close(embedder);
}

static void bert__fingerprint_follows_everything_that_changes_vectors(void **state)
{
    uint8_t before[32];
    const uint8_t digest[32] = {1, 2, 3};
    struct cof_embedder *embedder = open_plain();
    memcpy(before, embedder->info.fingerprint, sizeof(before));
    cof_embedder_close(embedder);
    embedder = open_with(
        &(struct cof_bert_options){.folder = folder, .name = "other", .max_batch_count = 5});
    assert_memory_equal(embedder->info.fingerprint, before, 32);
    cof_embedder_close(embedder);
    embedder = open_with(&(struct cof_bert_options){.folder = folder, .weights_sha256 = digest});
    assert_memory_not_equal(embedder->info.fingerprint, before, 32);
    cof_embedder_close(embedder);

    tiny_model_put_text(folder, "sentence_bert_config.json", "{\"max_seq_length\":25}");
    assert_fingerprint_differs(before);
    tiny_model_write(&model, folder);
    tiny_model_put_text(folder, "1_Pooling/config.json", "{\"pooling_mode_cls_token\":true}");
    assert_fingerprint_differs(before);
    tiny_model_write(&model, folder);
    tiny_model_tensor(&model, "embeddings.LayerNorm.bias")->values[0] += 1;
    tiny_model_write(&model, folder);
    assert_fingerprint_differs(before);
    tiny_model_tensor(&model, "embeddings.LayerNorm.bias")->values[0] -= 1;
    tiny_model_put_text(folder, "config_sentence_transformers.json",
                        "{\"prompts\":{\"query\":\"a\"}}");
    assert_fingerprint_differs(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bert__says_what_it_is, make_model, remove_model),
        cmocka_unit_test_setup_teardown(bert__agrees_with_the_formulas_from_text_to_vector,
                                        make_model, remove_model),
        cmocka_unit_test(bert__opens_an_xlm_roberta),
        cmocka_unit_test_setup_teardown(bert__cuts_vectors_to_the_dimension_asked_for, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__refuses_a_dimension_over_the_models, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__gives_the_same_vectors_however_work_is_cut,
                                        make_model, remove_model),
        cmocka_unit_test_setup_teardown(bert__is_called_from_many_threads_at_once, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__prefixes_what_the_model_says, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__fingerprint_follows_everything_that_changes_vectors,
                                        make_model, remove_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
