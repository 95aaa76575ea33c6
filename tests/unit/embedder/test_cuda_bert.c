/* The whole backend with a device (the double of one): where it computes, and what happens when the
 * device is not there or fails in the middle. */
#include <cof/embedder/bert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_double.h"
#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

enum { TEXTS = 120, TEXT_BYTES = 64, HIDDEN = 16, MAX_TEXT_TOKENS = 64 };

struct fixture {
    char folder[TEMP_DIR_PATH_SIZE];
    struct tiny_model model;
    char bytes[TEXTS][TEXT_BYTES];
    struct cof_text texts[TEXTS];
    float expected[TEXTS * HIDDEN]; /* by the processor */
    float vectors[TEXTS * HIDDEN];
    struct cof_embedder *embedder;
    enum cof_precision precision;
    int notice_count;
    char notice[320];
};

static void remember_notice(void *context, const char *message)
{
    struct fixture *fixture = context;
    fixture->notice_count++;
    (void)snprintf(fixture->notice, sizeof(fixture->notice), "%s", message);
}

static enum cof_status open_on(struct fixture *fixture, enum cof_embed_device device,
                               struct cof_error *err)
{
    const struct cof_bert_options options = {
        .folder = fixture->folder,
        .precision = fixture->precision,
        .device = device,
        .device_memory_bytes = (size_t)40 << 20,
        .notice = remember_notice,
        .notice_context = fixture,
    };
    return cof_bert_open(&options, &fixture->embedder, err);
}

static void close_embedder(struct fixture *fixture)
{
    cof_embedder_close(fixture->embedder);
    fixture->embedder = NULL;
}

static void embed(struct fixture *fixture, enum cof_embed_role role, size_t count, float *vectors)
{
    struct cof_error err = {0};
    memset(vectors, 0, count * HIDDEN * sizeof(*vectors));
    if (cof_embedder_embed(fixture->embedder, role, fixture->texts, count, NULL, vectors, NULL,
                           &err) != COF_OK)
        fail_msg("%s", err.message);
}

static struct fixture *fixture_create(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct seeded_random random;
    cuda_double_reset();
    seeded_random_init(&random, 5);
    temp_dir_create(fixture->folder);
    fixture->model = (struct tiny_model){.hidden_size = HIDDEN,
                                         .head_count = 2,
                                         .intermediate_size = 24,
                                         .layer_count = 1,
                                         .max_positions = MAX_TEXT_TOKENS,
                                         .max_tokens = MAX_TEXT_TOKENS};
    tiny_model_create(&fixture->model, 42);
    tiny_model_write(&fixture->model, fixture->folder);
    for (size_t i = 0; i < TEXTS; i++) {
        size_t size = 1 + seeded_random_below(&random, TEXT_BYTES - 1);
        for (size_t j = 0; j < size; j++)
            fixture->bytes[i][j] =
                j % 2 == 1 ? ' ' : (char)('a' + (char)seeded_random_below(&random, 26));
        fixture->texts[i] = (struct cof_text){.data = fixture->bytes[i], .size = size};
    }
    assert_int_equal(open_on(fixture, COF_EMBED_ON_CPU, NULL), COF_OK);
    embed(fixture, COF_EMBED_PASSAGE, TEXTS, fixture->expected);
    assert_string_equal(fixture->embedder->info.precision, "f32");
    close_embedder(fixture);
    assert_int_equal(fixture->notice_count, 0);
    return fixture;
}

static void fixture_destroy(struct fixture *fixture)
{
    close_embedder(fixture);
    assert_int_equal(cuda_double_object_count(), 0);
    tiny_model_destroy(&fixture->model);
    temp_dir_remove(fixture->folder);
    free(fixture);
}

static void check(const struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double product = 0;
        for (size_t j = 0; j < HIDDEN; j++)
            product += (double)fixture->vectors[i * HIDDEN + j] *
                       (double)fixture->expected[i * HIDDEN + j];
        if (!(product > 0.9999))
            fail_msg("text %zu: cosine %.9f", i, product);
    }
}

static void bert__computes_on_a_device_and_says_so(void **state)
{
    struct fixture *fixture = fixture_create();
    assert_int_equal(open_on(fixture, COF_EMBED_ON_ANY, NULL), COF_OK);
    assert_string_equal(fixture->embedder->info.precision, "f16");
    assert_string_equal(fixture->embedder->info.precision_reason,
                        "computed on Double; the processor has f32 for what that does not take");
    size_t launches = cuda_double_launch_count();
    embed(fixture, COF_EMBED_PASSAGE, TEXTS, fixture->vectors);
    check(fixture, TEXTS);
    assert_true(cuda_double_launch_count() > launches);
    launches = cuda_double_launch_count();
    embed(fixture, COF_EMBED_QUERY, 1, fixture->vectors);
    check(fixture, 1);
    assert_true(cuda_double_launch_count() > launches);
    assert_int_equal(fixture->notice_count, 0);
    fixture_destroy(fixture);
}

