/* What document, version and chunk rows hold, as deterministic CBOR arrays (docs/store-format.md).
 *
 * Decoded views point into the plaintext that was given; lists are made in the arena. COF_CORRUPT
 * when a plaintext is not what this program writes: it authenticated, so that is a bug or a
 * newer schema, never an attacker's bytes. */
#ifndef COF_STORE_DOCUMENT_RECORD_H
#define COF_STORE_DOCUMENT_RECORD_H

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>
#include <cof/store/document.h>
#include <cof/store/store.h>

/* The row of a document: its current version and its wrapped key. */
struct cof_document_record {
    struct cof_document document; /* collection and number come from the row's key */
    uint8_t wrapped_key[COF_WRAPPED_KEY_SIZE];
};

struct cof_version_record {
    int64_t valid_from_ns;
    int64_t valid_to_ns; /* 0 = current */
    uint8_t content_hash[32];
    enum cof_vector_precision precision;
    uint64_t first_chunk_id;
    uint32_t chunk_count;
    uint64_t source_bytes;
};

/* Text lists, as in access lists and groups. */
void cof_text_list_encode(const struct cof_text *texts, size_t count, struct cof_buffer *out);

struct cof_cbor_reader;
COF_MUST_USE enum cof_status cof_text_list_decode(struct cof_cbor_reader *reader,
                                                  struct cof_arena *arena,
                                                  const struct cof_text **out_texts,
                                                  size_t *out_count, struct cof_error *err);

void cof_document_record_encode(const struct cof_document_record *record, struct cof_buffer *out);
COF_MUST_USE enum cof_status cof_document_record_decode(struct cof_bytes plaintext,
                                                        struct cof_arena *arena,
                                                        struct cof_document_record *out_record,
                                                        struct cof_error *err);

void cof_version_record_encode(const struct cof_version_record *record, struct cof_buffer *out);
COF_MUST_USE enum cof_status cof_version_record_decode(struct cof_bytes plaintext,
                                                       struct cof_version_record *out_record,
                                                       struct cof_error *err);

void cof_chunk_record_encode(const struct cof_chunk_write *chunk, struct cof_buffer *out);
/* chunk_id and index come from the document and the row's key. */
COF_MUST_USE enum cof_status cof_chunk_record_decode(struct cof_bytes plaintext,
                                                     struct cof_chunk *out_chunk,
                                                     struct cof_error *err);

/* The parts that an update without new content can change. */
bool cof_document_has_same_labels(const struct cof_document *document,
                                  const struct cof_document_write *write);

#endif
