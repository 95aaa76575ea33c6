/* What is recorded of one action: who, what, which documents, with what outcome.
 *
 * A record becomes two things in the log. The LEAF is clear, deterministic CBOR without personal
 * data: pseudonyms and salted commitments (fields below, numbered as in docs/audit-format.md). The
 * PAYLOAD holds the personal and confidential part (subject, query, answer, salts) and is sealed;
 * destroying its key leaves every leaf and proof valid.
 *
 * Leaf fields: 0 schema version · 1 seq · 2 time_ns · 7 event · 8 outcome · 9 request id ·
 * 10 intent seq · 11 actor_ref · 13 credential id · 16 collection · 18 resource refs ·
 * 22 query commitment · 23 result set (count, commitment) · 25 answer commitment ·
 * 30 payload reference (size, SHA-256 of its ciphertext). */
#ifndef COF_AUDIT_RECORD_H
#define COF_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* Numbers are stored; never renumber. Names: cof_audit_event_name(). */
enum cof_audit_event {
    COF_AUDIT_START = 1,
    COF_AUDIT_STOP = 2,
    COF_AUDIT_RECOVERY = 3,
    COF_AUDIT_AUTH_FAIL = 4,
    COF_AUDIT_DENY = 5,
    COF_AUDIT_SEARCH = 10,
    COF_AUDIT_ANSWER_INTENT = 11,
    COF_AUDIT_ANSWER_RESULT = 12,
    COF_AUDIT_EMBED = 13,
    COF_AUDIT_RERANK = 14,
    COF_AUDIT_TOKENIZE = 15,
    COF_AUDIT_DOCUMENT_READ = 20,
    COF_AUDIT_DOCUMENT_PUT = 21,
    COF_AUDIT_DOCUMENT_DELETE = 22,
    COF_AUDIT_COLLECTION_CREATE = 30,
    COF_AUDIT_COLLECTION_UPDATE = 31,
    COF_AUDIT_COLLECTION_DELETE = 32,
    COF_AUDIT_COLLECTION_READ = 33,
    COF_AUDIT_KEY_CREATE = 40,
    COF_AUDIT_KEY_REVOKE = 41,
    COF_AUDIT_KEY_READ = 42,
    COF_AUDIT_LOG_READ = 50,
    COF_AUDIT_SYSTEM_READ = 51, /* metrics, info, models */
};

/* One document touched, and which version of it (0 = not a version's matter). */
struct cof_audit_resource {
    uint64_t document_number;
    uint32_t version;
};

/* One result shown to the caller. */
struct cof_audit_result {
    uint64_t chunk_id;
    float score;
};

struct cof_audit_record {
    enum cof_audit_event event;
    enum cof_status outcome; /* COF_OK = allowed and done */
    uint8_t request_id[16];  /* UUIDv7; idempotency of the outbox */
    uint64_t intent_seq;     /* of the ANSWER_INTENT; UINT64_MAX = none */
    int64_t time_ns;         /* 0 = the log's clock at append */
    uint64_t credential_id;  /* 0 = none */
    uint64_t collection;     /* 0 = none */
    struct cof_text subject; /* the caller's name: HMAC in the leaf, clear only in the payload */
    struct cof_text query;   /* committed in the leaf, kept in the payload */
    struct cof_text answer;  /* committed in the leaf, kept in the payload */
    struct cof_text details; /* compact JSON for the payload: what an auditor wants to read */
    const struct cof_audit_resource *resources;
    size_t resource_count; /* at most COF_AUDIT_MAX_RESOURCES */
    const struct cof_audit_result *results;
    size_t result_count; /* at most COF_AUDIT_MAX_RESULTS */
};

#define COF_AUDIT_MAX_RESOURCES 2048
#define COF_AUDIT_MAX_RESULTS 1024

const char *cof_audit_event_name(enum cof_audit_event event); /* "search", "document_put" … */

/* The whole record as deterministic CBOR, in the clear: only for a place that seals it (the
 * outbox of the store). Decode borrows from `encoded` and the arena. */
COF_MUST_USE enum cof_status cof_audit_record_encode(const struct cof_audit_record *record,
                                                     struct cof_buffer *out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_audit_record_decode(struct cof_bytes encoded,
                                                     struct cof_arena *arena,
                                                     struct cof_audit_record *out_record,
                                                     struct cof_error *err);

#endif
