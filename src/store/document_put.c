/* One document on its way into the store: looked up, numbered, sealed, laid down. */
#include "document_put.h"

#include <string.h>

#include <cof/keys/hash.h>
#include <cof/keys/keyring.h>

#include "collection_row.h"
#include "document_row.h"
#include "vector_block.h"

#define MAX_ROW_SIZE ((size_t)1 << 20) /* of a document's labels and access list together */
#define BUCKETS_AT_ONCE 16

/* Faults of the document alone; the others are everybody's. */
static bool is_own_fault(enum cof_status status)
{
    return status == COF_INVALID || status == COF_NOT_FOUND || status == COF_CONFLICT ||
           status == COF_CORRUPT || status == COF_TOO_LARGE;
}

static enum cof_status settle(struct cof_document_put *put, enum cof_status status,
                              const struct cof_error *failure, struct cof_error *err)
{
    if (status == COF_OK)
        return COF_OK;
    if (!is_own_fault(status)) {
        if (err != NULL)
            *err = *failure;
        return status;
    }
    put->outcome = (struct cof_write_outcome){
        .kind = COF_WRITE_FAILED, .collection = put->write->collection, .error = *failure};
    return COF_OK;
}

static bool is_failed(const struct cof_document_put *put)
{
    return put->outcome.kind == COF_WRITE_FAILED;
}

static enum cof_status open_scope(struct cof_store *store, struct cof_txn *txn, uint64_t collection,
                                  struct cof_put_scope *scope, struct cof_error *err)
{
    if (scope->collection == collection && collection != 0)
        return COF_OK;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_put_scope_wipe) struct cof_put_scope fresh = {0};
    struct cof_collection loaded;
    cof_put_scope_wipe(scope);
    COF_TRY(cof_collection_row_load(store, txn, collection, &arena, &loaded, err));
    COF_TRY(cof_collection_row_key(store, txn, collection, COF_KEY_COLLECTION_META, &fresh.meta_key,
                                   err));
    COF_TRY(cof_collection_row_key(store, txn, collection, COF_KEY_COLLECTION_BLIND,
                                   &fresh.blind_key, err));
    fresh.collection = collection;
    fresh.dimension = loaded.dimension;
    fresh.precision = loaded.precision;
    *scope = fresh;
    return COF_OK;
}

static enum cof_status check_text(struct cof_text text, const char *what, struct cof_error *err)
{
    if (!cof_utf8_is_valid(text, NULL))
        return COF_FAIL(err, COF_INVALID, "%s is not valid UTF-8", what);
    return COF_OK;
}

static enum cof_status check_list(const struct cof_text *entries, size_t count, size_t *size,
                                  struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        COF_TRY(check_text(entries[i], "an access list's entry", err));
        *size += entries[i].size;
    }
    return COF_OK;
}

static enum cof_status check_labels(const struct cof_document_write *write, struct cof_error *err)
{
    size_t size =
        write->title.size + write->filename.size + write->media_type.size + write->attributes.size;
    COF_TRY(cof_external_id_check(write->external_id, err));
    COF_TRY(check_text(write->title, "a document's title", err));
    COF_TRY(check_text(write->filename, "a document's file name", err));
    COF_TRY(check_text(write->media_type, "a document's media type", err));
    COF_TRY(check_text(write->attributes, "a document's attributes", err));
    if (write->acl.is_set) {
        COF_TRY(check_list(write->acl.allow, write->acl.allow_count, &size, err));
        COF_TRY(check_list(write->acl.deny, write->acl.deny_count, &size, err));
    }
    if (size > MAX_ROW_SIZE)
        return COF_FAIL(err, COF_TOO_LARGE,
                        "a document's title, names, attributes and access list have %zu bytes "
                        "together, more than %zu",
                        size, MAX_ROW_SIZE);
    return COF_OK;
}

