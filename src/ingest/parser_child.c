/* The loop of a parser process.
 *
 * It ends by itself after some documents, and after big ones, and says so in its last reply: memory
 * that a big document left in pieces goes back, and whatever a document may have done to the
 * process does not reach far. */
#include "parser_child.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

#include "parser_wire.h"

#define MAX_DOCUMENTS 256
#define MAX_LIFE_BYTES ((uint64_t)16 * 1024 * 1024)

struct child {
    const struct cof_format_table *table;
    long max_cpu_s;
    unsigned document_count;
    uint64_t byte_count;
};

static bool read_all(void *out_bytes, size_t size)
{
    uint8_t *bytes = out_bytes;
    while (size > 0) {
        ssize_t got = read(COF_SANDBOX_FD, bytes, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

static bool write_all(struct cof_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(COF_SANDBOX_FD, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return true;
}

/* Without memory for a source, what is on its way must still be taken off the socket. */
static bool discard(uint64_t size)
{
    uint8_t bytes[4096];
    while (size > 0) {
        size_t step = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);
        if (!read_all(bytes, step))
            return false;
        size -= step;
    }
    return true;
}

/* Half of what is allowed: the next document may need the other half. */
static bool is_old(const struct child *child)
{
    struct timespec used = {0};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return true;
    return child->document_count >= MAX_DOCUMENTS || child->byte_count >= MAX_LIFE_BYTES ||
           used.tv_sec >= child->max_cpu_s / 2;
}

static bool send_reply(struct cof_parse_reply *reply, const struct cof_buffer *payload)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    if (payload->has_failed) {
        reply->reason = COF_PARSE_NO_MEMORY;
        reply->is_last = true;
        reply->block_count = 0;
    }
    reply->payload_size = reply->reason == COF_PARSE_OK ? payload->size : 0;
    cof_reply_encode(reply, &head);
    if (head.has_failed || !write_all(cof_buffer_bytes(&head)))
        return false;
    struct cof_bytes bytes = cof_buffer_bytes(payload);
    bytes.size = (size_t)reply->payload_size;
    return write_all(bytes);
}

static bool answer(const struct child *child, const struct cof_parse_request *request,
                   struct cof_bytes source, struct cof_parse_reply *reply)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer payload = {0};
    struct cof_parsed parsed = {0};
    const struct cof_format *format = &child->table->formats[request->format];
    enum cof_status status =
        cof_extract(format, source, &arena, &parsed, &reply->reason, &reply->reason_offset, NULL);
    if (status == COF_OK) {
        reply->block_count = (uint32_t)parsed.block_count;
        cof_payload_encode(&parsed, &payload);
    }
    reply->is_last = is_old(child) || reply->reason == COF_PARSE_NO_MEMORY;
    return send_reply(reply, &payload);
}

/* False when there is nothing more to do. */
static bool serve(struct child *child)
{
    uint8_t head[COF_REQUEST_SIZE];
    struct cof_parse_request request = {0};
    if (!read_all(head, sizeof(head)) ||
        !cof_request_decode((struct cof_bytes){.data = head, .size = sizeof(head)}, &request) ||
        request.format >= child->table->count || request.size > SIZE_MAX / 4)
        return false;
    child->document_count++;
    child->byte_count += request.size;
    struct cof_parse_reply reply = {.id = request.id};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer source = {0};
    uint8_t *bytes = cof_buffer_extend(&source, (size_t)request.size);
    if (bytes == NULL) {
        reply.reason = COF_PARSE_NO_MEMORY;
        reply.is_last = true;
        if (discard(request.size))
            (void)send_reply(&reply, &source);
        return false;
    }
    return read_all(bytes, (size_t)request.size) &&
           answer(child, &request, cof_buffer_bytes(&source), &reply) && !reply.is_last;
}

void cof_parser_child_warm_up(void)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    /* letters that change in every form, so that all of the data is looked at */
    struct cof_text sample = COF_TEXT("A\xcc\x8a \xe2\x84\xa6 \xe4\xb8\xad\xe6\x96\x87 \xd0\x96");
    if (cof_unicode_nfc(sample, &out, NULL) != COF_OK ||
        cof_unicode_lower(sample, &out, NULL) != COF_OK)
        return; /* the first document will say so */
    (void)cof_unicode_is_cjk(0x4E2D);
    (void)cof_unicode_is_punctuation(0x3001);
    (void)cof_unicode_is_whitespace(0x3000);
    (void)cof_unicode_is_alphanumeric(0x416);
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
}

void cof_parser_child_run(int fd, pid_t parent, const struct cof_format_table *table,
                          const struct cof_sandbox_limits *limits)
{
    struct child child = {.table = table, .max_cpu_s = limits->max_cpu_s};
    enum cof_sandbox_step step = cof_sandbox_enter_parser(fd, parent, limits);
    struct cof_parser_hello hello = {
        .failed_step = (uint16_t)step,
        .error_number = step == COF_SANDBOX_OK ? 0 : (uint32_t)errno,
    };
    struct cof_buffer out = {0};
    cof_hello_encode(&hello, &out);
    bool is_up = !out.has_failed && write_all(cof_buffer_bytes(&out)) && step == COF_SANDBOX_OK;
    cof_buffer_deinit(&out);
    while (is_up && serve(&child))
        ;
    _exit(0);
}
