/* The collections' indexes, counted: what is removed lives until the last search lets go of it. */
#include <cof/index/index_set.h>

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "array.h"
#include "collection_private.h"

struct node {
    uint64_t collection;
    struct cof_collection_index *index;
    size_t reference_count; /* the set's own included */
};

struct cof_index_set {
    struct cof_index_set_options options;
    pthread_mutex_t lock; /* of what follows; never held while an index works */
    struct node **nodes;  /* by collection */
    size_t count;
    size_t capacity;
};

static void destroy_node(struct node *node)
{
    if (node == NULL)
        return;
    cof_collection_index_destroy(node->index);
    cof_free(node);
}

/* Place of the collection, or where it belongs. */
static size_t find_place(const struct cof_index_set *set, uint64_t collection)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->nodes[middle]->collection < collection)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct cof_index_set *set, size_t place, uint64_t collection)
{
    return place < set->count && set->nodes[place]->collection == collection;
}

static enum cof_status create_node(struct cof_index_set *set,
                                   const struct cof_collection *collection, struct node **out_node,
                                   struct cof_error *err)
{
    struct cof_collection_index_options options = {
        .dimension = collection->dimension,
        .seal_count = set->options.seal_count,
        .sealed_ops = set->options.sealed_ops,
        .background = set->options.background,
        .notice = set->options.notice,
        .notice_context = set->options.notice_context,
    };
    struct node *node = cof_calloc(1, sizeof(*node));
    if (node == NULL)
        return COF_FAIL_MEMORY(err);
    node->collection = collection->number;
    node->reference_count = 1;
    enum cof_status status = cof_collection_index_create(&options, &node->index, err);
    if (status != COF_OK) {
        destroy_node(node);
        return status;
    }
    node->index->owner = node;
    *out_node = node;
    return COF_OK;
}

static enum cof_status insert_node(struct cof_index_set *set, struct node *node,
                                   struct cof_error *err)
{
    size_t place = find_place(set, node->collection);

    if (is_at(set, place, node->collection))
        return COF_FAIL(err, COF_CONFLICT, "collection %" PRIu64 " is indexed already",
                        node->collection);
    struct node **nodes = cof_array_grow(set->nodes, set->count, sizeof(struct node *),
                                         &set->capacity, set->count + 1);
    if (nodes == NULL)
        return COF_FAIL_MEMORY(err);
    set->nodes = nodes;
    memmove(nodes + place + 1, nodes + place, (set->count - place) * sizeof(struct node *));
    nodes[place] = node;
    set->count++;
    return COF_OK;
}

enum cof_status cof_index_set_add(struct cof_index_set *set,
                                  const struct cof_collection *collection, struct cof_error *err)
{
    struct node *node = NULL;

    COF_TRY(create_node(set, collection, &node, err));
    assert(node != NULL);
    (void)pthread_mutex_lock(&set->lock);
    enum cof_status status = insert_node(set, node, err);
    (void)pthread_mutex_unlock(&set->lock);
    if (status != COF_OK)
        destroy_node(node);
    return status;
}

/* The lock is held; true when the caller has to destroy the node after letting go of it. */
static bool drop_reference(struct node *node)
{
    return --node->reference_count == 0;
}

void cof_index_set_remove(struct cof_index_set *set, uint64_t collection)
{
    struct node *last = NULL;

    (void)pthread_mutex_lock(&set->lock);
    size_t place = find_place(set, collection);
    if (is_at(set, place, collection)) {
        struct node *node = set->nodes[place];
        set->count--;
        memmove(set->nodes + place, set->nodes + place + 1,
                (set->count - place) * sizeof(struct node *));
        if (drop_reference(node))
            last = node;
    }
    (void)pthread_mutex_unlock(&set->lock);
    destroy_node(last);
}

enum cof_status cof_index_set_acquire(struct cof_index_set *set, uint64_t collection,
                                      struct cof_collection_index **out_index,
                                      struct cof_error *err)
{
    struct cof_collection_index *index = NULL;

    (void)pthread_mutex_lock(&set->lock);
    size_t place = find_place(set, collection);
    if (is_at(set, place, collection)) {
        set->nodes[place]->reference_count++;
        index = set->nodes[place]->index;
    }
    (void)pthread_mutex_unlock(&set->lock);
    if (index == NULL)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no collection %" PRIu64, collection);
    *out_index = index;
    return COF_OK;
}

void cof_index_set_release(struct cof_index_set *set, struct cof_collection_index *index)
{
    if (index == NULL)
        return;
    struct node *node = index->owner;
    (void)pthread_mutex_lock(&set->lock);
    bool is_last = drop_reference(node);
    (void)pthread_mutex_unlock(&set->lock);
    if (is_last)
        destroy_node(node);
}

static enum cof_status put_document(void *context, const struct cof_document *document,
                                    const struct cof_chunk *chunks, const float *vectors,
                                    struct cof_error *err)
{
    return cof_collection_index_put(context, document, chunks, vectors, err);
}

static enum cof_status load_collection(struct cof_index_set *set,
                                       const struct cof_collection *collection,
                                       struct cof_error *err)
{
    struct cof_collection_index *index = NULL;

    COF_TRY(cof_index_set_add(set, collection, err));
    COF_TRY(cof_index_set_acquire(set, collection->number, &index, err));
    enum cof_status status =
        cof_store_each_document(set->options.store, collection->number, put_document, index, err);
    cof_index_set_release(set, index);
    return status;
}

static enum cof_status load_all(struct cof_index_set *set, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_collection *collections = NULL;
    size_t count = 0;

    COF_TRY(cof_store_list_collections(set->options.store, &arena, &collections, &count, err));
    for (size_t i = 0; i < count; i++)
        COF_TRY(load_collection(set, &collections[i], err));
    return COF_OK;
}

enum cof_status cof_index_set_open(const struct cof_index_set_options *options,
                                   struct cof_index_set **out_set, struct cof_error *err)
{
    struct cof_index_set *set = cof_calloc(1, sizeof(*set));

    if (set == NULL)
        return COF_FAIL_MEMORY(err);
    set->options = *options;
    (void)pthread_mutex_init(&set->lock, NULL);
    enum cof_status status = load_all(set, err);
    if (status != COF_OK) {
        cof_index_set_close(set);
        return status;
    }
    *out_set = set;
    return COF_OK;
}

void cof_index_set_close(struct cof_index_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        destroy_node(set->nodes[i]);
    cof_free(set->nodes);
    (void)pthread_mutex_destroy(&set->lock);
    cof_free(set);
}
