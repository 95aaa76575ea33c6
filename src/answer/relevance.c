/* Whether what was found can answer the question at all. */
#include "relevance.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include <cof/base/unicode.h>

#include "refusal.h"
#include "terms.h"

/* How many of the best passages are looked at. */
#define MAX_LOOKED_AT 3
#define MAX_QUESTION_WORDS 64
#define MAX_PASSAGE_WORDS 400
/* Bytes; shorter words are rarely the subject of a question. */
#define MIN_FOREIGN_SIZE 4

/* Floors, set on the `tune` half of the sample questions (docs/answers.md). */
static const float min_coverage = 0.30f;
static const float min_coverage_and_cosine = 0.60f;
static const float min_likeness = 0.52f; /* of a foreign word to the nearest word of the passage */
static const float min_pull = 0.005f;    /* cosine gained by leaving the foreign word out */
/* A compound: at least this much is the passage's word, at least this much is added. */
static const size_t min_compound_part = 5;
static const size_t min_compound_rest = 4;

/* ---- Words as text ---- */

struct words {
    struct cof_arena *arena;
    struct cof_text items[MAX_PASSAGE_WORDS]; /* case-folded */
    size_t count;
    size_t max_count;
};

static bool take_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    struct words *words = context;
    if (is_cjk || word.size < MIN_FOREIGN_SIZE || isdigit((unsigned char)word.data[0]) ||
        cof_text_index_of(word, COF_TEXT("'")) != SIZE_MAX || cof_term_is_function_word(word)) {
        return true;
    }
    for (size_t i = 0; i < words->count; i++) {
        if (cof_text_equal(words->items[i], word)) {
            return true;
        }
    }
    if (words->count == words->max_count) {
        return false;
    }
    words->items[words->count++] = cof_arena_copy_text(words->arena, word);
    return true;
}

/* Distinct content words of four bytes and more, case-folded; no CJK, no numbers. */
static enum cof_status add_words(struct words *words, struct cof_text text, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer folded = {0};
    COF_TRY(cof_unicode_nfkc_casefold(text, &folded, err));
    return cof_unicode_each_word(cof_buffer_text(&folded), take_word, words, err);
}

static enum cof_status add_hit_words(struct words *words, const struct cof_search_hit *hit,
                                     struct cof_error *err)
{
    COF_TRY(add_words(words, hit->document.title, err));
    COF_TRY(add_words(words, hit->chunk.heading, err));
    return add_words(words, hit->chunk.text, err);
}

static size_t common_prefix(struct cof_text a, struct cof_text b)
{
    size_t i = 0;
    while (i < a.size && i < b.size && a.data[i] == b.data[i]) {
        i++;
    }
    return i;
}

/* Inflections of one word: most of the longer one in common, short ends apart. */
static bool is_same_word(struct cof_text a, struct cof_text b)
{
    size_t common = common_prefix(a, b);
    size_t longer = a.size > b.size ? a.size : b.size;
    return common >= MIN_FOREIGN_SIZE && a.size - common <= 3 && b.size - common <= 3 &&
           10 * common >= 6 * longer;
}

static bool has_word(const struct words *words, struct cof_text word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (is_same_word(words->items[i], word)) {
            return true;
        }
    }
    return false;
}

/* ---- Foreign words ---- */

static bool is_compound_of(struct cof_text word, struct cof_text part)
{
    return part.size >= min_compound_part && word.size >= part.size + min_compound_rest &&
           (cof_text_has_prefix(word, part) || cof_text_has_suffix(word, part));
}

static bool is_narrower(const struct words *passage, struct cof_text word)
{
    for (size_t i = 0; i < passage->count; i++) {
        if (is_compound_of(word, passage->items[i])) {
            return true;
        }
    }
    return false;
}

static float dot(const float *a, const float *b, size_t dimension)
{
    float sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* The question without one of its words, compared without case. */
static struct cof_text without_word(struct cof_arena *arena, struct cof_text question,
                                    struct cof_text word)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer folded = {0};
    if (cof_unicode_nfkc_casefold(question, &folded, NULL) != COF_OK) {
        return question;
    }
    struct cof_text text = cof_buffer_text(&folded);
    size_t at = cof_text_index_of(text, word);
    if (at == SIZE_MAX) {
        return question;
    }
    return cof_arena_format(arena, "%.*s%.*s", COF_TEXT_ARG(cof_text_slice(text, 0, at)),
                            COF_TEXT_ARG(cof_text_slice(text, at + word.size, text.size)));
}

struct judging {
    const struct cof_relevance_question *question;
    const struct cof_search_hit *hit;
    const struct words *passage;
    bool understands; /* the embedder's opinion of single words counts in this language */
    struct cof_arena *arena;
    float *vectors; /* of the passage's words; made when first needed */
};

static enum cof_status likeness_of(struct judging *judging, const float *word_vector,
                                   float *out_likeness, struct cof_error *err)
{
    size_t dimension = judging->question->embedder->info.dimension;
    size_t count = judging->passage->count;
    if (judging->vectors == NULL && count > 0) {
        judging->vectors = cof_arena_array(judging->arena, count * dimension, sizeof(float));
        if (judging->vectors == NULL) {
            return COF_FAIL_MEMORY(err);
        }
        COF_TRY(cof_embedder_embed(judging->question->embedder, COF_EMBED_QUERY,
                                   judging->passage->items, count,
                                   judging->question->search->cancel, judging->vectors, NULL, err));
    }
    float best = -1;
    for (size_t i = 0; i < count; i++) {
        float likeness = dot(word_vector, judging->vectors + i * dimension, dimension);
        best = likeness > best ? likeness : best;
    }
    *out_likeness = best;
    return COF_OK;
}

