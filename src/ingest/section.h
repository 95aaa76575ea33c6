/* The headings that are open at a place in a document, and the path they make. */
#ifndef COF_INGEST_SECTION_H
#define COF_INGEST_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/ingest/parser.h>

#define COF_MAX_HEADING_DEPTH 6
/* A longer heading is cut in the path, and is text as well. */
#define COF_MAX_PATH_PART 160

struct cof_section_heading {
    const struct cof_block *block;
    uint64_t id;       /* 1, 2, … in the document */
    bool has_text;     /* something stood under it */
    uint64_t shown_in; /* the chunk that shows it last, in its path or its text */
};

struct cof_section {
    struct cof_section_heading headings[COF_MAX_HEADING_DEPTH];
    size_t depth;
    uint64_t next_id;
};

/* The innermost heading's id; 0 before the first. */
uint64_t cof_section_id(const struct cof_section *section);
/* Whether a heading of this level ends the innermost one. */
bool cof_section_must_pop(const struct cof_section *section, uint8_t level);
struct cof_section_heading cof_section_pop(struct cof_section *section);
void cof_section_push(struct cof_section *section, const struct cof_block *heading);

/* "First > Second", in the arena; empty without headings. */
COF_MUST_USE enum cof_status cof_section_path(const struct cof_section *section,
                                              struct cof_arena *arena, struct cof_text *out_path,
                                              struct cof_error *err);

#endif
