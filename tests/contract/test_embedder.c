/* What every backend of the embedder contract does alike: hashing, bert over a small made model,
 * bert over the published model where it is there, and remote, which a server on loopback answers.
 */
#include <cof/embedder/embedder.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/clock.h>
#include <cof/base/pool.h>
#include <cof/embedder/bert.h>
#include <cof/embedder/hashing.h>
#include <cof/embedder/remote.h>

#include "../unit/embedder/http_stub.h"
#include "../unit/embedder/model_folder.h"
#include "../unit/embedder/tiny_model.h"
#include "temp_dir.h"
#include "testing.h"

enum { THREADS = 4, MAX_COUNT = 64 };

/* What the cases run over, filled anew for every group. */
struct backend {
    struct cof_embedder *embedder;
    struct cof_embedder *behind; /* what answers the remote one */
    struct http_stub stub;
    struct cof_pool *pool;
    struct tiny_model model;
    char folder[TEMP_DIR_PATH_SIZE];
};

static struct backend backend;

static const char *const SAMPLES[] = {
    "The file is safe.",
    "",
    "a",
    "\xe5\x90\x88\xe5\x90\x8c\xe6\x96\x87\xe5\xad\x97",
    "\xd8\xa7\xd9\x84\xd8\xb9\xd9\x82\xd8\xaf",
    "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
    "e\xcc\x81 E\xcc\x81 \xcc\x81",
    "\x01\x1b\x7f bad notes",
    "[CLS] note [SEP]",
    " \t\n ",
    "the bank, the bank and the bank again",
};
enum { SAMPLE_COUNT = sizeof(SAMPLES) / sizeof(SAMPLES[0]) };

static void need_ok(enum cof_status status, const struct cof_error *err)
{
    if (status != COF_OK)
        fail_msg("%s", err->message);
}

static float *new_vectors(size_t count)
{
    float *vectors = calloc(count * backend.embedder->info.dimension, sizeof(*vectors));
    assert_non_null(vectors);
    return vectors;
}

static float *embed(const struct cof_text *texts, size_t count, size_t *token_counts)
{
    float *vectors = new_vectors(count);
    struct cof_error err = {0};
    need_ok(cof_embedder_embed(backend.embedder, COF_EMBED_PASSAGE, texts, count, NULL, vectors,
                               token_counts, &err),
            &err);
    return vectors;
}

static double cosine(const float *a, const float *b)
{
    double product = 0;
    for (size_t i = 0; i < backend.embedder->info.dimension; i++)
        product += (double)a[i] * (double)b[i];
    return product;
}

static void sample_texts(struct cof_text texts[SAMPLE_COUNT])
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        texts[i] = cof_text_from(SAMPLES[i]);
}

static void embedder__says_what_it_is(void **state)
{
    const struct cof_embedder_info *info = &backend.embedder->info;
    const uint8_t zeros[32] = {0};
    assert_true(info->name != NULL && info->name[0] != '\0');
    assert_string_equal(info->backend, backend.embedder->ops->name);
    assert_true(info->precision != NULL && info->pooling != NULL);
    assert_true(info->dimension > 0 && info->max_tokens >= 2 && info->max_batch_count > 0);
    assert_memory_not_equal(info->fingerprint, zeros, sizeof(zeros));
}

static void embedder__gives_every_text_a_vector_of_unit_length(void **state)
{
    struct cof_text texts[SAMPLE_COUNT];
    sample_texts(texts);
    float *vectors = embed(texts, SAMPLE_COUNT, NULL);
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        const float *vector = vectors + i * backend.embedder->info.dimension;
        assert_true(fabs(cosine(vector, vector) - 1) < 1e-5);
    }
    free(vectors);
}

static void embedder__gives_a_text_the_same_vector_alone_and_in_company(void **state)
{
    struct cof_text texts[SAMPLE_COUNT];
    size_t dimension = backend.embedder->info.dimension;
    sample_texts(texts);
    float *together = embed(texts, SAMPLE_COUNT, NULL);
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        float *alone = embed(&texts[i], 1, NULL);
        assert_true(cosine(alone, together + i * dimension) > 0.999999);
        free(alone);
    }
    free(together);
}

static void embedder__tells_texts_apart(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("the file is safe"), COF_TEXT("a bad note, a bank"),
                                     COF_TEXT("0101")};
    size_t dimension = backend.embedder->info.dimension;
    float *vectors = embed(texts, 3, NULL);
    assert_true(cosine(vectors, vectors + dimension) < 0.999);
    assert_true(cosine(vectors, vectors + 2 * dimension) < 0.999);
    free(vectors);
}

