/* What the store did, told to the index.
 *
 * The index itself ignores a put of a version that it has, so a replaced document is put and then
 * updated: whichever of content and labels changed, the right thing happens. */
#include "ingest_private.h"

#include <string.h>

#include "claims.h"

static size_t find_key(const struct cof_unindexed *unindexed, uint64_t key)
{
    size_t i = 0;
    while (i < unindexed->count && unindexed->keys[i] != key)
        i++;
    return i;
}

static void note_unindexed(struct cof_unindexed *unindexed, uint64_t key)
{
    pthread_mutex_lock(&unindexed->lock);
    if (find_key(unindexed, key) == unindexed->count) {
        if (unindexed->count < COF_MAX_UNINDEXED)
            unindexed->keys[unindexed->count++] = key;
        else
            unindexed->is_over = true;
    }
    pthread_mutex_unlock(&unindexed->lock);
}

static void forget_unindexed(struct cof_unindexed *unindexed, uint64_t key)
{
    pthread_mutex_lock(&unindexed->lock);
    size_t i = find_key(unindexed, key);
    if (i < unindexed->count)
        unindexed->keys[i] = unindexed->keys[--unindexed->count];
    pthread_mutex_unlock(&unindexed->lock);
}

bool cof_unindexed_has(struct cof_unindexed *unindexed, uint64_t key)
{
    pthread_mutex_lock(&unindexed->lock);
    bool has_it = unindexed->is_over || find_key(unindexed, key) < unindexed->count;
    pthread_mutex_unlock(&unindexed->lock);
    return has_it;
}

static struct cof_document document_of(const struct cof_ingest_call *call,
                                       const struct cof_ingest_item *item,
                                       const struct cof_write_outcome *outcome)
{
    const struct cof_ingest_document *given = item->document;
    struct cof_document document = {
        .collection = call->collection_number,
        .number = outcome->document_number,
        .version = outcome->version,
        .external_id = item->external_id,
        .title = item->title,
        .filename = given->filename,
        .media_type = item->media_type,
        .attributes = given->attributes.size > 0 ? given->attributes : COF_TEXT("{}"),
        .acl = given->acl,
        .source_bytes = given->source.size,
        .first_chunk_id = outcome->first_chunk_id,
        .chunk_count = outcome->chunk_count,
    };
    memcpy(document.content_hash, item->content_hash, sizeof(document.content_hash));
    return document;
}

static enum cof_status put_in_index(const struct cof_ingest_call *call,
                                    const struct cof_ingest_item *item,
                                    const struct cof_document *document, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chunk *chunks = cof_arena_array(&arena, item->chunk_count, sizeof(*chunks));
    if (chunks == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < item->chunk_count; i++) {
        const struct cof_chunk_write *written = &item->chunks[i];
        chunks[i] = (struct cof_chunk){.chunk_id = document->first_chunk_id + i,
                                       .index = (uint32_t)i,
                                       .text = written->text,
                                       .heading = written->heading,
                                       .byte_begin = written->byte_begin,
                                       .byte_end = written->byte_end};
    }
    return cof_collection_index_put(call->index, document, chunks, item->vectors, err);
}

static enum cof_status tell_index(const struct cof_ingest_call *call,
                                  const struct cof_ingest_item *item,
                                  const struct cof_write_outcome *outcome, struct cof_error *err)
{
    struct cof_document document = document_of(call, item, outcome);
    if (item->has_content && outcome->chunk_count == item->chunk_count)
        COF_TRY(put_in_index(call, item, &document, err));
    if (outcome->kind == COF_WRITE_REPLACED)
        COF_TRY(cof_collection_index_update(call->index, &document, err));
    return COF_OK;
}

void cof_ingest_apply(const struct cof_ingest_call *call, const struct cof_ingest_item *item,
                      struct cof_write_outcome *outcome)
{
    struct cof_unindexed *unindexed = &call->ingester->unindexed;
    uint64_t key = cof_claim_key(call->collection_number, item->external_id);
    struct cof_error error = {0};
    if (outcome->kind == COF_WRITE_FAILED ||
        (outcome->kind == COF_WRITE_UNCHANGED && !item->has_content))
        return;
    if (tell_index(call, item, outcome, &error) == COF_OK) {
        forget_unindexed(unindexed, key);
        return;
    }
    note_unindexed(unindexed, key);
    outcome->kind = COF_WRITE_FAILED;
    (void)COF_FAIL(&outcome->error, COF_UNAVAILABLE,
                   "the document is stored but cannot be found yet (%s): put it again, or restart "
                   "the server",
                   error.message);
}
