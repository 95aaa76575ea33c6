/* Percent decoding and splitting of request targets (RFC 3986 sections 2.1 and 3.3). */
#include "http_uri.h"

#include <string.h>

#include "http_text.h"

/* Which rules a part of the target is decoded by. */
enum part {
    PART_SEGMENT,
    PART_QUERY, /* "+" is a space, as forms and most clients write it */
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static enum cof_status check_decoded(struct cof_text decoded, enum part part, struct cof_error *err)
{
    if (!cof_utf8_is_valid(decoded, NULL)) {
        return COF_FAIL(err, COF_INVALID, "the address holds bytes that are not UTF-8");
    }
    for (size_t i = 0; i < decoded.size; i++) {
        unsigned char c = (unsigned char)decoded.data[i];
        if (c < 0x20 || c == 0x7f) {
            return COF_FAIL(err, COF_INVALID, "the address holds a control character");
        }
        if (part == PART_SEGMENT && (c == '/' || c == '\\')) {
            return COF_FAIL(err, COF_INVALID, "the path holds an encoded slash");
        }
    }
    if (part == PART_SEGMENT &&
        (cof_text_equal(decoded, COF_TEXT(".")) || cof_text_equal(decoded, COF_TEXT("..")))) {
        return COF_FAIL(err, COF_INVALID, "the path holds a dot segment");
    }
    return COF_OK;
}

static enum cof_status decode(struct cof_text raw, enum part part, struct cof_arena *arena,
                              struct cof_text *out_decoded, struct cof_error *err)
{
    char *decoded = cof_arena_alloc(arena, raw.size + 1);
    if (decoded == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = i + 1 < raw.size ? hex_digit(raw.data[i + 1]) : -1;
            int low = i + 2 < raw.size ? hex_digit(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return COF_FAIL(err, COF_INVALID,
                                "the address holds a %% that is not followed by two hex digits");
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && part == PART_QUERY) {
            c = ' ';
        }
        decoded[size++] = c;
    }
    struct cof_text text = {.data = decoded, .size = size};
    COF_TRY(check_decoded(text, part, err));
    *out_decoded = text;
    return COF_OK;
}

static enum cof_status parse_path(struct cof_text path, struct cof_arena *arena,
                                  struct cof_http_uri *uri, struct cof_error *err)
{
    struct cof_text rest = cof_text_slice(path, 1, path.size);
    bool has_more = true;
    while (has_more) {
        struct cof_text segment;
        has_more = cof_text_split(rest, '/', &segment, &rest);
        if (uri->segment_count == COF_HTTP_MAX_SEGMENTS) {
            return COF_FAIL(err, COF_INVALID, "the path has more than %d segments",
                            COF_HTTP_MAX_SEGMENTS);
        }
        COF_TRY(decode(segment, PART_SEGMENT, arena, &uri->segments[uri->segment_count], err));
        uri->segment_count++;
    }
    return COF_OK;
}

static enum cof_status parse_query(struct cof_text query, struct cof_arena *arena,
                                   struct cof_http_uri *uri, struct cof_error *err)
{
    struct cof_text rest = query;
    while (rest.size > 0) {
        struct cof_text pair;
        struct cof_text name;
        struct cof_text value;
        (void)cof_text_split(rest, '&', &pair, &rest);
        if (pair.size == 0) {
            continue;
        }
        if (uri->parameter_count == COF_HTTP_MAX_PARAMETERS) {
            return COF_FAIL(err, COF_INVALID, "the query has more than %d parameters",
                            COF_HTTP_MAX_PARAMETERS);
        }
        (void)cof_text_split(pair, '=', &name, &value);
        struct cof_http_parameter *parameter = &uri->parameters[uri->parameter_count];
        COF_TRY(decode(name, PART_QUERY, arena, &parameter->name, err));
        COF_TRY(decode(value, PART_QUERY, arena, &parameter->value, err));
        uri->parameter_count++;
    }
    return COF_OK;
}

enum cof_status cof_http_uri_parse(struct cof_text target, struct cof_arena *arena,
                                   struct cof_http_uri *out_uri, struct cof_error *err)
{
    if (!cof_http_is_target(target)) {
        return COF_FAIL(err, COF_INVALID,
                        "the address must be a path that begins with / and holds printable ASCII");
    }
    struct cof_http_uri uri = {0};
    struct cof_text path;
    struct cof_text query;
    (void)cof_text_split(target, '?', &path, &query);
    COF_TRY(parse_path(path, arena, &uri, err));
    COF_TRY(parse_query(query, arena, &uri, err));
    *out_uri = uri;
    return COF_OK;
}

enum cof_status cof_http_uri_get(const struct cof_http_uri *uri, const char *name,
                                 struct cof_text *out_value, struct cof_error *err)
{
    const struct cof_http_parameter *found = NULL;
    for (size_t i = 0; i < uri->parameter_count; i++) {
        if (!cof_text_equal(uri->parameters[i].name, cof_text_from(name))) {
            continue;
        }
        if (found != NULL) {
            return COF_FAIL(err, COF_INVALID, "the query has '%s' twice", name);
        }
        found = &uri->parameters[i];
    }
    if (found != NULL) {
        *out_value = found->value;
    }
    return COF_OK;
}

void cof_http_uri_encode(struct cof_buffer *out, struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~:@", c) != NULL);
        if (is_plain) {
            cof_buffer_append_byte(out, c);
        } else {
            cof_buffer_append_format(out, "%%%02X", c);
        }
    }
}