static void embedder__takes_more_texts_than_a_batch(void **state)
{
    size_t dimension = backend.embedder->info.dimension;
    size_t batch = backend.embedder->info.max_batch_count;
    size_t count = batch < MAX_COUNT ? 2 * batch + 1 : MAX_COUNT;
    struct cof_text *texts = calloc(count, sizeof(*texts));
    assert_non_null(texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = cof_text_from(SAMPLES[i % SAMPLE_COUNT]);
    float *vectors = embed(texts, count, NULL);
    for (size_t i = SAMPLE_COUNT; i < count; i++)
        assert_true(cosine(vectors + i * dimension, vectors + (i - SAMPLE_COUNT) * dimension) >
                    0.999999);
    free(vectors);
    free(texts);
}

static void embedder__cuts_long_texts_at_its_limit(void **state)
{
    enum { WORDS = 10000, WORD_SIZE = 5 };
    static const char words[][WORD_SIZE + 1] = {"bank ", "safe ", "file ", "note "};
    char *bytes = calloc(WORDS, WORD_SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < WORDS; i++)
        memcpy(bytes + i * WORD_SIZE, words[i * i % 7 % 4], WORD_SIZE);
    size_t limit = backend.embedder->info.max_tokens;
    const struct cof_text texts[] = {{.data = bytes, .size = (size_t)WORDS * WORD_SIZE},
                                     {.data = bytes, .size = limit * WORD_SIZE}};
    size_t token_counts[2] = {0};
    size_t whole_count = 0;
    float *vectors = embed(texts, 2, token_counts);
    assert_int_equal(token_counts[0], token_counts[1]);
    assert_true(token_counts[0] > 0 && token_counts[0] <= limit);
    assert_true(cosine(vectors, vectors + backend.embedder->info.dimension) > 0.999999);
    need_ok(cof_embedder_count_tokens(backend.embedder, texts[0], &whole_count, NULL), NULL);
    assert_int_equal(whole_count, WORDS); /* counting does not cut */
    free(vectors);
    free(bytes);
}

struct place_check {
    struct cof_text text;
    size_t last_end;
    size_t count;
};

static void check_place(void *context, uint32_t id, size_t begin, size_t end)
{
    struct place_check *check = context;
    (void)id;
    assert_true(begin >= check->last_end && begin <= end && end <= check->text.size);
    assert_int_equal(cof_utf8_floor(check->text, begin), begin);
    assert_int_equal(cof_utf8_floor(check->text, end), end);
    check->last_end = end;
    check->count++;
}

static void embedder__gives_token_places_in_order_and_as_many_as_it_counts(void **state)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct place_check check = {.text = cof_text_from(SAMPLES[i])};
        size_t count = 0;
        need_ok(cof_embedder_each_token(backend.embedder, check.text, check_place, &check, NULL),
                NULL);
        need_ok(cof_embedder_count_tokens(backend.embedder, check.text, &count, NULL), NULL);
        assert_int_equal(check.count, count);
    }
}

static void embedder__refuses_what_is_not_text(void **state)
{
    static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct cof_text texts[] = {COF_TEXT("good"), cof_text_from(bad[i])};
        struct cof_error err = {0};
        float *vectors = new_vectors(2);
        vectors[0] = 7;
        assert_int_equal(cof_embedder_embed(backend.embedder, COF_EMBED_PASSAGE, texts, 2, NULL,
                                            vectors, NULL, &err),
                         COF_INVALID);
        assert_non_null(strstr(err.message, "text 1"));
        assert_true(vectors[0] == 7);
        free(vectors);
    }
    float *vectors = new_vectors(1);
    assert_int_equal(
        cof_embedder_embed(backend.embedder, COF_EMBED_PASSAGE, NULL, 0, NULL, vectors, NULL, NULL),
        COF_INVALID);
    free(vectors);
}

static void embedder__takes_nul_bytes_for_text(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("a\0b"), COF_TEXT("\0")};
    float *vectors = embed(texts, 2, NULL);
    free(vectors);
}

static void embedder__stops_when_cancelled_or_late(void **state)
{
    struct cof_manual_clock manual = {0};
    const struct cof_clock clock = cof_manual_clock_init(&manual);
    const struct cof_text text = COF_TEXT("a");
    struct cof_cancel cancel = {.deadline_steady_ns = 1, .clock = &clock};
    float *vector = new_vectors(1);
    manual.steady_ns = 2;
    vector[0] = 7;
    assert_int_equal(cof_embedder_embed(backend.embedder, COF_EMBED_QUERY, &text, 1, &cancel,
                                        vector, NULL, NULL),
                     COF_TIMEOUT);
    cof_cancel_request(&cancel);
    assert_int_equal(cof_embedder_embed(backend.embedder, COF_EMBED_QUERY, &text, 1, &cancel,
                                        vector, NULL, NULL),
                     COF_CANCELED);
    assert_true(vector[0] == 7);
    free(vector);
}

