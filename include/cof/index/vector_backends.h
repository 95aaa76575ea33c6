/* The two backends of the vector_index contract, named here and in src/app/backends.c only. */
#ifndef COF_INDEX_VECTOR_BACKENDS_H
#define COF_INDEX_VECTOR_BACKENDS_H

#include <cof/index/vector_index.h>

extern const struct cof_vector_index_ops cof_flat_index_ops; /* exact scan */
extern const struct cof_vector_index_ops cof_hnsw_index_ops; /* Malkov & Yashunin 2018; M 32 */

/* hnsw; flat in a program that was built without Faiss (COF_WITH_FAISS), where building an hnsw
 * segment fails with COF_UNAVAILABLE. */
const struct cof_vector_index_ops *cof_default_index_ops(void);

#endif
