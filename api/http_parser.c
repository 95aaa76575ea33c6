/* llhttp behind our own names: the head is gathered in one buffer, the body is passed on.
 *
 * llhttp is set up afresh for every message, so no state of one request can reach the next. It is
 * paused at the end of the head and of the message by its own HPE_PAUSED. Trailers are read and
 * dropped; chunk extensions are refused, because nothing here gives them a meaning. */
#include "http_parser.h"

#include <llhttp.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>

/* A chunk of one byte costs six, so this is what an honest sender may need at most. */
#define MAX_FRAMING_PER_BYTE 8

enum place {
    PLACE_HEAD,
    PLACE_HEAD_DONE,
    PLACE_BODY,
    PLACE_DONE,
    PLACE_FAULT,
};

/* Positions in `text`, because the buffer moves while it grows. */
struct span {
    size_t begin;
    size_t size;
};

struct field_spans {
    struct span name;
    struct span value;
};

struct cof_http_parser {
    struct cof_http_parser_options options;
    llhttp_t llhttp;
    enum place place;
    size_t head_bytes;
    const char *fed;   /* what llhttp is looking at now */
    size_t next_begin; /* where in the head the next part of the request line must begin */
    bool has_protocol;
    uint64_t payload_bytes; /* of the body */
    uint64_t framing_bytes; /* around it */
    struct cof_buffer text; /* target, names and values, one after another */
    struct span target;
    struct span name; /* of the field being read */
    struct field_spans *spans;
    struct cof_http_field *fields;
    size_t field_count;
    struct cof_http_head head;
    struct cof_http_fault fault;
};

static struct cof_http_parser *self(llhttp_t *llhttp)
{
    return llhttp->data;
}

static int fail(struct cof_http_parser *parser, unsigned status, const char *message)
{
    parser->fault = (struct cof_http_fault){.status = status, .message = message};
    llhttp_set_error_reason(&parser->llhttp, message);
    return HPE_USER;
}

static int gather(struct cof_http_parser *parser, struct span *span, const char *at, size_t size)
{
    cof_buffer_append(&parser->text, at, size);
    span->size += size;
    return parser->text.has_failed ? fail(parser, 503, "out of memory") : 0;
}

static size_t position(const struct cof_http_parser *parser, const char *at)
{
    return parser->head_bytes + (size_t)(at - parser->fed);
}

/* One space stands between the parts of a request line (RFC 9112 section 3); llhttp skips any
 * number of them. */
static bool is_in_place(struct cof_http_parser *parser, const char *at)
{
    return position(parser, at) == parser->next_begin;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    parser->next_begin = position(parser, at) + size + 1;
    return 0;
}

static int on_protocol(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    (void)size;
    if (!parser->has_protocol && !is_in_place(parser, at)) {
        return fail(parser, 400, "the request line is malformed");
    }
    parser->has_protocol = true;
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    if (parser->target.size == 0 && !is_in_place(parser, at)) {
        return fail(parser, 400, "the request line is malformed");
    }
    parser->next_begin = position(parser, at) + size + 1;
    if (parser->target.size + size > parser->options.max_target_bytes) {
        return fail(parser, 414, "the request target is too long");
    }
    return gather(parser, &parser->target, at, size);
}

static int on_field_name(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    if (parser->place != PLACE_HEAD) {
        return 0; /* a trailer */
    }
    if (parser->field_count == parser->options.max_head_count) {
        return fail(parser, 431, "the request has too many header fields");
    }
    if (parser->name.size == 0) {
        parser->name.begin = parser->text.size;
    }
    return gather(parser, &parser->name, at, size);
}

static int on_field_name_complete(llhttp_t *llhttp)
{
    struct cof_http_parser *parser = self(llhttp);
    if (parser->place != PLACE_HEAD) {
        return 0;
    }
    if (parser->name.size == 0) {
        return fail(parser, 400, "a header field has no name");
    }
    parser->spans[parser->field_count] =
        (struct field_spans){.name = parser->name, .value.begin = parser->text.size};
    parser->field_count++;
    parser->name = (struct span){0};
    return 0;
}

static int on_field_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    if (parser->place != PLACE_HEAD || parser->field_count == 0) {
        return 0;
    }
    return gather(parser, &parser->spans[parser->field_count - 1].value, at, size);
}

static struct cof_text view(const struct cof_http_parser *parser, struct span span)
{
    return cof_text_slice(cof_buffer_text(&parser->text), span.begin, span.begin + span.size);
}

static enum cof_http_method method_of(uint8_t method)
{
    static const struct {
        llhttp_method_t theirs;
        enum cof_http_method ours;
    } methods[] = {
        {HTTP_GET, COF_HTTP_GET},         {HTTP_HEAD, COF_HTTP_HEAD},
        {HTTP_POST, COF_HTTP_POST},       {HTTP_PUT, COF_HTTP_PUT},
        {HTTP_PATCH, COF_HTTP_PATCH},     {HTTP_DELETE, COF_HTTP_DELETE},
        {HTTP_OPTIONS, COF_HTTP_OPTIONS},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if ((uint8_t)methods[i].theirs == method) {
            return methods[i].ours;
        }
    }
    return COF_HTTP_OTHER;
}