static void bert__keeps_to_the_precision_it_was_told(void **state)
{
    struct fixture *fixture = fixture_create();
    fixture->precision = COF_PRECISION_F32;
    assert_int_equal(open_on(fixture, COF_EMBED_ON_ANY, NULL), COF_OK);
    assert_string_equal(fixture->embedder->info.precision, "f32");
    assert_int_equal(cuda_double_object_count(), 0);
    close_embedder(fixture);
    assert_int_equal(open_on(fixture, COF_EMBED_ON_CUDA, NULL), COF_OK);
    assert_string_equal(fixture->embedder->info.precision, "f16");
    fixture_destroy(fixture);
}

static void bert__goes_on_when_the_device_fails(void **state)
{
    struct fixture *fixture = fixture_create();
    assert_int_equal(open_on(fixture, COF_EMBED_ON_CUDA, NULL), COF_OK);
    cuda_double_fail_after(9, true);
    embed(fixture, COF_EMBED_PASSAGE, TEXTS, fixture->vectors);
    check(fixture, TEXTS);
    assert_true(cuda_double_has_failed());
    assert_int_equal(fixture->notice_count, 1);
    assert_memory_equal(fixture->notice, "the processor embeds from now on", 32);
    size_t launches = cuda_double_launch_count();
    embed(fixture, COF_EMBED_PASSAGE, TEXTS, fixture->vectors);
    embed(fixture, COF_EMBED_QUERY, 3, fixture->vectors);
    check(fixture, TEXTS);
    assert_int_equal(cuda_double_launch_count(), launches);
    assert_int_equal(fixture->notice_count, 1);
    fixture_destroy(fixture);
}

static void bert__opens_without_a_device_unless_it_must_have_one(void **state)
{
    struct fixture *fixture = fixture_create();
    struct cof_error err = {0};
    cuda_double_set_free_bytes(0);
    assert_int_equal(open_on(fixture, COF_EMBED_ON_CUDA, &err), COF_UNAVAILABLE);
    assert_string_equal(err.message, "no device: cudaGetDeviceCount: there is none");
    assert_int_equal(fixture->notice_count, 0);
    assert_int_equal(open_on(fixture, COF_EMBED_ON_ANY, NULL), COF_OK);
    assert_int_equal(fixture->notice_count, 1);
    assert_string_equal(fixture->notice,
                        "the processor embeds: no device: cudaGetDeviceCount: there is none");
    assert_string_equal(fixture->embedder->info.precision, "f32");
    embed(fixture, COF_EMBED_PASSAGE, TEXTS, fixture->vectors);
    assert_memory_equal(fixture->vectors, fixture->expected, sizeof(fixture->vectors));
    fixture_destroy(fixture);
}

/* A published model in half precision against the processor's f32, kernels on the double: minutes,
 * so only where COFFER_TEST_CUDA_MODEL names its folder. */
static void bert__agrees_on_a_published_model(void **state)
{
    static const char *const sentences[] = {
        "Staff in Dublin have twenty-five days of annual leave.",
        "The mitochondria is the powerhouse of the cell", "ok",
        "Payment terms follow the invoice; a vendor that is late twice has to explain itself."};
    enum { COUNT = sizeof(sentences) / sizeof(sentences[0]), MAX_SIZE = 1024 };
    const char *folder = getenv("COFFER_TEST_CUDA_MODEL");
    float vectors[2][COUNT * MAX_SIZE];
    struct cof_text texts[COUNT];
    double lowest = 1;
    size_t size = 0;
    if (folder == NULL)
        skip();
    cuda_double_reset();
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = cof_text_from(sentences[i]);
    for (size_t i = 0; i < 2; i++) {
        struct cof_embedder *embedder = NULL;
        const struct cof_bert_options options = {.folder = folder,
                                                 .precision = COF_PRECISION_F32,
                                                 .device =
                                                     i == 0 ? COF_EMBED_ON_CPU : COF_EMBED_ON_CUDA};
        assert_int_equal(cof_bert_open(&options, &embedder, NULL), COF_OK);
        size = embedder->info.dimension;
        assert_true(size <= MAX_SIZE);
        assert_int_equal(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, COUNT, NULL,
                                            vectors[i], NULL, NULL),
                         COF_OK);
        cof_embedder_close(embedder);
    }
    for (size_t i = 0; i < COUNT; i++) {
        double product = 0;
        for (size_t j = 0; j < size; j++)
            product += (double)vectors[0][i * size + j] * (double)vectors[1][i * size + j];
        lowest = product < lowest ? product : lowest;
    }
    print_message("smallest cosine %.8f\n", lowest);
    assert_true(lowest > 0.9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert__computes_on_a_device_and_says_so),
        cmocka_unit_test(bert__keeps_to_the_precision_it_was_told),
        cmocka_unit_test(bert__goes_on_when_the_device_fails),
        cmocka_unit_test(bert__agrees_on_a_published_model),
        cmocka_unit_test(bert__opens_without_a_device_unless_it_must_have_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
