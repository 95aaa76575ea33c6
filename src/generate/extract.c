/* Chooses the sentences of the passages that answer a question best, by words alone.
 *
 * A question word weighs the more the fewer sentences have it (idf over all sentences given), and
 * double when it is a number or a name. A sentence is worth the share of the question's weight that
 * it covers; words of its heading and of its neighbours count partly, because "Up to 5 days" says
 * what of only in the sentence before. Then what the question asks for decides among near equals:
 * "how many" prefers a sentence with a number. The weights below were set on the first half of the
 * sample questions. */
#include <cof/generate/extractive.h>

#include <math.h>
#include <string.h>

#include <cof/base/buffer.h>

#include "extract_cues.h"
#include "extract_terms.h"
#include "extract_units.h"

#define MAX_QUESTION_TERMS ((size_t)64) /* more make no question clearer */

static const float heading_share = 0.4f;
static const float previous_share = 0.3f;
static const float next_share = 0.1f;
static const float cjk_single_weight = 0.3f;
static const float title_share = 0.3f;
static const float cue_bonus = 0.2f;
/* How much of a later sentence's worth is what the ones before it left open. */
static const float novelty_share = 0.5f;

struct asked {
    struct cof_term *terms; /* those that count, each once */
    float *weights;
    float *covered; /* by the sentences taken so far */
    size_t count;
    struct cof_cues cues;
    float total; /* of the weights */
};

struct scored {
    struct cof_unit unit;
    float *likeness; /* of each asked term to its likest word here, asked.count floats */
    unsigned cues;   /* of those asked for */
    float score;
    bool is_taken;
};

struct extraction {
    const struct cof_passage *passages;
    struct asked asked;
    struct scored *units;
    size_t unit_count;
    float **titles;          /* likeness of each passage's title */
    struct cof_arena *arena; /* scratch */
};

static bool is_asked(const struct asked *asked, const struct cof_term *term)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (cof_text_equal(asked->terms[i].text, term->text))
            return true;
    }
    return false;
}

static enum cof_status read_question(struct extraction *extraction, struct cof_text question,
                                     struct cof_error *err)
{
    struct asked *asked = &extraction->asked;
    struct cof_term *terms = NULL;
    size_t count = 0;

    COF_TRY(cof_terms_of(question, extraction->arena, &terms, &count, err));
    asked->cues = cof_cues_of(terms, count);
    asked->terms = cof_arena_array(extraction->arena, MAX_QUESTION_TERMS, sizeof(*asked->terms));
    asked->weights =
        cof_arena_array(extraction->arena, MAX_QUESTION_TERMS, sizeof(*asked->weights));
    asked->covered =
        cof_arena_array(extraction->arena, MAX_QUESTION_TERMS, sizeof(*asked->covered));
    if (asked->terms == NULL || asked->weights == NULL || asked->covered == NULL)
        return COF_FAIL_MEMORY(err);
    /* A question of nothing but stop words ("who may?") is taken at its word. */
    for (int keep_stop_words = 0; keep_stop_words < 2 && asked->count == 0; keep_stop_words++) {
        for (size_t i = 0; i < count && asked->count < MAX_QUESTION_TERMS; i++) {
            if ((keep_stop_words || !cof_term_is_stop_word(&terms[i])) &&
                !is_asked(asked, &terms[i]))
                asked->terms[asked->count++] = terms[i];
        }
    }
    return COF_OK;
}

static enum cof_status read_units(struct extraction *extraction, size_t passage_count,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer units = {0};

    for (size_t i = 0; i < passage_count; i++)
        COF_TRY(cof_units_append(extraction->passages[i].text, i, &units, err));
    extraction->unit_count = units.size / sizeof(struct cof_unit);
    extraction->units =
        cof_arena_array(extraction->arena, extraction->unit_count, sizeof(*extraction->units));
    if (extraction->units == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < extraction->unit_count; i++)
        memcpy(&extraction->units[i].unit, units.data + i * sizeof(struct cof_unit),
               sizeof(struct cof_unit));
    return COF_OK;
}

static struct cof_text text_of(const struct extraction *extraction, const struct scored *scored)
{
    return cof_text_slice(extraction->passages[scored->unit.passage].text, scored->unit.begin,
                          scored->unit.end);
}

/* How like each asked term is to a word of the text, into asked.count floats. */
static enum cof_status compare(struct extraction *extraction, struct cof_text text,
                               float **out_likeness, unsigned *out_cues, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
    const struct asked *asked = &extraction->asked;
    struct cof_term *terms = NULL;
    size_t count = 0;
    float *likeness = cof_arena_array(extraction->arena, asked->count + 1, sizeof(*likeness));

    if (likeness == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_terms_of(text, &scratch, &terms, &count, err));
    for (size_t t = 0; t < asked->count; t++) {
        for (size_t i = 0; i < count; i++) {
            float like = cof_term_likeness(&asked->terms[t], &terms[i]);

            if (like > likeness[t])
                likeness[t] = like;
        }
    }
    *out_likeness = likeness;
    *out_cues = cof_cues_met(&asked->cues, text, terms, count);
    return COF_OK;
}

static enum cof_status compare_all(struct extraction *extraction, size_t passage_count,
                                   struct cof_error *err)
{
    unsigned unused = 0;

