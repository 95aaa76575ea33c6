/* Any bytes as a safetensors file: refused, or tensors that lie inside them. */
#include "safetensors.h"

#include <stdlib.h>

#include "fuzzing.h"

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cof_bytes bytes = {.data = data, .size = size};
    struct cof_safetensors *file = NULL;
    size_t covered = 0;
    if (cof_safetensors_parse(bytes, &file, NULL) != COF_OK)
        return 0;
    for (size_t i = 0; i < cof_safetensors_count(file); i++) {
        const struct cof_tensor *tensor = cof_safetensors_at(file, i);
        require(tensor->data.data >= data && tensor->data.data + tensor->data.size <= data + size);
        require(cof_safetensors_find(file, tensor->name) == tensor);
        covered += tensor->data.size;
        if (tensor->type == COF_TENSOR_OTHER)
            continue;
        for (size_t j = 0; j < tensor->element_count; j++) {
            float value = 0;
            cof_tensor_to_f32(tensor, j, 1, &value);
        }
    }
    require(covered <= size);
    cof_safetensors_close(file);
    return 0;
}