static enum cof_status check_content(const struct cof_put_scope *scope,
                                     const struct cof_document_write *write, struct cof_error *err)
{
    if (!write->has_content)
        return COF_OK;
    if (write->chunk_count > UINT32_MAX)
        return COF_FAIL(err, COF_TOO_LARGE, "a document has too many chunks (%zu)",
                        write->chunk_count);
    if (write->chunk_count > 0 && (write->chunks == NULL || write->vectors == NULL))
        return COF_FAIL(err, COF_INVALID, "a document with content needs its chunks and vectors");
    for (size_t i = 0; i < write->chunk_count; i++) {
        const struct cof_chunk_write *chunk = &write->chunks[i];
        COF_TRY(check_text(chunk->text, "a chunk's text", err));
        COF_TRY(check_text(chunk->heading, "a chunk's heading", err));
        if (chunk->byte_begin > chunk->byte_end)
            return COF_FAIL(err, COF_INVALID, "chunk %zu ends before it begins", i);
    }
    if (!cof_vectors_fit(write->vectors, write->chunk_count * scope->dimension, scope->precision))
        return COF_FAIL(err, COF_INVALID,
                        "a vector has a number that is not finite or too large for its precision");
    return COF_OK;
}

static struct cof_text attributes_of(const struct cof_document_write *write)
{
    return write->attributes.size > 0 ? write->attributes : COF_TEXT("{}");
}

/* The write as it is compared and stored: empty attributes are an empty object. */
static struct cof_document_write labels_of(const struct cof_document_write *write)
{
    struct cof_document_write labels = *write;
    labels.attributes = attributes_of(write);
    return labels;
}

static enum cof_status decide(struct cof_document_put *put, struct cof_error *err)
{
    const struct cof_document_write *write = put->write;
    const struct cof_document *base = &put->base.document;
    bool is_same = put->is_stored &&
                   memcmp(base->content_hash, write->content_hash, sizeof(base->content_hash)) == 0;
    put->outcome = (struct cof_write_outcome){.collection = write->collection};
    put->has_content = !is_same;
    if (is_same) {
        struct cof_document_write labels = labels_of(write);
        bool is_unchanged = cof_document_has_same_labels(base, &labels);
        put->outcome.kind = is_unchanged ? COF_WRITE_UNCHANGED : COF_WRITE_REPLACED;
        put->outcome.document_number = base->number;
        put->outcome.version = base->version;
        put->outcome.first_chunk_id = base->first_chunk_id;
        put->outcome.chunk_count = base->chunk_count;
        return COF_OK;
    }
    if (!write->has_content)
        return COF_FAIL(err, COF_CONFLICT,
                        "the stored document has other content: put it again with its content");
    put->outcome.kind = put->is_stored ? COF_WRITE_REPLACED : COF_WRITE_CREATED;
    put->outcome.document_number = put->is_stored ? base->number : 0;
    put->outcome.version = put->is_stored ? base->version + 1 : 1;
    put->outcome.chunk_count = (uint32_t)write->chunk_count;
    return COF_OK;
}

static enum cof_status look_up(struct cof_store *store, struct cof_txn *txn,
                               struct cof_put_scope *scope, struct cof_document_put *put,
                               struct cof_error *err)
{
    const struct cof_document_write *write = put->write;
    struct cof_error missing = {0};
    COF_TRY(check_labels(write, err));
    COF_TRY(open_scope(store, txn, write->collection, scope, err));
    COF_TRY(check_content(scope, write, err));
    put->blind_row = cof_blind_row(write->collection, &scope->blind_key, write->external_id);
    enum cof_status status = cof_document_row_load_by_id(
        store, txn, write->collection, write->external_id, &put->blind_row, &scope->meta_key,
        &put->arena, &put->base, &put->base_stamp, &missing);
    if (status != COF_OK && status != COF_NOT_FOUND) {
        *err = missing;
        return status;
    }
    put->is_stored = status == COF_OK;
    return decide(put, err);
}

/* Bucket keys are made for a run of numbers at once, so that documents that come singly do not
 * each rewrite the keyring. */
static enum cof_status ensure_buckets(struct cof_store *store, uint64_t collection, uint64_t first,
                                      size_t count, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    uint64_t begin = first / BUCKETS_AT_ONCE * BUCKETS_AT_ONCE;
    uint64_t end = (first + count + BUCKETS_AT_ONCE - 1) / BUCKETS_AT_ONCE * BUCKETS_AT_ONCE;
    size_t total = end - begin < 256 ? (size_t)(end - begin) : 256; /* there are no more buckets */
    uint64_t *numbers = cof_arena_array(&arena, total, sizeof(*numbers));
    if (numbers == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < total; i++)
        numbers[i] = begin + i;
    return cof_keyring_ensure_buckets(store->keyring, collection, numbers, total, err);
}

