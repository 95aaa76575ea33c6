/* Tells one model or algorithm from another in records, where no SHA-256 was given.
 *
 * Not a cryptographic hash: whoever needs the identity of a weights file proven passes its SHA-256
 * (src/keys has it; this floor knows no cryptography). */
#ifndef COF_GENERATE_FINGERPRINT_H
#define COF_GENERATE_FINGERPRINT_H

#include <stdint.h>

#include <cof/base/text.h>

/* Digest of `bytes` and of `total_size`, the size of the whole they stand for. The same on every
 * machine. */
void cof_fingerprint(struct cof_bytes bytes, uint64_t total_size, uint8_t out_fingerprint[32]);

#endif
