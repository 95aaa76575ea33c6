/* The ingester: a call from documents to outcomes.
 *
 * A document whose content is stored already is sent to the store without content. Between that
 * finding and the write another call may replace or delete it; so the documents are claimed before
 * the write and looked at once more, and those that changed are prepared after all, outside the
 * claim, until none has. The store is called once, because one call has one audit record. */
#include <cof/ingest/ingest.h>

#include <string.h>

#include <cof/base/alloc.h>

#include "claims.h"
#include "ingest_private.h"

#define MAX_DOCUMENTS 1024
#define DEFAULT_DOCUMENT_BYTES ((size_t)64 * 1024 * 1024)
#define DEFAULT_CHUNKS ((size_t)20000)

/* ---- Steps over all documents ---- */

static bool is_alive(const struct cof_ingest_item *item)
{
    return item->status == COF_OK;
}

static bool needs_work(const struct cof_ingest_item *item)
{
    return is_alive(item) && item->has_content && item->vectors == NULL;
}

static void identify_range(void *context, size_t begin, size_t end)
{
    const struct cof_ingest_call *call = context;
    for (size_t i = begin; i < end; i++)
        cof_ingest_identify(call, &call->items[i]);
}

static void prepare_range(void *context, size_t begin, size_t end)
{
    const struct cof_ingest_call *call = context;
    for (size_t i = begin; i < end; i++) {
        if (needs_work(&call->items[i]) && !call->items[i].is_prepared)
            cof_ingest_prepare(call, &call->items[i]);
    }
}

/* Runs the step for every document, on the pool where there is one. */
static enum cof_status run(struct cof_ingest_call *call, cof_range_fn step, struct cof_error *err)
{
    struct cof_pool *pool = call->ingester->options.pool;
    if (pool != NULL)
        cof_pool_for(pool, call->count, 1, step, call);
    else
        step(call, 0, call->count);
    for (size_t i = 0; i < call->count; i++) {
        const struct cof_ingest_item *item = &call->items[i];
        if (!is_alive(item) && !cof_ingest_fails_alone(item->status)) {
            if (err != NULL)
                *err = item->error;
            return item->status;
        }
    }
    return COF_OK;
}

static void demand_content(struct cof_ingest_item *item)
{
    item->has_content = true;
    if (item->document->title.size == 0)
        item->title = (struct cof_text){0}; /* the parser finds it */
}

/* A document after another of the same id cannot rely on what is stored now. */
static void mark_repeated(struct cof_ingest_call *call, uint64_t *keys)
{
    for (size_t i = 0; i < call->count; i++) {
        struct cof_ingest_item *item = &call->items[i];
        keys[i] = cof_claim_key(call->collection_number, item->external_id);
        for (size_t j = 0; j < i && !item->is_repeated && is_alive(item); j++) {
            item->is_repeated = keys[j] == keys[i] && is_alive(&call->items[j]) &&
                                cof_text_equal(call->items[j].external_id, item->external_id);
        }
        if (item->is_repeated)
            demand_content(item);
    }
}

/* The memory of a call is bounded: documents beyond it fail and can come in another call. */
static void bound_chunks(struct cof_ingest_call *call)
{
    size_t total = 0;
    for (size_t i = 0; i < call->count; i++) {
        struct cof_ingest_item *item = &call->items[i];
        if (!is_alive(item) || !item->has_content)
            continue;
        if (total > 0 && item->chunk_count > COF_MAX_CALL_CHUNKS - total) {
            item->status = COF_FAIL(&item->error, COF_TOO_LARGE,
                                    "the documents of the call make more than %zu chunks: send "
                                    "this one in another call",
                                    COF_MAX_CALL_CHUNKS);
            continue;
        }
        total += item->chunk_count;
        if (total > COF_MAX_CALL_CHUNKS)
            total = COF_MAX_CALL_CHUNKS;
    }
}

struct batch {
    struct cof_text *texts;
    float *vectors;
    size_t *token_counts;
    size_t count;
};

