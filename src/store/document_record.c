/* What document, version and chunk rows hold, as deterministic CBOR arrays (docs/store-format.md).
 */
#include "document_record.h"

#include <string.h>

#include <cof/base/cbor.h>

#define DOCUMENT_FIELD_COUNT 14
#define VERSION_FIELD_COUNT 7
#define CHUNK_FIELD_COUNT 4

static struct cof_bytes bytes_of(const uint8_t *data, size_t size)
{
    return (struct cof_bytes){.data = data, .size = size};
}

/* A byte string of exactly this size; otherwise the reader fails. */
static void read_exact(struct cof_cbor_reader *reader, uint8_t *out, size_t size)
{
    struct cof_bytes bytes = cof_cbor_read_bytes(reader);
    if (bytes.size != size)
        reader->has_failed = true;
    else
        memcpy(out, bytes.data, size);
}

static uint32_t read_u32(struct cof_cbor_reader *reader)
{
    uint64_t value = cof_cbor_read_unsigned(reader);
    if (value > UINT32_MAX)
        reader->has_failed = true;
    return (uint32_t)value;
}

static void expect_array(struct cof_cbor_reader *reader, size_t count)
{
    if (cof_cbor_read_array(reader) != count)
        reader->has_failed = true;
}

static void encode_acl(const struct cof_acl *acl, struct cof_buffer *out)
{
    if (!acl->is_set) {
        cof_cbor_write_null(out);
        return;
    }
    cof_cbor_write_array(out, 2);
    cof_text_list_encode(acl->allow, acl->allow_count, out);
    cof_text_list_encode(acl->deny, acl->deny_count, out);
}

static enum cof_status decode_acl(struct cof_cbor_reader *reader, struct cof_arena *arena,
                                  struct cof_acl *out_acl, struct cof_error *err)
{
    if (cof_cbor_peek(reader) == COF_CBOR_NULL) {
        cof_cbor_read_null(reader);
        return COF_OK;
    }
    expect_array(reader, 2);
    struct cof_acl acl = {.is_set = true};
    COF_TRY(cof_text_list_decode(reader, arena, &acl.allow, &acl.allow_count, err));
    COF_TRY(cof_text_list_decode(reader, arena, &acl.deny, &acl.deny_count, err));
    *out_acl = acl;
    return COF_OK;
}

static bool is_same_list(const struct cof_text *a, size_t a_count, const struct cof_text *b,
                         size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (!cof_text_equal(a[i], b[i]))
            return false;
    }
    return true;
}

static bool is_same_acl(const struct cof_acl *a, const struct cof_acl *b)
{
    if (!a->is_set || !b->is_set)
        return a->is_set == b->is_set;
    return is_same_list(a->allow, a->allow_count, b->allow, b->allow_count) &&
           is_same_list(a->deny, a->deny_count, b->deny, b->deny_count);
}

void cof_text_list_encode(const struct cof_text *texts, size_t count, struct cof_buffer *out)
{
    cof_cbor_write_array(out, count);
    for (size_t i = 0; i < count; i++)
        cof_cbor_write_text(out, texts[i]);
}

enum cof_status cof_text_list_decode(struct cof_cbor_reader *reader, struct cof_arena *arena,
                                     const struct cof_text **out_texts, size_t *out_count,
                                     struct cof_error *err)
{
    size_t count = cof_cbor_read_array(reader); /* never more than there are bytes */
    struct cof_text *texts = cof_arena_array(arena, count, sizeof(*texts));
    if (texts == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++)
        texts[i] = cof_cbor_read_text(reader);
    *out_texts = texts;
    *out_count = count;
    return COF_OK;
}

void cof_document_record_encode(const struct cof_document_record *record, struct cof_buffer *out)
{
    const struct cof_document *document = &record->document;
    cof_cbor_write_array(out, DOCUMENT_FIELD_COUNT);
    cof_cbor_write_text(out, document->external_id);
    cof_cbor_write_unsigned(out, document->version);
    cof_cbor_write_integer(out, document->created_ns);
    cof_cbor_write_integer(out, document->updated_ns);
    cof_cbor_write_bytes(out, bytes_of(document->content_hash, sizeof(document->content_hash)));
    cof_cbor_write_unsigned(out, document->source_bytes);
    cof_cbor_write_unsigned(out, document->first_chunk_id);
    cof_cbor_write_unsigned(out, document->chunk_count);
    cof_cbor_write_text(out, document->title);
    cof_cbor_write_text(out, document->filename);
    cof_cbor_write_text(out, document->media_type);
    cof_cbor_write_text(out, document->attributes);
    encode_acl(&document->acl, out);
    cof_cbor_write_bytes(out, bytes_of(record->wrapped_key, sizeof(record->wrapped_key)));
}