static enum cof_status make_key(struct cof_store *store, struct cof_document_put *put,
                                struct cof_document_record *record, struct cof_key *out_key,
                                struct cof_error *err)
{
    if (put->is_stored) {
        memcpy(record->wrapped_key, put->base.wrapped_key, sizeof(record->wrapped_key));
        return cof_document_key(store, &put->base, out_key, err);
    }
    return cof_keyring_make_document_key(store->keyring, put->write->collection,
                                         put->outcome.document_number, out_key, record->wrapped_key,
                                         err);
}

/* About the size of the sealed rows, so that their buffer grows once. */
static size_t expected_size(const struct cof_put_scope *scope,
                            const struct cof_document_write *write)
{
    size_t block_count = write->chunk_count / COF_VECTOR_BLOCK_COUNT + 1;
    size_t size = block_count * cof_sealed_size(0) + 4096;
    for (size_t i = 0; i < write->chunk_count; i++)
        size += cof_sealed_size(write->chunks[i].text.size + write->chunks[i].heading.size + 64) +
                sizeof(float) * scope->dimension;
    return size;
}

static enum cof_status add_chunks(struct cof_store *store, struct cof_document_put *put,
                                  const struct cof_key *document_key, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    const struct cof_document_write *write = put->write;
    for (uint32_t i = 0; i < put->outcome.chunk_count; i++) {
        struct cof_row row =
            cof_chunk_row(write->collection, put->outcome.document_number, put->outcome.version, i);
        cof_buffer_clear(&plaintext);
        cof_chunk_record_encode(&write->chunks[i], &plaintext);
        COF_TRY(cof_buffer_status(&plaintext, err));
        COF_TRY(cof_row_list_add(store, &put->rows, &row, document_key,
                                 cof_buffer_bytes(&plaintext), err));
    }
    return COF_OK;
}

static enum cof_status add_vectors(struct cof_store *store, const struct cof_put_scope *scope,
                                   struct cof_document_put *put, const struct cof_key *document_key,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    const struct cof_document_write *write = put->write;
    size_t count = write->chunk_count;
    for (size_t begin = 0; begin < count; begin += COF_VECTOR_BLOCK_COUNT) {
        size_t in_block = count - begin;
        if (in_block > COF_VECTOR_BLOCK_COUNT)
            in_block = COF_VECTOR_BLOCK_COUNT;
        struct cof_row row =
            cof_vectors_row(write->collection, put->outcome.document_number, put->outcome.version,
                            (uint32_t)(begin / COF_VECTOR_BLOCK_COUNT));
        cof_buffer_clear(&plaintext);
        cof_vector_block_encode(write->vectors + begin * scope->dimension, in_block,
                                scope->dimension, scope->precision, &plaintext);
        COF_TRY(cof_buffer_status(&plaintext, err));
        COF_TRY(cof_row_list_add(store, &put->rows, &row, document_key,
                                 cof_buffer_bytes(&plaintext), err));
    }
    return COF_OK;
}

