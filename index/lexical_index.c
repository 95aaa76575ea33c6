/* Documents in and out of the lexical index, and several of them made one. */
#include "lexical_index.h"

#include <assert.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "array.h"
#include "lexical_terms.h"

enum cof_status cof_lexical_index_create(uint64_t seed, struct cof_lexical_index **out_index,
                                         struct cof_error *err)
{
    struct cof_lexical_index *index = cof_calloc(1, sizeof(*index));

    if (index == NULL)
        return COF_FAIL_MEMORY(err);
    index->seed = seed;
    *out_index = index;
    return COF_OK;
}

void cof_lexical_index_destroy(struct cof_lexical_index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->term_count; i++) {
        if (index->terms[i].capacity != COF_LEXICAL_IN_PLACE)
            cof_free(index->terms[i].postings);
    }
    cof_free(index->terms);
    cof_free(index->slots);
    cof_free(index->texts);
    cof_free(index->lengths);
    cof_free(index);
}

static uint32_t make_posting(uint32_t ordinal, uint32_t count)
{
    if (count > COF_MAX_POSTING_COUNT)
        count = COF_MAX_POSTING_COUNT;
    return ordinal << COF_POSTING_COUNT_BITS | count;
}

/* Reserves room for each term of the list, `each` postings; forgets the reservations of the list on
 * failure. */
static enum cof_status reserve_list(struct cof_lexical_index *index,
                                    const struct cof_term_list *list, uint32_t each,
                                    struct cof_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct cof_lexical_term *term = NULL;
        COF_TRY(cof_lexical_take_term(index, list->items[i].text, list->items[i].hash, &term, err));
        COF_TRY(cof_lexical_reserve(index, term, each, err));
    }
    return COF_OK;
}

static void release_reservations(struct cof_lexical_index *index, const struct cof_term_list *list)
{
    if (index->slot_count == 0)
        return;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t number = *cof_lexical_find_slot(index, list->items[i].text, list->items[i].hash);
        if (number != 0)
            index->terms[number - 1].reserved = 0;
    }
}

static struct cof_lexical_term *known_term(struct cof_lexical_index *index,
                                           const struct cof_term_count *item)
{
    return &index->terms[*cof_lexical_find_slot(index, item->text, item->hash) - 1];
}

static void append_postings(struct cof_lexical_index *index, const struct cof_term_list *list,
                            uint32_t ordinal)
{
    for (size_t i = 0; i < list->count; i++) {
        struct cof_lexical_term *term = known_term(index, &list->items[i]);
        cof_lexical_postings(term)[term->count++] = make_posting(ordinal, list->items[i].count);
    }
    index->lengths[ordinal] = list->length;
    index->total_length += list->length;
}

static enum cof_status reserve_document(struct cof_lexical_index *index,
                                        const struct cof_document_terms *terms,
                                        struct cof_error *err)
{
    size_t needed = index->ordinal_count + terms->chunk_count;

    if (needed > COF_MAX_LEXICAL_ORDINALS)
        return COF_FAIL(err, COF_TOO_LARGE, "%zu chunks are too many for one segment", needed);
    uint32_t *lengths = cof_array_grow(index->lengths, index->ordinal_count, sizeof(*lengths),
                                       &index->lengths_capacity, needed);
    if (lengths == NULL)
        return COF_FAIL_MEMORY(err);
    index->lengths = lengths;
    for (size_t i = 0; i < terms->chunk_count; i++)
        COF_TRY(reserve_list(index, &terms->chunks[i], 1, err));
    return COF_OK;
}

enum cof_status cof_lexical_index_add(struct cof_lexical_index *index,
                                      const struct cof_document_terms *terms, struct cof_error *err)
{
    enum cof_status status = reserve_document(index, terms, err);

    if (status == COF_OK) {
        for (size_t i = 0; i < terms->chunk_count; i++)
            append_postings(index, &terms->chunks[i], (uint32_t)(index->ordinal_count + i));
        index->ordinal_count += terms->chunk_count;
        index->languages |= UINT32_C(1) << terms->language;
    }
    for (size_t i = 0; i < terms->chunk_count; i++)
        release_reservations(index, &terms->chunks[i]);
    return status;
}

