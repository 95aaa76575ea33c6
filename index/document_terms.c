/* Words of a document to weighted term counts: language first, then stems, then sums. */
#include "document_terms.h"

#include <stdlib.h>
#include <string.h>

#include "analyser.h"

/* Words of every chunk, one after the other, with where each chunk's begin. */
struct chunk_words {
    struct cof_word_list words;
    size_t *heading_ends; /* index into words after the chunk's heading */
    size_t *text_ends;
};

/* Multiply and shift over eight bytes at a time (after MurmurHash, public domain); the seed keeps a
 * hostile document from choosing where its terms collide. */
uint64_t cof_term_hash(struct cof_text term, uint64_t seed)
{
    uint64_t hash = seed ^ (term.size * UINT64_C(0x9e3779b97f4a7c15));

    for (size_t i = 0; i < term.size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, term.data + i, term.size - i < 8 ? term.size - i : 8);
        word *= UINT64_C(0x87c37b91114253d5);
        word ^= word >> 47;
        hash = (hash ^ word) * UINT64_C(0x4cf5ad432745937f);
        hash ^= hash >> 29;
    }
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

struct list_maker {
    uint64_t seed;
    enum cof_language language;
    struct cof_stemmers stemmers;
    struct cof_arena *arena;
};

/* Adds the words [begin, end). */
static enum cof_status add_words(struct list_maker *maker, const struct cof_word_list *words,
                                 size_t begin, size_t end, uint32_t weight,
                                 struct cof_term_list *list, struct cof_error *err)
{
    char buffer[COF_MAX_TERM_BYTES];

    for (size_t i = begin; i < end; i++) {
        const struct cof_word *word = &words->items[i];
        struct cof_text term = {0};
        COF_TRY(cof_word_term(word, maker->language, &maker->stemmers, buffer, &term, err));
        uint64_t hash = cof_term_hash(term, maker->seed);
        if (term.data == buffer) {
            term = cof_arena_copy_text(maker->arena, term);
            if (term.data == NULL)
                return COF_FAIL_MEMORY(err);
        }
        list->items[list->count++] =
            (struct cof_term_count){.hash = hash, .text = term, .count = weight};
        if (cof_word_is_counted(word))
            list->length += weight;
    }
    return COF_OK;
}

static int compare_terms(const void *a, const void *b)
{
    const struct cof_term_count *left = a;
    const struct cof_term_count *right = b;

    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return cof_text_compare(left->text, right->text);
}

static void sum_equal_terms(struct cof_term_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    if (list->length == 0)
        list->length = 1; /* 0 is the mark of a deleted chunk */
    qsort(list->items, list->count, sizeof(list->items[0]), compare_terms);
    for (size_t i = 1; i < list->count; i++) {
        if (compare_terms(&list->items[i], &list->items[kept]) == 0)
            list->items[kept].count += list->items[i].count;
        else
            list->items[++kept] = list->items[i];
    }
    list->count = kept + 1;
}

/* `items` has room for every word that will be added. */
static enum cof_status begin_list(struct list_maker *maker, const struct cof_word_list *title,
                                  size_t word_count, struct cof_term_list *out_list,
                                  struct cof_error *err)
{
    struct cof_term_list list = {0};

    list.items = cof_arena_array(maker->arena, title->count + word_count, sizeof(list.items[0]));
    if (list.items == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(add_words(maker, title, 0, title->count, COF_TITLE_WEIGHT, &list, err));
    *out_list = list;
    return COF_OK;
}

static enum cof_status read_chunks(const struct cof_chunk *chunks, size_t chunk_count,
                                   struct cof_arena *arena, struct chunk_words *words,
                                   struct cof_error *err)
{
    words->heading_ends = cof_arena_array(arena, chunk_count, 2 * sizeof(size_t));
    if (words->heading_ends == NULL)
        return COF_FAIL_MEMORY(err);
    words->text_ends = words->heading_ends + chunk_count;
    for (size_t i = 0; i < chunk_count; i++) {
        COF_TRY(cof_words_append(&words->words, chunks[i].heading, arena, err));
        words->heading_ends[i] = words->words.count;
        COF_TRY(cof_words_append(&words->words, chunks[i].text, arena, err));
        words->text_ends[i] = words->words.count;
    }
    return COF_OK;
}

static enum cof_language guess_language(const struct cof_word_list *words)
{
    struct cof_language_votes votes = {0};

    for (size_t i = 0; i < words->count; i++) {
        if (words->items[i].kind == COF_WORD_LATIN)
            cof_language_vote(&votes, words->items[i].text);
    }
    return cof_language_guess(&votes);
}

static enum cof_status make_chunks(struct list_maker *maker, const struct cof_word_list *title,
                                   const struct chunk_words *words,
                                   struct cof_document_terms *terms, struct cof_error *err)
{
    size_t begin = 0;

    for (size_t i = 0; i < terms->chunk_count; i++) {
        struct cof_term_list *list = &terms->chunks[i];
        size_t middle = words->heading_ends[i];
        size_t end = words->text_ends[i];
        COF_TRY(begin_list(maker, title, end - begin, list, err));
        COF_TRY(add_words(maker, &words->words, begin, middle, COF_HEADING_WEIGHT, list, err));
        COF_TRY(add_words(maker, &words->words, middle, end, 1, list, err));
        sum_equal_terms(list);
        begin = end;
    }
    return COF_OK;
}

enum cof_status cof_document_terms_make(struct cof_text title, const struct cof_chunk *chunks,
                                        size_t chunk_count, uint64_t seed, struct cof_arena *arena,
                                        struct cof_document_terms *out_terms, struct cof_error *err)
{
    COF_CLEANUP(cof_words_deinit) struct cof_word_list title_words = {0};
    struct chunk_words words = {0};
    struct list_maker maker = {.seed = seed, .arena = arena};
    struct cof_document_terms terms = {
        .chunks = cof_arena_array(arena, chunk_count, sizeof(terms.chunks[0])),
        .chunk_count = chunk_count,
    };

    if (terms.chunks == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_words_append(&title_words, title, arena, err));
    enum cof_status status = read_chunks(chunks, chunk_count, arena, &words, err);
    if (status == COF_OK) {
        terms.language = guess_language(&words.words);
        maker.language = terms.language;
        status = make_chunks(&maker, &title_words, &words, &terms, err);
    }
    cof_words_deinit(&words.words);
    cof_stemmers_deinit(&maker.stemmers);
    if (status == COF_OK)
        *out_terms = terms;
    return status;
}

enum cof_status cof_title_terms_make(struct cof_text title, enum cof_language language,
                                     uint64_t seed, struct cof_arena *arena,
                                     struct cof_term_list *out_terms, struct cof_error *err)
{
    COF_CLEANUP(cof_words_deinit) struct cof_word_list words = {0};
    struct list_maker maker = {.seed = seed, .language = language, .arena = arena};

    COF_TRY(cof_words_append(&words, title, arena, err));
    struct cof_term_list list = {0};
    enum cof_status status = begin_list(&maker, &words, 0, &list, err);
    cof_stemmers_deinit(&maker.stemmers);
    if (status != COF_OK)
        return status;
    sum_equal_terms(&list);
    *out_terms = list;
    return COF_OK;
}
