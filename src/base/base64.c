/* Base64 and base32, strict: one text for one value, so bits that carry nothing must be zero. */
#include <cof/base/base64.h>

#include <string.h>

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base32_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

/* Value of a digit, or 64. */
static uint32_t base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : 64;
}

/* Value of a digit, or 32. */
static uint32_t base32_value(char c)
{
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a');
    return c >= '2' && c <= '7' ? (uint32_t)(c - '2') + 26 : 32;
}

static size_t base32_size(size_t byte_count)
{
    return (8 * byte_count + 4) / 5;
}

void cof_base64_append(struct cof_buffer *out, struct cof_bytes bytes)
{
    if (bytes.size > SIZE_MAX / 4 * 3 - 3) {
        out->has_failed = true;
        return;
    }
    uint8_t *text = cof_buffer_extend(out, (bytes.size + 2) / 3 * 4);
    if (text == NULL)
        return;
    const uint8_t *in = bytes.data;
    size_t rest = bytes.size;
    for (; rest >= 3; rest -= 3, in += 3, text += 4) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        text[0] = (uint8_t)base64_alphabet[group >> 18];
        text[1] = (uint8_t)base64_alphabet[group >> 12 & 63];
        text[2] = (uint8_t)base64_alphabet[group >> 6 & 63];
        text[3] = (uint8_t)base64_alphabet[group & 63];
    }
    if (rest > 0) {
        uint32_t group = (uint32_t)in[0] << 16 | (rest > 1 ? (uint32_t)in[1] << 8 : 0);
        text[0] = (uint8_t)base64_alphabet[group >> 18];
        text[1] = (uint8_t)base64_alphabet[group >> 12 & 63];
        text[2] = rest > 1 ? (uint8_t)base64_alphabet[group >> 6 & 63] : '=';
        text[3] = '=';
    }
}

bool cof_base64_decode(struct cof_text text, struct cof_buffer *out)
{
    if (text.size % 4 != 0)
        return false;
    if (text.size == 0)
        return true;
    size_t padding = 0;
    while (padding < 2 && text.data[text.size - 1 - padding] == '=')
        padding++;
    size_t digit_count = text.size - padding;
    size_t old_size = out->size;
    uint8_t *bytes = cof_buffer_extend(out, text.size / 4 * 3 - padding);
    if (bytes == NULL)
        return false;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < digit_count; i++) {
        uint32_t value = base64_value(text.data[i]);
        if (value > 63) {
            out->size = old_size;
            return false;
        }
        bits = bits << 6 | value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            *bytes++ = (uint8_t)(bits >> bit_count);
        }
    }
    if ((bits & ((1U << bit_count) - 1)) != 0) {
        out->size = old_size;
        return false;
    }
    return true;
}

void cof_base32_encode(struct cof_bytes bytes, char *out_text)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        bits = bits << 8 | bytes.data[i];
        bit_count += 8;
        while (bit_count >= 5) {
            bit_count -= 5;
            *out_text++ = base32_alphabet[bits >> bit_count & 31];
        }
    }
    if (bit_count > 0)
        *out_text++ = base32_alphabet[bits << (5 - bit_count) & 31];
    *out_text = '\0';
}

bool cof_base32_decode(struct cof_text text, uint8_t *out_bytes, size_t out_size)
{
    if (out_size > SIZE_MAX / 8 - 1 || text.size != base32_size(out_size))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (base32_value(text.data[i]) > 31)
            return false;
    }
    size_t unused_bits = 5 * text.size - 8 * out_size;
    if (text.size > 0 && (base32_value(text.data[text.size - 1]) & ((1U << unused_bits) - 1)) != 0)
        return false;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text.size; i++) {
        bits = bits << 5 | base32_value(text.data[i]);
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            *out_bytes++ = (uint8_t)(bits >> bit_count);
        }
    }
    return true;
}
