/* Uninitialised memory, for src/base only; other folders take cof_calloc, arenas and buffers. */
#ifndef COF_BASE_ALLOC_PRIVATE_H
#define COF_BASE_ALLOC_PRIVATE_H

#include <cof/base/alloc.h>

/* As malloc(3), with the injected failures of cof_alloc_fail_after(); released by cof_free(). */
COF_MUST_USE void *cof_base_alloc(size_t size);

#endif