static int on_head_complete(llhttp_t *llhttp)
{
    struct cof_http_parser *parser = self(llhttp);
    for (size_t i = 0; i < parser->field_count; i++) {
        parser->fields[i] =
            (struct cof_http_field){.name = view(parser, parser->spans[i].name),
                                    .value = cof_text_trim(view(parser, parser->spans[i].value))};
    }
    parser->head = (struct cof_http_head){
        .method = method_of(llhttp_get_method(llhttp)),
        .major_version = llhttp_get_http_major(llhttp),
        .minor_version = llhttp_get_http_minor(llhttp),
        .target = view(parser, parser->target),
        .fields = parser->fields,
        .field_count = parser->field_count,
    };
    if (llhttp_get_method(llhttp) == HTTP_CONNECT) {
        return fail(parser, 400, "the request target must be a path");
    }
    if (!cof_http_head_check(&parser->head, &parser->fault)) {
        return HPE_USER;
    }
    llhttp->upgrade = 0; /* an offer to change the protocol may be ignored (RFC 9110 7.8) */
    parser->place = PLACE_HEAD_DONE;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    struct cof_http_parser *parser = self(llhttp);
    parser->payload_bytes += size;
    parser->options.on_body(parser->options.context,
                            (struct cof_bytes){.data = (const uint8_t *)at, .size = size});
    return 0;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t size)
{
    (void)at;
    (void)size;
    return fail(self(llhttp), 400, "chunk extensions are not understood");
}

static int on_message_complete(llhttp_t *llhttp)
{
    self(llhttp)->place = PLACE_DONE;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_protocol = on_protocol,
    .on_url = on_url,
    .on_header_field = on_field_name,
    .on_header_field_complete = on_field_name_complete,
    .on_header_value = on_field_value,
    .on_headers_complete = on_head_complete,
    .on_body = on_body,
    .on_chunk_extension_name = on_chunk_extension,
    .on_message_complete = on_message_complete,
};