/* Texts of all documents that need vectors, in one row. */
static enum cof_status gather(struct cof_ingest_call *call, struct batch *batch,
                              struct cof_error *err)
{
    size_t dimension = call->ingester->options.embedder->info.dimension;
    size_t count = 0;
    for (size_t i = 0; i < call->count; i++)
        count += needs_work(&call->items[i]) ? call->items[i].chunk_count : 0;
    batch->texts = cof_arena_array(&call->arena, count, sizeof(*batch->texts));
    batch->token_counts = cof_arena_array(&call->arena, count, sizeof(*batch->token_counts));
    batch->vectors = cof_arena_array(&call->arena, count, dimension * sizeof(float));
    if (batch->texts == NULL || batch->token_counts == NULL || batch->vectors == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < call->count; i++) {
        struct cof_ingest_item *item = &call->items[i];
        item->is_in_batch = needs_work(item);
        if (!item->is_in_batch)
            continue;
        item->vectors = batch->vectors + batch->count * dimension;
        if (item->chunk_count > 0)
            memcpy(batch->texts + batch->count, item->texts,
                   item->chunk_count * sizeof(*item->texts));
        batch->count += item->chunk_count;
    }
    return COF_OK;
}

/* In steps of what the embedder takes at once, so that a caller who leaves is noticed. */
static enum cof_status embed(struct cof_ingest_call *call, struct cof_error *err)
{
    struct cof_embedder *embedder = call->ingester->options.embedder;
    struct batch batch = {0};
    COF_TRY(gather(call, &batch, err));
    for (size_t done = 0; done < batch.count;) {
        size_t step = batch.count - done;
        if (step > embedder->info.max_batch_count)
            step = embedder->info.max_batch_count;
        COF_TRY(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, batch.texts + done, step,
                                   call->cancel, batch.vectors + done * embedder->info.dimension,
                                   batch.token_counts + done, err));
        done += step;
    }
    const size_t *token_counts = batch.token_counts;
    for (size_t i = 0; i < call->count; i++) {
        struct cof_ingest_item *item = &call->items[i];
        for (size_t j = 0; item->is_in_batch && j < item->chunk_count; j++)
            item->token_count += *token_counts++;
    }
    return COF_OK;
}

static enum cof_status make_content(struct cof_ingest_call *call, struct cof_error *err)
{
    bool has_work = false;
    for (size_t i = 0; i < call->count; i++)
        has_work = has_work || needs_work(&call->items[i]);
    if (!has_work)
        return COF_OK;
    COF_TRY(run(call, prepare_range, err));
    bound_chunks(call);
    return embed(call, err);
}

/* ---- The write ---- */

/* Documents whose content is no longer what is stored get content; whether there are any. */
static enum cof_status look_again(struct cof_ingest_call *call, bool *out_is_stale,
                                  struct cof_error *err)
{
    *out_is_stale = false;
    for (size_t i = 0; i < call->count; i++) {
        struct cof_ingest_item *item = &call->items[i];
        bool is_current = true;
        if (is_alive(item) && !item->has_content)
            COF_TRY(cof_ingest_is_current(call, item, &is_current, err));
        if (is_current)
            continue;
        demand_content(item);
        *out_is_stale = true;
    }
    return COF_OK;
}

static struct cof_document_write write_of(const struct cof_ingest_call *call,
                                          const struct cof_ingest_item *item)
{
    const struct cof_ingest_document *document = item->document;
    struct cof_document_write write = {
        .collection = call->collection_number,
        .external_id = item->external_id,
        .title = item->title,
        .filename = document->filename,
        .media_type = item->media_type,
        .attributes = document->attributes,
        .acl = document->acl,
        .source_bytes = document->source.size,
        .has_content = item->has_content,
        .chunks = item->chunks,
        .chunk_count = item->chunk_count,
        .vectors = item->vectors,
    };
    memcpy(write.content_hash, item->content_hash, sizeof(write.content_hash));
    return write;
}

