/* The background work on segments: sealing the full ones, dropping what was deleted, joining the
 * small ones.
 *
 * One job at a time per collection. It picks segments under the writer lock, builds their vector
 * index under no lock, and comes back under the writer lock to merge their words and change the
 * list; documents deleted meanwhile are deleted in the new segment too. A segment stays searchable,
 * by exact scan if need be, until the moment it is replaced. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "collection_private.h"

enum { MAX_SOURCES = 16 };

struct build {
    struct cof_collection_index *index;
    struct cof_segment *victims[MAX_SOURCES];
    struct cof_segment_source sources[MAX_SOURCES];
    size_t count;
    size_t living_count;  /* chunks of the segment to be built */
    const float *vectors; /* of the one victim, or `gathered` */
    float *gathered;
};

/* ---- Picking ---- */

/* Worth a build of its own: full and not sealed, or more than half of it deleted. */
static bool needs_build(const struct cof_segment *segment)
{
    if (!segment->is_full || segment->has_failed)
        return false;
    return segment->sealed == NULL || 2 * (size_t)segment->living_count < segment->ordinal_count;
}

static bool has_work(const struct cof_collection_index *index)
{
    for (size_t i = 0; i < index->segments.count; i++) {
        if (needs_build(index->segments.items[i]))
            return true;
    }
    return false;
}

/* Adds sealed segments at most half full that fit beside the first victim. */
static void add_small(struct build *build)
{
    const struct cof_collection_index *index = build->index;
    size_t room = index->options.seal_count;

    room = room > build->living_count ? room - build->living_count : 0;
    for (size_t i = 0; i < index->segments.count && build->count < MAX_SOURCES; i++) {
        struct cof_segment *segment = index->segments.items[i];
        if (segment == build->victims[0] || segment->sealed == NULL || segment->has_failed ||
            segment->living_count > room || segment->living_count > index->options.seal_count / 2)
            continue;
        build->victims[build->count++] = segment;
        build->living_count += segment->living_count;
        room -= segment->living_count;
    }
}

/* Numbers the living chunks of the victims. */
static enum cof_status number_chunks(struct build *build, struct cof_error *err)
{
    uint32_t next = 0;

    for (size_t i = 0; i < build->count; i++) {
        const struct cof_segment *segment = build->victims[i];
        uint32_t *ordinals = cof_calloc(segment->ordinal_count, sizeof(*ordinals));
        if (ordinals == NULL)
            return COF_FAIL_MEMORY(err);
        build->sources[i] = (struct cof_segment_source){.segment = segment, .ordinals = ordinals};
        for (uint32_t ordinal = 0; ordinal < segment->ordinal_count; ordinal++)
            ordinals[ordinal] = cof_bitmap_has(segment->living, ordinal) ? next++ : UINT32_MAX;
    }
    return COF_OK;
}

/* Writer lock held. Leaves count 0 when there is nothing to do. */
static enum cof_status pick(struct build *build, struct cof_error *err)
{
    const struct cof_collection_index *index = build->index;

    for (size_t i = 0; i < index->segments.count; i++) {
        if (!needs_build(index->segments.items[i]))
            continue;
        build->victims[0] = index->segments.items[i];
        build->count = 1;
        build->living_count = build->victims[0]->living_count;
        add_small(build);
        return number_chunks(build, err);
    }
    return COF_OK;
}

/* ---- Building ---- */

static enum cof_status gather_vectors(struct build *build, struct cof_error *err)
{
    size_t dimension = build->index->options.dimension;
    const struct cof_segment *first = build->victims[0];

    if (build->count == 1 && build->living_count == first->ordinal_count) {
        build->vectors = cof_segment_vectors(first);
        return COF_OK;
    }
    build->gathered = cof_calloc(build->living_count * dimension, sizeof(float));
    if (build->gathered == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < build->count; i++) {
        const float *vectors = cof_segment_vectors(build->victims[i]);
        const uint32_t *ordinals = build->sources[i].ordinals;
        assert(ordinals != NULL);
        /* The count is the one at the time of numbering: a full segment does not grow. */
        for (size_t ordinal = 0; ordinal < build->victims[i]->ordinal_count; ordinal++) {
            if (ordinals[ordinal] != UINT32_MAX)
                memcpy(build->gathered + ordinals[ordinal] * dimension,
                       vectors + ordinal * dimension, dimension * sizeof(float));
        }
    }
    build->vectors = build->gathered;
    return COF_OK;
}

static bool is_victim(const struct build *build, const struct cof_segment *segment)
{
    for (size_t i = 0; i < build->count; i++) {
        if (build->victims[i] == segment)
            return true;
    }
    return false;
}

