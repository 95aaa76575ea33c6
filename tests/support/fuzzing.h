/* The entry point of every fuzzer; libFuzzer calls it, and fuzz_replay.c in an ordinary build. */
#ifndef COF_TESTS_SUPPORT_FUZZING_H
#define COF_TESTS_SUPPORT_FUZZING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Must return 0 for every input, and may keep nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
