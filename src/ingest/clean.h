/* Raw text of a document → text that is safe to show, to index and to put before a model. */
#ifndef COF_INGEST_CLEAN_H
#define COF_INGEST_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

enum cof_clean_mode {
    COF_CLEAN_PROSE, /* every run of white space becomes one space, or none between two characters
                      * of Chinese or Japanese when the run has a line break */
    COF_CLEAN_CODE,  /* spaces, tabs and line breaks stay; blank lines at both ends go */
};

/* Appends the cleaned form of `raw` (valid UTF-8): without characters that cannot be seen, in NFC.
 * `offsets` are ascending offsets into raw; each becomes the offset, counted from where this text
 * begins in `out`, of what stood there or next after. *out_has_offsets (both may be NULL and 0) is
 * false when normalisation moved characters across them, and they mean nothing then. */
COF_MUST_USE enum cof_status cof_clean_text(struct cof_text raw, enum cof_clean_mode mode,
                                            size_t *offsets, size_t offset_count,
                                            bool *out_has_offsets, struct cof_buffer *out,
                                            struct cof_error *err);

/* Whether cleaned text may hold this character. */
bool cof_clean_is_allowed(uint32_t code_point, enum cof_clean_mode mode);

#endif
