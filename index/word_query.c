/* Making a query of a text, and weighing its words by how rare they are. */
#include "word_query.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "analyser.h"

enum {
    MAX_ANALYSED_WORDS = 1024 /* of a query text; what follows is not looked at */
};

struct query_maker {
    uint64_t seed;
    uint32_t languages;
    struct cof_stemmers stemmers;
    struct cof_arena *arena;
};

static bool has_digit(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9')
            return true;
    }
    return false;
}

static enum cof_status append_term(struct query_maker *maker, struct cof_word_query *query,
                                   const struct cof_word *word, enum cof_language language,
                                   struct cof_error *err)
{
    char buffer[COF_MAX_TERM_BYTES];
    struct cof_text term = {0};

    COF_TRY(cof_word_term(word, language, &maker->stemmers, buffer, &term, err));
    term = cof_arena_copy_text(maker->arena, term);
    if (term.data == NULL)
        return COF_FAIL_MEMORY(err);
    query->terms[query->term_count++] =
        (struct cof_query_term){.text = term, .hash = cof_term_hash(term, maker->seed)};
    return COF_OK;
}

/* The same word again: only its count grows. Words are compared by all of their terms, so that
 * "report" and "reports" are one where every language of the collection makes them one. */
static bool is_repeated(struct cof_word_query *query, const struct cof_query_word *word)
{
    for (size_t i = 0; i < query->word_count; i++) {
        struct cof_query_word *known = &query->words[i];
        size_t equal = 0;
        while (known->term_count == word->term_count && equal < word->term_count &&
               cof_text_equal(query->terms[known->first_term + equal].text,
                              query->terms[word->first_term + equal].text))
            equal++;
        if (equal == word->term_count && known->term_count == word->term_count) {
            known->repeat_count++;
            return true;
        }
    }
    return false;
}

static enum cof_status append_word(struct query_maker *maker, struct cof_word_query *query,
                                   const struct cof_word *word, struct cof_error *err)
{
    struct cof_query_word item = {
        .first_term = query->term_count,
        .repeat_count = 1,
        .is_covered = word->kind != COF_WORD_CODE || has_digit(word->text),
    };

    if (word->kind == COF_WORD_LATIN) {
        for (size_t language = 0; language < COF_LANGUAGE_LATIN_COUNT; language++) {
            if ((maker->languages >> language & 1) != 0)
                COF_TRY(append_term(maker, query, word, (enum cof_language)language, err));
        }
    } else {
        COF_TRY(append_term(maker, query, word, COF_LANGUAGE_NONE, err));
    }
    item.term_count = query->term_count - item.first_term;
    if (is_repeated(query, &item))
        query->term_count = item.first_term;
    else
        query->words[query->word_count++] = item;
    return COF_OK;
}

static enum cof_status append_words(struct query_maker *maker, const struct cof_word_list *words,
                                    struct cof_word_query *query, struct cof_error *err)
{
    size_t count = words->count < MAX_ANALYSED_WORDS ? words->count : MAX_ANALYSED_WORDS;

    query->words = cof_arena_array(maker->arena, count, sizeof(query->words[0]));
    query->terms =
        cof_arena_array(maker->arena, count, COF_LANGUAGE_LATIN_COUNT * sizeof(query->terms[0]));
    if (query->words == NULL || query->terms == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++)
        COF_TRY(append_word(maker, query, &words->items[i], err));
    return COF_OK;
}

enum cof_status cof_word_query_make(struct cof_text text, uint32_t languages, uint64_t seed,
                                    struct cof_arena *arena, struct cof_word_query *out_query,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct query_maker maker = {.seed = seed, .languages = languages, .arena = arena};
    struct cof_word_query query = {0};

    if (languages == 0)
        maker.languages = 1; /* an empty collection: the words as they are, for the coverage */
    COF_TRY(cof_words_append(&words, text, arena, err));
    enum cof_status status = append_words(&maker, &words, &query, err);
    cof_stemmers_deinit(&maker.stemmers);
    if (status == COF_OK)
        *out_query = query;
    return status;
}

enum cof_status cof_word_query_count(struct cof_word_query *query,
                                     const struct cof_lexical_index *index, struct cof_arena *arena,
                                     struct cof_error *err)
{
    struct cof_word_view view = {0};

    COF_TRY(cof_word_view_make(query, index, arena, &view, err));
    assert(view.terms != NULL);
    for (size_t i = 0; i < query->word_count; i++) {
        struct cof_query_word *word = &query->words[i];
        for (size_t j = 0; j < word->term_count; j++) {
            const struct cof_lexical_term *term = view.terms[word->first_term + j];
            if (term != NULL)
                word->frequency += cof_lexical_index_frequency(index, term);
        }
    }
    return COF_OK;
}

/* The rarest first; among equals the order in which they were made. */
static int compare_words(const void *a, const void *b)
{
    const struct cof_query_word *left = a;
    const struct cof_query_word *right = b;

    if (left->frequency != right->frequency)
        return left->frequency < right->frequency ? -1 : 1;
    return (left->first_term > right->first_term) - (left->first_term < right->first_term);
}

float cof_word_query_norm(const struct cof_word_query *query, uint32_t length)
{
    float share = (float)length / query->average_length;

    return COF_BM25_K1 * (1 - COF_BM25_B + COF_BM25_B * share);
}

float cof_query_word_greatest_score(const struct cof_query_word *word)
{
    return (float)word->repeat_count * word->idf * (COF_BM25_K1 + 1);
}

/* Words that no chunk holds can add nothing to a score: they stay in the coverage only. Of the
 * others the rarest are kept. */
static void drop_useless_words(struct cof_word_query *query)
{
    size_t kept = 0;

    for (size_t i = 0; i < query->word_count && kept < COF_MAX_QUERY_WORDS; i++) {
        const struct cof_query_word *word = &query->words[i];
        query->greatest_score += cof_query_word_greatest_score(word);
        if (word->is_covered)
            query->covered_idf += word->idf;
        if (word->frequency > 0)
            query->words[kept++] = *word;
    }
    query->word_count = kept;
}

void cof_word_query_weigh(struct cof_word_query *query, uint64_t chunk_count, uint64_t total_length)
{
    double count = (double)chunk_count;

    for (size_t i = 0; i < query->word_count; i++) {
        double frequency = (double)query->words[i].frequency;
        query->words[i].idf = (float)log1p((count - frequency + 0.5) / (frequency + 0.5));
    }
    qsort(query->words, query->word_count, sizeof(query->words[0]), compare_words);
    drop_useless_words(query);
    query->average_length = chunk_count > 0 ? (float)((double)total_length / count) : 1;
    if (query->average_length < 1)
        query->average_length = 1;
    for (uint32_t length = 0; length < COF_NORM_COUNT; length++)
        query->norms[length] = cof_word_query_norm(query, length);
}

enum cof_status cof_word_view_make(const struct cof_word_query *query,
                                   const struct cof_lexical_index *index, struct cof_arena *arena,
                                   struct cof_word_view *out_view, struct cof_error *err)
{
    const struct cof_lexical_term **terms =
        cof_arena_array(arena, query->term_count, sizeof(const struct cof_lexical_term *));

    if (terms == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < query->term_count; i++)
        terms[i] = cof_lexical_index_find(index, query->terms[i].text, query->terms[i].hash);
    *out_view = (struct cof_word_view){.index = index, .terms = terms};
    return COF_OK;
}
