/* Backend `hnsw` in a program built without Faiss: it says so, and segments stay exact. */
#include <cof/index/vector_backends.h>

static enum cof_status absent_build(size_t dimension, const float *vectors, size_t count,
                                    const struct cof_cancel *cancel,
                                    struct cof_vector_index **out_index, struct cof_error *err)
{
    (void)dimension;
    (void)vectors;
    (void)count;
    (void)cancel;
    (void)out_index;
    return COF_FAIL(err, COF_UNAVAILABLE, "this program was built without Faiss, so without hnsw");
}

const struct cof_vector_index_ops cof_hnsw_index_ops = {.name = "hnsw", .build = absent_build};

const struct cof_vector_index_ops *cof_default_index_ops(void)
{
    return &cof_flat_index_ops;
}
