/* What the store knows of collections, documents and chunks: plain structs, no behaviour.
 *
 * Views inside them live as long as the arena or the call they came from, as each function says. */
#ifndef COF_STORE_DOCUMENT_H
#define COF_STORE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

/* "vs_" + 24 base32 characters + NUL. */
#define COF_COLLECTION_ID_SIZE 28

enum cof_vector_precision {
    COF_VECTOR_F32 = 1,
    COF_VECTOR_F16 = 2,
};

struct cof_collection {
    uint64_t number;
    char public_id[COF_COLLECTION_ID_SIZE];
    struct cof_text name; /* need not be unique */
    int64_t created_ns;
    int64_t last_active_ns;     /* of the last write */
    struct cof_text metadata;   /* a JSON object as text, "{}" when none */
    struct cof_text model_name; /* embedder that made its vectors */
    uint8_t model_fingerprint[32];
    uint32_t dimension;
    enum cof_vector_precision precision;
    uint32_t max_chunk_tokens;
    uint32_t chunk_overlap_tokens;
    uint64_t document_count;
    uint64_t chunk_count;
    uint64_t source_bytes; /* of current versions */
};

/* Who may read a document. Not set: whoever may read the collection. Set: only those named, deny
 * wins, an empty allow list is nobody but administrators. Entries are `user:NAME`, `group:NAME`;
 * a bare NAME means user:NAME. */
struct cof_acl {
    bool is_set;
    const struct cof_text *allow;
    size_t allow_count;
    const struct cof_text *deny;
    size_t deny_count;
};

struct cof_document {
    uint64_t collection;
    uint64_t number;
    uint32_t version; /* 1, 2, … */
    struct cof_text external_id;
    struct cof_text title;
    struct cof_text filename;
    struct cof_text media_type;
    struct cof_text attributes; /* a JSON object as text, "{}" when none; flat, scalars only */
    struct cof_acl acl;
    uint8_t content_hash[32]; /* keyed, see cof_store_content_hash */
    uint64_t source_bytes;
    int64_t created_ns; /* of the document */
    int64_t updated_ns; /* of this version */
    uint64_t first_chunk_id;
    uint32_t chunk_count;
};

struct cof_chunk {
    uint64_t chunk_id;
    uint32_t index; /* within its document, from 0 */
    struct cof_text text;
    struct cof_text heading; /* path of headings, " > " between; may be empty */
    uint64_t byte_begin;     /* range in the source as it was given */
    uint64_t byte_end;
};

#endif
