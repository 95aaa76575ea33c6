/* The text of an API key: made, and taken apart.
 *
 * `coffer_` 12 characters of lower-case base32 `_` 43 characters of base62 `_` 6 of base62. The
 * secret is drawn character by character (43 of 62 possible: 256 bits); the last six are the CRC-32
 * (ISO-HDLC, as in zlib) of everything before their underscore. */
#ifndef COF_AUTH_API_KEY_H
#define COF_AUTH_API_KEY_H

#include <stdbool.h>

#include <cof/auth/auth.h>
#include <cof/base/clock.h>
#include <cof/base/text.h>

#define COF_KEY_ID_LENGTH 12
#define COF_KEY_SECRET_LENGTH 43

/* Writes the key, NUL-terminated, and its id. */
void cof_api_key_make(const struct cof_random *random, char out_key[COF_API_KEY_SIZE],
                      char out_id[COF_KEY_ID_LENGTH + 1]);

struct cof_api_key_parts {
    struct cof_text id;
    struct cof_text secret;
};
/* False when it is not of this form or its checksum is wrong: says nothing about the secret. */
bool cof_api_key_parse(struct cof_text key, struct cof_api_key_parts *out_parts);

#endif
