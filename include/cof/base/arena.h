/* Memory that dies all at once: parsed JSON, hits and prompts of one request.
 *
 * Not thread-safe; an arena moves with its request from thread to thread. Zero-initialised
 * (`struct cof_arena arena = {0}`) is a valid empty arena. */
#ifndef COF_BASE_ARENA_H
#define COF_BASE_ARENA_H

#include <stddef.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_arena_block; /* opaque */

struct cof_arena {
    struct cof_arena_block *newest;
    size_t allocated_bytes; /* sum of all blocks, for limits and metrics */
};

/* Zeroed memory aligned for any type, or NULL when out of memory. Size 0 gives a valid pointer. */
COF_MUST_USE void *cof_arena_alloc(struct cof_arena *arena, size_t size);
/* The same for count * size, NULL also on overflow. */
COF_MUST_USE void *cof_arena_array(struct cof_arena *arena, size_t count, size_t size);
/* A NUL-terminated copy in the arena; data NULL when out of memory (size is kept 0 then). */
struct cof_text cof_arena_copy_text(struct cof_arena *arena, struct cof_text text);
/* printf into the arena; data NULL when out of memory. */
struct cof_text cof_arena_format(struct cof_arena *arena, const char *format, ...) COF_PRINTF(2, 3);

/* Wipes and releases everything; the arena is empty and usable again. */
void cof_arena_deinit(struct cof_arena *arena);

#endif
