/* Text on its way from a source to a block: raw bytes, and where in the source each run began. */
#ifndef COF_INGEST_RAW_TEXT_H
#define COF_INGEST_RAW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/text.h>

/* From raw_offset on, the bytes came from source_offset on, until the next run begins. */
struct cof_raw_run {
    size_t raw_offset;
    uint64_t source_offset;
};

/* Zero-initialised is empty. */
struct cof_raw_text {
    struct cof_buffer bytes;
    struct cof_buffer runs; /* struct cof_raw_run */
    uint64_t source_begin; /* of what was appended with a source range; begin = end = 0 when none */
    uint64_t source_end;
};

/* Appends bytes that came from [source_begin, source_end). */
void cof_raw_append(struct cof_raw_text *raw, struct cof_text bytes, uint64_t source_begin,
                    uint64_t source_end);
/* Appends what the source does not have: a separator, a line break. */
void cof_raw_append_extra(struct cof_raw_text *raw, struct cof_text bytes);
/* Counts [source_begin, source_end) to the range without appending anything. */
void cof_raw_cover(struct cof_raw_text *raw, uint64_t source_begin, uint64_t source_end);

/* Forgets what was appended after the first `size` bytes; the range then ends at source_end. */
void cof_raw_truncate(struct cof_raw_text *raw, size_t size, uint64_t source_end);

struct cof_text cof_raw_bytes(const struct cof_raw_text *raw);
const struct cof_raw_run *cof_raw_runs(const struct cof_raw_text *raw, size_t *out_count);
bool cof_raw_is_empty(const struct cof_raw_text *raw);
/* Where the byte at raw_offset came from, as far as the runs know. */
uint64_t cof_raw_source_of(const struct cof_raw_text *raw, size_t raw_offset);

void cof_raw_clear(struct cof_raw_text *raw); /* empty, memory kept */
void cof_raw_deinit(struct cof_raw_text *raw);

#endif