struct thread_run {
    const struct cof_text *texts;
    const float *expected;
    size_t index;
};

static void *embed_on_thread(void *argument)
{
    const struct thread_run *run = argument;
    size_t dimension = backend.embedder->info.dimension;
    for (size_t round = 0; round < 4; round++) {
        size_t begin = (run->index + round) % (SAMPLE_COUNT - 4);
        float *vectors = embed(run->texts + begin, 4, NULL);
        for (size_t i = 0; i < 4; i++)
            assert_true(cosine(vectors + i * dimension, run->expected + (begin + i) * dimension) >
                        0.999999);
        free(vectors);
    }
    return NULL;
}

static void embedder__may_be_called_by_many_threads_at_once(void **state)
{
    struct cof_text texts[SAMPLE_COUNT];
    struct thread_run runs[THREADS];
    pthread_t threads[THREADS];
    sample_texts(texts);
    float *expected = embed(texts, SAMPLE_COUNT, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        runs[i] = (struct thread_run){.texts = texts, .expected = expected, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, embed_on_thread, &runs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    free(expected);
}

static int make_pool(void)
{
    const struct cof_pool_options options = {
        .name = "embed", .thread_count = 2, .max_queue_count = 16};
    return cof_pool_create(&options, &backend.pool, NULL) == COF_OK ? 0 : 1;
}

static int open_hashing(void **state)
{
    backend = (struct backend){0};
    return cof_hashing_open(128, 64, &backend.embedder, NULL) == COF_OK ? 0 : 1;
}

static int open_remote(void **state)
{
    backend = (struct backend){0};
    if (cof_hashing_open(128, 64, &backend.behind, NULL) != COF_OK)
        return 1;
    http_stub_start(&backend.stub, http_stub_embed, backend.behind);
    const struct cof_remote_embedder_options options = {
        .base_url = backend.stub.url, .model = "hashing", .max_tokens = 64, .max_batch_count = 8};
    return cof_remote_embedder_open(&options, &backend.embedder, NULL) == COF_OK ? 0 : 1;
}

static int open_tiny(void **state)
{
    backend = (struct backend){0};
    temp_dir_create(backend.folder);
    tiny_model_create(&backend.model, 3);
    tiny_model_write(&backend.model, backend.folder);
    if (make_pool() != 0)
        return 1;
    const struct cof_bert_options options = {
        .folder = backend.folder, .pool = backend.pool, .max_tokens_in_flight = 100};
    return cof_bert_open(&options, &backend.embedder, NULL) == COF_OK ? 0 : 1;
}

static int open_published(void **state)
{
    backend = (struct backend){0};
    if (make_pool() != 0)
        return 1;
    const struct cof_bert_options options = {.folder = model_folder_find(), .pool = backend.pool};
    return cof_bert_open(&options, &backend.embedder, NULL) == COF_OK ? 0 : 1;
}

static int close_backend(void **state)
{
    cof_embedder_close(backend.embedder);
    if (backend.behind != NULL)
        http_stub_stop(&backend.stub);
    cof_embedder_close(backend.behind);
    cof_pool_destroy(backend.pool);
    tiny_model_destroy(&backend.model);
    temp_dir_remove(backend.folder);
    return 0;
}

static int run_over(const char *name, CMFixtureFunction open)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedder__says_what_it_is),
        cmocka_unit_test(embedder__gives_every_text_a_vector_of_unit_length),
        cmocka_unit_test(embedder__gives_a_text_the_same_vector_alone_and_in_company),
        cmocka_unit_test(embedder__tells_texts_apart),
        cmocka_unit_test(embedder__takes_more_texts_than_a_batch),
        cmocka_unit_test(embedder__cuts_long_texts_at_its_limit),
        cmocka_unit_test(embedder__gives_token_places_in_order_and_as_many_as_it_counts),
        cmocka_unit_test(embedder__refuses_what_is_not_text),
        cmocka_unit_test(embedder__takes_nul_bytes_for_text),
        cmocka_unit_test(embedder__stops_when_cancelled_or_late),
        cmocka_unit_test(embedder__may_be_called_by_many_threads_at_once),
    };
    print_message("backend: %s\n", name);
    return cmocka_run_group_tests_name(name, tests, open, close_backend);
}

int main(void)
{
    int failed_count = run_over("hashing", open_hashing);
    failed_count += run_over("remote", open_remote);
    failed_count += run_over("bert, a made model", open_tiny);
    if (model_folder_find() != NULL)
        failed_count += run_over("bert, the published model", open_published);
    return failed_count;
}
