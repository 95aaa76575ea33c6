/* A run of chunks with their vectors and words: the unit that is searched, sealed and merged.
 *
 * Ordinals count the chunks of a segment; a document's chunks follow each other, and a document
 * lies in one segment. Deleted chunks keep their ordinals until the segment is rebuilt. While it is
 * growing its vectors are an array of its own; a sealed one keeps them in its vector index alone.
 *
 * Not locked: any number of readers, or one writer alone; but cof_segment_prepare() may run beside
 * readers. */
#ifndef COF_INDEX_SEGMENT_H
#define COF_INDEX_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/index/bitmap.h>
#include <cof/index/vector_index.h>

#include "index_document.h"
#include "lexical_index.h"

struct cof_segment {
    size_t dimension;
    uint32_t ordinal_count; /* deleted ones too */
    uint32_t living_count;
    bool is_full;    /* takes no more documents: to be sealed, or sealed */
    bool has_failed; /* could not be sealed; stays exact, is not tried again */
    float *vectors;  /* while not sealed */
    size_t vector_capacity;
    struct cof_vector_index *sealed;
    struct cof_bitmap *living;
    struct cof_lexical_index *words;
    struct cof_index_document **documents; /* by first ordinal, borrowed; NULL = deleted */
    uint32_t *first_ordinals;              /* of the documents */
    size_t document_count;
    size_t document_capacity;
    size_t ordinal_capacity; /* of first_ordinals */
};

COF_MUST_USE enum cof_status cof_segment_create(size_t dimension, uint64_t seed,
                                                struct cof_segment **out_segment,
                                                struct cof_error *err);
void cof_segment_destroy(struct cof_segment *segment);

/* Room for a document of `chunk_count` chunks, its vectors copied behind those that readers see.
 * out_vectors is the array to be handed to append: the segment's own, or a larger copy of it. */
COF_MUST_USE enum cof_status cof_segment_prepare(const struct cof_segment *segment,
                                                 const float *vectors, uint32_t chunk_count,
                                                 float **out_vectors, size_t *out_capacity,
                                                 struct cof_error *err);
/* Takes the prepared vectors whatever happens; the document appears whole or, on failure, not at
 * all. Sets the document's segment, first ordinal and language. */
COF_MUST_USE enum cof_status cof_segment_append(struct cof_segment *segment,
                                                struct cof_index_document *document,
                                                const struct cof_document_terms *terms,
                                                float *vectors, size_t vector_capacity,
                                                struct cof_error *err);
/* Its chunks are not found any more; the record is the caller's to destroy. */
void cof_segment_remove(struct cof_segment *segment, const struct cof_index_document *document);
/* Another record for the same chunks. */
void cof_segment_replace(struct cof_segment *segment, const struct cof_index_document *before,
                         struct cof_index_document *after);

/* The document of a living ordinal. */
const struct cof_index_document *cof_segment_document_at(const struct cof_segment *segment,
                                                         uint32_t ordinal);
/* Row by ordinal. */
const float *cof_segment_vectors(const struct cof_segment *segment);
size_t cof_segment_memory_bytes(const struct cof_segment *segment);

/* One segment out of the living chunks of several, none of which is the growing one. `sealed` holds
 * the vectors in the order of the new ordinals and is taken on success. Words are copied; what the
 * sources hold stays theirs. The documents' records are not touched. */
struct cof_segment_source {
    const struct cof_segment *segment;
    uint32_t *ordinals; /* new ordinal by old one, UINT32_MAX for those left out */
};
COF_MUST_USE enum cof_status cof_segment_merge(const struct cof_segment_source *sources,
                                               size_t source_count, uint64_t seed,
                                               struct cof_vector_index *sealed,
                                               struct cof_segment **out_segment,
                                               struct cof_error *err);

#endif
