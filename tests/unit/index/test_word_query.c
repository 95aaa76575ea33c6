/* BM25 against plain arithmetic, over segments, deletions, new titles and merges. */
#include "testing.h"

#include <stdlib.h>

#include <cof/base/alloc.h>

#include "word_corpus.h"
#include "word_query.h"

enum { SEED = 99, TEXT_COUNT = 400 };

struct corpus {
    char bodies[TEXT_COUNT][CORPUS_TEXT_SIZE];
    char titles[TEXT_COUNT][CORPUS_TEXT_SIZE];
    struct corpus_text texts[TEXT_COUNT];
};

static struct cof_lexical_index *create(void)
{
    struct cof_lexical_index *index = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_lexical_index_create(SEED, &index, &err), COF_OK);
    return index;
}

static void add(struct cof_lexical_index *index, const char *title, const char *body)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chunk chunk = {.text = cof_text_from(body)};
    struct cof_document_terms terms = {0};
    struct cof_error err = {0};

    assert_int_equal(
        cof_document_terms_make(cof_text_from(title), &chunk, 1, SEED, &arena, &terms, &err),
        COF_OK);
    assert_int_equal(cof_lexical_index_add(index, &terms, &err), COF_OK);
}

static struct corpus *make_corpus(struct seeded_random *random)
{
    struct corpus *corpus = cof_calloc(1, sizeof(*corpus));

    assert_non_null(corpus);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        corpus_write_text(random, corpus->bodies[i]);
        if (seeded_random_below(random, 3) == 0)
            corpus_write_text(random, corpus->titles[i]);
        corpus->texts[i] = corpus_read(corpus->titles[i], corpus->bodies[i]);
    }
    return corpus;
}

/* Runs one query over two segments, [0, split) and [split, TEXT_COUNT), and checks every score, the
 * coverage, and that the best k of each are right. */
static void check_query(const struct corpus *corpus, struct cof_lexical_index *const segments[2],
                        size_t split, const unsigned *words, size_t word_count, size_t k,
                        const struct cof_bitmap *permitted)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_word_query query = {0};
    struct cof_error err = {0};
    char text[CORPUS_TEXT_SIZE] = "";
    uint64_t total = 0;
    uint64_t living = 0;

    for (size_t i = 0; i < word_count; i++)
        (void)snprintf(text + strlen(text), 8, " W%u", words[i]);
    assert_int_equal(cof_word_query_make(cof_text_from(text), 1, SEED, &arena, &query, &err),
                     COF_OK);
    for (size_t s = 0; s < 2; s++) {
        assert_int_equal(cof_word_query_count(&query, segments[s], &arena, &err), COF_OK);
        total += cof_lexical_index_total_length(segments[s]);
    }
    for (size_t i = 0; i < TEXT_COUNT; i++)
        living += !corpus->texts[i].is_deleted;
    cof_word_query_weigh(&query, living, total);
    struct corpus_query oracle = corpus_weigh(corpus->texts, TEXT_COUNT, words, word_count);

    for (size_t s = 0; s < 2; s++) {
        struct cof_word_view view = {0};
        struct cof_neighbor items[TEXT_COUNT];
        struct cof_top top = {.items = items, .capacity = k};
        double scores[TEXT_COUNT] = {0};
        size_t first = s == 0 ? 0 : split;
        size_t count = s == 0 ? split : TEXT_COUNT - split;
        size_t found = 0;

        assert_int_equal(cof_word_view_make(&query, segments[s], &arena, &view, &err), COF_OK);
        for (size_t i = 0; i < count; i++) {
            const struct corpus_text *plain = &corpus->texts[first + i];
            float score = 0;
            float coverage = 0;
            double expected_coverage = 0;
            double expected = corpus_bm25(plain, &oracle, &expected_coverage);
            if (plain->is_deleted)
                continue;
            cof_word_query_score(&query, &view, (uint32_t)i, &score, &coverage);
            assert_true(fabs((double)score - expected) < 1e-3);
            assert_true(fabs((double)coverage - expected_coverage) < 1e-4);
            assert_true(score <= query.greatest_score);
            if (permitted == NULL || cof_bitmap_has(permitted, (uint32_t)i))
                scores[i] = (double)score;
            found += scores[i] > 0;
        }
        assert_int_equal(cof_word_query_search(&query, &view, permitted, &top, &err), COF_OK);
        assert_int_equal(top.count, found < k ? found : k);
        for (size_t i = 0; i < top.count; i++) {
            size_t better = 0;
            for (size_t j = 0; j < count; j++)
                better += scores[j] > (double)items[i].score + 1e-6;
            assert_true(better <= i);
            assert_true(fabs(scores[items[i].ordinal] - (double)items[i].score) < 1e-9);
            if (i > 0 && !(items[i - 1].score > items[i].score))
                assert_true(items[i - 1].ordinal < items[i].ordinal);
        }
    }
}

