/* Two ranked lists into one, with scores in [0, 1]. Pure: numbers in, numbers out.
 *
 * Weighted: each half is divided by its standard deviation over the candidates (z-score) and the
 * two are added with weights w and 1 - w. Subtracting the means moves every candidate alike, so it
 * is left out; dividing by the sum of the factors, which is the same for all, leaves
 *
 *     score = a · cosine + (1 - a) · share,   a = (w / σv) / (w / σv + (1 - w) / σs)
 *
 * the same order, and a number between 0 and 1 that means the same from query to query: how near
 * the text is, and how much it has of what the words could give. A half that tells its candidates
 * apart gets little weight where it cannot, whatever its numbers are. */
#ifndef COF_SEARCH_FUSION_H
#define COF_SEARCH_FUSION_H

#include <stddef.h>
#include <stdint.h>

/* Chosen on SciFact, XQuAD-en and Cranfield: the best of each lies between 0.45 and 0.55. */
#define COF_DEFAULT_VECTOR_WEIGHT 0.5F

struct cof_fusable {
    uint64_t collection;
    uint64_t chunk_id;
    float cosine;     /* NAN without a vector half */
    float word_share; /* BM25 as a share of what no chunk can exceed; NAN without a lexical half */
    size_t vector_rank; /* from 1; 0 = not among that half's candidates */
    size_t word_rank;
    float score; /* out */
    size_t tag;  /* the caller's */
};

/* Where one half is NAN throughout, or its share is 0 throughout, the other decides alone. */
void cof_fuse_weighted(struct cof_fusable *items, size_t count, float vector_weight);
/* Reciprocal rank fusion, as a share of the score of what is first in every half there is. */
void cof_fuse_by_rank(struct cof_fusable *items, size_t count);
/* Score descending, then chunk id, then collection. */
void cof_fuse_sort(struct cof_fusable *items, size_t count);

#endif
