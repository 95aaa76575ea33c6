/* What the lexical index keeps of a document, made from its texts before any lock is taken. */
#ifndef COF_INDEX_DOCUMENT_TERMS_H
#define COF_INDEX_DOCUMENT_TERMS_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/store/document.h>

#include "language.h"

/* Fields count as often as if their words stood so many times in the text. */
#define COF_TITLE_WEIGHT 2
#define COF_HEADING_WEIGHT 1

struct cof_term_count {
    uint64_t hash;
    struct cof_text text; /* in the arena */
    uint32_t count;       /* weighted occurrences */
};

/* The distinct terms of one chunk, or of a title alone. */
struct cof_term_list {
    struct cof_term_count *items;
    size_t count;
    uint32_t length; /* weighted words */
};

struct cof_document_terms {
    enum cof_language language;   /* of its chunks; the title does not change it */
    struct cof_term_list *chunks; /* the title's terms included */
    size_t chunk_count;
};

uint64_t cof_term_hash(struct cof_text term, uint64_t seed);

/* All in the arena. COF_INVALID for invalid UTF-8. */
COF_MUST_USE enum cof_status cof_document_terms_make(
    struct cof_text title, const struct cof_chunk *chunks, size_t chunk_count, uint64_t seed,
    struct cof_arena *arena, struct cof_document_terms *out_terms, struct cof_error *err);
/* What a title adds to each chunk of a document in `language`. */
COF_MUST_USE enum cof_status cof_title_terms_make(struct cof_text title, enum cof_language language,
                                                  uint64_t seed, struct cof_arena *arena,
                                                  struct cof_term_list *out_terms,
                                                  struct cof_error *err);

#endif
