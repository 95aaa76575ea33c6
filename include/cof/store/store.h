/* Collections, documents, chunks and credentials on disk: LMDB, every value sealed, user-given keys
 * blinded. The truth from which every index is rebuilt.
 *
 * Writing: one writer thread commits whatever arrived during the last sync in one LMDB transaction
 * (group commit), each document whole or not at all; a write returns when it is durable. Every
 * mutation carries an outbox: the bytes of its audit record, written in the same transaction, kept
 * until cof_store_outbox_done(); so store and audit log agree after any crash.
 * Reading: any thread, a snapshot per call, never waits for the writer.
 *
 * Statuses everywhere: COF_CORRUPT (a value does not authenticate; the message names table and
 * number, never content), COF_IO, COF_UNAVAILABLE ("disk full …": the write is not done, reading
 * goes on, deleting still works in a store at its largest size; "writing has stopped …" after a
 * failed write or sync: nothing is written until restart; also more than 512 reads at once),
 * COF_NO_MEMORY.
 *
 * Caveats: what stays visible on disk is the number of rows per table, padded sizes, internal
 * numbers, times of commits. One process at a time (the caller holds the data folder's lock). */
#ifndef COF_STORE_STORE_H
#define COF_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/keyring.h>
#include <cof/store/document.h>

struct cof_store;

struct cof_store_options {
    const char *folder; /* made (0700) when absent and `may_create` */
    bool may_create;
    struct cof_keyring *keyring;
    const struct cof_clock *clock;
    const struct cof_random *random;
    /* Of the map: a multiple of 4096, at least 1 MiB; 0 = 256 GiB (address space, not disk). A
     * 64th of it (at most 16 MiB) is kept free for deleting. */
    uint64_t max_bytes;
    cof_notice_fn notice; /* may be NULL */
    void *notice_context;
};

/* COF_NOT_FOUND (no store there), COF_CONFLICT (a newer format, or keys of another store: one
 * sentence, nothing touched), COF_CORRUPT (changed while closed: the state MAC of a clean close
 * does not match). */
COF_MUST_USE enum cof_status cof_store_open(const struct cof_store_options *options,
                                            struct cof_store **out_store, struct cof_error *err);
void cof_store_close(struct cof_store *store);
/* False after a failed sync: only reading works. */
bool cof_store_is_writable(const struct cof_store *store);

/* ---- Outbox ---- */

/* What a mutation did, handed to the encoder inside its transaction. */
enum cof_write_kind {
    COF_WRITE_CREATED,
    COF_WRITE_REPLACED,  /* content replaced: new version; or only attributes/ACL: same version */
    COF_WRITE_UNCHANGED, /* nothing written */
    COF_WRITE_DELETED,
    COF_WRITE_FAILED, /* this item only; `error` says why */
};

struct cof_write_outcome {
    enum cof_write_kind kind;
    uint64_t collection;
    uint64_t document_number; /* or credential number; 0 for a collection */
    uint32_t version;
    uint64_t first_chunk_id;
    uint32_t chunk_count;
    struct cof_error error; /* status COF_OK unless kind is COF_WRITE_FAILED */
};

/* Makes the audit record of a mutation. `encode` runs on the writer thread inside the transaction,
 * appends the record's encoding to `out`, must not call the store. A failure aborts that mutation.
 * It may run a second time, with other outcomes, when the transaction has to be done again: what
 * counts is the last time. A mutation in which every item is unchanged or failed still gets its
 * record; one that fails as a whole (a status other than COF_OK) leaves none.
 * Every `outbox` parameter may be NULL: nothing is recorded (tools, tests). */
struct cof_outbox {
    uint8_t id[16]; /* the record's request id */
    enum cof_status (*encode)(void *context, const struct cof_write_outcome *outcomes, size_t count,
                              struct cof_buffer *out, struct cof_error *err);
    void *context;
};

/* The record is in the audit log, durably: drops the row with the next transaction. Of several rows
 * with one id, the oldest. */
void cof_store_outbox_done(struct cof_store *store, const uint8_t id[16]);
/* The audit log durably holds at least so many entries: remembered with the next change and at
 * close, so that a log that was cut back, replaced or taken from an older copy is noticed. Call it
 * before cof_store_outbox_done() for the entry that the row was about. Any thread. */
void cof_store_note_audit(struct cof_store *store, uint64_t entry_count);
/* The greatest number noted, over restarts; 0 for a new store. */
uint64_t cof_store_audit_count(const struct cof_store *store);
/* Every row still there, oldest first (at start). A failing `each` stops and is returned; it may
 * call cof_store_outbox_done(). */
