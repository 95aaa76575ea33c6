/* The collection index as its three files see it: writing, building, searching.
 *
 * Two locks. `writer` serialises everything that changes anything and is held for the preparation
 * of a change; `state` is taken by a writer for the moment in which the change appears, and shared
 * by a search for all of its work, so that a search sees one state. No vector index is built under
 * either. Order: writer, then state. */
#ifndef COF_INDEX_COLLECTION_PRIVATE_H
#define COF_INDEX_COLLECTION_PRIVATE_H

#include <pthread.h>

#include <cof/index/collection_index.h>

#include "document_table.h"
#include "segment.h"

struct cof_collection_index {
    struct cof_collection_index_options options; /* defaults filled in */
    uint64_t seed;                               /* of the term hashes */
    struct cof_cancel cancel;                    /* of a build, when the index goes */
    void *owner;                                 /* the index set's node */
    pthread_mutex_t writer;
    pthread_rwlock_t state;
    struct {
        struct cof_segment **items; /* the last one grows, unless it is full */
        size_t count;
        size_t capacity;
    } segments;                      /* changed under both locks */
    struct cof_document_table table; /* writer; its documents are changed under both */
    struct {
        bool is_running;
        pthread_cond_t is_idle;
    } build; /* writer */
};

/* Starts the background build if there is something to build and none runs. Without a pool it is
 * done before this returns. Takes the writer lock. */
void cof_collection_build_start(struct cof_collection_index *index);

#endif