static void check_queries(const struct corpus *corpus, struct cof_lexical_index *const segments[2],
                          size_t split, struct seeded_random *random)
{
    struct cof_bitmap *permitted = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_bitmap_create(&permitted, &err), COF_OK);
    for (uint32_t i = 0; i < TEXT_COUNT; i += 3)
        cof_bitmap_add(permitted, i);
    for (size_t round = 0; round < 25; round++) {
        unsigned words[CORPUS_MAX_QUERY];
        size_t count = 0;
        size_t wanted = 1 + seeded_random_below(random, CORPUS_MAX_QUERY);
        while (count < wanted) {
            unsigned word = (unsigned)seeded_random_below(random, CORPUS_ASKED);
            bool is_new = true;
            for (size_t i = 0; i < count; i++)
                is_new = is_new && words[i] != word;
            if (is_new)
                words[count++] = word;
        }
        check_query(corpus, segments, split, words, count, 1 + seeded_random_below(random, 20),
                    round % 2 == 0 ? permitted : NULL);
    }
    cof_bitmap_destroy(permitted);
}

static void word_query__scores_as_plain_arithmetic_does(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 7);
    struct corpus *corpus = make_corpus(&random);
    struct cof_lexical_index *segments[2] = {create(), create()};
    enum { SPLIT = 150 };

    for (size_t i = 0; i < TEXT_COUNT; i++)
        add(segments[i < SPLIT ? 0 : 1], corpus->titles[i], corpus->bodies[i]);
    check_queries(corpus, segments, SPLIT, &random);

    /* Deleted chunks leave the scores of the others as if they had never been. */
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (seeded_random_below(&random, 3) != 0)
            continue;
        uint32_t ordinal = (uint32_t)(i < SPLIT ? i : i - SPLIT);
        corpus->texts[i].is_deleted = true;
        cof_lexical_index_remove(segments[i < SPLIT ? 0 : 1], ordinal, ordinal + 1);
    }
    check_queries(corpus, segments, SPLIT, &random);

    cof_lexical_index_destroy(segments[0]);
    cof_lexical_index_destroy(segments[1]);
    cof_free(corpus);
}

static void retitle(struct cof_lexical_index *index, uint32_t ordinal, const char *before,
                    const char *after)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_term_list old_terms = {0};
    struct cof_term_list new_terms = {0};
    struct cof_error err = {0};

    assert_int_equal(cof_title_terms_make(cof_text_from(before), COF_LANGUAGE_NONE, SEED, &arena,
                                          &old_terms, &err),
                     COF_OK);
    assert_int_equal(cof_title_terms_make(cof_text_from(after), COF_LANGUAGE_NONE, SEED, &arena,
                                          &new_terms, &err),
                     COF_OK);
    assert_int_equal(
        cof_lexical_index_retitle(index, ordinal, ordinal + 1, &old_terms, &new_terms, &err),
        COF_OK);
}

static void word_query__follows_new_titles(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 8);
    struct corpus *corpus = make_corpus(&random);
    struct cof_lexical_index *segments[2] = {create(), create()};

    for (size_t i = 0; i < TEXT_COUNT; i++)
        add(segments[0], corpus->titles[i], corpus->bodies[i]);
    for (size_t i = 0; i < TEXT_COUNT; i += 2) {
        char title[CORPUS_TEXT_SIZE];
        corpus_write_text(&random, title);
        retitle(segments[0], (uint32_t)i, corpus->titles[i], title);
        corpus->texts[i] = corpus_read(title, corpus->bodies[i]);
    }
    check_queries(corpus, segments, TEXT_COUNT, &random);
    cof_lexical_index_destroy(segments[0]);
    cof_lexical_index_destroy(segments[1]);
    cof_free(corpus);
}

