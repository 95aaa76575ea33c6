/* What we use of Faiss, as C: one HNSW graph with its vectors, searched with an efSearch and a set
 * of permitted ordinals per call, which Faiss's own C API (1.12) cannot say.
 *
 * No exception passes. Nothing here starts a thread: Faiss's OpenMP regions run on the caller, so a
 * graph built of the same vectors is the same graph. Searches may run at the same time; adding may
 * not run beside anything. */
#ifndef COF_INDEX_FAISS_SHIM_H
#define COF_INDEX_FAISS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <cof/base/status.h>
#include <cof/index/bitmap.h>

struct cof_faiss_hnsw;

COF_MUST_USE enum cof_status cof_faiss_hnsw_create(size_t dimension, size_t link_count,
                                                   size_t construction_effort,
                                                   struct cof_faiss_hnsw **out_hnsw,
                                                   struct cof_error *err);
void cof_faiss_hnsw_destroy(struct cof_faiss_hnsw *hnsw);

COF_MUST_USE enum cof_status cof_faiss_hnsw_add(struct cof_faiss_hnsw *hnsw, const float *vectors,
                                                size_t count, struct cof_error *err);
/* The ordinals of at most k permitted vectors, best first by Faiss's own arithmetic; fewer when the
 * walk met no more. `scores` is scratch for k floats. `permitted` may be NULL. */
COF_MUST_USE enum cof_status cof_faiss_hnsw_search(const struct cof_faiss_hnsw *hnsw,
                                                   const float *vector, size_t k, size_t effort,
                                                   const struct cof_bitmap *permitted,
                                                   float *scores, int64_t *out_ordinals,
                                                   size_t *out_count, struct cof_error *err);
/* In the order of their ordinals; borrowed until the next add or destroy. */
const float *cof_faiss_hnsw_vectors(const struct cof_faiss_hnsw *hnsw);
size_t cof_faiss_hnsw_memory_bytes(const struct cof_faiss_hnsw *hnsw);

#ifdef __cplusplus
}
#endif

#endif
