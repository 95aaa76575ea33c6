/* The keys of rows as they stand in LMDB: a table's number, then numbers of ours, big-endian. */
#include "row_key.h"

#include <stdio.h>
#include <string.h>

static void append(struct cof_row_key *key, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        key->bytes[key->size++] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t number_in(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

struct cof_row_key cof_row_key_table(enum cof_table table)
{
    return (struct cof_row_key){.bytes = {(uint8_t)table}, .size = 1};
}

struct cof_row_key cof_row_key_meta(enum cof_meta_row row)
{
    struct cof_row_key key = cof_row_key_table(COF_TABLE_META);
    append(&key, (uint64_t)row, 1);
    return key;
}

struct cof_row_key cof_row_key_number(enum cof_table table, uint64_t number)
{
    struct cof_row_key key = cof_row_key_table(table);
    append(&key, number, 8);
    return key;
}

struct cof_row_key cof_row_key_document(enum cof_table table, uint64_t collection,
                                        uint64_t document)
{
    struct cof_row_key key = cof_row_key_number(table, collection);
    append(&key, document, 8);
    return key;
}

struct cof_row_key cof_row_key_version(enum cof_table table, uint64_t collection, uint64_t document,
                                       uint32_t version)
{
    struct cof_row_key key = cof_row_key_document(table, collection, document);
    append(&key, version, 4);
    return key;
}

struct cof_row_key cof_row_key_part(enum cof_table table, uint64_t collection, uint64_t document,
                                    uint32_t version, uint32_t part)
{
    struct cof_row_key key = cof_row_key_version(table, collection, document, version);
    append(&key, part, 4);
    return key;
}

struct cof_row_key cof_row_key_blind(uint64_t collection, const uint8_t tag[COF_BLIND_SIZE])
{
    struct cof_row_key key = cof_row_key_number(COF_TABLE_BLIND, collection);
    memcpy(key.bytes + key.size, tag, COF_BLIND_SIZE);
    key.size = (uint8_t)(key.size + COF_BLIND_SIZE);
    return key;
}

struct cof_bytes cof_row_key_bytes(const struct cof_row_key *key)
{
    return (struct cof_bytes){.data = key->bytes, .size = key->size};
}

enum cof_table cof_row_key_table_of(const struct cof_row_key *key)
{
    return (enum cof_table)key->bytes[0];
}

uint64_t cof_row_key_number_at(struct cof_bytes key, size_t i)
{
    if (key.size < 1 + 8 * (i + 1))
        return 0;
    return number_in(key.data + 1 + 8 * i, 8);
}

void cof_row_key_name(const struct cof_row_key *key, char out_name[COF_ROW_NAME_SIZE])
{
    static const char *const names[] = {
        [COF_TABLE_META] = "meta",       [COF_TABLE_COLLECTION] = "collection",
        [COF_TABLE_USAGE] = "usage",     [COF_TABLE_DOCUMENT] = "document",
        [COF_TABLE_VERSION] = "version", [COF_TABLE_CHUNK] = "chunk",
        [COF_TABLE_VECTORS] = "vectors", [COF_TABLE_BLIND] = "blind",
        [COF_TABLE_OUTBOX] = "outbox",   [COF_TABLE_CREDENTIAL] = "credential",
        [COF_TABLE_JOB] = "job",         [COF_TABLE_GARBAGE] = "garbage",
    };
    enum cof_table table = cof_row_key_table_of(key);
    int length = snprintf(out_name, COF_ROW_NAME_SIZE, "%s", names[table]);
    size_t rest = key->size;
    for (size_t at = 1; at < rest;) {
        bool is_blind_tag = table == COF_TABLE_BLIND && at > 1;
        unsigned size = at < 17 ? 8 : 4;
        if (table == COF_TABLE_META)
            size = 1;
        if (is_blind_tag || length < 0 || length >= COF_ROW_NAME_SIZE)
            return;
        length +=
            snprintf(out_name + length, COF_ROW_NAME_SIZE - (size_t)length, "%c%llu",
                     at == 1 ? ' ' : '/', (unsigned long long)number_in(key->bytes + at, size));
        at += size;
    }
}
