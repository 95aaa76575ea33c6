/* Base64 (RFC 4648 section 4 and 5) and Coffer's base32 alphabet for public identifiers. */
#ifndef COF_BASE_BASE64_H
#define COF_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/text.h>

void cof_base64_append(struct cof_buffer *out, struct cof_bytes bytes); /* standard, padded */
/* Standard alphabet, padding required, no white space; false on anything else (out untouched then).
 */
bool cof_base64_decode(struct cof_text text, struct cof_buffer *out);

/* Lower-case RFC 4648 base32 without padding: [a-z2-7]. out has room for (8 * size + 4) / 5 + 1
 * characters and is NUL-terminated. */
void cof_base32_encode(struct cof_bytes bytes, char *out_text);
bool cof_base32_decode(struct cof_text text, uint8_t *out_bytes, size_t out_size);

#endif