    extraction->titles =
        cof_arena_array(extraction->arena, passage_count, sizeof(*extraction->titles));
    if (extraction->titles == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < passage_count; i++) {
        COF_TRY(compare(extraction, extraction->passages[i].title, &extraction->titles[i], &unused,
                        err));
    }
    for (size_t i = 0; i < extraction->unit_count; i++) {
        struct scored *scored = &extraction->units[i];

        COF_TRY(compare(extraction, text_of(extraction, scored), &scored->likeness, &scored->cues,
                        err));
    }
    return COF_OK;
}

static void weigh_terms(struct extraction *extraction)
{
    struct asked *asked = &extraction->asked;
    float unit_count = (float)extraction->unit_count;

    for (size_t t = 0; t < asked->count; t++) {
        const struct cof_term *term = &asked->terms[t];
        float seen = 0;

        for (size_t i = 0; i < extraction->unit_count; i++)
            seen += extraction->units[i].likeness[t];
        asked->weights[t] = logf(1.0f + (unit_count + 0.5f) / (seen + 0.5f));
        if (term->is_number || term->is_name)
            asked->weights[t] *= 2;
        if (term->is_cjk && term->length == 1)
            asked->weights[t] *= cjk_single_weight;
        asked->total += asked->weights[t];
    }
}

static void raise(float *value, float share, const float *likeness, size_t term)
{
    if (share * likeness[term] > *value)
        *value = share * likeness[term];
}

/* Adds to the unit's own words what its surroundings say. */
static float likeness_in_context(const struct extraction *extraction, size_t index, size_t term)
{
    const struct scored *units = extraction->units;
    const struct cof_unit *unit = &units[index].unit;
    float likeness = units[index].likeness[term];
    float share = heading_share;

    raise(&likeness, title_share, extraction->titles[unit->passage], term);
    for (size_t heading = unit->heading; heading != COF_NO_UNIT;
         heading = units[heading].unit.heading) {
        raise(&likeness, share, units[heading].likeness, term);
        share *= 0.7f;
    }
    if (index > 0 && units[index - 1].unit.passage == unit->passage &&
        !units[index - 1].unit.is_heading)
        raise(&likeness, previous_share, units[index - 1].likeness, term);
    if (index + 1 < extraction->unit_count && units[index + 1].unit.passage == unit->passage &&
        !units[index + 1].unit.is_heading)
        raise(&likeness, next_share, units[index + 1].likeness, term);
    return likeness;
}

/* Sets the unit's score, and returns what it is worth after those that are taken. */
static float rank_unit(struct extraction *extraction, size_t index)
{
    const struct asked *asked = &extraction->asked;
    struct scored *scored = &extraction->units[index];
    float covered = 0;
    float added = 0;
    float bonus = 0;

    for (size_t t = 0; t < asked->count; t++) {
        float likeness = likeness_in_context(extraction, index, t);

        covered += likeness * asked->weights[t];
        if (likeness > asked->covered[t])
            added += (likeness - asked->covered[t]) * asked->weights[t];
    }
    scored->score = 0;
    if (covered <= 0)
        return 0;
    covered /= asked->total;
    added /= asked->total;
    if (asked->cues.kinds != 0) {
        bonus = cue_bonus * (float)__builtin_popcount(scored->cues) /
                (float)__builtin_popcount(asked->cues.kinds);
    }
    scored->score = (covered + bonus) / (asked->cues.kinds != 0 ? 1 + cue_bonus : 1);
    return (1 - novelty_share) * covered + novelty_share * added + bonus;
}

/* The best unit that is not taken, or NULL. */
static struct scored *take_best(struct extraction *extraction)
{
    size_t best = COF_NO_UNIT;
    float best_rank = 0;

    for (size_t i = 0; i < extraction->unit_count; i++) {
        const struct scored *scored = &extraction->units[i];
        float rank = scored->is_taken || scored->unit.is_heading ? 0 : rank_unit(extraction, i);

        if (rank > best_rank) {
            best = i;
            best_rank = rank;
        }
    }
    if (best == COF_NO_UNIT)
        return NULL;
    extraction->units[best].is_taken = true;
    for (size_t t = 0; t < extraction->asked.count; t++)
        raise(&extraction->asked.covered[t], 1, extraction->units[best].likeness, t);
    return &extraction->units[best];
}

enum cof_status cof_extract_sentences(struct cof_text question, const struct cof_passage *passages,
                                      size_t passage_count, size_t max_count,
                                      struct cof_arena *arena, struct cof_extract **out_extracts,
                                      size_t *out_count, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
    struct extraction extraction = {.passages = passages, .arena = &scratch};
    size_t count = 0;

    COF_TRY(read_question(&extraction, question, err));
    COF_TRY(read_units(&extraction, passage_count, err));
    COF_TRY(compare_all(&extraction, passage_count, err));
    weigh_terms(&extraction);

    if (max_count > extraction.unit_count)
        max_count = extraction.unit_count;

    struct cof_extract *extracts = cof_arena_array(arena, max_count, sizeof(*extracts));

    if (extracts == NULL)
        return COF_FAIL_MEMORY(err);
    while (count < max_count) {
        const struct scored *best = take_best(&extraction);

        if (best == NULL)
            break;
        extracts[count++] = (struct cof_extract){
            .passage = best->unit.passage,
            .begin = best->unit.begin,
            .end = best->unit.end,
            .score = best->score < 1 ? best->score : 1,
        };
    }
    *out_extracts = extracts;
    *out_count = count;
    return COF_OK;
}
