/* Whether what was found can answer the question at all. */
#include "relevance.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include <cof/base/unicode.h>

#include "question_words.h"
#include "refusal.h"
#include "terms.h"

/* How many of the best passages are looked at. */
#define MAX_LOOKED_AT 3
#define MAX_PASSAGE_WORDS 400
#define MAX_WINDOWS 64
/* Bytes; shorter words are rarely the subject of a question. */
#define MIN_COMPARED_SIZE 4

/* Floors: where 97 of 100 answerable questions of XQuAD stay, checked on the `tune` half of the
 * sample questions (docs/answers.md). */
static const float min_closeness = 0.65f; /* where the embedder's opinion counts */
static const float min_coverage = 0.24f;  /* where only words count */
static const float min_likeness = 0.55f;  /* of a missing word to the nearest word of the passage */
/* A compound: at least this much is the passage's word, at least this much is added. */
static const size_t min_compound_part = 5;
static const size_t min_compound_rest = 4;

/* ---- The passage ---- */

/* The passage that is judged: as a whole, by pairs of sentences, by words. */
struct passage {
    struct cof_arena *arena;
    const struct cof_search_hit *hit;
    struct cof_text text; /* title, heading and text */
    struct cof_terms terms;
    struct cof_text sentences[MAX_WINDOWS];
    size_t sentence_count;
    struct cof_text windows[MAX_WINDOWS]; /* a sentence with the next one */
    struct cof_text words[MAX_PASSAGE_WORDS];
    size_t word_count;
};

static bool take_sentence(void *context, struct cof_text sentence, size_t offset)
{
    (void)offset;
    struct passage *passage = context;
    if (passage->sentence_count == MAX_WINDOWS) {
        return false;
    }
    if (cof_text_trim(sentence).size > 0) {
        passage->sentences[passage->sentence_count++] = sentence;
    }
    return true;
}

/* Words that can be compared one by one: no CJK, no numbers, no function words. */
static bool is_comparable(struct cof_text word)
{
    return word.size >= MIN_COMPARED_SIZE && !isdigit((unsigned char)word.data[0]) &&
           cof_text_index_of(word, COF_TEXT("'")) == SIZE_MAX && !cof_term_is_function_word(word);
}

static bool take_passage_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    struct passage *passage = context;
    if (is_cjk || !is_comparable(word)) {
        return true;
    }
    for (size_t i = 0; i < passage->word_count; i++) {
        if (cof_text_equal(passage->words[i], word)) {
            return true;
        }
    }
    if (passage->word_count == MAX_PASSAGE_WORDS) {
        return false;
    }
    passage->words[passage->word_count++] = cof_arena_copy_text(passage->arena, word);
    return true;
}

