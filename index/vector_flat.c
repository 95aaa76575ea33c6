/* Backend `flat` of the vector_index contract: the vectors in one array, every one compared. */
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/index/vector_backends.h>

#include "vector_scan.h"

struct flat_index {
    struct cof_vector_index base;
    float *vectors;
};

static void flat_destroy(struct cof_vector_index *base)
{
    struct flat_index *index = (struct flat_index *)base;

    cof_free(index->vectors);
    cof_free(index);
}

static enum cof_status flat_build(size_t dimension, const float *vectors, size_t count,
                                  const struct cof_cancel *cancel,
                                  struct cof_vector_index **out_index, struct cof_error *err)
{
    COF_TRY(cof_cancel_check(cancel, err));
    struct flat_index *index = cof_calloc(1, sizeof(*index));
    if (index == NULL)
        return COF_FAIL_MEMORY(err);
    index->base = (struct cof_vector_index){
        .ops = &cof_flat_index_ops, .dimension = dimension, .count = count};
    index->vectors = cof_calloc(count * dimension, sizeof(float));
    if (index->vectors == NULL) {
        flat_destroy(&index->base);
        return COF_FAIL_MEMORY(err);
    }
    if (count > 0)
        memcpy(index->vectors, vectors, count * dimension * sizeof(float));
    *out_index = &index->base;
    return COF_OK;
}

static enum cof_status flat_search(const struct cof_vector_index *base,
                                   const struct cof_vector_query *query,
                                   struct cof_neighbor *out_neighbors, size_t *out_count,
                                   struct cof_error *err)
{
    const struct flat_index *index = (const struct flat_index *)base;

    (void)err;
    *out_count =
        cof_vector_scan(index->vectors, base->dimension, base->count, query, out_neighbors);
    return COF_OK;
}

static const float *flat_vectors(const struct cof_vector_index *base)
{
    return ((const struct flat_index *)base)->vectors;
}

static size_t flat_memory_bytes(const struct cof_vector_index *base)
{
    return sizeof(struct flat_index) + base->count * base->dimension * sizeof(float);
}

const struct cof_vector_index_ops cof_flat_index_ops = {
    .name = "flat",
    .build = flat_build,
    .search = flat_search,
    .vectors = flat_vectors,
    .memory_bytes = flat_memory_bytes,
    .destroy = flat_destroy,
};
