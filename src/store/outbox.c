/* The outbox: audit records that are not in the audit log yet, in the order of their arrival. */
#include "outbox.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "row.h"
#include "writer.h"

#define ID_SIZE 16

static struct cof_row row_of(uint64_t number)
{
    return (struct cof_row){.key = cof_row_key_number(COF_TABLE_OUTBOX, number)};
}

/* Plaintext of an outbox row: the id, then the record. */
static enum cof_status split(const struct cof_row *row, struct cof_bytes plaintext,
                             struct cof_bytes *out_id, struct cof_bytes *out_record,
                             struct cof_error *err)
{
    struct cof_reader reader = cof_reader_from(plaintext);
    struct cof_bytes id = cof_reader_bytes(&reader, ID_SIZE);
    if (reader.has_failed)
        return cof_row_corrupt(&row->key, "is too short", err);
    *out_id = id;
    *out_record = reader.rest;
    return COF_OK;
}

/* Calls `each` for every row, oldest first, with its number. */
static enum cof_status each_row(const struct cof_store *store,
                                enum cof_status (*each)(void *context, uint64_t number,
                                                        struct cof_bytes id,
                                                        struct cof_bytes record,
                                                        struct cof_error *err),
                                void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_bytes found;
    struct cof_bytes sealed;
    struct cof_row_key prefix = cof_row_key_table(COF_TABLE_OUTBOX);
    struct cof_row_key from = prefix;
    cof_keyring_system_key(store->keyring, COF_KEY_OUTBOX, &key);
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    while (
        cof_txn_seek(&txn, cof_row_key_bytes(&from), cof_row_key_bytes(&prefix), &found, &sealed)) {
        struct cof_row row = row_of(cof_row_key_number_at(found, 0));
        struct cof_bytes id;
        struct cof_bytes record;
        uint64_t number = cof_row_key_number_at(found, 0);
        cof_buffer_clear(&plaintext);
        COF_TRY(cof_row_unseal(store, &row, &key, sealed, &plaintext, err));
        COF_TRY(split(&row, cof_buffer_bytes(&plaintext), &id, &record, err));
        COF_TRY(each(context, number, id, record, err));
        from = cof_row_key_number(COF_TABLE_OUTBOX, number + 1);
    }
    return cof_txn_status(&txn, err);
}

static enum cof_status load_entry(void *context, uint64_t number, struct cof_bytes id,
                                  struct cof_bytes record, struct cof_error *err)
{
    (void)record;
    struct cof_outbox_entry *entry = cof_outbox_entry_create(id.data);
    if (entry == NULL)
        return COF_FAIL_MEMORY(err);
    entry->number = number;
    cof_outbox_list_add(context, entry);
    return COF_OK;
}

struct visit {
    cof_outbox_fn each;
    void *context;
};

static enum cof_status visit_row(void *context, uint64_t number, struct cof_bytes id,
                                 struct cof_bytes record, struct cof_error *err)
{
    const struct visit *visit = context;
    (void)number;
    return visit->each(visit->context, id.data, record, err);
}

void cof_outbox_list_init(struct cof_outbox_list *list)
{
    *list = (struct cof_outbox_list){.end = &list->oldest};
    (void)pthread_mutex_init(&list->lock, NULL);
}

void cof_outbox_list_deinit(struct cof_outbox_list *list)
{
    struct cof_outbox_entry *entry = list->oldest;
    while (entry != NULL) {
        struct cof_outbox_entry *next = entry->next;
        cof_free(entry);
        entry = next;
    }
    (void)pthread_mutex_destroy(&list->lock);
}

struct cof_outbox_entry *cof_outbox_entry_create(const uint8_t id[16])
{
    struct cof_outbox_entry *entry = cof_calloc(1, sizeof(*entry));
    if (entry != NULL)
        memcpy(entry->id, id, ID_SIZE);
    return entry;
}

void cof_outbox_list_add(struct cof_outbox_list *list, struct cof_outbox_entry *entry)
{
    (void)pthread_mutex_lock(&list->lock);
    entry->next = NULL;
    *list->end = entry;
    list->end = &entry->next;
    (void)pthread_mutex_unlock(&list->lock);
}

void cof_outbox_list_mark_done(struct cof_outbox_list *list, const uint8_t id[16])
{
    (void)pthread_mutex_lock(&list->lock);
    for (struct cof_outbox_entry *entry = list->oldest; entry != NULL; entry = entry->next) {
        if (!entry->is_done && memcmp(entry->id, id, ID_SIZE) == 0) {
            entry->is_done = true;
            list->done_count++;
            break;
        }
    }
    (void)pthread_mutex_unlock(&list->lock);
}

bool cof_outbox_list_has_done(struct cof_outbox_list *list)
{
    (void)pthread_mutex_lock(&list->lock);
    bool has_done = list->done_count > 0;
    (void)pthread_mutex_unlock(&list->lock);
    return has_done;
}

void cof_outbox_list_drop(struct cof_outbox_list *list, struct cof_txn *txn)
{
    (void)pthread_mutex_lock(&list->lock);
    for (struct cof_outbox_entry *entry = list->oldest; entry != NULL; entry = entry->next) {
        if (!entry->is_done)
            continue;
        struct cof_row row = row_of(entry->number);
        cof_txn_delete(txn, cof_row_key_bytes(&row.key));
        entry->is_dropping = true;
    }
    (void)pthread_mutex_unlock(&list->lock);
}

void cof_outbox_list_finish(struct cof_outbox_list *list, bool is_committed)
{
    (void)pthread_mutex_lock(&list->lock);
    struct cof_outbox_entry **link = &list->oldest;
    while (*link != NULL) {
        struct cof_outbox_entry *entry = *link;
        if (!entry->is_dropping || !is_committed) {
            entry->is_dropping = false;
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        list->done_count--;
        cof_free(entry);
    }
    list->end = link;
    (void)pthread_mutex_unlock(&list->lock);
}

enum cof_status cof_outbox_load(const struct cof_store *store, struct cof_outbox_list *list,
                                struct cof_error *err)
{
    return each_row(store, load_entry, list, err);
}

enum cof_status cof_outbox_put(const struct cof_store *store, struct cof_txn *txn,
                               const struct cof_outbox_entry *entry, struct cof_bytes record,
                               struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    struct cof_row row = row_of(entry->number);
    cof_buffer_append(&plaintext, entry->id, ID_SIZE);
    cof_buffer_append(&plaintext, record.data, record.size);
    COF_TRY(cof_buffer_status(&plaintext, err));
    cof_keyring_system_key(store->keyring, COF_KEY_OUTBOX, &key);
    return cof_row_put(store, txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}

void cof_store_outbox_done(struct cof_store *store, const uint8_t id[16])
{
    cof_outbox_list_mark_done(cof_writer_outbox(store->writer), id);
}

void cof_store_note_audit(struct cof_store *store, uint64_t entry_count)
{
    uint_fast64_t known = atomic_load(&store->counters.audit);
    while (known < entry_count &&
           !atomic_compare_exchange_weak(&store->counters.audit, &known, entry_count)) {
        /* another thread noted less, or more */
    }
}

uint64_t cof_store_audit_count(const struct cof_store *store)
{
    return atomic_load(&store->counters.audit);
}

enum cof_status cof_store_each_outbox(struct cof_store *store, cof_outbox_fn each, void *context,
                                      struct cof_error *err)
{
    struct visit visit = {.each = each, .context = context};
    return each_row(store, visit_row, &visit, err);
}
