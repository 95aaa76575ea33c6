/* Memory for keys, from the kernel in whole pages so that nothing else shares them. */
#include "secret_memory.h"

#include <sys/mman.h>

#include <cof/keys/hash.h>

void *cof_secret_alloc(size_t size, bool *out_is_locked)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    *out_is_locked = mlock(memory, size) == 0;
    (void)madvise(memory, size, MADV_DONTDUMP);
    return memory;
}

void cof_secret_free(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    cof_wipe(memory, size);
    (void)munmap(memory, size); /* unlocks */
}
