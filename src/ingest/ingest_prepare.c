/* One document before it is stored: identity, content hash, text, chunks. */
#include "ingest_private.h"

#include <string.h>

#include <cof/auth/auth.h>
#include <cof/base/buffer.h>
#include <cof/index/attributes.h>
#include <cof/ingest/chunker.h>

#include "block_list.h"
#include "clean.h"
#include "extract.h"

/* Part of the content hash: another way of parsing or chunking makes other content of the same
 * bytes. To be changed with them. */
#define PIPELINE COF_TEXT("coffer ingest 1")

bool cof_ingest_fails_alone(enum cof_status status)
{
    return status == COF_INVALID || status == COF_TOO_LARGE;
}

static enum cof_status keep(struct cof_ingest_item *item, struct cof_text text,
                            struct cof_text *out_copy, struct cof_error *err)
{
    struct cof_text copy = cof_arena_copy_text(&item->arena, text);
    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    *out_copy = copy;
    return COF_OK;
}

static enum cof_status find_id(const struct cof_ingest_call *call, struct cof_ingest_item *item,
                               struct cof_error *err)
{
    const struct cof_ingest_document *document = item->document;
    char id[32];
    if (document->external_id.size > 0) {
        COF_TRY(cof_external_id_check(document->external_id, err));
        return keep(item, document->external_id, &item->external_id, err);
    }
    if (document->filename.size == 0)
        return COF_FAIL(err, COF_INVALID, "a document needs an id or a file name");
    COF_TRY(cof_store_path_id(call->ingester->options.store, call->collection_number,
                              document->filename, id, err));
    return keep(item, cof_text_from(id), &item->external_id, err);
}

static enum cof_status find_media_type(struct cof_ingest_item *item, struct cof_error *err)
{
    struct cof_text media_type = item->document->media_type;
    size_t format = 0;
    if (media_type.size == 0)
        media_type = cof_media_type_of(item->document->filename);
    if (media_type.size == 0)
        media_type = COF_TEXT("text/plain");
    COF_TRY(cof_format_find(cof_formats(), media_type, &format, err));
    item->media_type = cof_text_from(cof_formats()->formats[format].media_type);
    return COF_OK;
}

/* A title is shown and embedded like text, so it is cleaned like text. */
static enum cof_status find_title(struct cof_ingest_item *item, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer cleaned = {0};
    struct cof_text title = item->document->title;
    if (!cof_utf8_is_valid(title, NULL))
        return COF_FAIL(err, COF_INVALID, "the title is not UTF-8");
    COF_TRY(cof_clean_text(title, COF_CLEAN_PROSE, NULL, 0, NULL, &cleaned, err));
    struct cof_text text = cof_buffer_text(&cleaned);
    if (text.size > COF_MAX_TITLE_BYTES)
        return COF_FAIL(err, COF_INVALID, "a title of %zu bytes is over %zu", text.size,
                        COF_MAX_TITLE_BYTES);
    return keep(item, text, &item->title, err);
}

static enum cof_status check_labels(const struct cof_ingest_call *call,
                                    struct cof_ingest_item *item, struct cof_error *err)
{
    const struct cof_ingest_document *document = item->document;
    const struct cof_attributes *attributes = NULL;
    size_t max_bytes = call->ingester->options.max_document_bytes;
    COF_TRY(find_id(call, item, err));
    COF_TRY(cof_media_check(document->source, err));
    COF_TRY(find_media_type(item, err));
    COF_TRY(find_title(item, err));
    COF_TRY(cof_attributes_parse(document->attributes, &item->arena, &attributes, err));
    COF_TRY(cof_acl_check(&document->acl, err));
    if (document->source.size > max_bytes)
        return COF_FAIL(err, COF_TOO_LARGE, "a document of %zu bytes is over the limit of %zu",
                        document->source.size, max_bytes);
    return COF_OK;
}