static void word_query__does_not_notice_a_merge(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 9);
    struct corpus *corpus = make_corpus(&random);
    struct cof_lexical_index *parts[2] = {create(), create()};
    struct cof_lexical_index *segments[2] = {NULL, create()};
    uint32_t ordinals[2][TEXT_COUNT];
    struct cof_error err = {0};
    size_t kept = 0;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t part = i < TEXT_COUNT / 2 ? 0 : 1;
        size_t ordinal = i - part * TEXT_COUNT / 2;
        add(parts[part], corpus->titles[i], corpus->bodies[i]);
        ordinals[part][ordinal] = UINT32_MAX;
        if (i % 5 != 0) {
            corpus->texts[kept] = corpus->texts[i];
            /* Some are deleted after the new ordinals were given out. */
            corpus->texts[kept].is_deleted = i % 7 == 0;
            if (i % 7 == 0)
                cof_lexical_index_remove(parts[part], (uint32_t)ordinal, (uint32_t)ordinal + 1);
            ordinals[part][ordinal] = (uint32_t)kept++;
        }
    }
    /* What the corpus says beyond the kept texts is deleted. */
    for (size_t i = kept; i < TEXT_COUNT; i++)
        corpus->texts[i].is_deleted = true;
    const struct cof_lexical_part sources[2] = {{parts[0], ordinals[0]}, {parts[1], ordinals[1]}};
    assert_int_equal(cof_lexical_index_merge(sources, 2, SEED, &segments[0], &err), COF_OK);
    assert_int_equal(cof_lexical_index_ordinal_count(segments[0]), kept);
    for (size_t i = kept; i < TEXT_COUNT; i++)
        add(segments[1], "", "");
    check_queries(corpus, segments, kept, &random);
    for (size_t i = 0; i < 2; i++) {
        cof_lexical_index_destroy(parts[i]);
        cof_lexical_index_destroy(segments[i]);
    }
    cof_free(corpus);
}

static struct cof_word_query make_query(struct cof_arena *arena, const char *text,
                                        uint32_t languages)
{
    struct cof_word_query query = {0};
    struct cof_error err = {0};

    assert_int_equal(cof_word_query_make(cof_text_from(text), languages, SEED, arena, &query, &err),
                     COF_OK);
    return query;
}

static void word_query__counts_a_repeated_word_once_with_its_number(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_word_query query = make_query(&arena, "report reports REPORT other", 1);

    assert_int_equal(query.word_count, 3);
    assert_int_equal(query.words[0].repeat_count, 2);
    query = make_query(&arena, "report reports REPORT other", 1 << COF_LANGUAGE_ENGLISH);
    assert_int_equal(query.word_count, 2);
    assert_int_equal(query.words[0].repeat_count, 3);
    query = make_query(&arena, "report reports", 1 | 1 << COF_LANGUAGE_ENGLISH);
    assert_int_equal(query.word_count, 2);
    assert_int_equal(query.term_count, 4);
}

static void word_query__keeps_its_limits(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    static char text[65536];
    char *at = text;
    struct cof_error err = {0};
    struct cof_lexical_index *index = create();

    for (unsigned i = 0; i < 5000; i++)
        at += snprintf(at, 12, "q%u ", i);
    add(index, "", "q1 q2 q3 q4 q5");
    for (unsigned i = 0; i < 200; i++) {
        char body[32];
        (void)snprintf(body, sizeof(body), "q%u q1", 100 + i);
        add(index, "", body);
    }
    struct cof_word_query query = make_query(&arena, text, 1);
    assert_int_equal(query.word_count, 1024);
    assert_int_equal(cof_word_query_count(&query, index, &arena, &err), COF_OK);
    cof_word_query_weigh(&query, 201, cof_lexical_index_total_length(index));
    assert_int_equal(query.word_count, COF_MAX_QUERY_WORDS);
    for (size_t i = 0; i < query.word_count; i++)
        assert_int_equal(query.words[i].frequency, 1);
    cof_lexical_index_destroy(index);
}

