/* What every parser of a document must do with any bytes. */
#ifndef COF_TESTS_FUZZ_FUZZ_PARSE_H
#define COF_TESTS_FUZZ_FUZZ_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* Parses; whatever comes out must pass the checks at the process border. */
void fuzz_parse(const char *media_type, const uint8_t *data, size_t size);

#endif
