/* The lexical index as its two files see it: the dictionary with its posting lists, and what is
 * done with whole documents. */
#ifndef COF_INDEX_LEXICAL_TERMS_H
#define COF_INDEX_LEXICAL_TERMS_H

#include "lexical_index.h"

enum { COF_LEXICAL_IN_PLACE = 2 }; /* half of all terms occur in one or two chunks */

struct cof_lexical_term {
    uint64_t hash;
    size_t text_offset; /* into texts */
    uint32_t text_size;
    uint32_t count;
    uint32_t capacity; /* COF_LEXICAL_IN_PLACE = in place */
    uint32_t reserved; /* postings about to be added by the call at hand */
    union {
        uint32_t in_place[COF_LEXICAL_IN_PLACE];
        uint32_t *postings;
    };
};

struct cof_lexical_index {
    uint64_t seed;
    struct cof_lexical_term *terms;
    size_t term_count;
    size_t term_capacity;
    uint32_t *slots; /* term number + 1; 0 = empty */
    size_t slot_count;
    char *texts;
    size_t texts_size;
    size_t texts_capacity;
    uint32_t *lengths;
    size_t ordinal_count;
    size_t lengths_capacity;
    uint64_t total_length;
    size_t deleted_count;
    size_t postings_bytes; /* outside the terms */
    uint32_t languages;
};

/* To be written to. */
uint32_t *cof_lexical_postings(struct cof_lexical_term *term);

/* The slot that holds the term, or the empty one where it belongs; there are slots. */
uint32_t *cof_lexical_find_slot(const struct cof_lexical_index *index, struct cof_text text,
                                uint64_t hash);
/* Finds or makes the term; one made and never used is harmless. */
COF_MUST_USE enum cof_status cof_lexical_take_term(struct cof_lexical_index *index,
                                                   struct cof_text text, uint64_t hash,
                                                   struct cof_lexical_term **out_term,
                                                   struct cof_error *err);
/* Makes room for `additional` postings beyond those present and reserved. */
COF_MUST_USE enum cof_status cof_lexical_reserve(struct cof_lexical_index *index,
                                                 struct cof_lexical_term *term, uint32_t additional,
                                                 struct cof_error *err);

#endif