static enum cof_status store(struct cof_ingest_call *call, const struct cof_outbox *outbox,
                             struct cof_write_outcome *out_outcomes, struct cof_error *err)
{
    struct cof_document_write *writes = cof_arena_array(&call->arena, call->count, sizeof(*writes));
    struct cof_write_outcome *outcomes =
        cof_arena_array(&call->arena, call->count, sizeof(*outcomes));
    if (writes == NULL || outcomes == NULL)
        return COF_FAIL_MEMORY(err);
    size_t count = 0;
    for (size_t i = 0; i < call->count; i++) {
        if (is_alive(&call->items[i]))
            writes[count++] = write_of(call, &call->items[i]);
    }
    if (count > 0)
        COF_TRY(cof_store_put_documents(call->ingester->options.store, writes, count, outbox,
                                        outcomes, err));
    size_t next = 0;
    for (size_t i = 0; i < call->count; i++) {
        const struct cof_ingest_item *item = &call->items[i];
        if (is_alive(item)) {
            out_outcomes[i] = outcomes[next++];
            cof_ingest_apply(call, item, &out_outcomes[i]);
        } else {
            out_outcomes[i] = (struct cof_write_outcome){.kind = COF_WRITE_FAILED,
                                                         .collection = call->collection_number,
                                                         .error = item->error};
        }
    }
    return COF_OK;
}

static enum cof_status claim_and_store(struct cof_ingest_call *call, uint64_t *keys,
                                       const struct cof_outbox *outbox,
                                       struct cof_write_outcome *out_outcomes,
                                       struct cof_error *err)
{
    for (;;) {
        COF_TRY(make_content(call, err));
        struct cof_claim claim = {.keys = keys, .count = call->count};
        bool is_stale = false;
        cof_claims_take(&call->ingester->claims, &claim);
        enum cof_status status = cof_cancel_check(call->cancel, err);
        if (status == COF_OK)
            status = look_again(call, &is_stale, err);
        if (status == COF_OK && !is_stale)
            status = store(call, outbox, out_outcomes, err);
        cof_claims_release(&call->ingester->claims, &claim);
        if (status != COF_OK || !is_stale)
            return status;
    }
}

/* The ids in the caller's arena; before the write, because nothing may fail after it. */
static enum cof_status copy_ids(const struct cof_ingest_call *call, struct cof_arena *arena,
                                struct cof_text *ids, struct cof_error *err)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct cof_ingest_item *item = &call->items[i];
        struct cof_text id = item->external_id;
        ids[i] = cof_arena_copy_text(arena, id.size > 0 ? id : item->document->external_id);
        if (ids[i].data == NULL)
            return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

/* ---- The call ---- */

static enum cof_status check_model(const struct cof_ingest_call *call, struct cof_error *err)
{
    const struct cof_embedder_info *info = &call->ingester->options.embedder->info;
    const struct cof_collection *collection = &call->collection;
    bool is_same =
        memcmp(collection->model_fingerprint, info->fingerprint, sizeof(info->fingerprint)) == 0 &&
        collection->dimension == info->dimension;
    if (is_same)
        return COF_OK;
    return COF_FAIL(
        err, COF_CONFLICT, "the collection was embedded by \"%.*s\", this server runs \"%s\"%s",
        COF_TEXT_ARG(collection->model_name), info->name,
        cof_text_equal(collection->model_name, cof_text_from(info->name)) ? " in another version"
                                                                          : "");
}

static enum cof_status begin_call(struct cof_ingest_call *call,
                                  const struct cof_ingest_document *documents,
                                  struct cof_error *err)
{
    const struct cof_ingester_options *options = &call->ingester->options;
    COF_TRY(cof_store_get_collection(options->store, call->collection_number, &call->arena,
                                     &call->collection, err));
    COF_TRY(check_model(call, err));
    call->items = cof_arena_array(&call->arena, call->count, sizeof(*call->items));
    if (call->items == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < call->count; i++)
        call->items[i].document = &documents[i];
    return cof_index_set_acquire(options->indexes, call->collection_number, &call->index, err);
}

static void end_call(struct cof_ingest_call *call)
{
    for (size_t i = 0; call->items != NULL && i < call->count; i++)
        cof_arena_deinit(&call->items[i].arena);
    if (call->index != NULL)
        cof_index_set_release(call->ingester->options.indexes, call->index);
    cof_arena_deinit(&call->arena);
}

