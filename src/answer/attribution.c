/* Which passage supports a sentence, if any. */
#include "attribution.h"

#include <string.h>

#include <cof/base/unicode.h>

#include "terms.h"

/* Floors, set on the `tune` half of the sample questions (docs/answers.md). */
static const float min_coverage = 0.80f;       /* words alone */
static const float min_mixed_coverage = 0.65f; /* with the embedder's agreement */
static const float min_cosine = 0.65f;
static const float min_content = 1.5f; /* weight of what was found */
/* Share of the words found that must stand in the window in the sentence's own order: the same
 * words in another order say something else. */
static const float min_in_order = 0.85f;
/* A passage that the model named wins over another that is better by less than this. */
static const float claim_bonus = 0.05f;

struct window {
    size_t hit;
    size_t begin, end;      /* of its first sentence, trimmed */
    struct cof_terms own;   /* this sentence, title and heading */
    struct cof_terms terms; /* the same and the next sentence */
    struct cof_terms body;  /* this sentence and the next, without title and heading */
    bool has_negation;      /* of this sentence */
    bool next_has_negation;
    float *vector; /* of this sentence; made when first needed */
};

struct cof_attribution {
    struct cof_embedder *embedder;
    const struct cof_search_hit *hits;
    struct cof_arena *arena;
    struct window *windows;
    size_t count;
    size_t capacity;
};

struct splitting {
    struct cof_attribution *attribution;
    size_t hit;
    struct cof_text text;
    bool has_failed;
};

static bool take_sentence(void *context, struct cof_text sentence, size_t offset)
{
    struct splitting *splitting = context;
    struct cof_attribution *attribution = splitting->attribution;
    struct cof_text trimmed = cof_text_trim(sentence);
    if (trimmed.size == 0) {
        return true;
    }
    if (attribution->count == attribution->capacity) {
        size_t capacity = attribution->capacity == 0 ? 32 : attribution->capacity * 2;
        struct window *windows = cof_arena_array(attribution->arena, capacity, sizeof(*windows));
        if (windows == NULL) {
            splitting->has_failed = true;
            return false;
        }
        if (attribution->count > 0) {
            memcpy(windows, attribution->windows, attribution->count * sizeof(*windows));
        }
        attribution->windows = windows;
        attribution->capacity = capacity;
    }
    size_t begin = offset + (size_t)(trimmed.data - sentence.data);
    attribution->windows[attribution->count++] =
        (struct window){.hit = splitting->hit, .begin = begin, .end = begin + trimmed.size};
    return true;
}

