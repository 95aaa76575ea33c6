/* Contract: one immutable segment of vectors, searched by inner product.
 *
 * Vectors are unit length, so inner product is cosine. Ids are ordinals: the position of a vector
 * in the array it was built from. Built once, then only read: any number of threads may search at
 * the same time. Backends: `flat` (exact; the oracle of the contract tests) and `hnsw`
 * (approximate; Faiss). Both score with one inner product. */
#ifndef COF_INDEX_VECTOR_INDEX_H
#define COF_INDEX_VECTOR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/index/bitmap.h>

struct cof_vector_index;

/* One neighbour. Order everywhere: score descending, then ordinal ascending. */
struct cof_neighbor {
    uint32_t ordinal;
    float score; /* inner product */
};

struct cof_vector_query {
    const float *vector; /* dimension floats */
    size_t k;
    /* Only these ordinals may be returned, checked inside the scan; NULL = all. When k permitted
     * vectors exist, k are returned, however few of the index are permitted. */
    const struct cof_bitmap *permitted;
    size_t effort;      /* hnsw's efSearch; 0 = the index's default; flat ignores it */
    bool must_be_exact; /* every permitted vector is compared, whatever the backend */
};

struct cof_vector_index_ops {
    const char *name;
    /* Copies what it needs of count * dimension floats. */
    enum cof_status (*build)(size_t dimension, const float *vectors, size_t count,
                             const struct cof_cancel *cancel, struct cof_vector_index **out_index,
                             struct cof_error *err);
    /* Writes at most k neighbours and their number. */
    enum cof_status (*search)(const struct cof_vector_index *index,
                              const struct cof_vector_query *query,
                              struct cof_neighbor *out_neighbors, size_t *out_count,
                              struct cof_error *err);
    /* The count * dimension floats it was built from, borrowed until destroy. */
    const float *(*vectors)(const struct cof_vector_index *index);
    size_t (*memory_bytes)(const struct cof_vector_index *index);
    void (*destroy)(struct cof_vector_index *index);
};

struct cof_vector_index {
    const struct cof_vector_index_ops *ops;
    size_t dimension;
    size_t count;
};

/* Wrappers: check arguments once. COF_INVALID for dimension 0, k 0, and for NaN or infinity in a
 * query or in vectors to build from. COF_TOO_LARGE for more vectors than ordinals can number.
 * Scores of both backends come from one inner product, so equal vectors have equal scores. */
COF_MUST_USE enum cof_status cof_vector_index_build(const struct cof_vector_index_ops *ops,
                                                    size_t dimension, const float *vectors,
                                                    size_t count, const struct cof_cancel *cancel,
                                                    struct cof_vector_index **out_index,
                                                    struct cof_error *err);
COF_MUST_USE enum cof_status cof_vector_index_search(const struct cof_vector_index *index,
                                                     const struct cof_vector_query *query,
                                                     struct cof_neighbor *out_neighbors,
                                                     size_t *out_count, struct cof_error *err);
const float *cof_vector_index_vectors(const struct cof_vector_index *index);
size_t cof_vector_index_memory_bytes(const struct cof_vector_index *index);
void cof_vector_index_destroy(struct cof_vector_index *index);

#endif
