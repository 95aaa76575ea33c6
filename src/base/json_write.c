/* JSON out: the streaming writer and the serialiser of parsed values. */
#include <cof/base/json.h>

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPEN_LEVELS 60U
#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"

static void write_control(struct cof_buffer *out, unsigned char c)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (letters[c] != '\0') {
        cof_buffer_append_byte(out, '\\');
        cof_buffer_append_byte(out, (uint8_t)letters[c]);
    } else {
        cof_buffer_append_format(out, "\\u%04x", c);
    }
}

static void write_text(struct cof_buffer *out, struct cof_text text)
{
    cof_buffer_append_byte(out, '"');
    size_t plain_begin = 0;
    size_t i = 0;
    while (i < text.size) {
        unsigned char c = (unsigned char)text.data[i];
        size_t size = cof_utf8_sequence_size(text, i);
        if (size > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += size;
            continue;
        }
        cof_buffer_append_text(out, cof_text_slice(text, plain_begin, i));
        if (size == 0) {
            cof_buffer_append_text(out, COF_TEXT(REPLACEMENT_CHARACTER));
        } else if (c < 0x20) {
            write_control(out, c);
        } else {
            cof_buffer_append_byte(out, '\\');
            cof_buffer_append_byte(out, c);
        }
        i++;
        plain_begin = i;
    }
    cof_buffer_append_text(out, cof_text_slice(text, plain_begin, text.size));
    cof_buffer_append_byte(out, '"');
}

/* 17 digits always do (IEEE 754). 15 survive in every number but the tiniest, so there is no need
 * to try fewer: %g drops the zeros. */
