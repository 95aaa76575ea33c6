/* Cutting a body into lines without holding more of it than a batch and the line that is arriving.
 */
#include "upload.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "request.h"

struct cof_upload {
    size_t max_line_bytes;
    uint64_t max_bytes;
    uint64_t fed_bytes;
    uint64_t line_number; /* of the line that is arriving */
    struct cof_buffer text;
    struct cof_buffer lines;   /* struct cof_bulk_line, places in `text` */
    struct cof_buffer partial; /* the line that is arriving */
    bool is_skipping;          /* that line is too long: its rest is thrown away */
    bool has_ended;
};

enum cof_status cof_upload_create(size_t max_line_bytes, uint64_t max_bytes,
                                  struct cof_upload **out_upload, struct cof_error *err)
{
    struct cof_upload *upload = cof_calloc(1, sizeof(*upload));
    if (upload == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    upload->max_line_bytes = max_line_bytes;
    upload->max_bytes = max_bytes;
    upload->line_number = 1;
    *out_upload = upload;
    return COF_OK;
}

void cof_upload_destroy(struct cof_upload *upload)
{
    if (upload == NULL) {
        return;
    }
    cof_buffer_wipe(&upload->text);
    cof_buffer_wipe(&upload->partial);
    cof_buffer_deinit(&upload->lines);
    cof_free(upload);
}

static bool is_blank(struct cof_bytes bytes)
{
    return cof_text_trim(cof_bytes_text(bytes)).size == 0;
}

/* The line that was arriving is complete; `rest` is its last piece. */
static void finish_line(struct cof_upload *upload, struct cof_bytes rest)
{
    struct cof_bulk_line line = {.begin = upload->text.size,
                                 .number = upload->line_number++,
                                 .is_too_long = upload->is_skipping};
    bool is_small = upload->partial.size == 0;
    if (!upload->is_skipping && upload->partial.size + rest.size > upload->max_line_bytes) {
        line.is_too_long = true;
    } else if (!upload->is_skipping && upload->text.size == 0 && !is_small) {
        cof_buffer_append(&upload->partial, rest.data, rest.size);
        struct cof_buffer empty = upload->text; /* no copy of what may be large */
        upload->text = upload->partial;
        upload->partial = empty;
        line.size = upload->text.size;
    } else if (!upload->is_skipping) {
        cof_buffer_append(&upload->text, upload->partial.data, upload->partial.size);
        cof_buffer_append(&upload->text, rest.data, rest.size);
        line.size = upload->text.size - line.begin;
    }
    cof_buffer_clear(&upload->partial);
    upload->is_skipping = false;
    struct cof_bytes bytes = {.data = upload->text.data, .size = upload->text.size};
    if (!line.is_too_long &&
        is_blank((struct cof_bytes){.data = bytes.data + line.begin, .size = line.size})) {
        upload->text.size = line.begin;
        return;
    }
    cof_buffer_append(&upload->lines, &line, sizeof(line));
}

static void add_partial(struct cof_upload *upload, struct cof_bytes bytes)
{
    if (upload->is_skipping) {
        return;
    }
    if (upload->partial.size + bytes.size > upload->max_line_bytes) {
        upload->is_skipping = true;
        cof_buffer_wipe(&upload->partial);
        return;
    }
    cof_buffer_append(&upload->partial, bytes.data, bytes.size);
}

static enum cof_status check_memory(const struct cof_upload *upload, struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&upload->text, err));
    COF_TRY(cof_buffer_status(&upload->lines, err));
    return cof_buffer_status(&upload->partial, err);
}

enum cof_status cof_upload_feed(struct cof_upload *upload, struct cof_bytes bytes,
                                struct cof_error *err)
{
    upload->fed_bytes += bytes.size;
    if (upload->fed_bytes > upload->max_bytes) {
        return COF_FAIL(err, COF_TOO_LARGE,
                        "the body is over %llu bytes; send the rest in another request",
                        (unsigned long long)upload->max_bytes);
    }
    while (bytes.size > 0) {
        const uint8_t *end = memchr(bytes.data, '\n', bytes.size);
        if (end == NULL) {
            add_partial(upload, bytes);
            break;
        }
        size_t size = (size_t)(end - bytes.data);
        finish_line(upload, (struct cof_bytes){.data = bytes.data, .size = size});
        bytes.data += size + 1;
        bytes.size -= size + 1;
    }
    return check_memory(upload, err);
}

enum cof_status cof_upload_end(struct cof_upload *upload, struct cof_error *err)
{
    upload->has_ended = true;
    if (upload->partial.size > 0 || upload->is_skipping) {
        finish_line(upload, (struct cof_bytes){0});
    }
    return check_memory(upload, err);
}

bool cof_upload_has_ended(const struct cof_upload *upload)
{
    return upload->has_ended;
}

size_t cof_upload_line_count(const struct cof_upload *upload)
{
    return upload->lines.size / sizeof(struct cof_bulk_line);
}

bool cof_upload_is_full(const struct cof_upload *upload)
{
    return cof_upload_line_count(upload) >= COF_UPLOAD_BATCH_LINES ||
           upload->text.size >= COF_UPLOAD_BATCH_BYTES;
}

size_t cof_upload_held_bytes(const struct cof_upload *upload)
{
    return upload->text.size + upload->partial.size;
}

void cof_upload_take(struct cof_upload *upload, struct cof_buffer *out_text,
                     struct cof_buffer *out_lines)
{
    *out_text = upload->text;
    *out_lines = upload->lines;
    upload->text = (struct cof_buffer){0};
    upload->lines = (struct cof_buffer){0};
}
