/* A set of ordinals: the form in which filters and permissions reach a scan (CRoaring inside).
 *
 * A bitmap belongs to one thread while it changes; afterwards any number may read it. */
#ifndef COF_INDEX_BITMAP_H
#define COF_INDEX_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

struct cof_bitmap;

COF_MUST_USE enum cof_status cof_bitmap_create(struct cof_bitmap **out_bitmap,
                                               struct cof_error *err);
void cof_bitmap_destroy(struct cof_bitmap *bitmap);
void cof_bitmap_add(struct cof_bitmap *bitmap, uint32_t ordinal);
void cof_bitmap_add_range(struct cof_bitmap *bitmap, uint32_t begin,
                          uint32_t end); /* [begin, end) */
void cof_bitmap_remove(struct cof_bitmap *bitmap, uint32_t ordinal);
void cof_bitmap_remove_range(struct cof_bitmap *bitmap, uint32_t begin, uint32_t end);
bool cof_bitmap_has(const struct cof_bitmap *bitmap, uint32_t ordinal);
uint64_t cof_bitmap_count(const struct cof_bitmap *bitmap);
/* target = target AND other; target = target AND NOT other. */
void cof_bitmap_and(struct cof_bitmap *target, const struct cof_bitmap *other);
void cof_bitmap_and_not(struct cof_bitmap *target, const struct cof_bitmap *other);
/* Ascending; false stops. */
typedef bool (*cof_ordinal_fn)(void *context, uint32_t ordinal);
void cof_bitmap_each(const struct cof_bitmap *bitmap, cof_ordinal_fn each, void *context);
size_t cof_bitmap_memory_bytes(const struct cof_bitmap *bitmap);

#endif
