/* The text of an API key: made, and taken apart. */
#include "api_key.h"

#include <string.h>

#include <cof/base/base64.h>
#include <cof/keys/hash.h>

#define PREFIX "coffer_"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define CHECK_LENGTH 6
#define ID_AT PREFIX_LENGTH
#define SECRET_AT (ID_AT + COF_KEY_ID_LENGTH + 1)
#define CHECK_AT (SECRET_AT + COF_KEY_SECRET_LENGTH + 1)
#define KEY_LENGTH (CHECK_AT + CHECK_LENGTH)

_Static_assert(KEY_LENGTH < COF_API_KEY_SIZE, "a key fits in what callers make room for");

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool is_base62(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_base32(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
}

static uint32_t crc32_of(const char *text, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)text[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
    }
    return ~crc;
}

static void format_check(const char *key, char out_check[CHECK_LENGTH])
{
    uint32_t crc = crc32_of(key, CHECK_AT - 1);
    for (size_t i = CHECK_LENGTH; i > 0; i--) {
        out_check[i - 1] = digits[crc % 62];
        crc /= 62;
    }
}

/* Bytes over 247 are drawn again, so that every digit is equally likely. */
static void make_secret(const struct cof_random *random, char *out)
{
    uint8_t bytes[64];
    size_t count = 0;
    while (count < COF_KEY_SECRET_LENGTH) {
        cof_random_fill(random, bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes) && count < COF_KEY_SECRET_LENGTH; i++) {
            if (bytes[i] < 4 * 62)
                out[count++] = digits[bytes[i] % 62];
        }
    }
    cof_wipe(bytes, sizeof(bytes));
}

void cof_api_key_make(const struct cof_random *random, char out_key[COF_API_KEY_SIZE],
                      char out_id[COF_KEY_ID_LENGTH + 1])
{
    uint8_t bytes[8];
    char id[16];
    cof_random_fill(random, bytes, sizeof(bytes));
    cof_base32_encode((struct cof_bytes){.data = bytes, .size = sizeof(bytes)}, id);
    memset(out_key, 0, COF_API_KEY_SIZE);
    memcpy(out_key, PREFIX, PREFIX_LENGTH);
    memcpy(out_key + ID_AT, id, COF_KEY_ID_LENGTH);
    out_key[SECRET_AT - 1] = '_';
    make_secret(random, out_key + SECRET_AT);
    out_key[CHECK_AT - 1] = '_';
    format_check(out_key, out_key + CHECK_AT);
    memcpy(out_id, id, COF_KEY_ID_LENGTH);
    out_id[COF_KEY_ID_LENGTH] = '\0';
}

bool cof_api_key_parse(struct cof_text key, struct cof_api_key_parts *out_parts)
{
    char check[CHECK_LENGTH];
    if (key.size != KEY_LENGTH || memcmp(key.data, PREFIX, PREFIX_LENGTH) != 0 ||
        key.data[SECRET_AT - 1] != '_' || key.data[CHECK_AT - 1] != '_')
        return false;
    for (size_t i = 0; i < COF_KEY_ID_LENGTH; i++) {
        if (!is_base32(key.data[ID_AT + i]))
            return false;
    }
    for (size_t i = 0; i < COF_KEY_SECRET_LENGTH; i++) {
        if (!is_base62(key.data[SECRET_AT + i]))
            return false;
    }
    format_check(key.data, check);
    if (memcmp(check, key.data + CHECK_AT, CHECK_LENGTH) != 0)
        return false;
    out_parts->id = (struct cof_text){.data = key.data + ID_AT, .size = COF_KEY_ID_LENGTH};
    out_parts->secret =
        (struct cof_text){.data = key.data + SECRET_AT, .size = COF_KEY_SECRET_LENGTH};
    return true;
}
