/* Segments: appending, deleting, and making one of several. */
#include "segment.h"

#include <assert.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "array.h"

enum { MIN_VECTOR_CAPACITY = 64 };

void cof_segment_destroy(struct cof_segment *segment)
{
    if (segment == NULL)
        return;
    cof_free(segment->vectors);
    cof_vector_index_destroy(segment->sealed);
    cof_bitmap_destroy(segment->living);
    cof_lexical_index_destroy(segment->words);
    cof_free(segment->documents);
    cof_free(segment->first_ordinals);
    cof_free(segment);
}

/* Without words. */
static enum cof_status create_bare(size_t dimension, struct cof_segment **out_segment,
                                   struct cof_error *err)
{
    struct cof_segment *segment = cof_calloc(1, sizeof(*segment));
    if (segment == NULL)
        return COF_FAIL_MEMORY(err);
    segment->dimension = dimension;
    enum cof_status status = cof_bitmap_create(&segment->living, err);
    if (status != COF_OK) {
        cof_segment_destroy(segment);
        return status;
    }
    *out_segment = segment;
    return COF_OK;
}

enum cof_status cof_segment_create(size_t dimension, uint64_t seed,
                                   struct cof_segment **out_segment, struct cof_error *err)
{
    struct cof_segment *segment = NULL;

    COF_TRY(create_bare(dimension, &segment, err));
    assert(segment != NULL);
    enum cof_status status = cof_lexical_index_create(seed, &segment->words, err);
    if (status != COF_OK) {
        cof_segment_destroy(segment);
        return status;
    }
    *out_segment = segment;
    return COF_OK;
}

enum cof_status cof_segment_prepare(const struct cof_segment *segment, const float *vectors,
                                    uint32_t chunk_count, float **out_vectors, size_t *out_capacity,
                                    struct cof_error *err)
{
    size_t count = segment->ordinal_count;
    size_t row_bytes = segment->dimension * sizeof(float);
    size_t capacity = segment->vector_capacity;
    float *target = segment->vectors;

    if (target == NULL || count + chunk_count > capacity) {
        capacity = 2 * capacity;
        if (capacity < count + chunk_count)
            capacity = count + chunk_count;
        if (capacity < MIN_VECTOR_CAPACITY)
            capacity = MIN_VECTOR_CAPACITY;
        target = cof_calloc(capacity, row_bytes);
        if (target == NULL)
            return COF_FAIL_MEMORY(err);
        if (count > 0 && segment->vectors != NULL)
            memcpy(target, segment->vectors, count * row_bytes);
    }
    memcpy(target + count * segment->dimension, vectors, chunk_count * row_bytes);
    *out_vectors = target;
    *out_capacity = capacity;
    return COF_OK;
}

static enum cof_status reserve_document(struct cof_segment *segment, size_t additional,
                                        struct cof_error *err)
{
    size_t count = segment->document_count;
    struct cof_index_document **documents =
        cof_array_grow(segment->documents, count, sizeof(struct cof_index_document *),
                       &segment->document_capacity, count + additional);
    if (documents == NULL)
        return COF_FAIL_MEMORY(err);
    segment->documents = documents;
    uint32_t *first_ordinals =
        cof_array_grow(segment->first_ordinals, count, sizeof(*first_ordinals),
                       &segment->ordinal_capacity, count + additional);
    if (first_ordinals == NULL)
        return COF_FAIL_MEMORY(err);
    segment->first_ordinals = first_ordinals;
    return COF_OK;
}

enum cof_status cof_segment_append(struct cof_segment *segment, struct cof_index_document *document,
                                   const struct cof_document_terms *terms, float *vectors,
                                   size_t vector_capacity, struct cof_error *err)
{
    if (vectors != segment->vectors) {
        cof_free(segment->vectors);
        segment->vectors = vectors;
        segment->vector_capacity = vector_capacity;
    }
    COF_TRY(reserve_document(segment, 1, err));
    COF_TRY(cof_lexical_index_add(segment->words, terms, err));

    uint32_t first = segment->ordinal_count;
    segment->documents[segment->document_count] = document;
    segment->first_ordinals[segment->document_count] = first;
    segment->document_count++;
    segment->ordinal_count += document->chunk_count;
    segment->living_count += document->chunk_count;
    cof_bitmap_add_range(segment->living, first, segment->ordinal_count);
    document->segment = segment;
    document->first_ordinal = first;
    document->language = terms->language;
    return COF_OK;
}

