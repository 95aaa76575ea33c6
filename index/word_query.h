/* The lexical half of a search: BM25 (Robertson & Zaragoza 2009) over the segments of a collection.
 *
 * A query is made once, then shown every segment (count), weighed with what they said together
 * (weigh), then run on each (search) and asked about single chunks (score). The same word may be
 * several terms, one per language of the collection; a chunk has one language, so at most one of
 * them is in it. */
#ifndef COF_INDEX_WORD_QUERY_H
#define COF_INDEX_WORD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/index/bitmap.h>

#include "lexical_index.h"
#include "vector_scan.h"

#define COF_NORM_COUNT 1024

struct cof_query_word {
    size_t first_term; /* of the query's terms */
    size_t term_count;
    uint32_t repeat_count; /* times it stands in the query */
    uint64_t frequency;    /* chunks of the collection that hold it */
    bool is_covered;       /* counts in the coverage */
    float idf;
};

struct cof_query_term {
    struct cof_text text;
    uint64_t hash;
};

struct cof_word_query {
    struct cof_query_word *words; /* after weighing the rarest first */
    size_t word_count;
    struct cof_query_term *terms;
    size_t term_count;
    float average_length;
    float covered_idf;           /* of all words that count in the coverage */
    float greatest_score;        /* what no chunk can exceed, words that none holds included */
    float norms[COF_NORM_COUNT]; /* cof_word_query_norm() by length */
};

/* A query and one segment: where each term stands in it. */
struct cof_word_view {
    const struct cof_lexical_index *index;
    const struct cof_lexical_term **terms; /* as the query's, NULL where absent */
};

#define COF_BM25_K1 1.2F
#define COF_BM25_B 0.75F

#define COF_MAX_QUERY_WORDS 64 /* scored: the rarest of a longer query */

/* Everything lives in the arena. `languages` are those of the collection's segments, as bits. */
COF_MUST_USE enum cof_status cof_word_query_make(struct cof_text text, uint32_t languages,
                                                 uint64_t seed, struct cof_arena *arena,
                                                 struct cof_word_query *out_query,
                                                 struct cof_error *err);
/* Adds the segment's frequencies. */
COF_MUST_USE enum cof_status cof_word_query_count(struct cof_word_query *query,
                                                  const struct cof_lexical_index *index,
                                                  struct cof_arena *arena, struct cof_error *err);
/* Living chunks of the collection and their lengths together. */
void cof_word_query_weigh(struct cof_word_query *query, uint64_t chunk_count,
                          uint64_t total_length);

/* BM25's divisor for a chunk of that length: k1 (1 - b + b length / average). */
float cof_word_query_norm(const struct cof_word_query *query, uint32_t length);
/* What one word can add to a score at most. */
float cof_query_word_greatest_score(const struct cof_query_word *word);

/* After weighing. */
COF_MUST_USE enum cof_status cof_word_view_make(const struct cof_word_query *query,
                                                const struct cof_lexical_index *index,
                                                struct cof_arena *arena,
                                                struct cof_word_view *out_view,
                                                struct cof_error *err);
/* The best of the segment's chunks that hold a word of the query and are permitted (NULL = all),
 * sorted; top's items and capacity are the caller's. */
COF_MUST_USE enum cof_status cof_word_query_search(const struct cof_word_query *query,
                                                   const struct cof_word_view *view,
                                                   const struct cof_bitmap *permitted,
                                                   struct cof_top *top, struct cof_error *err);
/* BM25 of one chunk, and the share of the query's weight that stands in it. */
void cof_word_query_score(const struct cof_word_query *query, const struct cof_word_view *view,
                          uint32_t ordinal, float *out_score, float *out_coverage);

#endif
