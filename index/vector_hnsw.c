/* Backend `hnsw` of the vector_index contract: Faiss's graph, with full k whatever is permitted.
 *
 * A walk that returns too few is repeated with four times the effort until a scan is cheaper, then
 * the permitted vectors are scanned. Where few are permitted the scan comes first: with a share s
 * permitted the walk must see k / s vectors, each at the price of a cache miss, and below a few
 * thousand rows the scan is faster and exact. */
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/index/vector_backends.h>

#include "faiss_shim.h"
#include "inner_product.h"
#include "vector_scan.h"

enum {
    LINK_COUNT = 32,
    CONSTRUCTION_EFFORT = 100, /* 200 doubles the time of a build and finds no more */
    DEFAULT_EFFORT = 96,       /* at least, and never less than k + EFFORT_MARGIN */
    EFFORT_MARGIN = 32,
    SCAN_COUNT = 2048, /* permitted vectors up to which a scan is cheaper than a walk */
    BATCH_COUNT = 1024 /* vectors added between two looks at the cancel flag */
};

struct hnsw_index {
    struct cof_vector_index base;
    struct cof_faiss_hnsw *hnsw;
};

static void hnsw_destroy(struct cof_vector_index *base)
{
    struct hnsw_index *index = (struct hnsw_index *)base;

    cof_faiss_hnsw_destroy(index->hnsw);
    cof_free(index);
}

static enum cof_status add_all(struct hnsw_index *index, const float *vectors, size_t count,
                               const struct cof_cancel *cancel, struct cof_error *err)
{
    size_t dimension = index->base.dimension;

    for (size_t begin = 0; begin < count; begin += BATCH_COUNT) {
        size_t batch = count - begin < BATCH_COUNT ? count - begin : BATCH_COUNT;
        COF_TRY(cof_cancel_check(cancel, err));
        COF_TRY(cof_faiss_hnsw_add(index->hnsw, vectors + begin * dimension, batch, err));
    }
    return COF_OK;
}

static enum cof_status hnsw_build(size_t dimension, const float *vectors, size_t count,
                                  const struct cof_cancel *cancel,
                                  struct cof_vector_index **out_index, struct cof_error *err)
{
    struct hnsw_index *index = cof_calloc(1, sizeof(*index));
    if (index == NULL)
        return COF_FAIL_MEMORY(err);
    index->base = (struct cof_vector_index){
        .ops = &cof_hnsw_index_ops, .dimension = dimension, .count = count};
    enum cof_status status =
        cof_faiss_hnsw_create(dimension, LINK_COUNT, CONSTRUCTION_EFFORT, &index->hnsw, err);
    if (status == COF_OK)
        status = add_all(index, vectors, count, cancel, err);
    if (status != COF_OK) {
        hnsw_destroy(&index->base);
        return status;
    }
    *out_index = &index->base;
    return COF_OK;
}

/* Scores again what the walk found: its own arithmetic depends on which vectors were compared
 * together. */
static void take_found(const struct cof_vector_index *base, const float *query,
                       const int64_t *ordinals, size_t count, struct cof_neighbor *out_neighbors)
{
    const float *vectors = base->ops->vectors(base);
    struct cof_top top = {.items = out_neighbors, .capacity = count};

    for (size_t i = 0; i < count; i++) {
        const float *row = vectors + (size_t)ordinals[i] * base->dimension;
        cof_top_offer(&top, (uint32_t)ordinals[i], cof_inner_product(query, row, base->dimension));
    }
    cof_top_sort(&top);
}

/* Walks until `wanted` were found; false in out_is_full when a scan has to do it. */
static enum cof_status walk(const struct hnsw_index *index, const struct cof_vector_query *query,
                            size_t wanted, size_t effort, struct cof_neighbor *out_neighbors,
                            bool *out_is_full, struct cof_error *err)
{
    int64_t *ordinals = cof_calloc(wanted, sizeof(*ordinals) + sizeof(float));
    if (ordinals == NULL)
        return COF_FAIL_MEMORY(err);
    float *scores = (float *)(void *)(ordinals + wanted);
    enum cof_status status = COF_OK;
    size_t count = 0;

    for (; effort < index->base.count; effort *= 4) {
        status = cof_faiss_hnsw_search(index->hnsw, query->vector, wanted, effort, query->permitted,
                                       scores, ordinals, &count, err);
        if (status != COF_OK || count == wanted)
            break;
    }
    if (status == COF_OK && count == wanted)
        take_found(&index->base, query->vector, ordinals, count, out_neighbors);
    if (status == COF_OK)
        *out_is_full = count == wanted;
    cof_free(ordinals);
    return status;
}

static enum cof_status hnsw_search(const struct cof_vector_index *base,
                                   const struct cof_vector_query *query,
                                   struct cof_neighbor *out_neighbors, size_t *out_count,
                                   struct cof_error *err)
{
    const struct hnsw_index *index = (const struct hnsw_index *)base;
    size_t permitted = base->count;
    if (query->permitted != NULL)
        permitted = (size_t)cof_bitmap_count(query->permitted);
    size_t wanted = query->k < permitted ? query->k : permitted;
    size_t effort = query->effort;
    if (effort == 0)
        effort = wanted + EFFORT_MARGIN > DEFAULT_EFFORT ? wanted + EFFORT_MARGIN : DEFAULT_EFFORT;
    if (effort < wanted)
        effort = wanted;

    if (!query->must_be_exact && permitted > SCAN_COUNT && permitted <= base->count) {
        /* The walk keeps `effort` vectors, permitted or not; give it as many permitted ones. */
        effort = effort * base->count / permitted;
        bool is_full = false;
        COF_TRY(walk(index, query, wanted, effort, out_neighbors, &is_full, err));
        if (is_full) {
            *out_count = wanted;
            return COF_OK;
        }
    }
    *out_count = cof_vector_scan(cof_faiss_hnsw_vectors(index->hnsw), base->dimension, base->count,
                                 query, out_neighbors);
    return COF_OK;
}

static const float *hnsw_vectors(const struct cof_vector_index *base)
{
    return cof_faiss_hnsw_vectors(((const struct hnsw_index *)base)->hnsw);
}

static size_t hnsw_memory_bytes(const struct cof_vector_index *base)
{
    return sizeof(struct hnsw_index) +
           cof_faiss_hnsw_memory_bytes(((const struct hnsw_index *)base)->hnsw);
}

const struct cof_vector_index_ops cof_hnsw_index_ops = {
    .name = "hnsw",
    .build = hnsw_build,
    .search = hnsw_search,
    .vectors = hnsw_vectors,
    .memory_bytes = hnsw_memory_bytes,
    .destroy = hnsw_destroy,
};

const struct cof_vector_index_ops *cof_default_index_ops(void)
{
    return &cof_hnsw_index_ops;
}