/* Terms of title, heading and [begin, end) of the chunk. */
static enum cof_status terms_under_heading(struct cof_attribution *attribution,
                                           const struct cof_search_hit *hit, size_t begin,
                                           size_t end, struct cof_terms *out_terms,
                                           struct cof_error *err)
{
    struct cof_text all =
        cof_arena_format(attribution->arena, "%.*s\n%.*s\n%.*s", COF_TEXT_ARG(hit->document.title),
                         COF_TEXT_ARG(hit->chunk.heading),
                         COF_TEXT_ARG(cof_text_slice(hit->chunk.text, begin, end)));
    if (all.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    return cof_terms_make(all, attribution->arena, out_terms, err);
}

static enum cof_status negation_of(struct cof_attribution *attribution, const struct window *window,
                                   bool *out_has_negation, struct cof_error *err)
{
    struct cof_terms alone = {0};
    struct cof_text sentence =
        cof_text_slice(attribution->hits[window->hit].chunk.text, window->begin, window->end);
    COF_TRY(cof_terms_make(sentence, attribution->arena, &alone, err));
    *out_has_negation = alone.has_negation;
    return COF_OK;
}

static enum cof_status fill_window(struct cof_attribution *attribution, size_t i,
                                   struct cof_error *err)
{
    struct window *window = &attribution->windows[i];
    const struct cof_search_hit *hit = &attribution->hits[window->hit];
    COF_TRY(negation_of(attribution, window, &window->has_negation, err));
    COF_TRY(terms_under_heading(attribution, hit, window->begin, window->end, &window->own, err));
    window->terms = window->own;
    size_t end = window->end;
    if (i + 1 < attribution->count && attribution->windows[i + 1].hit == window->hit) {
        end = attribution->windows[i + 1].end;
    }
    COF_TRY(cof_terms_make(cof_text_slice(hit->chunk.text, window->begin, end), attribution->arena,
                           &window->body, err));
    if (i + 1 == attribution->count || attribution->windows[i + 1].hit != window->hit) {
        return COF_OK;
    }
    const struct window *next = &attribution->windows[i + 1];
    COF_TRY(negation_of(attribution, next, &window->next_has_negation, err));
    return terms_under_heading(attribution, hit, window->begin, next->end, &window->terms, err);
}

enum cof_status cof_attribution_create(struct cof_embedder *embedder,
                                       const struct cof_search_hit *hits, size_t hit_count,
                                       struct cof_arena *arena,
                                       struct cof_attribution **out_attribution,
                                       struct cof_error *err)
{
    struct cof_attribution *attribution = cof_arena_alloc(arena, sizeof(*attribution));
    if (attribution == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *attribution = (struct cof_attribution){.embedder = embedder, .hits = hits, .arena = arena};
    for (size_t i = 0; i < hit_count; i++) {
        struct splitting splitting = {
            .attribution = attribution, .hit = i, .text = hits[i].chunk.text};
        COF_TRY(cof_unicode_each_sentence(hits[i].chunk.text, take_sentence, &splitting, err));
        if (splitting.has_failed) {
            return COF_FAIL_MEMORY(err);
        }
    }
    for (size_t i = 0; i < attribution->count; i++) {
        COF_TRY(fill_window(attribution, i, err));
    }
    *out_attribution = attribution;
    return COF_OK;
}

/* Share of the sentence's word weight that the window has; negative when a number is missing, or
 * when one says no and the other does not. The next sentence's no counts where its words do. */
static float coverage_of(const struct cof_terms *sentence, const struct window *window,
                         float *out_found)
{
    float all = 0;
    float found = 0;
    bool needs_next = false;
    for (size_t i = 0; i < sentence->count; i++) {
        const struct cof_term *term = &sentence->items[i];
        bool is_there = cof_terms_has(&window->terms, term->hash);
        if (term->is_number && !is_there) {
            return -1;
        }
        needs_next |= is_there && term->weight >= 1 && !cof_terms_has(&window->own, term->hash);
        all += term->weight;
        found += is_there ? term->weight : 0;
    }
    bool says_no = window->has_negation || (needs_next && window->next_has_negation);
    if (says_no != sentence->has_negation) {
        return -1;
    }
    *out_found = found;
    return all > 0 ? found / all : -1;
}

/* Longest run of the sentence's words, in its order, that stands in the same order in the window,
 * as a share of those found there. Fewer than three words have no order to speak of. */
static float share_in_order(const struct cof_terms *sentence, const struct window *window)
{
    enum { MAX_WORDS = 96 };
    struct {
        uint32_t here, there;
        size_t run;
    } found[MAX_WORDS];
    size_t count = 0;
    for (size_t i = 0; i < sentence->count && count < MAX_WORDS; i++) {
        const struct cof_term *term = &sentence->items[i];
        const struct cof_term *other = cof_terms_find(&window->body, term->hash);
        if (other == NULL || (term->weight < 1 && !term->is_number)) {
            continue;
        }
        size_t at = count++;
        while (at > 0 && found[at - 1].here > term->position) {
            found[at] = found[at - 1];
            at--;
        }
        found[at].here = term->position;
        found[at].there = other->position;
    }
    size_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        found[i].run = 1;
        for (size_t j = 0; j < i; j++) {
            if (found[j].there < found[i].there && found[j].run + 1 > found[i].run) {
                found[i].run = found[j].run + 1;
            }
        }
        longest = found[i].run > longest ? found[i].run : longest;
    }
    return count < 3 ? 1 : (float)longest / (float)count;
}

static float dot(const float *a, const float *b, size_t dimension)
{
    float sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static enum cof_status embed_one(struct cof_attribution *attribution, struct cof_text text,
                                 const struct cof_cancel *cancel, float **out_vector,
                                 struct cof_error *err)
{
    float *vector =
        cof_arena_array(attribution->arena, attribution->embedder->info.dimension, sizeof(*vector));
    if (vector == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    COF_TRY(cof_embedder_embed(attribution->embedder, COF_EMBED_PASSAGE, &text, 1, cancel, vector,
                               NULL, err));
    *out_vector = vector;
    return COF_OK;
}

static enum cof_status cosine_with(struct cof_attribution *attribution, struct window *window,
                                   const float *vector, const struct cof_cancel *cancel,
                                   float *out_cosine, struct cof_error *err)
{
    if (window->vector == NULL) {
        struct cof_text sentence =
            cof_text_slice(attribution->hits[window->hit].chunk.text, window->begin, window->end);
        COF_TRY(embed_one(attribution, sentence, cancel, &window->vector, err));
    }
    *out_cosine = dot(vector, window->vector, attribution->embedder->info.dimension);
    return COF_OK;
}

/* The window with the most coverage, a claimed passage winning near ties; NULL when none is over
 * the lower floor. */
static struct window *best_window(struct cof_attribution *attribution,
                                  const struct cof_terms *terms, uint32_t claimed,
                                  float *out_coverage)
{
    struct window *best = NULL;
    float best_rank = 0;
    for (size_t i = 0; i < attribution->count; i++) {
        struct window *window = &attribution->windows[i];
        float found = 0;
        float coverage = coverage_of(terms, window, &found);
        if (coverage < min_mixed_coverage || found < min_content ||
            share_in_order(terms, window) < min_in_order) {
            continue;
        }
        bool is_claimed = window->hit < 32 && (claimed >> window->hit & 1) != 0;
        float rank = coverage + (is_claimed ? claim_bonus : 0);
        if (rank > best_rank) {
            best = window;
            best_rank = rank;
            *out_coverage = coverage;
        }
    }
    return best;
}

enum cof_status cof_attribute(struct cof_attribution *attribution, struct cof_text sentence,
                              uint32_t claimed, const struct cof_cancel *cancel,
                              struct cof_support *out_support, struct cof_error *err)
{
    struct cof_terms terms = {0};
    COF_TRY(cof_terms_make(sentence, attribution->arena, &terms, err));
    struct cof_support support = {0};
    struct window *window = best_window(attribution, &terms, claimed, &support.coverage);
    if (window != NULL) {
        support.passage = window->hit;
        support.begin = window->begin;
        support.end = window->end;
        support.is_supported = support.coverage >= min_coverage;
    }
    if (window != NULL && !support.is_supported && attribution->embedder != NULL) {
        float *vector = NULL;
        COF_TRY(embed_one(attribution, sentence, cancel, &vector, err));
        COF_TRY(cosine_with(attribution, window, vector, cancel, &support.cosine, err));
        support.is_supported = support.cosine >= min_cosine;
    }
    *out_support = support;
    return COF_OK;
}
