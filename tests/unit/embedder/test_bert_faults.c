/* Model folders with something missing, disagreeing, cut or changed, and memory that runs out. */
#include <cof/embedder/bert.h>

#include <stdio.h>
#include <string.h>

#include "../base/torture.h"
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

static void assert_refused(enum cof_status expected, const char *part)
{
    const struct cof_bert_options options = {.folder = folder};
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_bert_open(&options, &embedder, &err), expected);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, err.message);
    assert_null(embedder);
}

enum { TEXT_COUNT = 50 };

static struct cof_text texts[TEXT_COUNT];

static void make_texts(void)
{
    static const char *const samples[] = {"", "a", "the file is safe.", "bank notes, a note"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        texts[i] = cof_text_from(samples[i % 4]);
}

static void bert__says_which_file_is_missing(void **state)
{
    tiny_model_delete(folder, "model.safetensors");
    assert_refused(COF_NOT_FOUND, "model.safetensors");
    tiny_model_delete(folder, "tokenizer.json");
    assert_refused(COF_NOT_FOUND, "tokenizer.json");
    tiny_model_delete(folder, "config.json");
    assert_refused(COF_NOT_FOUND, "config.json");
    const struct cof_bert_options options = {.folder = "/nonexistent/model"};
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_bert_open(&options, &embedder, &err), COF_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nonexistent/model"));
}

static void bert__refuses_a_broken_sentencepiece_model(void **state)
{
    tiny_model_delete(folder, "tokenizer.json");
    tiny_model_put_text(folder, "sentencepiece.bpe.model", "x");
    assert_refused(COF_CORRUPT, "sentencepiece.bpe.model: ");
}

static void bert__refuses_a_tokenizer_larger_than_the_embeddings(void **state)
{
    model.vocabulary_size--;
    tiny_model_tensor(&model, "embeddings.word_embeddings.weight")->rows--;
    tiny_model_write(&model, folder);
    assert_refused(COF_INVALID, "vocab_size");
}

/* Cuts the weights at many places and flips bytes of the header: an error or a model, never more.
 */
static void bert__survives_weights_cut_or_changed_anywhere(void **state)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    static uint8_t bytes[1 << 20];
    const struct cof_bert_options options = {.folder = folder};
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    assert_true(size > 1000 && size < sizeof(bytes));
    assert_int_equal(fclose(file), 0);
    for (size_t cut = 0; cut < size; cut += cut < 300 ? 37 : size / 23) {
        tiny_model_put(folder, "model.safetensors", bytes, cut);
        assert_refused(COF_CORRUPT, "safetensors");
    }
    struct seeded_random random;
    seeded_random_init(&random, 17);
    for (size_t round = 0; round < 60; round++) {
        struct cof_embedder *embedder = NULL;
        struct cof_error err = {0};
        size_t place = (size_t)seeded_random_below(&random, round < 20 ? 8 : 4000);
        uint8_t before = bytes[place];
        bytes[place] ^= (uint8_t)(1U << seeded_random_below(&random, 8));
        tiny_model_put(folder, "model.safetensors", bytes, size);
        enum cof_status status = cof_bert_open(&options, &embedder, &err);
        assert_true(status == COF_OK || status == COF_INVALID || status == COF_CORRUPT);
        if (status == COF_OK)
            cof_embedder_close(embedder);
        bytes[place] = before;
    }
}

static enum cof_status open_and_close(void *context, struct cof_error *err)
{
    const struct cof_bert_options options = {.folder = folder};
    struct cof_embedder *embedder = NULL;
    COF_TRY(cof_bert_open(&options, &embedder, err));
    cof_embedder_close(embedder);
    return COF_OK;
}

/* From a folder to vectors: an embedder that has computed once allocates no more. */
static enum cof_status embed_some(void *context, struct cof_error *err)
{
    const struct cof_bert_options options = {.folder = folder};
    struct cof_embedder *embedder = NULL;
    float vectors[TEXT_COUNT * 32];
    COF_TRY(cof_bert_open(&options, &embedder, err));
    enum cof_status status = cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, TEXT_COUNT,
                                                NULL, vectors, NULL, err);
    cof_embedder_close(embedder);
    return status;
}

/* One layer and the smallest tokenizer: the others' allocations have their own tests. */
static void bert__survives_every_failed_allocation(void **state)
{
    char vocabulary[1024] = "";
    size_t size = 0;
    for (size_t i = 0; i < TINY_VOCABULARY_COUNT; i++)
        size += (size_t)snprintf(vocabulary + size, sizeof(vocabulary) - size, "%s\n",
                                 TINY_VOCABULARY[i]);
    tiny_model_destroy(&model);
    model = (struct tiny_model){.layer_count = 1};
    tiny_model_create(&model, 7);
    tiny_model_write(&model, folder);
    tiny_model_delete(folder, "tokenizer.json");
    tiny_model_put_text(folder, "vocab.txt", vocabulary);
    tiny_model_put_text(folder, "tokenizer_config.json", "{\"do_lower_case\":false}");
    make_texts();
    long open_count = torture(open_and_close, NULL);
    assert_true(open_count > 40);
    assert_true(torture(embed_some, NULL) > open_count + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bert__says_which_file_is_missing, make_model, remove_model),
        cmocka_unit_test_setup_teardown(bert__refuses_a_broken_sentencepiece_model, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__refuses_a_tokenizer_larger_than_the_embeddings,
                                        make_model, remove_model),
        cmocka_unit_test_setup_teardown(bert__survives_weights_cut_or_changed_anywhere, make_model,
                                        remove_model),
        cmocka_unit_test_setup_teardown(bert__survives_every_failed_allocation, make_model,
                                        remove_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
