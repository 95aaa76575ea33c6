/* The vector_index contract's wrappers: arguments are checked here, once for every backend. */
#include <cof/index/vector_index.h>

#include "vector_scan.h"

enum { MAX_DIMENSION = 65536 };

enum cof_status cof_vector_index_build(const struct cof_vector_index_ops *ops, size_t dimension,
                                       const float *vectors, size_t count,
                                       const struct cof_cancel *cancel,
                                       struct cof_vector_index **out_index, struct cof_error *err)
{
    size_t float_count = 0;

    if (dimension == 0 || dimension > MAX_DIMENSION)
        return COF_FAIL(err, COF_INVALID, "a dimension of %zu is not between 1 and %d", dimension,
                        MAX_DIMENSION);
    if (count > INT32_MAX || __builtin_mul_overflow(count, dimension, &float_count) ||
        float_count > SIZE_MAX / sizeof(float))
        return COF_FAIL(err, COF_TOO_LARGE, "%zu vectors are too many for one segment", count);
    for (size_t i = 0; i < count; i++) {
        if (!cof_floats_are_finite(vectors + i * dimension, dimension))
            return COF_FAIL(err, COF_INVALID, "vector %zu holds a NaN or an infinity", i);
    }
    return ops->build(dimension, vectors, count, cancel, out_index, err);
}

enum cof_status cof_vector_index_search(const struct cof_vector_index *index,
                                        const struct cof_vector_query *query,
                                        struct cof_neighbor *out_neighbors, size_t *out_count,
                                        struct cof_error *err)
{
    if (query->k == 0)
        return COF_FAIL(err, COF_INVALID, "a vector search needs a k of at least 1");
    if (!cof_floats_are_finite(query->vector, index->dimension))
        return COF_FAIL(err, COF_INVALID, "the query vector holds a NaN or an infinity");
    return index->ops->search(index, query, out_neighbors, out_count, err);
}

const float *cof_vector_index_vectors(const struct cof_vector_index *index)
{
    return index->ops->vectors(index);
}

size_t cof_vector_index_memory_bytes(const struct cof_vector_index *index)
{
    return index->ops->memory_bytes(index);
}

void cof_vector_index_destroy(struct cof_vector_index *index)
{
    if (index != NULL)
        index->ops->destroy(index);
}