static enum cof_status read_passage(const struct cof_search_hit *hit, struct cof_arena *arena,
                                    struct passage *passage, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer folded = {0};
    passage->arena = arena;
    passage->hit = hit;
    passage->text =
        cof_arena_format(arena, "%.*s\n%.*s\n%.*s", COF_TEXT_ARG(hit->document.title),
                         COF_TEXT_ARG(hit->chunk.heading), COF_TEXT_ARG(hit->chunk.text));
    if (passage->text.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    COF_TRY(cof_terms_make(passage->text, arena, &passage->terms, err));
    COF_TRY(cof_unicode_each_sentence(hit->chunk.text, take_sentence, passage, err));
    for (size_t i = 0; i < passage->sentence_count; i++) {
        struct cof_text first = passage->sentences[i];
        struct cof_text last = passage->sentences[i + 1 < passage->sentence_count ? i + 1 : i];
        passage->windows[i] = (struct cof_text){
            .data = first.data, .size = (size_t)(last.data + last.size - first.data)};
    }
    COF_TRY(cof_unicode_nfkc_casefold(passage->text, &folded, err));
    return cof_unicode_each_word(cof_buffer_text(&folded), take_passage_word, passage, err);
}

/* The greatest share of the question's weight that one window has, under title and heading. */
static enum cof_status window_coverage(const struct cof_question_words *asked,
                                       const struct passage *passage, float *out_coverage,
                                       struct cof_error *err)
{
    float best = 0;
    for (size_t i = 0; i < passage->sentence_count; i++) {
        struct cof_terms terms = {0};
        COF_TRY(cof_terms_make(passage->windows[i], passage->arena, &terms, err));
        best = fmaxf(best, cof_question_words_coverage(asked, &terms));
    }
    *out_coverage = best;
    return COF_OK;
}

/* ---- What the embedder says ---- */

static float dot(const float *a, const float *b, size_t dimension)
{
    float sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Of each text its greatest cosine with one of the others. */
static enum cof_status nearest(const struct cof_relevance_question *question,
                               struct cof_arena *arena, const struct cof_text *texts, size_t count,
                               const struct cof_text *others, size_t other_count,
                               float *out_cosines, struct cof_error *err)
{
    size_t dimension = question->embedder->info.dimension;
    float *vectors = cof_arena_array(arena, (count + other_count) * dimension, sizeof(*vectors));
    if (vectors == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    memset(out_cosines, 0, count * sizeof(*out_cosines));
    if (count == 0 || other_count == 0) {
        return COF_OK;
    }
    float *other_vectors = vectors + count * dimension;
    COF_TRY(cof_embedder_embed(question->embedder, COF_EMBED_QUERY, texts, count,
                               question->search->cancel, vectors, NULL, err));
    COF_TRY(cof_embedder_embed(question->embedder, COF_EMBED_PASSAGE, others, other_count,
                               question->search->cancel, other_vectors, NULL, err));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < other_count; j++) {
            out_cosines[i] = fmaxf(out_cosines[i], dot(vectors + i * dimension,
                                                       other_vectors + j * dimension, dimension));
        }
    }
    return COF_OK;
}

/* Share of the question's weight in words that the passage neither has nor has anything like. */
static enum cof_status missing_share(const struct cof_relevance_question *question,
                                     const struct cof_question_words *asked,
                                     const struct passage *passage, float *out_share,
                                     struct cof_error *err)
{
    struct cof_text words[COF_MAX_QUESTION_WORDS] = {{0}};
    float weights[COF_MAX_QUESTION_WORDS] = {0};
    float likeness[COF_MAX_QUESTION_WORDS] = {0};
    float missing = 0;
    size_t count = 0;
    for (size_t i = 0; i < asked->count; i++) {
        if (!asked->is_cjk[i] && !cof_terms_has(&passage->terms, asked->hashes[i])) {
            words[count] = asked->words[i];
            weights[count++] = asked->weights[i].weight;
        }
    }
    COF_TRY(nearest(question, passage->arena, words, count, passage->words, passage->word_count,
                    likeness, err));
    for (size_t i = 0; i < count; i++) {
        missing += likeness[i] < min_likeness ? weights[i] : 0;
    }
    *out_share = asked->total_weight > 0 ? missing / asked->total_weight : 0;
    return COF_OK;
}

/* ---- Compounds ---- */

static bool is_compound_of(struct cof_text word, struct cof_text part)
{
    return part.size >= min_compound_part && word.size >= part.size + min_compound_rest &&
           (cof_text_has_prefix(word, part) || cof_text_has_suffix(word, part));
}

/* Whether a word of the question names something narrower than a word of the passage, and stands
 * nowhere in the collections. */
static bool names_narrower(const struct cof_question_words *asked, const struct passage *passage)
{
    for (size_t i = 0; i < asked->count; i++) {
        for (size_t j = 0; !asked->weights[i].occurs && j < passage->word_count; j++) {
            if (is_compound_of(asked->words[i], passage->words[j])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Judging ---- */

static float cosine_of(const struct cof_search_hit *hit)
{
    return isnan(hit->vector_score) ? 0 : hit->vector_score;
}

static size_t best_passage(const struct cof_search_hit *hits, size_t hit_count)
{
    size_t best = 0;
    for (size_t i = 1; i < hit_count && i < MAX_LOOKED_AT; i++) {
        if (hits[i].coverage + cosine_of(&hits[i]) > hits[best].coverage + cosine_of(&hits[best])) {
            best = i;
        }
    }
    return best;
}

/* Whether the embedder's opinion counts: there is one, and it understands the language. */
static bool can_compare(const struct cof_relevance_question *question)
{
    return question->embedder != NULL && cof_question_is_english(question->search->query);
}

/* How near the passage and its best window are to the question, by words and by meaning, less half
 * of what is missing. */
static enum cof_status closeness_of(const struct cof_relevance_question *question,
                                    const struct cof_question_words *asked,
                                    const struct passage *passage, float coverage,
                                    float *out_closeness, struct cof_error *err)
{
    float window_cosine = 0;
    float missing = 0;
    COF_TRY(nearest(question, passage->arena, &question->search->query, 1, passage->windows,
                    passage->sentence_count, &window_cosine, err));
    COF_TRY(missing_share(question, asked, passage, &missing, err));
    *out_closeness = coverage + (cosine_of(passage->hit) + window_cosine - missing) / 2;
    return COF_OK;
}

static enum cof_status judge_passage(const struct cof_relevance_question *question,
                                     struct passage *passage, struct cof_relevance *relevance,
                                     struct cof_error *err)
{
    struct cof_question_words *asked = cof_arena_alloc(passage->arena, sizeof(*asked));
    float best_window = 0;
    if (asked == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    COF_TRY(
        cof_question_words_make(question->search, question->searcher, passage->arena, asked, err));
    if (names_narrower(asked, passage)) {
        return COF_OK;
    }
    COF_TRY(window_coverage(asked, passage, &best_window, err));
    float passage_coverage = cof_question_words_coverage(asked, &passage->terms);
    if (!can_compare(question)) {
        /* The index has stems for what the light cutting of terms misses. */
        float coverage = (passage->hit->coverage + passage_coverage + best_window) / 3;
        relevance->is_relevant = coverage >= min_coverage;
        return COF_OK;
    }
    float coverage = (passage_coverage + best_window) / 2;
    float closeness = 0;
    COF_TRY(closeness_of(question, asked, passage, coverage, &closeness, err));
    relevance->is_relevant = closeness >= min_closeness;
    return COF_OK;
}

enum cof_status cof_relevance_judge(const struct cof_relevance_question *question,
                                    struct cof_arena *arena, struct cof_relevance *out_relevance,
                                    struct cof_error *err)
{
    struct cof_relevance relevance = {0};
    if (question->hit_count == 0 || question->min_score > 0) {
        relevance.is_relevant =
            question->hit_count > 0 && question->hits[0].score >= question->min_score;
        *out_relevance = relevance;
        return COF_OK;
    }
    struct passage *passage = cof_arena_alloc(arena, sizeof(*passage));
    if (passage == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    relevance.best = best_passage(question->hits, question->hit_count);
    COF_TRY(read_passage(&question->hits[relevance.best], arena, passage, err));
    COF_TRY(judge_passage(question, passage, &relevance, err));
    *out_relevance = relevance;
    return COF_OK;
}