enum cof_status cof_document_record_decode(struct cof_bytes plaintext, struct cof_arena *arena,
                                           struct cof_document_record *out_record,
                                           struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_document_record record = {0};
    struct cof_document *document = &record.document;
    expect_array(&reader, DOCUMENT_FIELD_COUNT);
    document->external_id = cof_cbor_read_text(&reader);
    document->version = read_u32(&reader);
    document->created_ns = cof_cbor_read_integer(&reader);
    document->updated_ns = cof_cbor_read_integer(&reader);
    read_exact(&reader, document->content_hash, sizeof(document->content_hash));
    document->source_bytes = cof_cbor_read_unsigned(&reader);
    document->first_chunk_id = cof_cbor_read_unsigned(&reader);
    document->chunk_count = read_u32(&reader);
    document->title = cof_cbor_read_text(&reader);
    document->filename = cof_cbor_read_text(&reader);
    document->media_type = cof_cbor_read_text(&reader);
    document->attributes = cof_cbor_read_text(&reader);
    COF_TRY(decode_acl(&reader, arena, &document->acl, err));
    read_exact(&reader, record.wrapped_key, sizeof(record.wrapped_key));
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_record = record;
    return COF_OK;
}

void cof_version_record_encode(const struct cof_version_record *record, struct cof_buffer *out)
{
    cof_cbor_write_array(out, VERSION_FIELD_COUNT);
    cof_cbor_write_integer(out, record->valid_from_ns);
    cof_cbor_write_integer(out, record->valid_to_ns);
    cof_cbor_write_bytes(out, bytes_of(record->content_hash, sizeof(record->content_hash)));
    cof_cbor_write_unsigned(out, (uint64_t)record->precision);
    cof_cbor_write_unsigned(out, record->first_chunk_id);
    cof_cbor_write_unsigned(out, record->chunk_count);
    cof_cbor_write_unsigned(out, record->source_bytes);
}

enum cof_status cof_version_record_decode(struct cof_bytes plaintext,
                                          struct cof_version_record *out_record,
                                          struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_version_record record = {0};
    expect_array(&reader, VERSION_FIELD_COUNT);
    record.valid_from_ns = cof_cbor_read_integer(&reader);
    record.valid_to_ns = cof_cbor_read_integer(&reader);
    read_exact(&reader, record.content_hash, sizeof(record.content_hash));
    uint32_t precision = read_u32(&reader);
    if (precision != COF_VECTOR_F32 && precision != COF_VECTOR_F16)
        reader.has_failed = true;
    record.precision = (enum cof_vector_precision)precision;
    record.first_chunk_id = cof_cbor_read_unsigned(&reader);
    record.chunk_count = read_u32(&reader);
    record.source_bytes = cof_cbor_read_unsigned(&reader);
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_record = record;
    return COF_OK;
}

void cof_chunk_record_encode(const struct cof_chunk_write *chunk, struct cof_buffer *out)
{
    cof_cbor_write_array(out, CHUNK_FIELD_COUNT);
    cof_cbor_write_unsigned(out, chunk->byte_begin);
    cof_cbor_write_unsigned(out, chunk->byte_end);
    cof_cbor_write_text(out, chunk->heading);
    cof_cbor_write_text(out, chunk->text);
}

enum cof_status cof_chunk_record_decode(struct cof_bytes plaintext, struct cof_chunk *out_chunk,
                                        struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_chunk chunk = {0};
    expect_array(&reader, CHUNK_FIELD_COUNT);
    chunk.byte_begin = cof_cbor_read_unsigned(&reader);
    chunk.byte_end = cof_cbor_read_unsigned(&reader);
    chunk.heading = cof_cbor_read_text(&reader);
    chunk.text = cof_cbor_read_text(&reader);
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_chunk = chunk;
    return COF_OK;
}

bool cof_document_has_same_labels(const struct cof_document *document,
                                  const struct cof_document_write *write)
{
    return cof_text_equal(document->title, write->title) &&
           cof_text_equal(document->filename, write->filename) &&
           cof_text_equal(document->media_type, write->media_type) &&
           cof_text_equal(document->attributes, write->attributes) &&
           is_same_acl(&document->acl, &write->acl);
}
