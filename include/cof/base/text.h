/* Views of text and bytes, passed by value; they own nothing.
 *
 * A cof_text is UTF-8 unless a function says otherwise, is not NUL-terminated, and may hold NUL
 * bytes only where a function says so. `data` may be NULL when `size` is 0. */
#ifndef COF_BASE_TEXT_H
#define COF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cof_text {
    const char *data;
    size_t size;
};

struct cof_bytes {
    const uint8_t *data;
    size_t size;
};

/* A string literal as text: an expression, and an initialiser of static storage. */
#define COF_TEXT(literal) ((struct cof_text){.data = "" literal, .size = sizeof(literal) - 1})
#define COF_TEXT_INIT(literal)                                                                     \
    {                                                                                              \
        .data = "" literal, .size = sizeof(literal) - 1                                            \
    }
/* For printf's "%.*s". */
#define COF_TEXT_ARG(text) (int)(text).size, (text).data ? (text).data : ""

/* View of a NUL-terminated string; NULL gives the empty text. */
struct cof_text cof_text_from(const char *string);
bool cof_text_equal(struct cof_text a, struct cof_text b);
/* Byte order, shorter first: <0, 0, >0. */
int cof_text_compare(struct cof_text a, struct cof_text b);
bool cof_text_has_prefix(struct cof_text text, struct cof_text prefix);
bool cof_text_has_suffix(struct cof_text text, struct cof_text suffix);
/* ASCII letters compared without case; for HTTP header names and the like. */
bool cof_text_equal_ascii_case(struct cof_text a, struct cof_text b);
/* Byte offset of `needle` in `text`, or SIZE_MAX. An empty needle is found at 0. */
size_t cof_text_index_of(struct cof_text text, struct cof_text needle);
/* Sub-view [begin, end), clamped to the text. */
struct cof_text cof_text_slice(struct cof_text text, size_t begin, size_t end);
/* Without leading and trailing ASCII white space. */
struct cof_text cof_text_trim(struct cof_text text);
/* Splits at the first `separator`: head before it, rest after it. False, with head = all and rest
 * empty, when there is none. */
bool cof_text_split(struct cof_text text, char separator, struct cof_text *out_head,
                    struct cof_text *out_rest);
/* Decimal digits only, no sign, no spaces, no overflow; otherwise false and *out untouched. */
bool cof_text_parse_u64(struct cof_text text, uint64_t *out_value);

struct cof_bytes cof_text_bytes(struct cof_text text);
struct cof_text cof_bytes_text(struct cof_bytes bytes);
bool cof_bytes_equal(struct cof_bytes a, struct cof_bytes b);

/* True when `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). NUL is
 * allowed. On false, *out_offset (may be NULL) is the first bad byte. */
bool cof_utf8_is_valid(struct cof_text text, size_t *out_offset);
/* Size (1-4) of the well-formed sequence at text.data[offset], 0 where there is none. For text that
 * may be broken: after a 0 go on at the next byte. */
size_t cof_utf8_sequence_size(struct cof_text text, size_t offset);
/* Decodes the code point at text.data[offset] of VALID text and returns its size in bytes (1–4). */
size_t cof_utf8_decode(struct cof_text text, size_t offset, uint32_t *out_code_point);
/* Writes 1–4 bytes, returns how many. */
size_t cof_utf8_encode(uint32_t code_point, char out_bytes[4]);
/* The greatest character boundary <= offset. */
size_t cof_utf8_floor(struct cof_text text, size_t offset);

/* Lower-case hexadecimal; out has room for 2 * size + 1 and is NUL-terminated. */
void cof_hex_encode(struct cof_bytes bytes, char *out_hex);
/* Exactly 2 * out_size hexadecimal digits; otherwise false. */
bool cof_hex_decode(struct cof_text hex, uint8_t *out_bytes, size_t out_size);

#endif
