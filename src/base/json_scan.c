/* A strict JSON recogniser: says yes or where not, builds nothing. */
#include "json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cJSON copies a number into 64 bytes, terminator included, and would cut a longer one. */
#define MAX_NUMBER_BYTES 63

struct scan {
    struct cof_text text;
    size_t at;
    size_t depth;
    size_t node_count;
    const struct cof_json_limits *limits;
    struct cof_error *err;
};

#define FAIL_AT(scan, what)                                                                        \
    COF_FAIL((scan)->err, COF_INVALID, "invalid JSON: " what " at byte %zu", (scan)->at)

static bool is_at(const struct scan *scan, char c)
{
    return scan->at < scan->text.size && scan->text.data[scan->at] == c;
}

static bool is_digit_at(const struct scan *scan)
{
    return scan->at < scan->text.size && scan->text.data[scan->at] >= '0' &&
           scan->text.data[scan->at] <= '9';
}

static void skip_space(struct scan *scan)
{
    while (is_at(scan, ' ') || is_at(scan, '\n') || is_at(scan, '\t') || is_at(scan, '\r'))
        scan->at++;
}

static void skip_digits(struct scan *scan)
{
    while (is_digit_at(scan))
        scan->at++;
}

/* Four hexadecimal digits behind "\u". */
static bool take_hex4(struct scan *scan, uint32_t *out_value)
{
    uint8_t bytes[2];
    struct cof_text digits = cof_text_slice(scan->text, scan->at, scan->at + 4);
    if (!cof_hex_decode(digits, bytes, sizeof(bytes)))
        return false;
    scan->at += 4;
    *out_value = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* Behind "\u". */
static enum cof_status scan_unicode_escape(struct scan *scan)
{
    uint32_t unit = 0;
    if (!take_hex4(scan, &unit))
        return FAIL_AT(scan, "bad \\u escape");
    if (unit == 0)
        return FAIL_AT(scan, "\\u0000 is not allowed");
    if (unit < 0xd800 || unit > 0xdfff)
        return COF_OK;
    uint32_t low = 0;
    bool has_low = unit < 0xdc00 && is_at(scan, '\\') && scan->at + 1 < scan->text.size &&
                   scan->text.data[scan->at + 1] == 'u';
    if (has_low)
        scan->at += 2;
    if (!has_low || !take_hex4(scan, &low) || low < 0xdc00 || low > 0xdfff)
        return FAIL_AT(scan, "half of a surrogate pair");
    return COF_OK;
}

static enum cof_status scan_string(struct scan *scan)
{
    scan->at++; /* the quote */
    while (scan->at < scan->text.size) {
        char c = scan->text.data[scan->at];
        if ((unsigned char)c < 0x20)
            return FAIL_AT(scan, "control character in a string");
        scan->at++;
        if (c == '"')
            return COF_OK;
        if (c != '\\')
            continue;
        if (is_at(scan, 'u')) {
            scan->at++;
            COF_TRY(scan_unicode_escape(scan));
        } else if (scan->at < scan->text.size && scan->text.data[scan->at] != '\0' &&
                   strchr("\"\\/bfnrt", scan->text.data[scan->at]) != NULL) {
            scan->at++;
        } else {
            return FAIL_AT(scan, "bad escape");
        }
    }
    return FAIL_AT(scan, "string without an end");
}

static enum cof_status scan_number(struct scan *scan)
{
    size_t begin = scan->at;
    if (is_at(scan, '-'))
        scan->at++;
    if (!is_digit_at(scan))
        return FAIL_AT(scan, "digit expected");
    if (is_at(scan, '0'))
        scan->at++;
    else
        skip_digits(scan);
    if (is_digit_at(scan))
        return FAIL_AT(scan, "number with a leading zero");
    if (is_at(scan, '.')) {
        scan->at++;
        if (!is_digit_at(scan))
            return FAIL_AT(scan, "digit expected");
        skip_digits(scan);
    }
    if (is_at(scan, 'e') || is_at(scan, 'E')) {
        scan->at++;
        if (is_at(scan, '+') || is_at(scan, '-'))
            scan->at++;
        if (!is_digit_at(scan))
            return FAIL_AT(scan, "digit expected");
        skip_digits(scan);
    }
    char number[MAX_NUMBER_BYTES + 1] = {0};
    if (scan->at - begin > MAX_NUMBER_BYTES)
        return FAIL_AT(scan, "number of more than 63 characters");
    memcpy(number, scan->text.data + begin, scan->at - begin);
    if (!isfinite(strtod(number, NULL)))
        return FAIL_AT(scan, "number out of range");
    return COF_OK;
}

static enum cof_status scan_word(struct scan *scan, struct cof_text word)
{
    struct cof_text found = cof_text_slice(scan->text, scan->at, scan->at + word.size);
    if (!cof_text_equal(found, word))
        return FAIL_AT(scan, "value expected");
    scan->at += word.size;
    return COF_OK;
}

static enum cof_status scan_value(struct scan *scan);

static enum cof_status scan_key(struct scan *scan)
{
    skip_space(scan);
    if (!is_at(scan, '"'))
        return FAIL_AT(scan, "key expected");
    COF_TRY(scan_string(scan));
    skip_space(scan);
    if (!is_at(scan, ':'))
        return FAIL_AT(scan, "':' expected");
    scan->at++;
    return COF_OK;
}

static enum cof_status scan_container(struct scan *scan, bool is_object)
{
    const char end = is_object ? '}' : ']';
    if (scan->depth == scan->limits->max_depth)
        return COF_FAIL(scan->err, COF_INVALID,
                        "invalid JSON: nested deeper than %zu levels at byte %zu",
                        scan->limits->max_depth, scan->at);
    scan->depth++;
    scan->at++;
    skip_space(scan);
    bool is_closed = is_at(scan, end);
    while (!is_closed) {
        if (is_object)
            COF_TRY(scan_key(scan));
        COF_TRY(scan_value(scan));
        skip_space(scan);
        is_closed = is_at(scan, end);
        if (!is_closed && !is_at(scan, ','))
            return is_object ? FAIL_AT(scan, "',' or '}' expected")
                             : FAIL_AT(scan, "',' or ']' expected");
        if (!is_closed)
            scan->at++;
    }
    scan->at++;
    scan->depth--;
    return COF_OK;
}

static enum cof_status scan_value(struct scan *scan)
{
    skip_space(scan);
    if (scan->node_count == scan->limits->max_nodes)
        return COF_FAIL(scan->err, COF_TOO_LARGE, "JSON of more than the %zu values allowed",
                        scan->limits->max_nodes);
    scan->node_count++;
    switch (scan->at < scan->text.size ? scan->text.data[scan->at] : '\0') {
    case '{':
        return scan_container(scan, true);
    case '[':
        return scan_container(scan, false);
    case '"':
        return scan_string(scan);
    case 't':
        return scan_word(scan, COF_TEXT("true"));
    case 'f':
        return scan_word(scan, COF_TEXT("false"));
    case 'n':
        return scan_word(scan, COF_TEXT("null"));
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(scan);
    default:
        return FAIL_AT(scan, "value expected");
    }
}

enum cof_status cof_json_scan(struct cof_text text, const struct cof_json_limits *limits,
                              struct cof_error *err)
{
    struct scan scan = {.text = text, .limits = limits, .err = err};
    if (text.size > limits->max_bytes)
        return COF_FAIL(err, COF_TOO_LARGE, "JSON of %zu bytes, more than the %zu allowed",
                        text.size, limits->max_bytes);
    if (!cof_utf8_is_valid(text, &scan.at))
        return FAIL_AT(&scan, "invalid UTF-8");
    COF_TRY(scan_value(&scan));
    skip_space(&scan);
    if (scan.at < text.size)
        return FAIL_AT(&scan, "something behind the value");
    return COF_OK;
}
