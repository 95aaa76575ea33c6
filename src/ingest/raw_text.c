/* Raw text with its runs. */
#include "raw_text.h"

void cof_raw_cover(struct cof_raw_text *raw, uint64_t source_begin, uint64_t source_end)
{
    if (source_end <= source_begin)
        return;
    if (raw->source_end == 0 || source_begin < raw->source_begin)
        raw->source_begin = source_begin;
    if (source_end > raw->source_end)
        raw->source_end = source_end;
}

void cof_raw_append(struct cof_raw_text *raw, struct cof_text bytes, uint64_t source_begin,
                    uint64_t source_end)
{
    if (bytes.size == 0)
        return;
    struct cof_raw_run run = {.raw_offset = raw->bytes.size, .source_offset = source_begin};
    cof_buffer_append(&raw->runs, &run, sizeof(run));
    cof_buffer_append_text(&raw->bytes, bytes);
    cof_raw_cover(raw, source_begin, source_end);
}

void cof_raw_append_extra(struct cof_raw_text *raw, struct cof_text bytes)
{
    cof_buffer_append_text(&raw->bytes, bytes);
}

void cof_raw_truncate(struct cof_raw_text *raw, size_t size, uint64_t source_end)
{
    size_t count = 0;
    const struct cof_raw_run *runs = cof_raw_runs(raw, &count);
    if (size >= raw->bytes.size)
        return;
    while (count > 0 && runs[count - 1].raw_offset >= size)
        count--;
    raw->runs.size = count * sizeof(struct cof_raw_run);
    raw->bytes.size = size;
    raw->source_end = source_end;
}

struct cof_text cof_raw_bytes(const struct cof_raw_text *raw)
{
    return cof_buffer_text(&raw->bytes);
}

const struct cof_raw_run *cof_raw_runs(const struct cof_raw_text *raw, size_t *out_count)
{
    *out_count = raw->runs.size / sizeof(struct cof_raw_run);
    return (const struct cof_raw_run *)(const void *)raw->runs.data;
}

bool cof_raw_is_empty(const struct cof_raw_text *raw)
{
    /* what failed is not empty: somebody must still see that */
    return raw->bytes.size == 0 && !raw->bytes.has_failed && !raw->runs.has_failed;
}

uint64_t cof_raw_source_of(const struct cof_raw_text *raw, size_t raw_offset)
{
    size_t count = 0;
    const struct cof_raw_run *runs = cof_raw_runs(raw, &count);
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (runs[middle].raw_offset <= raw_offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return raw->source_begin;
    return runs[low - 1].source_offset + (raw_offset - runs[low - 1].raw_offset);
}

void cof_raw_clear(struct cof_raw_text *raw)
{
    cof_buffer_clear(&raw->bytes);
    cof_buffer_clear(&raw->runs);
    raw->source_begin = 0;
    raw->source_end = 0;
}

void cof_raw_deinit(struct cof_raw_text *raw)
{
    cof_buffer_wipe(&raw->bytes);
    cof_buffer_deinit(&raw->runs);
    *raw = (struct cof_raw_text){0};
}