typedef enum cof_status (*cof_outbox_fn)(void *context, const uint8_t id[16],
                                         struct cof_bytes record, struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_each_outbox(struct cof_store *store, cof_outbox_fn each,
                                                   void *context, struct cof_error *err);

/* ---- Collections ---- */

struct cof_collection_write {
    struct cof_text name;     /* 1–256 bytes of UTF-8 without control characters */
    struct cof_text metadata; /* a JSON object as text; empty = "{}" */
    struct cof_text model_name;
    const uint8_t *model_fingerprint; /* 32 bytes */
    uint32_t dimension;
    enum cof_vector_precision precision;
    uint32_t max_chunk_tokens;
    uint32_t chunk_overlap_tokens;
};
/* out_collection's views live in the arena. The collection's keys are made first. */
COF_MUST_USE enum cof_status cof_store_create_collection(struct cof_store *store,
                                                         const struct cof_collection_write *write,
                                                         const struct cof_outbox *outbox,
                                                         struct cof_arena *arena,
                                                         struct cof_collection *out_collection,
                                                         struct cof_error *err);
/* NULL leaves name or metadata as they are. COF_NOT_FOUND, COF_INVALID. */
COF_MUST_USE enum cof_status cof_store_update_collection(struct cof_store *store, uint64_t number,
                                                         const struct cof_text *name,
                                                         const struct cof_text *metadata,
                                                         const struct cof_outbox *outbox,
                                                         struct cof_error *err);
/* Removes all rows and destroys the collection's keys. COF_NOT_FOUND. The rows that nobody can find
 * any more are cleared away afterwards, beside other work. When only the keys could not be
 * destroyed the status of that is returned, the collection is gone all the same, its record is in
 * the outbox, and the keys are destroyed at the next open. */
COF_MUST_USE enum cof_status cof_store_delete_collection(struct cof_store *store, uint64_t number,
                                                         const struct cof_outbox *outbox,
                                                         struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_get_collection(struct cof_store *store, uint64_t number,
                                                      struct cof_arena *arena,
                                                      struct cof_collection *out_collection,
                                                      struct cof_error *err);
/* All, by number (creation order). */
COF_MUST_USE enum cof_status cof_store_list_collections(struct cof_store *store,
                                                        struct cof_arena *arena,
                                                        struct cof_collection **out_collections,
                                                        size_t *out_count, struct cof_error *err);

/* ---- Documents ---- */

/* 1–256 bytes of [A-Za-z0-9._:@-], not "." or ".."; otherwise COF_INVALID. */
COF_MUST_USE enum cof_status cof_external_id_check(struct cof_text external_id,
                                                   struct cof_error *err);
/* External id of a file ingested by path: "f-" + base32(HMAC(collection's hash key, path)[0..15]).
 */
COF_MUST_USE enum cof_status cof_store_path_id(struct cof_store *store, uint64_t collection,
                                               struct cof_text path, char out_id[32],
                                               struct cof_error *err);
/* HMAC-SHA-256 under the collection's hash key over the parts, each with its length: equality of
 * content without revealing it. */
COF_MUST_USE enum cof_status cof_store_content_hash(struct cof_store *store, uint64_t collection,
                                                    const struct cof_bytes *parts,
                                                    size_t part_count, uint8_t out_hash[32],
                                                    struct cof_error *err);

struct cof_chunk_write {
    struct cof_text text;
    struct cof_text heading;
    uint64_t byte_begin;
    uint64_t byte_end;
};

struct cof_document_write {
    uint64_t collection;
    struct cof_text external_id;
    struct cof_text title;
    struct cof_text filename;
    struct cof_text media_type;
    struct cof_text attributes; /* a flat JSON object as text; empty = "{}" */
    struct cof_acl acl;
    uint8_t content_hash[32];
    uint64_t source_bytes;
    /* When the stored document has the same content hash, these may be absent (has_content false):
     * only attributes, ACL, title and names are then compared and, if different, rewritten. */
    bool has_content;
    const struct cof_chunk_write *chunks; /* chunk_count may be 0: an empty document */
    size_t chunk_count;
    const float *vectors; /* chunk_count * dimension; finite, checked */
};

/* Puts the documents, in order, in one transaction; one outcome each (out_outcomes has room for
 * count). A document that fails (bad id, unknown collection) fails alone; the call fails only when
 * nothing could be committed. A document without content whose stored hash differs (raced by
 * another writer) fails with COF_CONFLICT: put it again with content. */
COF_MUST_USE enum cof_status cof_store_put_documents(struct cof_store *store,
                                                     const struct cof_document_write *writes,
                                                     size_t count, const struct cof_outbox *outbox,
                                                     struct cof_write_outcome *out_outcomes,
                                                     struct cof_error *err);
/* COF_NOT_FOUND, COF_INVALID (the id). */
COF_MUST_USE enum cof_status cof_store_delete_document(struct cof_store *store, uint64_t collection,
                                                       struct cof_text external_id,
                                                       const struct cof_outbox *outbox,
                                                       struct cof_write_outcome *out_outcome,
                                                       struct cof_error *err);
/* The current version; views in the arena. */
COF_MUST_USE enum cof_status cof_store_find_document(struct cof_store *store, uint64_t collection,
                                                     struct cof_text external_id,
                                                     struct cof_arena *arena,
                                                     struct cof_document *out_document,
                                                     struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_get_document(struct cof_store *store, uint64_t collection,
                                                    uint64_t document_number,
                                                    struct cof_arena *arena,
                                                    struct cof_document *out_document,
                                                    struct cof_error *err);
/* Chunks of the current version in order; views in the arena. */
COF_MUST_USE enum cof_status cof_store_get_chunks(struct cof_store *store, uint64_t collection,
                                                  uint64_t document_number, struct cof_arena *arena,
                                                  struct cof_chunk **out_chunks, size_t *out_count,
                                                  struct cof_error *err);

/* One chunk of a search result, with its document: found together, in one read transaction. */
struct cof_chunk_ref {
    uint64_t document_number;
    uint32_t version;
    uint32_t chunk_index;
};
struct cof_chunk_read {
    bool is_found; /* false when that version is no longer current: the hit is dropped */
    struct cof_document document;
    struct cof_chunk chunk;
};
COF_MUST_USE enum cof_status cof_store_read_chunks(struct cof_store *store, uint64_t collection,
                                                   const struct cof_chunk_ref *refs, size_t count,
                                                   struct cof_arena *arena,
                                                   struct cof_chunk_read *out_reads,
                                                   struct cof_error *err);

/* SHA-256 of a chunk's text in hexadecimal, NUL-terminated: shown with a citation, so that a reader
 * can tell whether the text is still the same. It is never stored: an unkeyed hash of content does
 * not reach the disk. */
void cof_store_text_digest(struct cof_text text, char out_hex[65]);

/* Calls `each` for every current document of the collection, by number, with its chunks and vectors
 * (chunk_count * dimension floats). Views live during the call only. For rebuilding an index. */
typedef enum cof_status (*cof_document_each_fn)(void *context, const struct cof_document *document,
                                                const struct cof_chunk *chunks,
                                                const float *vectors, struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_each_document(struct cof_store *store, uint64_t collection,
                                                     cof_document_each_fn each, void *context,
                                                     struct cof_error *err);
/* Headers only, by number, from `after_number` on (exclusive), at most max_count; for listings. */
COF_MUST_USE enum cof_status cof_store_list_documents(struct cof_store *store, uint64_t collection,
                                                      uint64_t after_number, size_t max_count,
                                                      struct cof_arena *arena,
                                                      struct cof_document **out_documents,
                                                      size_t *out_count, struct cof_error *err);

/* ---- Credentials (src/auth gives them meaning) ---- */

struct cof_credential {
    uint64_t number; /* given by the store, 1, 2, …; never used again */
    char key_id[13]; /* 12 base32 characters of the API key that find it, NUL-terminated */
    struct cof_text name;
    uint32_t roles;       /* bits of enum cof_role_bit, src/auth */
    struct cof_text user; /* for access lists */
    const struct cof_text *groups;
    size_t group_count;
    uint8_t secret_hash[32]; /* HMAC of key_id and secret under COF_KEY_CREDENTIAL */
    int64_t created_ns;
    int64_t revoked_ns; /* 0 = in force */
};
/* number 0 makes a new one; otherwise rewrites that one (COF_NOT_FOUND). */
COF_MUST_USE enum cof_status cof_store_put_credential(struct cof_store *store,
                                                      const struct cof_credential *credential,
                                                      const struct cof_outbox *outbox,
                                                      uint64_t *out_number, struct cof_error *err);
COF_MUST_USE enum cof_status cof_store_list_credentials(struct cof_store *store,
                                                        struct cof_arena *arena,
                                                        struct cof_credential **out_credentials,
                                                        size_t *out_count, struct cof_error *err);

#endif
