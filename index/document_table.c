/* Open addressing by document number; nothing is ever taken out. */
#include "document_table.h"

#include <cof/base/alloc.h>

enum { MIN_SLOT_COUNT = 64 };

static struct cof_document_slot *find_slot(struct cof_document_slot *slots, size_t slot_count,
                                           uint64_t number)
{
    size_t slot = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (slot_count - 1);

    while (slots[slot].is_used && slots[slot].number != number)
        slot = (slot + 1) & (slot_count - 1);
    return &slots[slot];
}

void cof_document_table_deinit(struct cof_document_table *table)
{
    for (size_t i = 0; i < table->slot_count; i++)
        cof_index_document_destroy(table->slots[i].document);
    cof_free(table->slots);
    *table = (struct cof_document_table){0};
}

enum cof_status cof_document_table_reserve(struct cof_document_table *table, struct cof_error *err)
{
    if (table->used_count < table->slot_count / 2)
        return COF_OK;
    size_t slot_count = table->slot_count == 0 ? MIN_SLOT_COUNT : 2 * table->slot_count;
    struct cof_document_slot *slots = cof_calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].is_used)
            *find_slot(slots, slot_count, table->slots[i].number) = table->slots[i];
    }
    cof_free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return COF_OK;
}

struct cof_index_document *cof_document_table_get(const struct cof_document_table *table,
                                                  uint64_t number, bool *out_is_deleted)
{
    *out_is_deleted = false;
    if (table->slot_count == 0)
        return NULL;
    const struct cof_document_slot *slot = find_slot(table->slots, table->slot_count, number);
    *out_is_deleted = slot->is_used && slot->document == NULL;
    return slot->document;
}

static void replace(struct cof_document_table *table, uint64_t number,
                    struct cof_index_document *document)
{
    struct cof_document_slot *slot = find_slot(table->slots, table->slot_count, number);
    struct cof_index_document *before = slot->document;

    if (!slot->is_used)
        table->used_count++;
    if (before != NULL) {
        table->document_count -= before->awaits_put ? 0 : 1;
        table->memory_bytes -= cof_index_document_memory_bytes(before);
        cof_index_document_destroy(before);
    }
    if (document != NULL) {
        table->document_count += document->awaits_put ? 0 : 1;
        table->memory_bytes += cof_index_document_memory_bytes(document);
    }
    *slot = (struct cof_document_slot){.number = number, .document = document, .is_used = true};
}

void cof_document_table_put(struct cof_document_table *table, struct cof_index_document *document)
{
    replace(table, document->seen.number, document);
}

void cof_document_table_fulfil(struct cof_document_table *table,
                               struct cof_index_document *document)
{
    document->awaits_put = false;
    table->document_count++;
}

void cof_document_table_delete(struct cof_document_table *table, uint64_t number)
{
    replace(table, number, NULL);
}

size_t cof_document_table_memory_bytes(const struct cof_document_table *table)
{
    return table->memory_bytes + table->slot_count * sizeof(table->slots[0]);
}
