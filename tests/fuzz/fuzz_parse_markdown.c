/* Any bytes as text/markdown. */
#include "fuzz_parse.h"
#include "fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_parse("text/markdown", data, size);
    return 0;
}
