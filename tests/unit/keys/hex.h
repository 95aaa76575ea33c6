/* Hexadecimal literals of published vectors as bytes. */
#ifndef COF_TESTS_UNIT_KEYS_HEX_H
#define COF_TESTS_UNIT_KEYS_HEX_H

#include <stdlib.h>
#include <string.h>

#include <cof/base/text.h>

/* `hex` has exactly 2 * size digits; anything else ends the program. */
static inline void hex_bytes(const char *hex, uint8_t *out_bytes, size_t size)
{
    if (!cof_hex_decode(cof_text_from(hex), out_bytes, size))
        abort();
}

static inline struct cof_bytes bytes_of(const char *string)
{
    return cof_text_bytes(cof_text_from(string));
}

#endif
