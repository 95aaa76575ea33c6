/* Views of text and bytes: comparing, cutting, UTF-8 and hexadecimal. */
#include <cof/base/text.h>

#include <string.h>

static unsigned char ascii_lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
}

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Value of a hexadecimal digit, or 16. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

struct cof_text cof_text_from(const char *string)
{
    return (struct cof_text){.data = string, .size = string != NULL ? strlen(string) : 0};
}

bool cof_text_equal(struct cof_text a, struct cof_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int cof_text_compare(struct cof_text a, struct cof_text b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

bool cof_text_has_prefix(struct cof_text text, struct cof_text prefix)
{
    return cof_text_equal(cof_text_slice(text, 0, prefix.size), prefix);
}

bool cof_text_has_suffix(struct cof_text text, struct cof_text suffix)
{
    if (suffix.size > text.size)
        return false;
    return cof_text_equal(cof_text_slice(text, text.size - suffix.size, text.size), suffix);
}

bool cof_text_equal_ascii_case(struct cof_text a, struct cof_text b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

size_t cof_text_index_of(struct cof_text text, struct cof_text needle)
{
    if (needle.size == 0)
        return 0;
    if (needle.size > text.size)
        return SIZE_MAX;
    const char *found = memmem(text.data, text.size, needle.data, needle.size);
    return found != NULL ? (size_t)(found - text.data) : SIZE_MAX;
}

struct cof_text cof_text_slice(struct cof_text text, size_t begin, size_t end)
{
    if (end > text.size)
        end = text.size;
    if (begin > end)
        begin = end;
    if (text.data == NULL)
        return (struct cof_text){0};
    return (struct cof_text){.data = text.data + begin, .size = end - begin};
}

struct cof_text cof_text_trim(struct cof_text text)
{
    size_t begin = 0;
    size_t end = text.size;
    while (begin < end && is_ascii_space(text.data[begin]))
        begin++;
    while (end > begin && is_ascii_space(text.data[end - 1]))
        end--;
    return cof_text_slice(text, begin, end);
}

bool cof_text_split(struct cof_text text, char separator, struct cof_text *out_head,
                    struct cof_text *out_rest)
{
    const char *found = text.size > 0 ? memchr(text.data, separator, text.size) : NULL;
    size_t at = found != NULL ? (size_t)(found - text.data) : text.size;
    *out_head = cof_text_slice(text, 0, at);
    *out_rest = found != NULL ? cof_text_slice(text, at + 1, text.size)
                              : cof_text_slice(text, text.size, text.size);
    return found != NULL;
}

bool cof_text_parse_u64(struct cof_text text, uint64_t *out_value)
{
    if (text.size == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *out_value = value;
    return true;
}

struct cof_bytes cof_text_bytes(struct cof_text text)
{
    return (struct cof_bytes){.data = (const uint8_t *)text.data, .size = text.size};
}

struct cof_text cof_bytes_text(struct cof_bytes bytes)
{
    return (struct cof_text){.data = (const char *)bytes.data, .size = bytes.size};
}

bool cof_bytes_equal(struct cof_bytes a, struct cof_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

size_t cof_utf8_sequence_size(struct cof_text text, size_t offset)
{
    if (offset >= text.size)
        return 0;
    const uint8_t *s = (const uint8_t *)text.data + offset;
    size_t rest = text.size - offset;
    if (s[0] < 0x80)
        return 1;
    /* 80–C1: a stray continuation byte or an overlong form of ASCII */
    if (s[0] < 0xc2 || rest < 2 || !is_continuation(s[1]))
        return 0;
    if (s[0] < 0xe0)
        return 2;
    if (rest < 3 || !is_continuation(s[2]))
        return 0;
    if (s[0] < 0xf0) {
        bool is_overlong = s[0] == 0xe0 && s[1] < 0xa0;
        bool is_surrogate = s[0] == 0xed && s[1] >= 0xa0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (s[0] > 0xf4 || rest < 4 || !is_continuation(s[3]))
        return 0;
    bool is_overlong = s[0] == 0xf0 && s[1] < 0x90;
    bool is_beyond_unicode = s[0] == 0xf4 && s[1] >= 0x90;
    return is_overlong || is_beyond_unicode ? 0 : 4;
}

bool cof_utf8_is_valid(struct cof_text text, size_t *out_offset)
{
    size_t i = 0;
    while (i < text.size) {
        uint64_t word = 0;
        if (text.size - i >= sizeof(word)) {
            memcpy(&word, text.data + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        size_t size = cof_utf8_sequence_size(text, i);
        if (size == 0) {
            if (out_offset != NULL)
                *out_offset = i;
            return false;
        }
        i += size;
    }
    return true;
}

size_t cof_utf8_decode(struct cof_text text, size_t offset, uint32_t *out_code_point)
{
    const uint8_t *s = (const uint8_t *)text.data + offset;
    if (s[0] < 0x80) {
        *out_code_point = s[0];
        return 1;
    }
    if (s[0] < 0xe0) {
        *out_code_point = (uint32_t)(s[0] & 0x1f) << 6 | (uint32_t)(s[1] & 0x3f);
        return 2;
    }
    if (s[0] < 0xf0) {
        *out_code_point =
            (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (uint32_t)(s[2] & 0x3f);
        return 3;
    }
    *out_code_point = (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 |
                      (uint32_t)(s[2] & 0x3f) << 6 | (uint32_t)(s[3] & 0x3f);
    return 4;
}

size_t cof_utf8_encode(uint32_t code_point, char out_bytes[4])
{
    if (code_point < 0x80) {
        out_bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out_bytes[0] = (char)(0xc0 | code_point >> 6);
        out_bytes[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out_bytes[0] = (char)(0xe0 | code_point >> 12);
        out_bytes[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out_bytes[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out_bytes[0] = (char)(0xf0 | code_point >> 18);
    out_bytes[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out_bytes[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out_bytes[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

size_t cof_utf8_floor(struct cof_text text, size_t offset)
{
    if (offset >= text.size)
        return text.size;
    while (offset > 0 && is_continuation((uint8_t)text.data[offset]))
        offset--;
    return offset;
}

void cof_hex_encode(struct cof_bytes bytes, char *out_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out_hex[2 * i] = digits[bytes.data[i] >> 4];
        out_hex[2 * i + 1] = digits[bytes.data[i] & 0x0f];
    }
    out_hex[2 * bytes.size] = '\0';
}

bool cof_hex_decode(struct cof_text hex, uint8_t *out_bytes, size_t out_size)
{
    if (hex.size % 2 != 0 || hex.size / 2 != out_size)
        return false;
    for (size_t i = 0; i < hex.size; i++) {
        if (hex_value(hex.data[i]) > 15)
            return false;
    }
    for (size_t i = 0; i < out_size; i++)
        out_bytes[i] = (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
    return true;
}