static enum cof_status hash_content(const struct cof_ingest_call *call,
                                    struct cof_ingest_item *item, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer numbers = {0};
    const struct cof_embedder *embedder = call->ingester->options.embedder;
    cof_buffer_append_u32(&numbers, call->collection.max_chunk_tokens);
    cof_buffer_append_u32(&numbers, call->collection.chunk_overlap_tokens);
    COF_TRY(cof_buffer_status(&numbers, err));
    const struct cof_bytes parts[] = {
        cof_text_bytes(PIPELINE),
        item->document->source,
        cof_text_bytes(item->media_type),
        cof_buffer_bytes(&numbers),
        {.data = embedder->info.fingerprint, .size = sizeof(embedder->info.fingerprint)},
    };
    return cof_store_content_hash(call->ingester->options.store, call->collection_number, parts,
                                  sizeof(parts) / sizeof(parts[0]), item->content_hash, err);
}

enum cof_status cof_ingest_is_current(const struct cof_ingest_call *call,
                                      struct cof_ingest_item *item, bool *out_is_current,
                                      struct cof_error *err)
{
    struct cof_document stored = {0};
    struct cof_error missing = {0};
    enum cof_status status =
        cof_store_find_document(call->ingester->options.store, call->collection_number,
                                item->external_id, &item->arena, &stored, &missing);
    if (status == COF_NOT_FOUND) {
        *out_is_current = false;
        return COF_OK;
    }
    if (status != COF_OK) {
        if (err != NULL)
            *err = missing;
        return status;
    }
    *out_is_current =
        memcmp(stored.content_hash, item->content_hash, sizeof(stored.content_hash)) == 0;
    /* Without a title of the caller's, the one that the parser found then stays. */
    if (*out_is_current && item->document->title.size == 0)
        item->title = stored.title;
    return COF_OK;
}

static enum cof_status identify(const struct cof_ingest_call *call, struct cof_ingest_item *item,
                                struct cof_error *err)
{
    bool is_current = false;
    COF_TRY(cof_cancel_check(call->cancel, err));
    COF_TRY(check_labels(call, item, err));
    COF_TRY(hash_content(call, item, err));
    COF_TRY(cof_ingest_is_current(call, item, &is_current, err));
    uint64_t key = cof_claim_key(call->collection_number, item->external_id);
    item->has_content = !is_current || cof_unindexed_has(&call->ingester->unindexed, key);
    return COF_OK;
}

void cof_ingest_identify(const struct cof_ingest_call *call, struct cof_ingest_item *item)
{
    item->status = identify(call, item, &item->error);
}

static enum cof_status make_texts(struct cof_ingest_item *item, struct cof_error *err)
{
    item->texts = cof_arena_array(&item->arena, item->chunk_count, sizeof(*item->texts));
    if (item->texts == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < item->chunk_count; i++)
        COF_TRY(cof_chunk_embedding_text(item->title, &item->chunks[i], &item->arena,
                                         &item->texts[i], err));
    return COF_OK;
}

static enum cof_status prepare(const struct cof_ingest_call *call, struct cof_ingest_item *item,
                               struct cof_error *err)
{
    const struct cof_ingester_options *options = &call->ingester->options;
    struct cof_parsed parsed = {0};
    struct cof_chunker_options chunking = {
        .max_tokens = call->collection.max_chunk_tokens,
        .overlap_tokens = call->collection.chunk_overlap_tokens,
    };
    COF_TRY(cof_parser_parse(options->parser, item->media_type, item->document->source,
                             call->cancel, &item->arena, &parsed, err));
    if (item->title.size == 0)
        item->title = parsed.title;
    parsed.title = item->title;
    COF_TRY(cof_cancel_check(call->cancel, err));
    COF_TRY(cof_chunk_document(options->embedder, &chunking, &parsed, &item->arena, &item->chunks,
                               &item->chunk_count, err));
    if (item->chunk_count > options->max_chunks)
        return COF_FAIL(err, COF_TOO_LARGE,
                        "the document makes %zu chunks, over the limit of %zu: split it, or raise "
                        "max_document_chunks",
                        item->chunk_count, options->max_chunks);
    return make_texts(item, err);
}

void cof_ingest_prepare(const struct cof_ingest_call *call, struct cof_ingest_item *item)
{
    item->status = prepare(call, item, &item->error);
    item->is_prepared = item->status == COF_OK;
}