static enum cof_status add_version(struct cof_store *store, const struct cof_put_scope *scope,
                                   struct cof_document_put *put,
                                   const struct cof_document *document, int64_t valid_to_ns,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    struct cof_row row = cof_version_row(document->collection, document->number, document->version);
    struct cof_version_record record = {
        .valid_from_ns = document->updated_ns,
        .valid_to_ns = valid_to_ns,
        .precision = scope->precision,
        .first_chunk_id = document->first_chunk_id,
        .chunk_count = document->chunk_count,
        .source_bytes = document->source_bytes,
    };
    memcpy(record.content_hash, document->content_hash, sizeof(record.content_hash));
    cof_version_record_encode(&record, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    return cof_row_list_add(store, &put->rows, &row, &scope->meta_key, cof_buffer_bytes(&plaintext),
                            err);
}

static enum cof_status add_document(struct cof_store *store, const struct cof_put_scope *scope,
                                    struct cof_document_put *put,
                                    const struct cof_document_record *record, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    struct cof_row row = cof_document_row(record->document.collection, record->document.number);
    cof_document_record_encode(record, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    return cof_row_list_add(store, &put->rows, &row, &scope->meta_key, cof_buffer_bytes(&plaintext),
                            err);
}

static enum cof_status add_blind(struct cof_store *store, const struct cof_put_scope *scope,
                                 struct cof_document_put *put, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer plaintext = {0};
    cof_buffer_append_u64(&plaintext, put->outcome.document_number);
    COF_TRY(cof_buffer_status(&plaintext, err));
    return cof_row_list_add(store, &put->rows, &put->blind_row, &scope->meta_key,
                            cof_buffer_bytes(&plaintext), err);
}

/* The document as it will stand in its row. */
static struct cof_document_record record_of(const struct cof_store *store,
                                            const struct cof_document_put *put)
{
    const struct cof_document_write *write = put->write;
    const struct cof_document *base = &put->base.document;
    int64_t now_ns = cof_clock_wall_ns(store->clock);
    struct cof_document_record record = {.document = {
                                             .collection = write->collection,
                                             .number = put->outcome.document_number,
                                             .version = put->outcome.version,
                                             .external_id = write->external_id,
                                             .title = write->title,
                                             .filename = write->filename,
                                             .media_type = write->media_type,
                                             .attributes = attributes_of(write),
                                             .acl = write->acl,
                                             .source_bytes = write->source_bytes,
                                             .created_ns = now_ns,
                                             .updated_ns = now_ns,
                                             .first_chunk_id = put->outcome.first_chunk_id,
                                             .chunk_count = put->outcome.chunk_count,
                                         }};
    memcpy(record.document.content_hash, write->content_hash, sizeof(record.document.content_hash));
    if (put->is_stored)
        record.document.created_ns = base->created_ns;
    if (!put->has_content) {
        record.document.updated_ns = base->updated_ns;
        record.document.source_bytes = base->source_bytes;
    }
    return record;
}

static enum cof_status seal(struct cof_store *store, struct cof_txn *txn,
                            struct cof_put_scope *scope, struct cof_document_put *put,
                            struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key document_key;
    struct cof_document_record record = record_of(store, put);
    COF_TRY(open_scope(store, txn, put->write->collection, scope, err));
    if (!put->has_content) {
        memcpy(record.wrapped_key, put->base.wrapped_key, sizeof(record.wrapped_key));
        return add_document(store, scope, put, &record, err);
    }
    COF_TRY(make_key(store, put, &record, &document_key, err));
    cof_buffer_reserve(&put->rows.bytes, expected_size(scope, put->write));
    COF_TRY(add_document(store, scope, put, &record, err));
    COF_TRY(add_version(store, scope, put, &record.document, 0, err));
    if (put->is_stored)
        COF_TRY(
            add_version(store, scope, put, &put->base.document, record.document.updated_ns, err));
    else
        COF_TRY(add_blind(store, scope, put, err));
    COF_TRY(add_chunks(store, put, &document_key, err));
    return add_vectors(store, scope, put, &document_key, err);
}

/* Whether what was looked up is what the transaction holds. */
static bool is_current(struct cof_txn *txn, const struct cof_document_put *put)
{
    struct cof_row document = cof_document_row(put->write->collection, put->base.document.number);
    if (put->is_stored)
        return cof_row_has_stamp(txn, &document.key, &put->base_stamp);
    return !cof_row_exists(txn, &put->blind_row.key);
}

static void reset(struct cof_document_put *put)
{
    const struct cof_document_write *write = put->write;
    cof_document_put_deinit(put);
    put->write = write;
}

static enum cof_status redo(struct cof_write_batch *batch, struct cof_put_scope *scope,
                            struct cof_document_put *put, struct cof_error *err)
{
    reset(put);
    COF_TRY(cof_document_put_look_up(batch->store, &batch->txn, scope, put, err));
    COF_TRY(cof_document_puts_number(batch->store, put, 1, err));
    return cof_document_put_seal(batch->store, &batch->txn, scope, put, err);
}

static enum cof_status count_usage(struct cof_write_batch *batch,
                                   const struct cof_document_put *put, struct cof_error *err)
{
    const struct cof_document *base = &put->base.document;
    struct cof_usage *usage = NULL;
    COF_TRY(cof_batch_usage(batch, put->write->collection, &usage, err));
    usage->last_active_ns = batch->now_ns;
    if (!put->has_content)
        return COF_OK;
    if (put->is_stored) {
        usage->chunk_count -= base->chunk_count;
        usage->source_bytes -= base->source_bytes;
    } else {
        usage->document_count++;
    }
    usage->chunk_count += put->outcome.chunk_count;
    usage->source_bytes += put->write->source_bytes;
    return COF_OK;
}

void cof_put_scope_wipe(struct cof_put_scope *scope)
{
    cof_wipe(scope, sizeof(*scope));
}

void cof_document_put_deinit(struct cof_document_put *put)
{
    cof_row_list_deinit(&put->rows);
    cof_arena_deinit(&put->arena);
    *put = (struct cof_document_put){0};
}

enum cof_status cof_document_put_look_up(struct cof_store *store, struct cof_txn *txn,
                                         struct cof_put_scope *scope, struct cof_document_put *put,
                                         struct cof_error *err)
{
    struct cof_error failure = {0};
    return settle(put, look_up(store, txn, scope, put, &failure), &failure, err);
}

bool cof_document_put_needs_number(const struct cof_document_put *put)
{
    return put->outcome.kind == COF_WRITE_CREATED && put->outcome.document_number == 0;
}

enum cof_status cof_document_puts_number(struct cof_store *store, struct cof_document_put *puts,
                                         size_t count, struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct cof_write_outcome *outcome = &puts[i].outcome;
        if (!is_failed(&puts[i]) && puts[i].has_content && outcome->chunk_count > 0)
            outcome->first_chunk_id =
                atomic_fetch_add(&store->counters.chunk, outcome->chunk_count);
    }
    for (size_t begin = 0; begin < count;) {
        uint64_t collection = puts[begin].write->collection;
        size_t end = begin;
        size_t new_count = 0;
        for (; end < count && puts[end].write->collection == collection; end++)
            new_count += cof_document_put_needs_number(&puts[end]) ? 1 : 0;
        uint64_t first = atomic_fetch_add(&store->counters.document, new_count);
        struct cof_error failure = {0};
        enum cof_status status = COF_OK;
        if (new_count > 0)
            status = ensure_buckets(store, collection, first, new_count, &failure);
        for (size_t i = begin; i < end; i++) {
            if (!cof_document_put_needs_number(&puts[i]))
                continue;
            puts[i].outcome.document_number = first++;
            COF_TRY(settle(&puts[i], status, &failure, err));
        }
        begin = end;
    }
    return COF_OK;
}

enum cof_status cof_document_put_seal(struct cof_store *store, struct cof_txn *txn,
                                      struct cof_put_scope *scope, struct cof_document_put *put,
                                      struct cof_error *err)
{
    struct cof_error failure = {0};
    if (is_failed(put) || put->outcome.kind == COF_WRITE_UNCHANGED)
        return COF_OK;
    return settle(put, seal(store, txn, scope, put, &failure), &failure, err);
}

enum cof_status cof_document_put_lay_down(struct cof_write_batch *batch,
                                          struct cof_put_scope *scope, struct cof_document_put *put,
                                          struct cof_error *err)
{
    struct cof_error failure = {0};
    uint64_t collection = put->write->collection;
    struct cof_row_key collection_row = cof_row_key_number(COF_TABLE_COLLECTION, collection);
    if (is_failed(put))
        return COF_OK;
    if (!cof_row_exists(&batch->txn, &collection_row)) {
        COF_TRY(cof_txn_status(&batch->txn, err));
        enum cof_status missing = cof_collection_row_fail_missing(collection, &failure);
        return settle(put, missing, &failure, err);
    }
    if (!is_current(&batch->txn, put))
        COF_TRY(redo(batch, scope, put, err));
    if (is_failed(put) || put->outcome.kind == COF_WRITE_UNCHANGED)
        return cof_txn_status(&batch->txn, err);
    enum cof_status status = count_usage(batch, put, &failure);
    if (status != COF_OK)
        return settle(put, status, &failure, err);
    if (put->has_content && put->is_stored)
        cof_content_rows_delete(&batch->txn, collection, put->outcome.document_number,
                                put->base.document.version);
    cof_row_list_put(&put->rows, &batch->txn);
    return cof_txn_status(&batch->txn, err);
}
