/* The keys of rows as they stand in LMDB: a table's number, then numbers of ours, big-endian.
 *
 * Nothing that a user gave stands in a key; external ids stand there as HMACs. */
#ifndef COF_STORE_ROW_KEY_H
#define COF_STORE_ROW_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/text.h>

/* Numbers are stored; never renumber. */
enum cof_table {
    COF_TABLE_META = 1,
    COF_TABLE_COLLECTION = 2,
    COF_TABLE_USAGE = 3,
    COF_TABLE_DOCUMENT = 4,
    COF_TABLE_VERSION = 5,
    COF_TABLE_CHUNK = 6,
    COF_TABLE_VECTORS = 7,
    COF_TABLE_BLIND = 8,
    COF_TABLE_OUTBOX = 9,
    COF_TABLE_CREDENTIAL = 10,
    COF_TABLE_JOB = 11, /* reserved */
    COF_TABLE_GARBAGE = 12,
};

/* Rows of COF_TABLE_META. */
enum cof_meta_row {
    COF_META_FORMAT = 0,   /* in the clear: magic, format version, store uuid */
    COF_META_COUNTERS = 1, /* sealed */
};

#define COF_BLIND_SIZE 16
#define COF_ROW_KEY_SIZE 29 /* the longest */

struct cof_row_key {
    uint8_t bytes[COF_ROW_KEY_SIZE];
    uint8_t size;
};

struct cof_row_key cof_row_key_table(enum cof_table table); /* prefix of all its rows */
struct cof_row_key cof_row_key_meta(enum cof_meta_row row);
/* collection, usage, outbox, credential, garbage; and prefix of a collection's rows in others. */
struct cof_row_key cof_row_key_number(enum cof_table table, uint64_t number);
/* document; and prefix of a document's rows in version, chunk, vectors. */
struct cof_row_key cof_row_key_document(enum cof_table table, uint64_t collection,
                                        uint64_t document);
/* version; and prefix of a version's rows in chunk, vectors. */
struct cof_row_key cof_row_key_version(enum cof_table table, uint64_t collection, uint64_t document,
                                       uint32_t version);
/* chunk by index, vectors by block. */
struct cof_row_key cof_row_key_part(enum cof_table table, uint64_t collection, uint64_t document,
                                    uint32_t version, uint32_t part);
struct cof_row_key cof_row_key_blind(uint64_t collection, const uint8_t tag[COF_BLIND_SIZE]);

struct cof_bytes cof_row_key_bytes(const struct cof_row_key *key);
enum cof_table cof_row_key_table_of(const struct cof_row_key *key);
/* The i-th u64 after the table's number; 0 where the key has none. */
uint64_t cof_row_key_number_at(struct cof_bytes key, size_t i);

/* "chunk 3/17/1/0" and the like, for messages; numbers only. */
#define COF_ROW_NAME_SIZE 96
void cof_row_key_name(const struct cof_row_key *key, char out_name[COF_ROW_NAME_SIZE]);

#endif
