/* The term dictionary (open addressing) and its posting lists. */
#include "lexical_terms.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "array.h"

enum { MIN_SLOT_COUNT = 256 };

uint32_t *cof_lexical_postings(struct cof_lexical_term *term)
{
    return term->capacity == COF_LEXICAL_IN_PLACE ? term->in_place : term->postings;
}

const uint32_t *cof_lexical_term_postings(const struct cof_lexical_term *term, size_t *out_count)
{
    *out_count = term->count;
    return term->capacity == COF_LEXICAL_IN_PLACE ? term->in_place : term->postings;
}

uint32_t *cof_lexical_find_slot(const struct cof_lexical_index *index, struct cof_text text,
                                uint64_t hash)
{
    size_t slot = (size_t)hash & (index->slot_count - 1);

    for (;; slot = (slot + 1) & (index->slot_count - 1)) {
        if (index->slots[slot] == 0)
            return &index->slots[slot];
        const struct cof_lexical_term *term = &index->terms[index->slots[slot] - 1];
        if (term->hash == hash && term->text_size == text.size &&
            memcmp(index->texts + term->text_offset, text.data, text.size) == 0)
            return &index->slots[slot];
    }
}

const struct cof_lexical_term *cof_lexical_index_find(const struct cof_lexical_index *index,
                                                      struct cof_text text, uint64_t hash)
{
    if (index->slot_count == 0)
        return NULL;
    uint32_t number = *cof_lexical_find_slot(index, text, hash);
    if (number == 0 || index->terms[number - 1].count == 0)
        return NULL;
    return &index->terms[number - 1];
}

/* Keeps the table at most half full. */
static enum cof_status grow_slots(struct cof_lexical_index *index, struct cof_error *err)
{
    if (index->slot_count / 2 > index->term_count)
        return COF_OK;
    size_t slot_count = index->slot_count == 0 ? MIN_SLOT_COUNT : 2 * index->slot_count;
    uint32_t *slots = cof_calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < index->term_count; i++) {
        size_t slot = (size_t)index->terms[i].hash & (slot_count - 1);
        while (slots[slot] != 0)
            slot = (slot + 1) & (slot_count - 1);
        slots[slot] = (uint32_t)(i + 1);
    }
    cof_free(index->slots);
    index->slots = slots;
    index->slot_count = slot_count;
    return COF_OK;
}

static enum cof_status append_term(struct cof_lexical_index *index, struct cof_text text,
                                   uint64_t hash, uint32_t *slot, struct cof_error *err)
{
    struct cof_lexical_term *terms = cof_array_grow(index->terms, index->term_count, sizeof(*terms),
                                                    &index->term_capacity, index->term_count + 1);
    if (terms == NULL)
        return COF_FAIL_MEMORY(err);
    index->terms = terms;
    char *texts = cof_array_grow(index->texts, index->texts_size, 1, &index->texts_capacity,
                                 index->texts_size + text.size);
    if (texts == NULL)
        return COF_FAIL_MEMORY(err);
    index->texts = texts;
    memcpy(texts + index->texts_size, text.data, text.size);
    terms[index->term_count] = (struct cof_lexical_term){
        .hash = hash,
        .text_offset = index->texts_size,
        .text_size = (uint32_t)text.size,
        .capacity = COF_LEXICAL_IN_PLACE,
    };
    index->texts_size += text.size;
    *slot = (uint32_t)++index->term_count;
    return COF_OK;
}

enum cof_status cof_lexical_take_term(struct cof_lexical_index *index, struct cof_text text,
                                      uint64_t hash, struct cof_lexical_term **out_term,
                                      struct cof_error *err)
{
    COF_TRY(grow_slots(index, err));
    uint32_t *slot = cof_lexical_find_slot(index, text, hash);
    if (*slot == 0)
        COF_TRY(append_term(index, text, hash, slot, err));
    *out_term = &index->terms[*slot - 1];
    return COF_OK;
}

enum cof_status cof_lexical_reserve(struct cof_lexical_index *index, struct cof_lexical_term *term,
                                    uint32_t additional, struct cof_error *err)
{
    size_t needed = (size_t)term->count + term->reserved + additional;

    if (needed > term->capacity) {
        size_t capacity = (size_t)term->capacity + term->capacity / 2;
        if (capacity < needed)
            capacity = needed;
        uint32_t *postings = cof_calloc(capacity, sizeof(*postings));
        if (postings == NULL)
            return COF_FAIL_MEMORY(err);
        memcpy(postings, cof_lexical_postings(term), term->count * sizeof(*postings));
        if (term->capacity != COF_LEXICAL_IN_PLACE) {
            index->postings_bytes -= term->capacity * sizeof(*postings);
            cof_free(term->postings);
        }
        term->postings = postings;
        term->capacity = (uint32_t)capacity;
        index->postings_bytes += capacity * sizeof(*postings);
    }
    term->reserved += additional;
    return COF_OK;
}
