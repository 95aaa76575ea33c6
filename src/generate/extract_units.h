/* What an extract may quote: the sentences of a passage, whole again where lines were wrapped.
 *
 * Sentence segmentation ends a sentence at every line break, but handbooks are wrapped at some
 * column; so a line that is nearly as long as the longest and ends without a full stop goes on in
 * the next one. Headings are told apart: they are never quoted, but say what follows is about. */
#ifndef COF_GENERATE_EXTRACT_UNITS_H
#define COF_GENERATE_EXTRACT_UNITS_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_NO_UNIT SIZE_MAX

struct cof_unit {
    size_t passage;
    size_t begin, end; /* bytes in the passage's text, without list marks and outer white space */
    size_t heading;    /* index among all units of the one that heads this one, or COF_NO_UNIT */
    bool is_heading;   /* also of a table: its first row */
};

/* Appends the units of a passage's text, in order, to `units` (an array of struct cof_unit). */
COF_MUST_USE enum cof_status cof_units_append(struct cof_text text, size_t passage,
                                              struct cof_buffer *units, struct cof_error *err);

#endif
