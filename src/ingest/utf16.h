/* UTF-16 with a byte order mark → UTF-8, and offsets back. */
#ifndef COF_INGEST_UTF16_H
#define COF_INGEST_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_utf16 {
    struct cof_buffer text;  /* UTF-8 */
    struct cof_buffer marks; /* private: now and then, an offset in both */
    bool is_valid;
    uint64_t bad_offset; /* in the source, when not valid */
};

bool cof_utf16_has_mark(struct cof_bytes source);
/* COF_NO_MEMORY; source that is not well-formed is COF_OK with is_valid false. */
COF_MUST_USE enum cof_status cof_utf16_decode(struct cof_bytes source, struct cof_utf16 *out_utf16,
                                              struct cof_error *err);
/* The source offset of a character boundary in the text. */
uint64_t cof_utf16_source_of(const struct cof_utf16 *utf16, uint64_t text_offset);
void cof_utf16_deinit(struct cof_utf16 *utf16);

#endif