/* Puts `merged` (may be NULL: nothing is left) in place of the victims. Both locks held. */
static void replace_victims(struct build *build, struct cof_segment *merged)
{
    struct cof_collection_index *index = build->index;
    size_t kept = 0;

    for (size_t i = 0; i < index->segments.count; i++) {
        struct cof_segment *segment = index->segments.items[i];
        if (segment == build->victims[0] && merged != NULL)
            index->segments.items[kept++] = merged;
        else if (!is_victim(build, segment))
            index->segments.items[kept++] = segment;
    }
    index->segments.count = kept;
    for (size_t i = 0; merged != NULL && i < merged->document_count; i++) {
        struct cof_index_document *document = merged->documents[i];
        if (document == NULL)
            continue;
        document->segment = merged;
        document->first_ordinal = merged->first_ordinals[i];
    }
}

/* Writer lock held. Takes `sealed` (NULL: nothing is left) on success. */
static enum cof_status swap(struct build *build, struct cof_vector_index *sealed,
                            struct cof_error *err)
{
    struct cof_collection_index *index = build->index;
    struct cof_segment *merged = NULL;

    if (sealed != NULL)
        COF_TRY(cof_segment_merge(build->sources, build->count, index->seed, sealed, &merged, err));
    (void)pthread_rwlock_wrlock(&index->state);
    replace_victims(build, merged);
    (void)pthread_rwlock_unlock(&index->state);
    for (size_t i = 0; i < build->count; i++)
        cof_segment_destroy(build->victims[i]);
    return COF_OK;
}

/* No lock held. */
static enum cof_status run_build(struct build *build, struct cof_error *err)
{
    struct cof_collection_index *index = build->index;
    struct cof_vector_index *sealed = NULL;

    if (build->living_count > 0) {
        COF_TRY(gather_vectors(build, err));
        COF_TRY(cof_vector_index_build(index->options.sealed_ops, index->options.dimension,
                                       build->vectors, build->living_count, &index->cancel, &sealed,
                                       err));
    }
    (void)pthread_mutex_lock(&index->writer);
    enum cof_status status = swap(build, sealed, err);
    (void)pthread_mutex_unlock(&index->writer);
    if (status != COF_OK)
        cof_vector_index_destroy(sealed);
    return status;
}

static void release(struct build *build)
{
    for (size_t i = 0; i < build->count; i++)
        cof_free(build->sources[i].ordinals);
    cof_free(build->gathered);
}

/* A segment that cannot be built stays as it is: slower, and as right. */
static void give_up(struct build *build, const struct cof_error *failure)
{
    struct cof_collection_index *index = build->index;
    char message[320];

    (void)pthread_mutex_lock(&index->writer);
    build->victims[0]->has_failed = true;
    (void)pthread_mutex_unlock(&index->writer);
    (void)snprintf(message, sizeof(message),
                   "a segment of %zu chunks stays searched by exact scan: %s", build->living_count,
                   failure->message);
    if (failure->status != COF_CANCELED && index->options.notice != NULL)
        index->options.notice(index->options.notice_context, message);
}

/* False when nothing is left to do; then the job is over. */
static bool build_one(struct cof_collection_index *index)
{
    struct build build = {.index = index};
    struct cof_error err = {0};

    (void)pthread_mutex_lock(&index->writer);
    enum cof_status status = pick(&build, &err);
    if (build.count == 0) {
        index->build.is_running = false;
        (void)pthread_cond_broadcast(&index->build.is_idle);
    }
    (void)pthread_mutex_unlock(&index->writer);
    if (build.count == 0)
        return false;
    if (status == COF_OK)
        status = run_build(&build, &err);
    if (status != COF_OK)
        give_up(&build, &err);
    release(&build);
    return true;
}

static void run_job(void *context)
{
    while (build_one(context)) {
    }
}

void cof_collection_build_start(struct cof_collection_index *index)
{
    struct cof_error err = {0};

    (void)pthread_mutex_lock(&index->writer);
    bool is_needed = !index->build.is_running && has_work(index);
    if (is_needed)
        index->build.is_running = true;
    (void)pthread_mutex_unlock(&index->writer);
    if (!is_needed)
        return;
    if (index->options.background == NULL) {
        run_job(index);
        return;
    }
    if (cof_pool_submit(index->options.background, run_job, index, &err) == COF_OK)
        return;
    /* The queue is full: the next write tries again. */
    (void)pthread_mutex_lock(&index->writer);
    index->build.is_running = false;
    (void)pthread_cond_broadcast(&index->build.is_idle);
    (void)pthread_mutex_unlock(&index->writer);
}