/* Place of the document whose chunks hold `ordinal`. */
static size_t find_document(const struct cof_segment *segment, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = segment->document_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (segment->first_ordinals[middle] <= ordinal)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void remove_chunks(struct cof_segment *segment, uint32_t begin, uint32_t count)
{
    cof_bitmap_remove_range(segment->living, begin, begin + count);
    cof_lexical_index_remove(segment->words, begin, begin + count);
    segment->living_count -= count;
}

void cof_segment_remove(struct cof_segment *segment, const struct cof_index_document *document)
{
    segment->documents[find_document(segment, document->first_ordinal)] = NULL;
    remove_chunks(segment, document->first_ordinal, document->chunk_count);
}

void cof_segment_replace(struct cof_segment *segment, const struct cof_index_document *before,
                         struct cof_index_document *after)
{
    segment->documents[find_document(segment, before->first_ordinal)] = after;
}

const struct cof_index_document *cof_segment_document_at(const struct cof_segment *segment,
                                                         uint32_t ordinal)
{
    return segment->documents[find_document(segment, ordinal)];
}

const float *cof_segment_vectors(const struct cof_segment *segment)
{
    return segment->sealed != NULL ? cof_vector_index_vectors(segment->sealed) : segment->vectors;
}

size_t cof_segment_memory_bytes(const struct cof_segment *segment)
{
    size_t bytes = sizeof(*segment) + cof_bitmap_memory_bytes(segment->living) +
                   cof_lexical_index_memory_bytes(segment->words) +
                   segment->document_capacity * sizeof(struct cof_index_document *) +
                   segment->ordinal_capacity * sizeof(segment->first_ordinals[0]);

    if (segment->sealed != NULL)
        return bytes + cof_vector_index_memory_bytes(segment->sealed);
    return bytes + segment->vector_capacity * segment->dimension * sizeof(float);
}

/* Documents that were alive when the ordinals were given out; those deleted since are entered and
 * removed again, because their vectors are there. */
static enum cof_status take_documents(struct cof_segment *merged,
                                      const struct cof_segment_source *source,
                                      struct cof_error *err)
{
    const struct cof_segment *segment = source->segment;

    COF_TRY(reserve_document(merged, segment->document_count, err));
    for (size_t i = 0; i < segment->document_count; i++) {
        uint32_t begin = segment->first_ordinals[i];
        uint32_t end = i + 1 < segment->document_count ? segment->first_ordinals[i + 1]
                                                       : segment->ordinal_count;
        uint32_t first = source->ordinals[begin];
        if (first == UINT32_MAX)
            continue;
        merged->documents[merged->document_count] = segment->documents[i];
        merged->first_ordinals[merged->document_count] = first;
        merged->document_count++;
        merged->ordinal_count = first + (end - begin);
        merged->living_count += end - begin;
        cof_bitmap_add_range(merged->living, first, merged->ordinal_count);
        if (segment->documents[i] == NULL)
            remove_chunks(merged, first, end - begin);
    }
    return COF_OK;
}

static enum cof_status merge_words(struct cof_segment *merged,
                                   const struct cof_segment_source *sources, size_t source_count,
                                   uint64_t seed, struct cof_error *err)
{
    struct cof_lexical_part *parts = cof_calloc(source_count, sizeof(*parts));
    if (parts == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < source_count; i++)
        parts[i] = (struct cof_lexical_part){.index = sources[i].segment->words,
                                             .ordinals = sources[i].ordinals};
    enum cof_status status =
        cof_lexical_index_merge(parts, source_count, seed, &merged->words, err);
    cof_free(parts);
    return status;
}

enum cof_status cof_segment_merge(const struct cof_segment_source *sources, size_t source_count,
                                  uint64_t seed, struct cof_vector_index *sealed,
                                  struct cof_segment **out_segment, struct cof_error *err)
{
    struct cof_segment *merged = NULL;

    COF_TRY(create_bare(sealed->dimension, &merged, err));
    assert(merged != NULL);
    enum cof_status status = merge_words(merged, sources, source_count, seed, err);
    for (size_t i = 0; status == COF_OK && i < source_count; i++)
        status = take_documents(merged, &sources[i], err);
    if (status != COF_OK) {
        cof_segment_destroy(merged);
        return status;
    }
    merged->is_full = true;
    merged->sealed = sealed;
    *out_segment = merged;
    return COF_OK;
}