static enum cof_status put(struct cof_ingest_call *call,
                           const struct cof_ingest_document *documents,
                           const struct cof_outbox *outbox, struct cof_arena *arena,
                           struct cof_ingest_result *out_results, struct cof_error *err)
{
    COF_TRY(begin_call(call, documents, err));
    uint64_t *keys = cof_arena_array(&call->arena, call->count, sizeof(*keys));
    struct cof_write_outcome *outcomes =
        cof_arena_array(&call->arena, call->count, sizeof(*outcomes));
    struct cof_text *ids = cof_arena_array(&call->arena, call->count, sizeof(*ids));
    if (keys == NULL || outcomes == NULL || ids == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(run(call, identify_range, err));
    COF_TRY(copy_ids(call, arena, ids, err));
    mark_repeated(call, keys);
    COF_TRY(claim_and_store(call, keys, outbox, outcomes, err));
    for (size_t i = 0; i < call->count; i++)
        out_results[i] = (struct cof_ingest_result){.external_id = ids[i],
                                                    .outcome = outcomes[i],
                                                    .token_count = call->items[i].token_count};
    return COF_OK;
}

enum cof_status cof_ingest_put(struct cof_ingester *ingester, uint64_t collection,
                               const struct cof_ingest_document *documents, size_t count,
                               const struct cof_outbox *outbox, const struct cof_cancel *cancel,
                               struct cof_arena *arena, struct cof_ingest_result *out_results,
                               struct cof_error *err)
{
    if (count == 0 || count > MAX_DOCUMENTS)
        return COF_FAIL(err, COF_INVALID, "a call takes 1 to %d documents, not %zu", MAX_DOCUMENTS,
                        count);
    struct cof_ingest_call call = {
        .ingester = ingester, .collection_number = collection, .cancel = cancel, .count = count};
    enum cof_status status = put(&call, documents, outbox, arena, out_results, err);
    end_call(&call);
    return status;
}

enum cof_status cof_ingest_delete(struct cof_ingester *ingester, uint64_t collection,
                                  struct cof_text external_id, const struct cof_outbox *outbox,
                                  struct cof_write_outcome *out_outcome, struct cof_error *err)
{
    struct cof_collection_index *index = NULL;
    struct cof_write_outcome outcome = {0};
    COF_TRY(cof_index_set_acquire(ingester->options.indexes, collection, &index, err));
    uint64_t key = cof_claim_key(collection, external_id);
    struct cof_claim claim = {.keys = &key, .count = 1};
    cof_claims_take(&ingester->claims, &claim);
    enum cof_status status = cof_store_delete_document(ingester->options.store, collection,
                                                       external_id, outbox, &outcome, err);
    if (status == COF_OK) {
        /* Fails for want of memory only, and then nothing is lost: a search asks the store about
         * each hit and drops what is no longer there. */
        enum cof_status ignored = cof_collection_index_delete(index, outcome.document_number, NULL);
        (void)ignored;
        *out_outcome = outcome;
    }
    cof_claims_release(&ingester->claims, &claim);
    cof_index_set_release(ingester->options.indexes, index);
    return status;
}

enum cof_status cof_ingester_create(const struct cof_ingester_options *options,
                                    struct cof_ingester **out_ingester, struct cof_error *err)
{
    struct cof_ingester *ingester = cof_calloc(1, sizeof(*ingester));
    if (ingester == NULL)
        return COF_FAIL_MEMORY(err);
    ingester->options = *options;
    if (ingester->options.max_document_bytes == 0)
        ingester->options.max_document_bytes = DEFAULT_DOCUMENT_BYTES;
    if (ingester->options.max_chunks == 0)
        ingester->options.max_chunks = DEFAULT_CHUNKS;
    cof_claims_init(&ingester->claims);
    pthread_mutex_init(&ingester->unindexed.lock, NULL);
    *out_ingester = ingester;
    return COF_OK;
}

void cof_ingester_destroy(struct cof_ingester *ingester)
{
    if (ingester == NULL)
        return;
    pthread_mutex_destroy(&ingester->unindexed.lock);
    cof_claims_deinit(&ingester->claims);
    cof_free(ingester);
}
