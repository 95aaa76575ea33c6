/* Writing to a collection index: put, update, delete. */
#include <inttypes.h>

#include <cof/base/alloc.h>
#include <cof/base/clock.h>
#include <cof/index/vector_backends.h>

#include "array.h"
#include "collection_private.h"
#include "document_terms.h"
#include "vector_scan.h"

enum { DEFAULT_SEAL_COUNT = 16384, MAX_SEAL_COUNT = COF_MAX_LEXICAL_ORDINALS / 2 };

/* ---- Life ---- */

static void init_locks(struct cof_collection_index *index)
{
    pthread_rwlockattr_t attributes;

    (void)pthread_rwlockattr_init(&attributes);
    /* A writer holds the lock for microseconds; without this, searches could keep it out for ever.
     */
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&index->state, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
    (void)pthread_mutex_init(&index->writer, NULL);
    (void)pthread_cond_init(&index->build.is_idle, NULL);
}

/* Adds an empty segment, the one that grows from now on. Writer lock held. */
static enum cof_status append_segment(struct cof_collection_index *index, struct cof_error *err)
{
    struct cof_segment *segment = NULL;

    COF_TRY(cof_segment_create(index->options.dimension, index->seed, &segment, err));
    (void)pthread_rwlock_wrlock(&index->state);
    struct cof_segment **items =
        cof_array_grow(index->segments.items, index->segments.count, sizeof(struct cof_segment *),
                       &index->segments.capacity, index->segments.count + 1);
    if (items != NULL) {
        index->segments.items = items;
        items[index->segments.count++] = segment;
    }
    (void)pthread_rwlock_unlock(&index->state);
    if (items == NULL) {
        cof_segment_destroy(segment);
        return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

enum cof_status cof_collection_index_create(const struct cof_collection_index_options *options,
                                            struct cof_collection_index **out_index,
                                            struct cof_error *err)
{
    if (options->dimension == 0)
        return COF_FAIL(err, COF_INVALID, "an index needs a dimension of at least 1");
    struct cof_collection_index *index = cof_calloc(1, sizeof(*index));
    if (index == NULL)
        return COF_FAIL_MEMORY(err);
    index->options = *options;
    if (index->options.seal_count == 0)
        index->options.seal_count = DEFAULT_SEAL_COUNT;
    if (index->options.seal_count > MAX_SEAL_COUNT)
        index->options.seal_count = MAX_SEAL_COUNT;
    if (index->options.sealed_ops == NULL)
        index->options.sealed_ops = cof_default_index_ops();
    /* No result depends on the seed, so it need not be the caller's to choose. */
    cof_random_fill(cof_random_system(), &index->seed, sizeof(index->seed));
    init_locks(index);
    *out_index = index;
    return COF_OK;
}

void cof_collection_index_destroy(struct cof_collection_index *index)
{
    if (index == NULL)
        return;
    cof_cancel_request(&index->cancel);
    (void)pthread_mutex_lock(&index->writer);
    while (index->build.is_running)
        (void)pthread_cond_wait(&index->build.is_idle, &index->writer);
    (void)pthread_mutex_unlock(&index->writer);

    for (size_t i = 0; i < index->segments.count; i++)
        cof_segment_destroy(index->segments.items[i]);
    cof_free(index->segments.items);
    cof_document_table_deinit(&index->table);
    (void)pthread_cond_destroy(&index->build.is_idle);
    (void)pthread_mutex_destroy(&index->writer);
    (void)pthread_rwlock_destroy(&index->state);
    cof_free(index);
}

/* ---- Putting ---- */

/* The growing segment, with room for a document. Writer lock held. */
static enum cof_status take_growing(struct cof_collection_index *index, size_t chunk_count,
                                    struct cof_segment **out_segment, struct cof_error *err)
{
    struct cof_segment *last = NULL;

    if (index->segments.count > 0)
        last = index->segments.items[index->segments.count - 1];
    if (last != NULL && !last->is_full && last->ordinal_count > 0 &&
        last->ordinal_count + chunk_count > index->options.seal_count)
        last->is_full = true;
    if (last == NULL || last->is_full) {
        COF_TRY(append_segment(index, err));
        last = index->segments.items[index->segments.count - 1];
    }
    *out_segment = last;
    return COF_OK;
}

/* What a put brings. */
struct put {
    struct cof_index_document *record; /* NULL once taken */
    const struct cof_chunk *chunks;
    const float *vectors;
    struct cof_arena *arena;
    struct cof_document_terms terms;
};

/* Enters `record` in place of what was known; both locks held, nothing can fail. */
static void enter_record(struct cof_collection_index *index, struct cof_index_document *known,
                         struct cof_index_document *record)
{
    if (known == record) {
        cof_document_table_fulfil(&index->table, record);
        return;
    }
    if (known != NULL && known->segment != NULL)
        cof_segment_remove(known->segment, known);
    if (known != NULL && known->pending != NULL &&
        known->pending->seen.version > record->seen.version) {
        record->pending = known->pending;
        known->pending = NULL;
    }
    cof_document_table_put(&index->table, record);
}

static enum cof_status put_record(struct cof_collection_index *index, struct put *put,
                                  struct cof_index_document *known,
                                  struct cof_index_document *record, struct cof_error *err)
{
    struct cof_segment *segment = NULL;
    float *vectors = NULL;
    size_t capacity = 0;
    enum cof_status status = COF_OK;

    COF_TRY(cof_document_table_reserve(&index->table, err));
    if (record->chunk_count > 0) {
        COF_TRY(take_growing(index, record->chunk_count, &segment, err));
        COF_TRY(cof_segment_prepare(segment, put->vectors, record->chunk_count, &vectors, &capacity,
                                    err));
    }
    (void)pthread_rwlock_wrlock(&index->state);
    if (segment != NULL)
        status = cof_segment_append(segment, record, &put->terms, vectors, capacity, err);
    if (status == COF_OK)
        enter_record(index, known, record);
    (void)pthread_rwlock_unlock(&index->state);
    if (segment != NULL && segment->ordinal_count >= index->options.seal_count)
        segment->is_full = true;
    return status;
}

/* An update of this very version was here first: its title, attributes and ACL are the newer. */
static enum cof_status put_updated(struct cof_collection_index *index, struct put *put,
                                   struct cof_index_document *known,
                                   struct cof_index_document *update, struct cof_error *err)
{
    update->first_chunk_id = put->record->first_chunk_id;
    update->chunk_count = put->record->chunk_count;
    if (!cof_text_equal(update->title, put->record->title))
        COF_TRY(cof_document_terms_make(update->title, put->chunks, update->chunk_count,
                                        index->seed, put->arena, &put->terms, err));
    if (known != update)
        known->pending = NULL;
    enum cof_status status = put_record(index, put, known, update, err);
    if (status != COF_OK && known != update)
        known->pending = update;
    return status;
}

/* Writer lock held. */
static enum cof_status put_locked(struct cof_collection_index *index, struct put *put,
                                  struct cof_error *err)
{
    bool is_deleted = false;
    struct cof_index_document *record = put->record;
    struct cof_index_document *known =
        cof_document_table_get(&index->table, record->seen.number, &is_deleted);

    if (is_deleted)
        return COF_OK;
    if (known != NULL && !known->awaits_put && known->seen.version >= record->seen.version)
        return COF_OK;
    struct cof_index_document *update = NULL;
    if (known != NULL)
        update = known->awaits_put ? known : known->pending;
    if (update != NULL && update->seen.version == record->seen.version)
        return put_updated(index, put, known, update, err);
    if (update != NULL && update == known && update->seen.version > record->seen.version)
        return COF_OK; /* the put of that later version is on its way */

    COF_TRY(put_record(index, put, known, record, err));
    put->record = NULL;
    return COF_OK;
}

static enum cof_status check_put(const struct cof_collection_index *index,
                                 const struct cof_document *document, const float *vectors,
                                 struct cof_error *err)
{
    if (document->chunk_count > MAX_SEAL_COUNT)
        return COF_FAIL(err, COF_TOO_LARGE, "a document of %" PRIu32 " chunks is over %d",
                        document->chunk_count, MAX_SEAL_COUNT);
    size_t dimension = index->options.dimension;
    for (size_t i = 0; i < document->chunk_count; i++) {
        if (!cof_floats_are_finite(vectors + i * dimension, dimension))
            return COF_FAIL(err, COF_INVALID, "the vector of chunk %zu holds a NaN or an infinity",
                            i);
    }
    return COF_OK;
}

enum cof_status cof_collection_index_put(struct cof_collection_index *index,
                                         const struct cof_document *document,
                                         const struct cof_chunk *chunks, const float *vectors,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct put put = {.chunks = chunks, .vectors = vectors, .arena = &arena};

    COF_TRY(check_put(index, document, vectors, err));
    COF_TRY(cof_document_terms_make(document->title, chunks, document->chunk_count, index->seed,
                                    &arena, &put.terms, err));
    COF_TRY(cof_index_document_create(document, &put.record, err));
    (void)pthread_mutex_lock(&index->writer);
    enum cof_status status = put_locked(index, &put, err);
    (void)pthread_mutex_unlock(&index->writer);
    cof_index_document_destroy(put.record);
    cof_collection_build_start(index);
    return status;
}

/* ---- Updating and deleting ---- */

/* Keeps an update until the put of its version comes. Writer lock held; takes *record. */
static enum cof_status keep_update(struct cof_collection_index *index,
                                   struct cof_index_document *known,
                                   struct cof_index_document **record, struct cof_error *err)
{
    COF_TRY(cof_document_table_reserve(&index->table, err));
    if (known != NULL && !known->awaits_put) {
        if (known->pending == NULL || known->pending->seen.version <= (*record)->seen.version) {
            cof_index_document_destroy(known->pending);
            known->pending = *record;
            *record = NULL;
        }
        return COF_OK;
    }
    (*record)->awaits_put = true;
    (void)pthread_rwlock_wrlock(&index->state);
    cof_document_table_put(&index->table, *record);
    (void)pthread_rwlock_unlock(&index->state);
    *record = NULL;
    return COF_OK;
}

/* Puts `record` in place of `known`, which is of the same version. Writer lock held. */
static enum cof_status update_record(struct cof_collection_index *index,
                                     struct cof_index_document *known,
                                     struct cof_index_document *record, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_segment *segment = known->segment;
    uint32_t end = known->first_ordinal + known->chunk_count;
    struct cof_term_list before = {0};
    struct cof_term_list after = {0};
    bool is_retitled = segment != NULL && !cof_text_equal(known->title, record->title);
    enum cof_status status = COF_OK;

    if (is_retitled) {
        COF_TRY(
            cof_title_terms_make(known->title, known->language, index->seed, &arena, &before, err));
        COF_TRY(
            cof_title_terms_make(record->title, known->language, index->seed, &arena, &after, err));
    }
    record->first_chunk_id = known->first_chunk_id;
    record->chunk_count = known->chunk_count;
    record->language = known->language;
    record->segment = segment;
    record->first_ordinal = known->first_ordinal;
    (void)pthread_rwlock_wrlock(&index->state);
    if (is_retitled)
        status = cof_lexical_index_retitle(segment->words, known->first_ordinal, end, &before,
                                           &after, err);
    if (status == COF_OK) {
        if (segment != NULL)
            cof_segment_replace(segment, known, record);
        record->pending = known->pending;
        known->pending = NULL;
        cof_document_table_put(&index->table, record);
    }
    (void)pthread_rwlock_unlock(&index->state);
    return status;
}

/* Writer lock held; takes *record or leaves it. */
static enum cof_status update_locked(struct cof_collection_index *index,
                                     struct cof_index_document **record, struct cof_error *err)
{
    bool is_deleted = false;
    struct cof_index_document *known =
        cof_document_table_get(&index->table, (*record)->seen.number, &is_deleted);

    if (is_deleted || (known != NULL && known->seen.version > (*record)->seen.version))
        return COF_OK;
    if (known == NULL || known->awaits_put || known->seen.version < (*record)->seen.version)
        return keep_update(index, known, record, err);
    COF_TRY(update_record(index, known, *record, err));
    *record = NULL;
    return COF_OK;
}

enum cof_status cof_collection_index_update(struct cof_collection_index *index,
                                            const struct cof_document *document,
                                            struct cof_error *err)
{
    struct cof_index_document *record = NULL;

    COF_TRY(cof_index_document_create(document, &record, err));
    (void)pthread_mutex_lock(&index->writer);
    enum cof_status status = update_locked(index, &record, err);
    (void)pthread_mutex_unlock(&index->writer);
    cof_index_document_destroy(record);
    return status;
}

/* Writer lock held. */
static enum cof_status delete_locked(struct cof_collection_index *index, uint64_t number,
                                     struct cof_error *err)
{
    bool is_deleted = false;

    COF_TRY(cof_document_table_reserve(&index->table, err));
    struct cof_index_document *known = cof_document_table_get(&index->table, number, &is_deleted);
    (void)pthread_rwlock_wrlock(&index->state);
    if (known != NULL && known->segment != NULL)
        cof_segment_remove(known->segment, known);
    cof_document_table_delete(&index->table, number);
    (void)pthread_rwlock_unlock(&index->state);
    return COF_OK;
}

enum cof_status cof_collection_index_delete(struct cof_collection_index *index,
                                            uint64_t document_number, struct cof_error *err)
{
    (void)pthread_mutex_lock(&index->writer);
    enum cof_status status = delete_locked(index, document_number, err);
    (void)pthread_mutex_unlock(&index->writer);
    cof_collection_build_start(index);
    return status;
}

void cof_collection_index_stats_get(struct cof_collection_index *index,
                                    struct cof_collection_index_stats *out_stats)
{
    struct cof_collection_index_stats stats = {0};

    (void)pthread_mutex_lock(&index->writer);
    stats.document_count = index->table.document_count;
    stats.segment_count = index->segments.count;
    stats.memory_bytes = sizeof(*index) + cof_document_table_memory_bytes(&index->table);
    for (size_t i = 0; i < index->segments.count; i++) {
        const struct cof_segment *segment = index->segments.items[i];
        stats.chunk_count += segment->living_count;
        stats.tombstone_count += segment->ordinal_count - segment->living_count;
        stats.memory_bytes += cof_segment_memory_bytes(segment);
    }
    (void)pthread_mutex_unlock(&index->writer);
    *out_stats = stats;
}
