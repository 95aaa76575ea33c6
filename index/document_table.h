/* Documents of one collection by number, the deleted ones remembered as such for ever: a number is
 * never used again, so a late write of a deleted document can be told apart.
 *
 * Owns its documents. Not locked. */
#ifndef COF_INDEX_DOCUMENT_TABLE_H
#define COF_INDEX_DOCUMENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "index_document.h"

struct cof_document_slot {
    uint64_t number;
    struct cof_index_document *document; /* NULL with is_used: deleted */
    bool is_used;
};

/* Zero-initialised is a valid empty table. */
struct cof_document_table {
    struct cof_document_slot *slots;
    size_t slot_count; /* 0 or a power of two */
    size_t used_count;
    size_t document_count; /* not deleted, put */
    size_t memory_bytes;   /* of the documents */
};

void cof_document_table_deinit(struct cof_document_table *table);
/* Makes sure that the next put or delete cannot fail. */
COF_MUST_USE enum cof_status cof_document_table_reserve(struct cof_document_table *table,
                                                        struct cof_error *err);
/* The document or NULL; *out_is_deleted when it was deleted. */
struct cof_index_document *cof_document_table_get(const struct cof_document_table *table,
                                                  uint64_t number, bool *out_is_deleted);
/* After reserve: takes `document`, destroys what was known under its number. */
void cof_document_table_put(struct cof_document_table *table, struct cof_index_document *document);
/* A document that awaited its put has got it. */
void cof_document_table_fulfil(struct cof_document_table *table,
                               struct cof_index_document *document);
/* After reserve: destroys what is known and remembers the number as deleted. */
void cof_document_table_delete(struct cof_document_table *table, uint64_t number);
size_t cof_document_table_memory_bytes(const struct cof_document_table *table);

#endif
