/* The words of one segment: for every term the chunks that hold it.
 *
 * A posting is one number, ordinal above and weighted count below, ascending by ordinal; a segment
 * holds at most COF_MAX_LEXICAL_ORDINALS chunks. A deleted chunk keeps its postings and loses its
 * length: length 0 is the mark that every reader looks at anyway. Frequencies and lengths that
 * scores are made of count living chunks only, so that a segment with deleted chunks scores as one
 * that never had them.
 *
 * Not locked: any number of readers, or one writer alone. */
#ifndef COF_INDEX_LEXICAL_INDEX_H
#define COF_INDEX_LEXICAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "document_terms.h"

#define COF_POSTING_COUNT_BITS 10
#define COF_MAX_POSTING_COUNT ((1u << COF_POSTING_COUNT_BITS) - 1)
#define COF_MAX_LEXICAL_ORDINALS (1u << (32 - COF_POSTING_COUNT_BITS))

struct cof_lexical_term; /* a term with its postings */

struct cof_lexical_index;

/* `seed` is that of every hash given to it. */
COF_MUST_USE enum cof_status cof_lexical_index_create(uint64_t seed,
                                                      struct cof_lexical_index **out_index,
                                                      struct cof_error *err);
void cof_lexical_index_destroy(struct cof_lexical_index *index);

/* Adds a document's chunks as the ordinals that follow those known; all or, when out of memory,
 * nothing. */
COF_MUST_USE enum cof_status cof_lexical_index_add(struct cof_lexical_index *index,
                                                   const struct cof_document_terms *terms,
                                                   struct cof_error *err);
/* Marks [begin, end) as deleted. */
void cof_lexical_index_remove(struct cof_lexical_index *index, uint32_t begin, uint32_t end);
/* Gives the living chunks [begin, end) of one document another title; all or nothing. */
COF_MUST_USE enum cof_status cof_lexical_index_retitle(struct cof_lexical_index *index,
                                                       uint32_t begin, uint32_t end,
                                                       const struct cof_term_list *before,
                                                       const struct cof_term_list *after,
                                                       struct cof_error *err);

/* Several segments as one. */
struct cof_lexical_part {
    const struct cof_lexical_index *index;
    /* The new ordinal of each ordinal, UINT32_MAX for those left out; ascending within a part and
     * from part to part. */
    const uint32_t *ordinals;
};
COF_MUST_USE enum cof_status cof_lexical_index_merge(const struct cof_lexical_part *parts,
                                                     size_t part_count, uint64_t seed,
                                                     struct cof_lexical_index **out_index,
                                                     struct cof_error *err);

/* ---- Reading ---- */

uint32_t cof_lexical_index_ordinal_count(const struct cof_lexical_index *index); /* deleted too */
uint64_t cof_lexical_index_total_length(const struct cof_lexical_index *index);  /* of the living */
/* Languages of its chunks, one bit each (enum cof_language). */
uint32_t cof_lexical_index_languages(const struct cof_lexical_index *index);
size_t cof_lexical_index_memory_bytes(const struct cof_lexical_index *index);

/* NULL when no chunk holds it. */
const struct cof_lexical_term *cof_lexical_index_find(const struct cof_lexical_index *index,
                                                      struct cof_text term, uint64_t hash);
const uint32_t *cof_lexical_term_postings(const struct cof_lexical_term *term, size_t *out_count);
/* Living chunks that hold the term. */
uint32_t cof_lexical_index_frequency(const struct cof_lexical_index *index,
                                     const struct cof_lexical_term *term);
/* Weighted words by ordinal, 0 for a deleted chunk. */
const uint32_t *cof_lexical_index_lengths(const struct cof_lexical_index *index);

static inline uint32_t cof_posting_ordinal(uint32_t posting)
{
    return posting >> COF_POSTING_COUNT_BITS;
}

static inline uint32_t cof_posting_count(uint32_t posting)
{
    return posting & COF_MAX_POSTING_COUNT;
}

#endif
