/* The check of GGUF files reads any bytes without leaving them, and what it accepts fits the file.
 */
#include "fuzzing.h"

#include <stdlib.h>

#include "gguf_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cof_gguf_facts facts = {0};
    struct cof_error err = {0};
    enum cof_status status =
        cof_gguf_check((struct cof_bytes){.data = data, .size = size}, &facts, &err);

    if (status == COF_OK) {
        if (facts.data_offset > size || facts.tensor_count == 0 || facts.version < 2)
            abort();
    } else if (status != COF_INVALID && status != COF_CORRUPT) {
        abort();
    }
    return 0;
}