/* What llhttp found wrong, in words for the client. */
static struct cof_http_fault describe(const struct cof_http_parser *parser, llhttp_errno_t code)
{
    static const struct {
        llhttp_errno_t code;
        struct cof_http_fault fault;
    } faults[] = {
        {HPE_INVALID_METHOD, {400, "this is not an HTTP request"}},
        {HPE_INVALID_URL, {400, "the request target must be a path"}},
        {HPE_INVALID_CONSTANT, {400, "this is not an HTTP request"}},
        {HPE_INVALID_VERSION, {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"}},
        {HPE_PAUSED_H2_UPGRADE, {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"}},
        {HPE_INVALID_HEADER_TOKEN, {400, "a header field is malformed"}},
        {HPE_UNEXPECTED_SPACE, {400, "a header field is malformed"}},
        {HPE_INVALID_CONTENT_LENGTH, {400, "Content-Length is not a decimal number"}},
        {HPE_UNEXPECTED_CONTENT_LENGTH,
         {400, "Content-Length stands twice or beside Transfer-Encoding"}},
        {HPE_INVALID_TRANSFER_ENCODING, {400, "the only Transfer-Encoding understood is chunked"}},
        {HPE_INVALID_CHUNK_SIZE, {400, "a chunk size is malformed"}},
        {HPE_LF_EXPECTED, {400, "a line does not end with CR LF"}},
        {HPE_CR_EXPECTED, {400, "a line does not end with CR LF"}},
    };
    const llhttp_t *llhttp = &parser->llhttp;
    if (code == HPE_INVALID_VERSION && llhttp->http_major == 1 && llhttp->http_minor <= 1) {
        code = HPE_LF_EXPECTED; /* the version is good, what follows it is not */
    }
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (faults[i].code == code) {
            return faults[i].fault;
        }
    }
    return (struct cof_http_fault){.status = 400,
                                   .message = parser->place == PLACE_HEAD
                                                  ? "the request is malformed"
                                                  : "the body is malformed"};
}

static enum cof_http_step end_with_fault(struct cof_http_parser *parser, llhttp_errno_t code)
{
    if (parser->fault.status == 0) {
        parser->fault = describe(parser, code);
    }
    parser->place = PLACE_FAULT;
    return COF_HTTP_HAS_FAULT;
}

static enum cof_http_step step_of(const struct cof_http_parser *parser)
{
    switch (parser->place) {
    case PLACE_HEAD_DONE:
        return COF_HTTP_HAS_HEAD;
    case PLACE_DONE:
        return COF_HTTP_HAS_MESSAGE;
    case PLACE_FAULT:
        return COF_HTTP_HAS_FAULT;
    case PLACE_HEAD:
    case PLACE_BODY:
        break;
    }
    return COF_HTTP_NEEDS_INPUT;
}

/* Runs llhttp over the bytes; *out_consumed counts what it took. */
static enum cof_http_step execute(struct cof_http_parser *parser, struct cof_bytes bytes,
                                  size_t *out_consumed)
{
    const char *data = (const char *)bytes.data;
    parser->fed = data;
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, data, bytes.size);
    if (code == HPE_OK) {
        *out_consumed = bytes.size;
        return COF_HTTP_NEEDS_INPUT;
    }
    if (code != HPE_PAUSED) {
        *out_consumed = bytes.size;
        return end_with_fault(parser, code);
    }
    *out_consumed = (size_t)(llhttp_get_error_pos(&parser->llhttp) - data);
    return step_of(parser);
}

static enum cof_http_step feed_head(struct cof_http_parser *parser, struct cof_bytes bytes,
                                    size_t *out_consumed)
{
    size_t room = parser->options.max_head_bytes - parser->head_bytes;
    if (room == 0) {
        (void)fail(parser, 431, "the request head is too large");
        return end_with_fault(parser, HPE_USER);
    }
    if (bytes.size > room) {
        bytes.size = room;
    }
    enum cof_http_step step = execute(parser, bytes, out_consumed);
    parser->head_bytes += *out_consumed;
    return step;
}

static enum cof_http_step feed_body(struct cof_http_parser *parser, struct cof_bytes bytes,
                                    size_t *out_consumed)
{
    uint64_t payload_before = parser->payload_bytes;
    enum cof_http_step step = execute(parser, bytes, out_consumed);
    parser->framing_bytes += *out_consumed - (parser->payload_bytes - payload_before);
    uint64_t limit = parser->options.max_head_bytes + MAX_FRAMING_PER_BYTE * parser->payload_bytes;
    if (parser->framing_bytes > limit && step != COF_HTTP_HAS_FAULT) {
        (void)fail(parser, 400, "the body is mostly chunk heads");
        return end_with_fault(parser, HPE_USER);
    }
    return step;
}

enum cof_status cof_http_parser_create(const struct cof_http_parser_options *options,
                                       struct cof_http_parser **out_parser, struct cof_error *err)
{
    struct cof_http_parser *parser = cof_calloc(1, sizeof(*parser));
    if (parser == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    parser->options = *options;
    parser->spans = cof_calloc(options->max_head_count, sizeof(*parser->spans));
    parser->fields = cof_calloc(options->max_head_count, sizeof(*parser->fields));
    if (parser->spans == NULL || parser->fields == NULL) {
        cof_http_parser_destroy(parser);
        return COF_FAIL_MEMORY(err);
    }
    cof_http_parser_reset(parser);
    *out_parser = parser;
    return COF_OK;
}

void cof_http_parser_destroy(struct cof_http_parser *parser)
{
    if (parser == NULL) {
        return;
    }
    cof_buffer_wipe(&parser->text);
    cof_free(parser->spans);
    cof_free(parser->fields);
    cof_free(parser);
}

enum cof_http_step cof_http_parser_feed(struct cof_http_parser *parser, struct cof_bytes bytes,
                                        size_t *out_consumed)
{
    *out_consumed = 0;
    if (parser->place == PLACE_HEAD_DONE) {
        if (!parser->head.has_body) {
            parser->place = PLACE_DONE;
        } else {
            parser->place = PLACE_BODY;
            llhttp_resume(&parser->llhttp);
        }
    }
    if (parser->place == PLACE_DONE || parser->place == PLACE_FAULT) {
        return step_of(parser);
    }
    if (bytes.size == 0) {
        return COF_HTTP_NEEDS_INPUT;
    }
    return parser->place == PLACE_HEAD ? feed_head(parser, bytes, out_consumed)
                                       : feed_body(parser, bytes, out_consumed);
}

void cof_http_parser_reset(struct cof_http_parser *parser)
{
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    parser->place = PLACE_HEAD;
    parser->head_bytes = 0;
    parser->next_begin = 0;
    parser->has_protocol = false;
    parser->payload_bytes = 0;
    parser->framing_bytes = 0;
    if (parser->text.size > 0) {
        explicit_bzero(parser->text.data, parser->text.size); /* it held a key */
    }
    cof_buffer_clear(&parser->text);
    parser->target = (struct span){0};
    parser->name = (struct span){0};
    parser->field_count = 0;
    parser->head = (struct cof_http_head){0};
    parser->fault = (struct cof_http_fault){0};
}

bool cof_http_parser_has_begun(const struct cof_http_parser *parser)
{
    return parser->head_bytes > 0;
}

const struct cof_http_head *cof_http_parser_head(const struct cof_http_parser *parser)
{
    return &parser->head;
}

struct cof_http_fault cof_http_parser_fault(const struct cof_http_parser *parser)
{
    return parser->fault;
}
