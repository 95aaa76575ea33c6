/* Texts to weighted terms. */
#include "testing.h"

#include "analyser.h"
#include "document_terms.h"

enum { SEED = 3 };

static struct cof_document_terms make(struct cof_arena *arena, const char *title,
                                      const struct cof_chunk *chunks, size_t count)
{
    struct cof_document_terms terms = {0};
    struct cof_error err = {0};

    assert_int_equal(
        cof_document_terms_make(cof_text_from(title), chunks, count, SEED, arena, &terms, &err),
        COF_OK);
    assert_int_equal(terms.chunk_count, count);
    return terms;
}

static uint32_t count_of(const struct cof_term_list *list, const char *term)
{
    uint64_t hash = cof_term_hash(cof_text_from(term), SEED);

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].hash == hash && cof_text_equal(list->items[i].text, cof_text_from(term)))
            return list->items[i].count;
    }
    return 0;
}

static void document_terms__weigh_the_fields(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_chunk chunks[] = {
        {.heading = COF_TEXT("x1 > x2"), .text = COF_TEXT("x2 x3 x3 form A-1/b")},
        {.text = COF_TEXT("x9")},
    };
    struct cof_document_terms terms = make(&arena, "x1 x1", chunks, 2);

    assert_int_equal(count_of(&terms.chunks[0], "x1"), 2 * COF_TITLE_WEIGHT + COF_HEADING_WEIGHT);
    assert_int_equal(count_of(&terms.chunks[0], "x2"), COF_HEADING_WEIGHT + 1);
    assert_int_equal(count_of(&terms.chunks[0], "x3"), 2);
    assert_int_equal(count_of(&terms.chunks[0], "a-1/b"), 1);
    assert_int_equal(count_of(&terms.chunks[0], "x9"), 0);
    /* A whole token adds nothing to the length, its three parts do. */
    assert_int_equal(terms.chunks[0].length,
                     2 * COF_TITLE_WEIGHT + 2 * COF_HEADING_WEIGHT + 3 + 1 + 3);
    assert_int_equal(count_of(&terms.chunks[1], "x1"), 2 * COF_TITLE_WEIGHT);
    assert_int_equal(terms.chunks[1].length, 2 * COF_TITLE_WEIGHT + 1);
}

static void document_terms__have_one_language_for_all_chunks(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_chunk chunks[] = {
        {.text = COF_TEXT("The rules of the house are those that were agreed.")},
        {.text = COF_TEXT("policies")},
    };
    struct cof_document_terms terms = make(&arena, "", chunks, 2);
    const char stem[] = {COF_LANGUAGE_ENGLISH, 'p', 'o', 'l', 'i', 'c', 'i', '\0'};

    assert_int_equal(terms.language, COF_LANGUAGE_ENGLISH);
    assert_int_equal(count_of(&terms.chunks[1], stem), 1);
    assert_int_equal(terms.chunks[1].length, 1);
}

static void document_terms__of_a_title_are_what_it_adds(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_chunk chunk = {.text = COF_TEXT("x1")};
    struct cof_document_terms with = make(&arena, "x1 x2 x2", &chunk, 1);
    struct cof_document_terms without = make(&arena, "", &chunk, 1);
    struct cof_term_list title = {0};
    struct cof_error err = {0};

    assert_int_equal(
        cof_title_terms_make(COF_TEXT("x1 x2 x2"), with.language, SEED, &arena, &title, &err),
        COF_OK);
    assert_int_equal(with.chunks[0].length, without.chunks[0].length + title.length);
    assert_int_equal(count_of(&title, "x2"), 2 * COF_TITLE_WEIGHT);
    assert_int_equal(count_of(&with.chunks[0], "x1"), count_of(&title, "x1") + 1);
}

static void document_terms__may_be_none(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_chunk chunk = {.text = COF_TEXT(" … ")};
    struct cof_document_terms terms = make(&arena, "", &chunk, 1);

    assert_int_equal(terms.chunks[0].count, 0);
    assert_int_equal(terms.chunks[0].length, 0);
    (void)make(&arena, "title alone", NULL, 0);
}

static void term_hash__depends_on_seed_and_every_byte(void **state)
{
    char text[40] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct cof_text term = {.data = text, .size = 36};
    uint64_t before = cof_term_hash(term, SEED);

    assert_true(before != cof_term_hash(term, SEED + 1));
    for (size_t i = 0; i < 36; i++) {
        text[i] ^= 1;
        assert_true(before != cof_term_hash(term, SEED));
        text[i] ^= 1;
    }
    assert_true(cof_term_hash(COF_TEXT("a"), SEED) != cof_term_hash(COF_TEXT("a\0"), SEED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_terms__weigh_the_fields),
        cmocka_unit_test(document_terms__have_one_language_for_all_chunks),
        cmocka_unit_test(document_terms__of_a_title_are_what_it_adds),
        cmocka_unit_test(document_terms__may_be_none),
        cmocka_unit_test(term_hash__depends_on_seed_and_every_byte),
    };

    return cmocka_run_group_tests_name("document_terms", tests, NULL, NULL);
}