static void word_query__of_no_words_finds_nothing(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_lexical_index *index = create();
    struct cof_word_query query = make_query(&arena, "?! …", 1);
    struct cof_word_view view = {0};
    struct cof_neighbor items[4];
    struct cof_top top = {.items = items, .capacity = 4};
    struct cof_error err = {0};

    add(index, "", "some words");
    cof_word_query_weigh(&query, 1, 2);
    assert_int_equal(query.word_count, 0);
    assert_int_equal(cof_word_view_make(&query, index, &arena, &view, &err), COF_OK);
    assert_int_equal(cof_word_query_search(&query, &view, NULL, &top, &err), COF_OK);
    assert_int_equal(top.count, 0);
    cof_lexical_index_destroy(index);
}

static size_t find_one(struct cof_lexical_index *index, uint64_t count, const char *text,
                       uint32_t *out_first, float *out_coverage)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_word_query query = make_query(&arena, text, cof_lexical_index_languages(index));
    struct cof_word_view view = {0};
    struct cof_neighbor items[8];
    struct cof_top top = {.items = items, .capacity = 8};
    struct cof_error err = {0};
    float score = 0;

    assert_int_equal(cof_word_query_count(&query, index, &arena, &err), COF_OK);
    cof_word_query_weigh(&query, count, cof_lexical_index_total_length(index));
    assert_int_equal(cof_word_view_make(&query, index, &arena, &view, &err), COF_OK);
    assert_int_equal(cof_word_query_search(&query, &view, NULL, &top, &err), COF_OK);
    if (top.count > 0) {
        *out_first = items[0].ordinal;
        cof_word_query_score(&query, &view, items[0].ordinal, &score, out_coverage);
    }
    return top.count;
}

static void word_query__finds_inflected_words_in_their_language(void **state)
{
    struct cof_lexical_index *index = create();
    uint32_t first = 0;
    float coverage = 0;

    add(index, "", "The policies are reviewed by the board, and those that fail are changed.");
    add(index, "", "Die Verträge sind von der Leitung zu prüfen und werden nicht verlängert.");
    add(index, "", "公司年假规定适用于所有员工");
    add(index, "", "Договоры проверяются отделом");
    assert_int_equal(find_one(index, 4, "reviewing a policy", &first, &coverage), 1);
    assert_int_equal(first, 0);
    assert_int_equal(find_one(index, 4, "Vertrag", &first, &coverage), 1);
    assert_int_equal(first, 1);
    assert_int_equal(find_one(index, 4, "年假", &first, &coverage), 1);
    assert_int_equal(first, 2);
    assert_int_equal(find_one(index, 4, "договор", &first, &coverage), 1);
    assert_int_equal(first, 3);
    assert_true(coverage > 0.999F);
    assert_int_equal(find_one(index, 4, "unseen by anybody", &first, &coverage), 1);
    assert_true(coverage < 0.5F);
    cof_lexical_index_destroy(index);
}

static void word_query__prefers_the_code_that_was_typed(void **state)
{
    struct cof_lexical_index *index = create();
    uint32_t first = 99;
    float coverage = 0;

    add(index, "", "Form B 113 is for room A.");
    add(index, "", "Form A-113/b is for rooms.");
    add(index, "", "Form A-113/c is for rooms, and b.");
    assert_int_equal(find_one(index, 3, "A-113/b", &first, &coverage), 3);
    assert_int_equal(first, 1);
    assert_true(coverage > 0.999F);
    cof_lexical_index_destroy(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_query__scores_as_plain_arithmetic_does),
        cmocka_unit_test(word_query__follows_new_titles),
        cmocka_unit_test(word_query__does_not_notice_a_merge),
        cmocka_unit_test(word_query__counts_a_repeated_word_once_with_its_number),
        cmocka_unit_test(word_query__keeps_its_limits),
        cmocka_unit_test(word_query__of_no_words_finds_nothing),
        cmocka_unit_test(word_query__finds_inflected_words_in_their_language),
        cmocka_unit_test(word_query__prefers_the_code_that_was_typed),
    };

    return cmocka_run_group_tests_name("word_query", tests, NULL, NULL);
}