void cof_lexical_index_remove(struct cof_lexical_index *index, uint32_t begin, uint32_t end)
{
    for (uint32_t ordinal = begin; ordinal < end; ordinal++) {
        if (index->lengths[ordinal] == 0)
            continue;
        index->total_length -= index->lengths[ordinal];
        index->lengths[ordinal] = 0;
        index->deleted_count++;
    }
}

/* Position of the first posting of `ordinal` or after it. */
static size_t find_posting(const uint32_t *postings, size_t count, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cof_posting_ordinal(postings[middle]) < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_to_posting(struct cof_lexical_term *term, uint32_t ordinal, uint32_t count)
{
    uint32_t *postings = cof_lexical_postings(term);
    size_t at = find_posting(postings, term->count, ordinal);

    if (at < term->count && cof_posting_ordinal(postings[at]) == ordinal) {
        postings[at] = make_posting(ordinal, cof_posting_count(postings[at]) + count);
        return;
    }
    memmove(postings + at + 1, postings + at, (term->count - at) * sizeof(*postings));
    postings[at] = make_posting(ordinal, count);
    term->count++;
}

static void take_from_posting(struct cof_lexical_term *term, uint32_t ordinal, uint32_t count)
{
    uint32_t *postings = cof_lexical_postings(term);
    size_t at = find_posting(postings, term->count, ordinal);

    if (at == term->count || cof_posting_ordinal(postings[at]) != ordinal)
        return;
    if (cof_posting_count(postings[at]) > count) {
        postings[at] = make_posting(ordinal, cof_posting_count(postings[at]) - count);
        return;
    }
    term->count--;
    memmove(postings + at, postings + at + 1, (term->count - at) * sizeof(*postings));
}

static void retitle_chunk(struct cof_lexical_index *index, uint32_t ordinal,
                          const struct cof_term_list *before, const struct cof_term_list *after)
{
    for (size_t i = 0; i < before->count; i++)
        take_from_posting(known_term(index, &before->items[i]), ordinal, before->items[i].count);
    for (size_t i = 0; i < after->count; i++)
        add_to_posting(known_term(index, &after->items[i]), ordinal, after->items[i].count);

    uint32_t length = index->lengths[ordinal] + after->length;
    length = length > before->length ? length - before->length : 0;
    if (length == 0 && after->count > 0)
        length = 1;
    index->total_length -= index->lengths[ordinal];
    index->lengths[ordinal] = length;
    index->total_length += length;
}

enum cof_status cof_lexical_index_retitle(struct cof_lexical_index *index, uint32_t begin,
                                          uint32_t end, const struct cof_term_list *before,
                                          const struct cof_term_list *after, struct cof_error *err)
{
    /* Terms of the old title are known, but may be found only after the table has grown. */
    enum cof_status status = reserve_list(index, before, 0, err);

    if (status == COF_OK)
        status = reserve_list(index, after, end - begin, err);
    if (status == COF_OK) {
        for (uint32_t ordinal = begin; ordinal < end; ordinal++)
            retitle_chunk(index, ordinal, before, after);
    }
    release_reservations(index, after);
    return status;
}

/* Appends what is kept of one posting list. */
static enum cof_status merge_term(struct cof_lexical_index *merged,
                                  const struct cof_lexical_part *part,
                                  const struct cof_lexical_term *term, struct cof_error *err)
{
    size_t count = 0;
    const uint32_t *postings = cof_lexical_term_postings(term, &count);
    struct cof_text text = {.data = part->index->texts + term->text_offset,
                            .size = term->text_size};
    struct cof_lexical_term *target = NULL;
    uint32_t kept = 0;

    for (size_t i = 0; i < count; i++)
        kept += part->ordinals[cof_posting_ordinal(postings[i])] != UINT32_MAX;
    if (kept == 0)
        return COF_OK;
    COF_TRY(cof_lexical_take_term(merged, text, term->hash, &target, err));
    COF_TRY(cof_lexical_reserve(merged, target, kept, err));
    uint32_t *next = cof_lexical_postings(target) + target->count;
    for (size_t i = 0; i < count; i++) {
        uint32_t ordinal = part->ordinals[cof_posting_ordinal(postings[i])];
        if (ordinal != UINT32_MAX)
            *next++ = make_posting(ordinal, cof_posting_count(postings[i]));
    }
    target->count += kept;
    target->reserved = 0;
    return COF_OK;
}

static enum cof_status merge_part(struct cof_lexical_index *merged,
                                  const struct cof_lexical_part *part, struct cof_error *err)
{
    const struct cof_lexical_index *index = part->index;
    uint32_t *lengths =
        cof_array_grow(merged->lengths, merged->ordinal_count, sizeof(*lengths),
                       &merged->lengths_capacity, merged->ordinal_count + index->ordinal_count);
    if (lengths == NULL)
        return COF_FAIL_MEMORY(err);
    merged->lengths = lengths;
    for (size_t i = 0; i < index->ordinal_count; i++) {
        if (part->ordinals[i] == UINT32_MAX)
            continue;
        lengths[part->ordinals[i]] = index->lengths[i];
        merged->total_length += index->lengths[i];
        merged->ordinal_count++;
        /* Deleted after the ordinals were given out, or without a word: frequencies must look. */
        merged->deleted_count += index->lengths[i] == 0;
    }
    merged->languages |= index->languages;
    for (size_t i = 0; i < index->term_count; i++)
        COF_TRY(merge_term(merged, part, &index->terms[i], err));
    return COF_OK;
}

enum cof_status cof_lexical_index_merge(const struct cof_lexical_part *parts, size_t part_count,
                                        uint64_t seed, struct cof_lexical_index **out_index,
                                        struct cof_error *err)
{
    struct cof_lexical_index *merged = NULL;

    COF_TRY(cof_lexical_index_create(seed, &merged, err));
    assert(merged != NULL);
    for (size_t i = 0; i < part_count; i++) {
        enum cof_status status = merge_part(merged, &parts[i], err);
        if (status != COF_OK) {
            cof_lexical_index_destroy(merged);
            return status;
        }
    }
    *out_index = merged;
    return COF_OK;
}

uint32_t cof_lexical_index_ordinal_count(const struct cof_lexical_index *index)
{
    return (uint32_t)index->ordinal_count;
}

uint64_t cof_lexical_index_total_length(const struct cof_lexical_index *index)
{
    return index->total_length;
}

uint32_t cof_lexical_index_languages(const struct cof_lexical_index *index)
{
    return index->languages;
}

size_t cof_lexical_index_memory_bytes(const struct cof_lexical_index *index)
{
    return sizeof(*index) + index->term_capacity * sizeof(index->terms[0]) +
           index->slot_count * sizeof(index->slots[0]) + index->texts_capacity +
           index->lengths_capacity * sizeof(index->lengths[0]) + index->postings_bytes;
}

uint32_t cof_lexical_index_frequency(const struct cof_lexical_index *index,
                                     const struct cof_lexical_term *term)
{
    size_t count = 0;
    const uint32_t *postings = cof_lexical_term_postings(term, &count);

    if (index->deleted_count == 0)
        return term->count;
    uint32_t living = 0;
    for (size_t i = 0; i < count; i++)
        living += index->lengths[cof_posting_ordinal(postings[i])] != 0;
    return living;
}

const uint32_t *cof_lexical_index_lengths(const struct cof_lexical_index *index)
{
    return index->lengths;
}
