/* What collection and usage rows hold, as deterministic CBOR arrays (docs/store-format.md). */
#include "collection_record.h"

#include <string.h>

#include <cof/base/cbor.h>

#define COLLECTION_FIELD_COUNT 10
#define USAGE_FIELD_COUNT 4

static uint32_t read_u32(struct cof_cbor_reader *reader)
{
    uint64_t value = cof_cbor_read_unsigned(reader);
    if (value > UINT32_MAX)
        reader->has_failed = true;
    return (uint32_t)value;
}

void cof_collection_record_encode(const struct cof_collection *collection, struct cof_buffer *out)
{
    struct cof_bytes fingerprint = {.data = collection->model_fingerprint,
                                    .size = sizeof(collection->model_fingerprint)};
    cof_cbor_write_array(out, COLLECTION_FIELD_COUNT);
    cof_cbor_write_text(out, cof_text_from(collection->public_id));
    cof_cbor_write_text(out, collection->name);
    cof_cbor_write_integer(out, collection->created_ns);
    cof_cbor_write_text(out, collection->metadata);
    cof_cbor_write_text(out, collection->model_name);
    cof_cbor_write_bytes(out, fingerprint);
    cof_cbor_write_unsigned(out, collection->dimension);
    cof_cbor_write_unsigned(out, (uint64_t)collection->precision);
    cof_cbor_write_unsigned(out, collection->max_chunk_tokens);
    cof_cbor_write_unsigned(out, collection->chunk_overlap_tokens);
}

enum cof_status cof_collection_record_decode(struct cof_bytes plaintext,
                                             struct cof_collection *out_collection,
                                             struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_collection collection = {0};
    if (cof_cbor_read_array(&reader) != COLLECTION_FIELD_COUNT)
        reader.has_failed = true;
    struct cof_text public_id = cof_cbor_read_text(&reader);
    collection.name = cof_cbor_read_text(&reader);
    collection.created_ns = cof_cbor_read_integer(&reader);
    collection.metadata = cof_cbor_read_text(&reader);
    collection.model_name = cof_cbor_read_text(&reader);
    struct cof_bytes fingerprint = cof_cbor_read_bytes(&reader);
    collection.dimension = read_u32(&reader);
    uint32_t precision = read_u32(&reader);
    collection.max_chunk_tokens = read_u32(&reader);
    collection.chunk_overlap_tokens = read_u32(&reader);
    if (public_id.size != sizeof(collection.public_id) - 1 ||
        fingerprint.size != sizeof(collection.model_fingerprint) || collection.dimension == 0 ||
        (precision != COF_VECTOR_F32 && precision != COF_VECTOR_F16))
        reader.has_failed = true;
    COF_TRY(cof_cbor_finish(&reader, true, err));
    memcpy(collection.public_id, public_id.data, public_id.size);
    memcpy(collection.model_fingerprint, fingerprint.data, fingerprint.size);
    collection.precision = (enum cof_vector_precision)precision;
    *out_collection = collection;
    return COF_OK;
}

void cof_usage_encode(const struct cof_usage *usage, struct cof_buffer *out)
{
    cof_cbor_write_array(out, USAGE_FIELD_COUNT);
    cof_cbor_write_unsigned(out, usage->document_count);
    cof_cbor_write_unsigned(out, usage->chunk_count);
    cof_cbor_write_unsigned(out, usage->source_bytes);
    cof_cbor_write_integer(out, usage->last_active_ns);
}

enum cof_status cof_usage_decode(struct cof_bytes plaintext, struct cof_usage *out_usage,
                                 struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_usage usage = {0};
    if (cof_cbor_read_array(&reader) != USAGE_FIELD_COUNT)
        reader.has_failed = true;
    usage.document_count = cof_cbor_read_unsigned(&reader);
    usage.chunk_count = cof_cbor_read_unsigned(&reader);
    usage.source_bytes = cof_cbor_read_unsigned(&reader);
    usage.last_active_ns = cof_cbor_read_integer(&reader);
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_usage = usage;
    return COF_OK;
}
