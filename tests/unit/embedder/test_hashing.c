/* The model-free backend: what it can know, and what it refuses. */
#include <cof/embedder/hashing.h>

#include <math.h>
#include <string.h>

#include "../base/torture.h"
#include "testing.h"

enum { DIMENSION = 256 };

static float similarity(struct cof_embedder *embedder, const char *a, const char *b)
{
    const struct cof_text texts[] = {cof_text_from(a), cof_text_from(b)};
    float vectors[2 * DIMENSION];
    float product = 0;
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, 2, NULL, vectors, NULL, NULL),
        COF_OK);
    for (size_t i = 0; i < DIMENSION; i++)
        product += vectors[i] * vectors[DIMENSION + i];
    return product;
}

static struct cof_embedder *open_hashing(size_t max_tokens)
{
    struct cof_embedder *embedder = NULL;
    assert_int_equal(cof_hashing_open(DIMENSION, max_tokens, &embedder, NULL), COF_OK);
    return embedder;
}

static void hashing__puts_texts_with_shared_words_near(void **state)
{
    struct cof_embedder *embedder = open_hashing(512);
    float same = similarity(embedder, "The expense report is late", "the EXPENSE report, is late!");
    float near = similarity(embedder, "The expense report is late", "a late expense report");
    float far = similarity(embedder, "The expense report is late", "zebras drink cold water");
    assert_true(fabsf(same - 1) < 1e-5F);
    assert_true(near > 0.5F && near < 0.99F);
    assert_true(fabsf(far) < 0.3F);
    /* parts of words count too */
    assert_true(similarity(embedder, "Kundenvertrag", "Kundenverträge") > 0.2F);
    /* 合同期限 and 合同 */
    assert_true(similarity(embedder, "\xe5\x90\x88\xe5\x90\x8c\xe6\x9c\x9f\xe9\x99\x90",
                           "\xe5\x90\x88\xe5\x90\x8c") > 0.4F);
    cof_embedder_close(embedder);
}

static void hashing__reads_no_further_than_its_limit(void **state)
{
    struct cof_embedder *embedder = open_hashing(2);
    assert_true(fabsf(similarity(embedder, "one two three", "one two four five") - 1) < 1e-5F);
    cof_embedder_close(embedder);
}

static void hashing__refuses_sizes_that_make_no_sense(void **state)
{
    static const size_t sizes[][2] = {{7, 10}, {4097, 10}, {0, 10}, {8, 0}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct cof_embedder *embedder = NULL;
        assert_int_equal(cof_hashing_open(sizes[i][0], sizes[i][1], &embedder, NULL), COF_INVALID);
        assert_null(embedder);
    }
}

static void hashing__fingerprint_follows_its_sizes(void **state)
{
    struct cof_embedder *embedder = open_hashing(10);
    struct cof_embedder *same = open_hashing(10);
    struct cof_embedder *other = open_hashing(11);
    assert_memory_equal(embedder->info.fingerprint, same->info.fingerprint, 32);
    assert_memory_not_equal(embedder->info.fingerprint, other->info.fingerprint, 32);
    assert_string_equal(embedder->info.name, "hashing-256");
    cof_embedder_close(embedder);
    cof_embedder_close(same);
    cof_embedder_close(other);
}

static enum cof_status open_and_embed(void *context, struct cof_error *err)
{
    const struct cof_text text = COF_TEXT("Ein Text \xc3\xa4 with several words");
    struct cof_embedder *embedder = NULL;
    COF_TRY(cof_hashing_open(DIMENSION, 100, &embedder, err));
    enum cof_status status =
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, &text, 1, NULL, context, NULL, err);
    cof_embedder_close(embedder);
    return status;
}

static void hashing__survives_every_failed_allocation(void **state)
{
    float vector[DIMENSION];
    assert_int_equal(open_and_embed(vector, NULL), COF_OK); /* iterators are kept per thread */
    assert_true(torture(open_and_embed, vector) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashing__puts_texts_with_shared_words_near),
        cmocka_unit_test(hashing__reads_no_further_than_its_limit),
        cmocka_unit_test(hashing__refuses_sizes_that_make_no_sense),
        cmocka_unit_test(hashing__fingerprint_follows_its_sizes),
        cmocka_unit_test(hashing__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
