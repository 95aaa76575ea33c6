/* All collections' indexes by number; made from the store at start, kept with it afterwards.
 *
 * `acquire` gives a counted reference that stays valid while a collection is deleted elsewhere. */
#ifndef COF_INDEX_INDEX_SET_H
#define COF_INDEX_INDEX_SET_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/index/collection_index.h>
#include <cof/store/store.h>

struct cof_index_set;

struct cof_index_set_options {
    struct cof_store *store;
    struct cof_pool *background;                   /* builds; may be NULL */
    size_t seal_count;                             /* 0 = default */
    const struct cof_vector_index_ops *sealed_ops; /* NULL = hnsw */
    cof_notice_fn notice;
    void *notice_context;
};
/* Rebuilds every collection's index from the store. */
COF_MUST_USE enum cof_status cof_index_set_open(const struct cof_index_set_options *options,
                                                struct cof_index_set **out_set,
                                                struct cof_error *err);
void cof_index_set_close(struct cof_index_set *set);

COF_MUST_USE enum cof_status cof_index_set_add(struct cof_index_set *set,
                                               const struct cof_collection *collection,
                                               struct cof_error *err);
void cof_index_set_remove(struct cof_index_set *set, uint64_t collection);
/* COF_NOT_FOUND when there is none. Release what was acquired. */
COF_MUST_USE enum cof_status cof_index_set_acquire(struct cof_index_set *set, uint64_t collection,
                                                   struct cof_collection_index **out_index,
                                                   struct cof_error *err);
void cof_index_set_release(struct cof_index_set *set, struct cof_collection_index *index);

#endif
