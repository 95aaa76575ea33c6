/* Arenas: a chain of zeroed blocks, cut from the front and wiped together.
 *
 * A request for more than a block holds gets a block of its own, linked behind the newest, so that
 * what is left of the newest stays in use. */
#include <cof/base/arena.h>

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"

#define FIRST_BLOCK_BYTES ((size_t)4096)
#define MAX_BLOCK_BYTES ((size_t)1 << 20)

struct cof_arena_block {
    struct cof_arena_block *older;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

static size_t round_up(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static struct cof_arena_block *create_block(struct cof_arena *arena, size_t data_size)
{
    struct cof_arena_block *block = cof_calloc(1, sizeof(*block) + data_size);
    if (block == NULL)
        return NULL;
    block->size = data_size;
    arena->allocated_bytes += sizeof(*block) + data_size;
    return block;
}

static size_t next_block_size(const struct cof_arena *arena)
{
    if (arena->newest == NULL)
        return FIRST_BLOCK_BYTES - sizeof(struct cof_arena_block);
    size_t size = 2 * (arena->newest->size + sizeof(struct cof_arena_block));
    if (size > MAX_BLOCK_BYTES)
        size = MAX_BLOCK_BYTES;
    return size - sizeof(struct cof_arena_block);
}

void *cof_arena_alloc(struct cof_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size > 0 ? size : 1);
    struct cof_arena_block *newest = arena->newest;
    if (newest == NULL || newest->size - newest->used < size) {
        size_t block_size = next_block_size(arena);
        bool is_oversized = size > block_size / 2 && newest != NULL;
        if (is_oversized || size > block_size)
            block_size = size;
        struct cof_arena_block *block = create_block(arena, block_size);
        if (block == NULL)
            return NULL;
        if (is_oversized) {
            block->older = newest->older;
            newest->older = block;
            block->used = size;
            return block->data;
        }
        block->older = newest;
        arena->newest = block;
        newest = block;
    }
    void *memory = newest->data + newest->used;
    newest->used += size;
    return memory;
}

void *cof_arena_array(struct cof_arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return cof_arena_alloc(arena, total);
}

struct cof_text cof_arena_copy_text(struct cof_arena *arena, struct cof_text text)
{
    if (text.size == SIZE_MAX)
        return (struct cof_text){0};
    char *copy = cof_arena_alloc(arena, text.size + 1);
    if (copy == NULL)
        return (struct cof_text){0};
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return (struct cof_text){.data = copy, .size = text.size};
}

struct cof_text cof_arena_format(struct cof_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    struct cof_text text = {0};
    int length = vsnprintf(NULL, 0, format, arguments);
    char *data = length >= 0 ? cof_arena_alloc(arena, (size_t)length + 1) : NULL;
    if (data != NULL) {
        (void)vsnprintf(data, (size_t)length + 1, format, again);
        text = (struct cof_text){.data = data, .size = (size_t)length};
    }
    va_end(again);
    va_end(arguments);
    return text;
}

void cof_arena_deinit(struct cof_arena *arena)
{
    if (arena == NULL)
        return;
    struct cof_arena_block *block = arena->newest;
    while (block != NULL) {
        struct cof_arena_block *older = block->older;
        explicit_bzero(block->data, block->used);
        cof_free(block);
        block = older;
    }
    *arena = (struct cof_arena){0};
}