/* Whether the embedder finds nothing like `word` in the passage, and the question nearer to the
 * passage without it. */
static enum cof_status is_off_topic(struct judging *judging, struct cof_text word,
                                    bool *out_is_off_topic, struct cof_error *err)
{
    size_t dimension = judging->question->embedder->info.dimension;
    float *vectors = cof_arena_array(judging->arena, 4 * dimension, sizeof(*vectors));
    struct cof_text passage = cof_arena_format(
        judging->arena, "%.*s\n%.*s\n%.*s", COF_TEXT_ARG(judging->hit->document.title),
        COF_TEXT_ARG(judging->hit->chunk.heading), COF_TEXT_ARG(judging->hit->chunk.text));
    if (vectors == NULL || passage.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    const struct cof_text texts[] = {
        word, judging->question->search->query,
        without_word(judging->arena, judging->question->search->query, word), passage};
    COF_TRY(cof_embedder_embed(judging->question->embedder, COF_EMBED_QUERY, texts, 4,
                               judging->question->search->cancel, vectors, NULL, err));
    const float *passage_vector = vectors + 3 * dimension;
    float pull = dot(vectors + 2 * dimension, passage_vector, dimension) -
                 dot(vectors + dimension, passage_vector, dimension);
    *out_is_off_topic = false;
    if (pull < min_pull) {
        return COF_OK;
    }
    float likeness = 0;
    COF_TRY(likeness_of(judging, vectors, &likeness, err));
    *out_is_off_topic = likeness < min_likeness;
    return COF_OK;
}

/* Whether the word, or another form of it, occurs in anything the caller may read. */
static enum cof_status occurs_anywhere(const struct judging *judging, struct cof_text word,
                                       bool *out_occurs, struct cof_error *err)
{
    struct cof_search_request request = *judging->question->search;
    struct cof_search_result result = {0};
    request.query = word;
    request.mode = COF_SEARCH_LEXICAL;
    request.k = 1;
    request.min_score = 0;
    COF_TRY(cof_search(judging->question->searcher, &request, judging->arena, &result, err));
    *out_occurs = result.hit_count > 0;
    return COF_OK;
}

/* Looks for a foreign word that decides. */
static enum cof_status find_foreign(struct judging *judging, const struct words *asked,
                                    struct cof_text *out_foreign, struct cof_error *err)
{
    for (size_t i = 0; i < asked->count; i++) {
        struct cof_text word = asked->items[i];
        bool occurs = has_word(judging->passage, word);
        if (!occurs) {
            COF_TRY(occurs_anywhere(judging, word, &occurs, err));
        }
        bool decides = !occurs && is_narrower(judging->passage, word);
        if (!occurs && !decides && judging->understands) {
            COF_TRY(is_off_topic(judging, word, &decides, err));
        }
        if (decides) {
            *out_foreign = word;
            return COF_OK;
        }
    }
    return COF_OK;
}

/* ---- Judging ---- */

static float cosine_of(const struct cof_search_hit *hit)
{
    return isnan(hit->vector_score) ? 0 : hit->vector_score;
}

/* Index of the best passage over the floors, SIZE_MAX when there is none. */
static size_t best_passage(const struct cof_search_hit *hits, size_t hit_count)
{
    size_t best = SIZE_MAX;
    float best_sum = 0;
    for (size_t i = 0; i < hit_count && i < MAX_LOOKED_AT; i++) {
        float sum = hits[i].coverage + cosine_of(&hits[i]);
        if (hits[i].coverage >= min_coverage && sum >= min_coverage_and_cosine && sum > best_sum) {
            best = i;
            best_sum = sum;
        }
    }
    return best;
}

static enum cof_status collect(struct cof_arena *arena, size_t max_count, struct words **out_words,
                               struct cof_error *err)
{
    struct words *words = cof_arena_alloc(arena, sizeof(*words));
    if (words == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    words->arena = arena;
    words->max_count = max_count;
    *out_words = words;
    return COF_OK;
}

enum cof_status cof_relevance_judge(const struct cof_relevance_question *question,
                                    struct cof_arena *arena, struct cof_relevance *out_relevance,
                                    struct cof_error *err)
{
    struct cof_relevance relevance = {0};
    if (question->min_score > 0) {
        relevance.is_relevant =
            question->hit_count > 0 && question->hits[0].score >= question->min_score;
        *out_relevance = relevance;
        return COF_OK;
    }
    size_t best = best_passage(question->hits, question->hit_count);
    if (best == SIZE_MAX) {
        *out_relevance = relevance;
        return COF_OK;
    }
    struct words *asked = NULL;
    struct words *passage = NULL;
    COF_TRY(collect(arena, MAX_QUESTION_WORDS, &asked, err));
    COF_TRY(collect(arena, MAX_PASSAGE_WORDS, &passage, err));
    COF_TRY(add_words(asked, question->search->query, err));
    COF_TRY(add_hit_words(passage, &question->hits[best], err));
    struct judging judging = {
        .question = question,
        .hit = &question->hits[best],
        .passage = passage,
        .understands =
            question->embedder != NULL && cof_question_is_english(question->search->query),
        .arena = arena,
    };
    COF_TRY(find_foreign(&judging, asked, &relevance.foreign, err));
    relevance.best = best;
    relevance.is_relevant = relevance.foreign.size == 0;
    *out_relevance = relevance;
    return COF_OK;
}
