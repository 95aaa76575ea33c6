/* Sets of ordinals over CRoaring's C functions.
 *
 * CRoaring ends the process when it runs out of memory while a set grows; sets here are small
 * beside the vectors that their ordinals stand for. */
#include <cof/index/bitmap.h>

#include <roaring/roaring.h>

#include <cof/base/alloc.h>

enum { FEW_ORDINALS = 8 };

struct cof_bitmap {
    roaring_bitmap_t *roaring;
};

enum cof_status cof_bitmap_create(struct cof_bitmap **out_bitmap, struct cof_error *err)
{
    struct cof_bitmap *bitmap = cof_calloc(1, sizeof(*bitmap));
    if (bitmap == NULL)
        return COF_FAIL_MEMORY(err);
    bitmap->roaring = roaring_bitmap_create();
    if (bitmap->roaring == NULL) {
        cof_free(bitmap);
        return COF_FAIL_MEMORY(err);
    }
    *out_bitmap = bitmap;
    return COF_OK;
}

void cof_bitmap_destroy(struct cof_bitmap *bitmap)
{
    if (bitmap == NULL)
        return;
    roaring_bitmap_free(bitmap->roaring);
    cof_free(bitmap);
}

void cof_bitmap_add(struct cof_bitmap *bitmap, uint32_t ordinal)
{
    roaring_bitmap_add(bitmap->roaring, ordinal);
}

void cof_bitmap_add_range(struct cof_bitmap *bitmap, uint32_t begin, uint32_t end)
{
    if (begin >= end)
        return;
    /* CRoaring makes a container for every range, which is dear for the chunks of one document. */
    if (end - begin > FEW_ORDINALS) {
        roaring_bitmap_add_range(bitmap->roaring, begin, end);
        return;
    }
    for (uint32_t ordinal = begin; ordinal < end; ordinal++)
        roaring_bitmap_add(bitmap->roaring, ordinal);
}

void cof_bitmap_remove(struct cof_bitmap *bitmap, uint32_t ordinal)
{
    roaring_bitmap_remove(bitmap->roaring, ordinal);
}

void cof_bitmap_remove_range(struct cof_bitmap *bitmap, uint32_t begin, uint32_t end)
{
    if (begin < end)
        roaring_bitmap_remove_range(bitmap->roaring, begin, end);
}

bool cof_bitmap_has(const struct cof_bitmap *bitmap, uint32_t ordinal)
{
    return roaring_bitmap_contains(bitmap->roaring, ordinal);
}

uint64_t cof_bitmap_count(const struct cof_bitmap *bitmap)
{
    return roaring_bitmap_get_cardinality(bitmap->roaring);
}

void cof_bitmap_and(struct cof_bitmap *target, const struct cof_bitmap *other)
{
    roaring_bitmap_and_inplace(target->roaring, other->roaring);
}

void cof_bitmap_and_not(struct cof_bitmap *target, const struct cof_bitmap *other)
{
    roaring_bitmap_andnot_inplace(target->roaring, other->roaring);
}

struct each_call {
    cof_ordinal_fn each;
    void *context;
};

static bool each_ordinal(uint32_t ordinal, void *argument)
{
    const struct each_call *call = argument;

    return call->each(call->context, ordinal);
}

void cof_bitmap_each(const struct cof_bitmap *bitmap, cof_ordinal_fn each, void *context)
{
    struct each_call call = {.each = each, .context = context};

    (void)roaring_iterate(bitmap->roaring, each_ordinal, &call);
}

size_t cof_bitmap_memory_bytes(const struct cof_bitmap *bitmap)
{
    return sizeof(*bitmap) + roaring_bitmap_portable_size_in_bytes(bitmap->roaring);
}