static void write_double(struct cof_buffer *out, double value)
{
    char digits[40];
    int length = 0;
    for (int precision = fabs(value) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        length = snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    cof_buffer_append(out, digits, (size_t)length);
}

static void write_float(struct cof_buffer *out, float value)
{
    char digits[40];
    int length = 0;
    for (int precision = fabsf(value) < FLT_MIN ? 1 : 6; precision <= 9; precision++) {
        length = snprintf(digits, sizeof(digits), "%.*g", precision, (double)value);
        if (strtof(digits, NULL) == value)
            break;
    }
    cof_buffer_append(out, digits, (size_t)length);
}

static void write_number(struct cof_buffer *out, double value)
{
    if (isfinite(value))
        write_double(out, value);
    else
        cof_buffer_append_text(out, COF_TEXT("null"));
}

static void write_items(struct cof_buffer *out, const struct cof_json *container, bool is_object)
{
    for (const struct cof_json *item = cof_json_first(container); item != NULL;
         item = cof_json_next(item)) {
        if (item != cof_json_first(container))
            cof_buffer_append_byte(out, ',');
        if (is_object) {
            write_text(out, cof_json_key(item));
            cof_buffer_append_byte(out, ':');
        }
        cof_json_write_value(out, item);
    }
}

/* The comma before an item and the note that the level now has one. */
static void begin_item(struct cof_json_writer *writer)
{
    uint64_t bit = UINT64_C(1) << writer->depth;
    if (writer->is_after_key) {
        writer->is_after_key = false;
        return;
    }
    if ((writer->has_items & bit) != 0)
        cof_buffer_append_byte(writer->out, ',');
    writer->has_items |= bit;
}

/* Too many levels, or an end without a beginning, are bugs of ours; where asserts are compiled out
 * the output is marked as failed rather than malformed. */
static bool can_go_on(struct cof_json_writer *writer, bool is_possible)
{
    assert(is_possible);
    if (!is_possible)
        writer->out->has_failed = true;
    return is_possible;
}

static void begin_container(struct cof_json_writer *writer, uint8_t bracket)
{
    if (!can_go_on(writer, writer->depth < MAX_OPEN_LEVELS))
        return;
    begin_item(writer);
    cof_buffer_append_byte(writer->out, bracket);
    writer->depth++;
    writer->has_items &= ~(UINT64_C(1) << writer->depth);
}

static void end_container(struct cof_json_writer *writer, uint8_t bracket)
{
    if (!can_go_on(writer, writer->depth > 0 && !writer->is_after_key))
        return;
    cof_buffer_append_byte(writer->out, bracket);
    writer->depth--;
}

void cof_json_write_value(struct cof_buffer *out, const struct cof_json *value)
{
    int64_t whole = 0;
    switch (cof_json_type_of(value)) {
    case COF_JSON_NULL:
        cof_buffer_append_text(out, COF_TEXT("null"));
        break;
    case COF_JSON_BOOL:
        cof_buffer_append_text(out, cof_json_bool(value) ? COF_TEXT("true") : COF_TEXT("false"));
        break;
    case COF_JSON_NUMBER:
        if (cof_json_is_whole(value, &whole))
            cof_buffer_append_format(out, "%lld", (long long)whole);
        else
            write_number(out, cof_json_number(value));
        break;
    case COF_JSON_STRING:
        write_text(out, cof_json_text(value));
        break;
    case COF_JSON_ARRAY:
        cof_buffer_append_byte(out, '[');
        write_items(out, value, false);
        cof_buffer_append_byte(out, ']');
        break;
    case COF_JSON_OBJECT:
        cof_buffer_append_byte(out, '{');
        write_items(out, value, true);
        cof_buffer_append_byte(out, '}');
        break;
    }
}

struct cof_json_writer cof_json_writer_to(struct cof_buffer *out)
{
    return (struct cof_json_writer){.out = out};
}

void cof_json_begin_object(struct cof_json_writer *writer)
{
    begin_container(writer, '{');
}

void cof_json_end_object(struct cof_json_writer *writer)
{
    end_container(writer, '}');
}

void cof_json_begin_array(struct cof_json_writer *writer)
{
    begin_container(writer, '[');
}

void cof_json_end_array(struct cof_json_writer *writer)
{
    end_container(writer, ']');
}

void cof_json_put_key(struct cof_json_writer *writer, const char *key)
{
    cof_json_put_key_text(writer, cof_text_from(key));
}

void cof_json_put_key_text(struct cof_json_writer *writer, struct cof_text key)
{
    begin_item(writer);
    write_text(writer->out, key);
    cof_buffer_append_byte(writer->out, ':');
    writer->is_after_key = true;
}

void cof_json_put_text(struct cof_json_writer *writer, struct cof_text text)
{
    begin_item(writer);
    write_text(writer->out, text);
}

void cof_json_put_string(struct cof_json_writer *writer, const char *string)
{
    if (string == NULL)
        cof_json_put_null(writer);
    else
        cof_json_put_text(writer, cof_text_from(string));
}

void cof_json_put_integer(struct cof_json_writer *writer, int64_t value)
{
    begin_item(writer);
    cof_buffer_append_format(writer->out, "%lld", (long long)value);
}

void cof_json_put_unsigned(struct cof_json_writer *writer, uint64_t value)
{
    begin_item(writer);
    cof_buffer_append_format(writer->out, "%llu", (unsigned long long)value);
}

void cof_json_put_number(struct cof_json_writer *writer, double value)
{
    begin_item(writer);
    write_number(writer->out, value);
}

void cof_json_put_float(struct cof_json_writer *writer, float value)
{
    begin_item(writer);
    if (isfinite(value))
        write_float(writer->out, value);
    else
        cof_buffer_append_text(writer->out, COF_TEXT("null"));
}

void cof_json_put_bool(struct cof_json_writer *writer, bool value)
{
    begin_item(writer);
    cof_buffer_append_text(writer->out, value ? COF_TEXT("true") : COF_TEXT("false"));
}

void cof_json_put_null(struct cof_json_writer *writer)
{
    begin_item(writer);
    cof_buffer_append_text(writer->out, COF_TEXT("null"));
}

void cof_json_put_value(struct cof_json_writer *writer, const struct cof_json *value)
{
    begin_item(writer);
    cof_json_write_value(writer->out, value);
}

void cof_json_member_text(struct cof_json_writer *writer, const char *key, struct cof_text text)
{
    cof_json_put_key(writer, key);
    cof_json_put_text(writer, text);
}

void cof_json_member_string(struct cof_json_writer *writer, const char *key, const char *string)
{
    cof_json_put_key(writer, key);
    cof_json_put_string(writer, string);
}

void cof_json_member_integer(struct cof_json_writer *writer, const char *key, int64_t value)
{
    cof_json_put_key(writer, key);
    cof_json_put_integer(writer, value);
}

void cof_json_member_unsigned(struct cof_json_writer *writer, const char *key, uint64_t value)
{
    cof_json_put_key(writer, key);
    cof_json_put_unsigned(writer, value);
}

void cof_json_member_number(struct cof_json_writer *writer, const char *key, double value)
{
    cof_json_put_key(writer, key);
    cof_json_put_number(writer, value);
}

void cof_json_member_bool(struct cof_json_writer *writer, const char *key, bool value)
{
    cof_json_put_key(writer, key);
    cof_json_put_bool(writer, value);
}

void cof_json_member_null(struct cof_json_writer *writer, const char *key)
{
    cof_json_put_key(writer, key);
    cof_json_put_null(writer);
}
