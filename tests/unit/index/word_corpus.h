/* Random texts over a small vocabulary, and BM25 of them by the plainest arithmetic there is. */
#ifndef COF_TESTS_UNIT_INDEX_WORD_CORPUS_H
#define COF_TESTS_UNIT_INDEX_WORD_CORPUS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "seeded_random.h"

enum {
    CORPUS_TEXT_SIZE = 512,
    CORPUS_VOCABULARY = 60, /* words that are written */
    CORPUS_ASKED = 70,      /* words that are asked for */
    CORPUS_MAX_QUERY = 12
};

/* "w0" … "w59" are plain words (they have digits), the low ones in nearly every text. */
static inline void corpus_write_text(struct seeded_random *random, char text[CORPUS_TEXT_SIZE])
{
    size_t count = seeded_random_below(random, 60);
    char *at = text;

    *at = '\0';
    for (size_t i = 0; i < count; i++) {
        uint64_t word = seeded_random_below(random, CORPUS_VOCABULARY);
        word = word * seeded_random_below(random, CORPUS_VOCABULARY) / CORPUS_VOCABULARY;
        at += snprintf(at, 8, "w%u ", (unsigned)word);
    }
}

struct corpus_text {
    uint32_t counts[CORPUS_ASKED];
    uint32_t length;
    bool is_deleted;
};

static inline void corpus_add_words(struct corpus_text *text, const char *words, uint32_t weight)
{
    unsigned word = 0;
    int size = 0;

    for (; sscanf(words, " w%u%n", &word, &size) == 1; words += size) {
        text->counts[word] += weight;
        text->length += weight;
    }
}

/* A title counts twice. */
static inline struct corpus_text corpus_read(const char *title, const char *body)
{
    struct corpus_text text = {0};

    corpus_add_words(&text, title, 2);
    corpus_add_words(&text, body, 1);
    return text;
}

struct corpus_query {
    const unsigned *words;
    size_t count;
    double idf[CORPUS_MAX_QUERY];
    double idf_sum;
    double average_length;
};

static inline struct corpus_query corpus_weigh(const struct corpus_text *texts, size_t text_count,
                                               const unsigned *words, size_t word_count)
{
    struct corpus_query query = {.words = words, .count = word_count};
    double living = 0;
    double total = 0;

    for (size_t i = 0; i < text_count; i++) {
        living += !texts[i].is_deleted;
        total += texts[i].is_deleted ? 0 : texts[i].length;
    }
    query.average_length = living > 0 && total / living >= 1 ? total / living : 1;
    for (size_t w = 0; w < word_count; w++) {
        double frequency = 0;
        for (size_t i = 0; i < text_count; i++)
            frequency += !texts[i].is_deleted && texts[i].counts[words[w]] > 0;
        query.idf[w] = log1p((living - frequency + 0.5) / (frequency + 0.5));
        query.idf_sum += query.idf[w];
    }
    return query;
}

static inline double corpus_bm25(const struct corpus_text *text, const struct corpus_query *query,
                                 double *out_coverage)
{
    double score = 0;
    double covered = 0;

    for (size_t w = 0; w < query->count; w++) {
        double count = text->counts[query->words[w]];
        if (count > 0)
            covered += query->idf[w];
        score += query->idf[w] * count * 2.2 /
                 (count + 1.2 * (0.25 + 0.75 * text->length / query->average_length));
    }
    *out_coverage = covered / query->idf_sum;
    return score;
}

#endif
